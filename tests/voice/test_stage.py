from itertools import pairwise

import numpy as np
import pytest

from emoedge.frames import AudioBlock
from emoedge.fusion.fuser import snr_reliability
from emoedge.vad.detector import Span
from emoedge.voice.classify import (
    VoiceClassifier,
    join,
    split,
)
from emoedge.voice.features import features
from emoedge.voice.stage import FINAL_S, FIRST_S, HOP_S, NEW_PERSON_S, SHORTEST_S, VoiceStage
from tests.vad.hearing import Hearing

RATE = 16_000


@pytest.fixture
def classifier(model_path, by_loudness):
    return quick(VoiceClassifier(model_path), by_loudness)


def quick(classifier, by_loudness):
    """The classifier with speech in its clips found by loudness."""
    classifier._clip_activity = by_loudness()
    return classifier


def silence(seconds):
    return np.zeros(int(seconds * RATE), np.int16)


def run(stage, sound, size=1600, start_s=0.0):
    found = []
    for offset in range(0, len(sound), size):
        found += stage.process(AudioBlock(start_s + offset / RATE, sound[offset : offset + size]))
    return found + stage.flush(start_s + len(sound) / RATE)


def test_stretches_of_an_utterance(classifier, spoken, by_loudness):
    stage = Hearing(VoiceStage(classifier), by_loudness(), filtered=True)
    sound = np.concatenate([silence(1.0), spoken, silence(1.5)])
    found = run(stage, sound, start_s=100.0)
    duration_s = len(spoken) / RATE
    assert [seen.final for seen in found] == [False] * (len(found) - 1) + [True]
    assert len(found) == 1 + int((duration_s - FIRST_S) / HOP_S) + 1
    assert found[0].start_s == pytest.approx(101.0, abs=0.1)
    assert found[0].end_s - found[0].start_s == pytest.approx(FIRST_S)
    assert found[-1].end_s == pytest.approx(101.0 + duration_s, abs=0.1)
    assert found[-1].end_s - found[-1].start_s <= FINAL_S + 1e-6
    assert all(seen.probabilities.sum() == pytest.approx(1, abs=1e-5) for seen in found)
    assert all(seen.snr_db > 20 for seen in found)


@pytest.mark.parametrize("size", [333, 1600, 8000])
def test_stretches_do_not_depend_on_the_blocks(classifier, spoken, size, by_loudness):
    sound = np.concatenate([silence(1.0), spoken, silence(1.5)])
    usual = run(Hearing(VoiceStage(classifier), by_loudness(), filtered=True), sound)
    other = run(Hearing(VoiceStage(classifier), by_loudness(), filtered=True), sound, size)
    assert [(seen.final, pytest.approx(seen.start_s, abs=1e-3)) for seen in usual] == [
        (seen.final, seen.start_s) for seen in other
    ]
    for first, second in zip(usual, other, strict=True):
        assert np.allclose(first.probabilities, second.probabilities, atol=0.05)


def test_silence_and_noise_give_nothing(classifier, by_loudness):
    stage = Hearing(VoiceStage(classifier), by_loudness(), filtered=True)
    noise = (np.random.default_rng(0).standard_normal(2 * RATE) * 300).astype(np.int16)
    assert run(stage, np.concatenate([silence(0.5), noise])) == []


def test_a_word_too_short_is_left_out(classifier, spoken, by_loudness):
    short = spoken[: int((SHORTEST_S - 0.15) * RATE)]
    stage = Hearing(VoiceStage(classifier), by_loudness(), filtered=True)
    assert run(stage, np.concatenate([silence(1.0), short, silence(1.0)])) == []


def test_a_short_word_is_answered_with_more_doubt(classifier, spoken, by_loudness):
    word = spoken[: int(0.45 * RATE)]
    (seen,) = run(
        Hearing(VoiceStage(classifier), by_loudness(), filtered=True),
        np.concatenate([silence(1.0), word, silence(1.0)]),
    )
    assert seen.final
    assert seen.end_s - seen.start_s == pytest.approx(0.45, abs=0.1)
    vector = features(word)[None]
    short, long = (classifier.probabilities(vector, None, speech_s).max() for speech_s in (0.4, 3.0))
    assert short < long


def test_lost_sound_ends_the_stretch(classifier, spoken, by_loudness):
    stage = Hearing(VoiceStage(classifier), by_loudness(), filtered=True)
    half = len(spoken) // 2
    found = []
    for offset in range(0, half, 1600):
        found += stage.process(AudioBlock(offset / RATE, spoken[offset : min(offset + 1600, half)]))
    found += stage.process(AudioBlock(50.0, spoken[half : half + 1600], gap_s=50 - half / RATE))
    assert found[-1].final
    assert found[-1].end_s == pytest.approx(half / RATE, abs=0.01)


def test_adaptation_counts_utterances(model_path, spoken, by_loudness):
    stage = Hearing(VoiceStage(VoiceClassifier(model_path, adapt=True)), by_loudness(), filtered=True)
    sound = np.concatenate([silence(0.7), spoken, silence(1.0), spoken, silence(1.0)])
    finals = [seen for seen in run(stage, sound) if seen.final]
    assert len(finals) == 2
    stage.reset()
    assert stage.adaptation.count == pytest.approx(2)
    stage.adaptation.reset()
    assert stage.adaptation.count == 0


def test_after_a_long_silence_a_new_person_starts_from_the_device(model_path, spoken, by_loudness):
    stage = Hearing(VoiceStage(VoiceClassifier(model_path, adapt=True)), by_loudness(), filtered=True)
    sound = np.concatenate(
        [silence(0.7), spoken, silence(NEW_PERSON_S - 10), spoken, silence(NEW_PERSON_S + 1), spoken]
    )
    assert sum(seen.final for seen in run(stage, np.concatenate([sound, silence(1.0)]))) == 3
    assert stage.adaptation.count == pytest.approx(1)
    assert stage.adaptation.device_count == pytest.approx(3)


def test_clips_stand_alone_without_adaptation(model_path, spoken, by_loudness):
    classifier = quick(VoiceClassifier(model_path), by_loudness)
    first, second = classifier.classify_clip(spoken), classifier.classify_clip(spoken)
    assert np.array_equal(first.probabilities, second.probabilities)
    adapting = quick(VoiceClassifier(model_path, adapt=True), by_loudness)
    assert np.array_equal(adapting.classify_clip(spoken).probabilities, first.probabilities)
    assert not np.array_equal(adapting.classify_clip(spoken).probabilities, first.probabilities)


LOW_SOUND = {
    "offset 5 %": lambda time_s: 0.05 + 0 * time_s,
    "offset -12 %": lambda time_s: -0.12 + 0 * time_s,
    "offset 20 %": lambda time_s: 0.2 + 0 * time_s,
    "offset that drifts": lambda time_s: 0.1 + 0.05 * np.sin(time_s),
    "hum 50 Hz": lambda time_s: 0.1 * np.sin(2 * np.pi * 50 * time_s),
    "hum 60 Hz": lambda time_s: 0.1 * np.sin(2 * np.pi * 60 * time_s),
    "rumble 10 Hz": lambda time_s: 0.1 * np.sin(2 * np.pi * 10 * time_s),
    "rumble 25 Hz": lambda time_s: 0.1 * np.sin(2 * np.pi * 25 * time_s),
    "all at once": lambda time_s: 0.1 + sum(0.1 * np.sin(2 * np.pi * hz * time_s) for hz in (10, 50)),
}


def spoilt(sound, low):
    added = sound + 32768 * LOW_SOUND[low](np.arange(len(sound)) / RATE)
    return np.clip(np.rint(added), -32768, 32767).astype(np.int16)


@pytest.mark.parametrize("low", LOW_SOUND)
def test_sound_below_speech_does_not_count_live(classifier, spoken, by_loudness, low):
    speech = (0.6 * spoken).astype(np.int16)
    sound = np.concatenate([silence(1.0), speech, silence(1.5)])
    clean, other = (
        run(Hearing(VoiceStage(classifier), by_loudness(), filtered=True), heard)
        for heard in (sound, spoilt(sound, low))
    )
    assert len(clean) == len(other)
    for first, second in zip(clean, other, strict=True):
        assert snr_reliability(second.snr_db) == pytest.approx(snr_reliability(first.snr_db), rel=0.1)


def test_join_and_split():
    spans = [Span(0.0, 1.0), Span(1.5, 2.0), Span(5.0, 6.0)]
    assert join(spans, 1.0) == [Span(0.0, 2.0), Span(5.0, 6.0)]
    assert split(Span(1.0, 4.0), 4.0, 2.0) == [Span(1.0, 4.0)]
    pieces = split(Span(0.0, 9.0), 4.0, 2.0)
    assert pieces[0] == Span(0.0, 4.0)
    assert pieces[-1] == Span(5.0, 9.0)
    steps = [b.start_s - a.start_s for a, b in pairwise(pieces)]
    assert all(0 < step <= 2.0 for step in steps)
