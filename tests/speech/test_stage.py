"""The stage's gating and times, with a recogniser whose answers follow from the samples."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoedge.emotions import as_probabilities
from emoedge.frames import AudioBlock
from emoedge.observations import ActivityChange, TextObservation
from emoedge.speech.recogniser import Recogniser, Utterance, words_from
from emoedge.speech.stage import EARLIEST_S, LEAD_S, MAX_UTTERANCE_S, SpeechStage
from tests.vad.hearing import Hearing

RATE = 16000
SHORTEST = 0.12 * RATE  # no recogniser hears a word in less
HAPPY = as_probabilities([0, 0, 0, 1, 0, 0, 0])


class RunReader:
    """Recogniser that hears each run of equal samples other than 0 as one word, "w" and the value."""

    def __init__(self) -> None:
        self.sound = np.empty(0, np.int16)
        self.start = 0

    def accept(self, samples: np.ndarray) -> list[Utterance]:
        self.sound = np.concatenate([self.sound, samples])
        return []

    def finish(self) -> Utterance | None:
        sound = self.sound[self.start :]
        edges = np.flatnonzero(np.diff(sound, prepend=0, append=0))
        words = words_from(
            (f"w{sound[a]}", (self.start + a) / RATE, (self.start + b) / RATE, 1.0)
            for a, b in pairwise(edges)
            if sound[a] and b - a > SHORTEST
        )
        self.start = len(self.sound)
        return Utterance(words) if words else None

    def reset(self) -> None:
        self.start = len(self.sound)

    def renew(self) -> None:
        self.sound = np.empty(0, np.int16)
        self.start = 0


class Loudness:
    """Activity that is sure of speech after 0.1 s of sound and of its end after 0.3 s of silence."""

    def __init__(self) -> None:
        self.speaking = False
        self.run = 0

    def process(self, block: AudioBlock) -> list[ActivityChange]:
        """Walk from edge to edge; `run` counts the samples that contradict the present state."""
        changes, at = [], 0
        loud = block.samples != 0
        for end in [*(np.flatnonzero(np.diff(loud)) + 1), len(loud)]:
            same = bool(loud[at]) == self.speaking
            self.run = 0 if same else self.run + int(end) - at
            at = int(end)
            if self.run > (0.3 if self.speaking else 0.1) * RATE:
                self.speaking = not self.speaking
                changes.append(ActivityChange(self.speaking, block.time_s + (at - self.run) / RATE))
                self.run = 0
        return changes


class Told:
    """Activity that says what it is told to, in the block in which the time that goes with it lies."""

    def __init__(self, *changes: tuple[float, ActivityChange]) -> None:
        self.changes = changes

    def process(self, block: AudioBlock) -> list[ActivityChange]:
        return [change for known_s, change in self.changes if block.time_s < known_s <= block.end_s]


def began(known_s: float, time_s: float, *, pause: bool = False) -> tuple[float, ActivityChange]:
    return known_s, ActivityChange(speaking=True, time_s=time_s, pause=pause)


def ended(known_s: float, time_s: float, *, pause: bool = False) -> tuple[float, ActivityChange]:
    return known_s, ActivityChange(speaking=False, time_s=time_s, pause=pause)


class Listening:
    """Text model that remembers what it was asked."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def classify(self, text: str):
        self.heard.append(text)
        return HAPPY


class Opinion:
    def classify(self, text: str):
        return HAPPY if "w1" in text else None


def stream(*parts: tuple[float, int]) -> np.ndarray:
    return np.concatenate([np.full(round(seconds * RATE), value, np.int16) for seconds, value in parts])


def run(stage: Hearing, sound: np.ndarray, block: int, start_s: float = 0.0) -> list[TextObservation]:
    return [text for text, _ in timed(stage, sound, block, start_s)]


def timed(
    stage: Hearing, sound: np.ndarray, block: int, start_s: float = 0.0
) -> list[tuple[TextObservation, float]]:
    """Each result with the end of the block that it came with."""
    found: list[tuple[TextObservation, float]] = []
    for at in range(0, len(sound), block):
        heard = AudioBlock(start_s + at / RATE, sound[at : at + block])
        found += [(text, heard.end_s) for text in stage.process(heard)]
    return found


SPOKEN = stream((1.0, 0), (0.4, 1), (0.5, 2), (2.0, 0), (0.3, 3), (1.0, 0))


def test_the_reader_is_a_recogniser() -> None:
    assert isinstance(RunReader(), Recogniser)


@pytest.mark.parametrize("block", [320, 512, 1600, 4000])
def test_words_come_with_media_times_whatever_the_blocks(block: int) -> None:
    found = run(Hearing(SpeechStage(RunReader(), Opinion()), Loudness()), SPOKEN, block, start_s=100.0)
    assert [text.transcript for text in found] == ["w1 w2", "w3"]
    times = [(word.start_s, word.end_s) for text in found for word in text.words]
    assert np.allclose(times, [(101.0, 101.4), (101.4, 101.9), (103.9, 104.2)], atol=2e-3)
    assert np.allclose([(t.start_s, t.end_s) for t in found], [(101.0, 101.9), (103.9, 104.2)], atol=2e-3)
    assert found[0].probabilities is HAPPY
    assert found[1].probabilities is None


def test_the_result_comes_with_the_end_of_activity() -> None:
    (_, ready_s), *_ = timed(Hearing(SpeechStage(RunReader(), None), Loudness()), SPOKEN, 1600)
    # Speech ended at 1.9 s, the activity knew at 2.2 s: the result may not take 0.4 s more.
    assert 2.2 <= ready_s <= 2.2 + 0.4


def test_silence_is_never_fed() -> None:
    reader = RunReader()
    run(Hearing(SpeechStage(reader, None), Loudness()), stream((30.0, 0), (0.5, 1), (30.0, 0)), 1600)
    assert len(reader.sound) / RATE < 0.5 + LEAD_S + 0.3 + 0.2
    assert len(reader.sound) / RATE > 0.5 + LEAD_S


def test_no_sample_is_fed_twice_when_speech_resumes_at_once() -> None:
    sound = stream((1.0, 0), (0.5, 1), (0.45, 0), (0.5, 2), (1.0, 0))
    found = run(Hearing(SpeechStage(RunReader(), None), Loudness()), sound, 800)
    assert [text.transcript for text in found] == ["w1", "w2"]


@given(pauses=st.lists(st.floats(0.05, 1.5), min_size=1, max_size=5), block=st.integers(200, 1600))
def test_every_word_is_heard_once_in_its_place(pauses: list[float], block: int) -> None:
    parts, expected, at = [(0.7, 0)], [], 0.7
    for number, pause in enumerate(pauses, 1):
        parts += [(0.25, number), (pause, 0)]
        expected.append((f"w{number}", at))
        at += round(0.25 * RATE) / RATE + round(pause * RATE) / RATE
    stage = Hearing(SpeechStage(RunReader(), None), Loudness())
    sound = stream(*parts)
    found = run(stage, sound, block) + stage.flush(len(sound) / RATE)
    words = [word for text in found for word in text.words]
    assert [word.text for word in words] == [name for name, _ in expected]
    assert np.allclose([w.start_s for w in words], [start for _, start in expected], atol=2e-3)


def test_lost_sound_ends_the_utterance_and_moves_the_times() -> None:
    stage = Hearing(SpeechStage(RunReader(), None), Loudness())
    sound = stream((0.5, 0), (0.5, 1))
    assert run(stage, sound, 1600) == []
    broken = stage.process(AudioBlock(6.0, stream((0.1, 2)), gap_s=5.0))
    assert [text.transcript for text in broken] == ["w1"]
    rest = run(stage, stream((0.4, 2), (1.0, 0)), 1600, start_s=6.1)
    assert [text.transcript for text in rest] == ["w2"]
    assert rest[0].start_s == pytest.approx(6.0, abs=2e-3)


def test_somebody_who_never_pauses_still_gets_results() -> None:
    parts = [(1.0, value % 2 + 1) for value in range(70)]
    found = run(Hearing(SpeechStage(RunReader(), None), Loudness()), stream((0.5, 0), *parts), 1600)
    assert len(found) == 2
    assert found[0].end_s - found[0].start_s <= MAX_UTTERANCE_S + 0.2
    assert found[1].start_s == pytest.approx(found[0].end_s, abs=2e-3)


def test_reset_forgets_what_was_under_way() -> None:
    stage = Hearing(SpeechStage(RunReader(), None), Loudness())
    run(stage, stream((0.5, 0), (0.5, 1)), 1600)
    stage.reset()
    assert stage.flush(1.0) == []


def test_noise_without_words_for_hours_keeps_the_stage_small() -> None:
    stage = Hearing(SpeechStage(RunReader(), None), Loudness())
    for round_ in range(200):
        # Blips that the activity takes for speech and the recogniser does not; jittery time stamps.
        run(stage, stream((0.11, 1), (0.5, 0)), 1600, start_s=round_ * 0.62)
    assert len(stage._clock._anchors) < 5
    assert len(stage._history) < 25


THREE = stream((0.5, 0), (0.3, 1), (0.3, 2), (0.3, 3), (0.3, 0), (0.4, 4), (1.0, 0))
"""Three words, a short pause, one more word."""
PAUSE = (
    began(0.7, 0.5),
    ended(1.58, 1.4, pause=True),
    began(1.75, 1.7, pause=True),
    ended(2.28, 2.1, pause=True),
    ended(2.55, 2.1),
)


@pytest.mark.parametrize("block", [320, 1600])
def test_what_sounds_finished_is_said_in_the_pause_and_judged_as_a_whole_when_it_goes_on(block: int) -> None:
    message = Listening()
    stage = Hearing(SpeechStage(RunReader(), message, early=True), Told(*PAUSE))
    found, ready_s = zip(*timed(stage, THREE, block), strict=True)
    assert [text.transcript for text in found] == ["w1 w2 w3", "w4"]
    assert ready_s[0] <= 1.6 + 1e-6  # not at the end of speech, which was known at 2.55 s
    assert message.heard == ["w1 w2 w3", "w1 w2 w3 w4"]
    times = [(word.start_s, word.end_s) for text in found for word in text.words]
    assert np.allclose(times, [(0.5, 0.8), (0.8, 1.1), (1.1, 1.4), (1.7, 2.1)], atol=2e-3)


def test_what_sounds_unfinished_is_held_until_it_goes_on_or_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emoedge.speech.stage.sounds_finished", lambda text: not text.endswith("w3"))
    message = Listening()
    found = run(Hearing(SpeechStage(RunReader(), message, early=True), Told(*PAUSE)), THREE, 1600)
    assert [text.transcript for text in found] == ["w1 w2 w3 w4"]
    assert message.heard == ["w1 w2 w3 w4"]
    only = (*PAUSE[:2], ended(1.85, 1.4))
    ((text, ready_s),) = timed(
        Hearing(SpeechStage(RunReader(), message, early=True), Told(*only)), THREE[: 2 * RATE], 1600
    )
    assert text.transcript == "w1 w2 w3"
    assert ready_s == pytest.approx(1.9)


def test_the_next_stretch_of_speech_is_judged_alone() -> None:
    message = Listening()
    changes = (*PAUSE[:2], ended(1.75, 1.4), began(1.8, 1.7), ended(2.5, 2.1))
    run(Hearing(SpeechStage(RunReader(), message, early=True), Told(*changes)), THREE, 1600)
    assert message.heard == ["w1 w2 w3", "w4"]


def test_pauses_are_nothing_to_an_engine_that_is_not_asked_early() -> None:
    message = Listening()
    found = run(Hearing(SpeechStage(RunReader(), message), Told(*PAUSE)), THREE, 1600)
    assert [text.transcript for text in found] == ["w1 w2 w3 w4"]


def test_a_pause_after_a_word_does_not_cut_the_recogniser() -> None:
    sound = stream((0.5, 0), (0.4, 1), (0.3, 0), (0.4, 2), (1.0, 0))
    changes = (
        began(0.7, 0.5),
        ended(1.08, 0.9, pause=True),
        began(1.25, 1.2, pause=True),
        ended(2.1, 1.6),
    )
    assert EARLIEST_S > 0.9 - 0.5
    reader = RunReader()
    finishes: list[int] = []
    finish = reader.finish

    def counted() -> Utterance | None:
        finishes.append(1)
        return finish()

    reader.finish = counted  # type: ignore[method-assign]
    (text,) = run(Hearing(SpeechStage(reader, None, early=True), Told(*changes)), sound, 1600)
    assert text.transcript == "w1 w2"
    assert len(finishes) == 1


def test_lost_sound_lets_go_of_what_was_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emoedge.speech.stage.sounds_finished", lambda _text: False)
    stage = Hearing(SpeechStage(RunReader(), None, early=True), Told(*PAUSE[:2]))
    assert run(stage, THREE[: round(1.6 * RATE)], 1600) == []
    (text,) = stage.process(AudioBlock(9.0, stream((0.1, 0)), gap_s=7.4))
    assert text.transcript == "w1 w2 w3"
