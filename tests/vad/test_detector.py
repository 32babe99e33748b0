import numpy as np
import pytest

from emoedge.frames import AudioBlock
from emoedge.vad.detector import (
    CLIP_ON,
    HANGOVER_S,
    LEAD_S,
    LINGER_S,
    PAUSE_S,
    SpeechActivity,
    speech_spans,
)
from emoedge.vad.silero import CHUNK

RATE = 16_000


def blocks(samples, size, start_s=0.0):
    for offset in range(0, len(samples), size):
        yield AudioBlock(start_s + offset / RATE, samples[offset : offset + size])


def changes(samples, size, activity, start_s=0.0, *, pauses=False):
    return [
        (c.speaking, pytest.approx(c.time_s, abs=1e-6))
        for b in blocks(samples, size, start_s)
        for c in activity.process(b)
        if c.pause == pauses
    ]


def tone(seconds):
    return (3000 * np.sin(np.arange(int(seconds * RATE)) * 0.3)).astype(np.int16)


def silence(seconds):
    return np.zeros(int(seconds * RATE), np.int16)


@pytest.mark.parametrize("size", [160, 512, 1600, 7777, 100_000])
def test_spans_do_not_depend_on_the_blocks(by_loudness, size):
    sound = np.concatenate([silence(1.0), tone(1.5), silence(1.0), tone(0.7), silence(1.0)])
    found = changes(sound, size, by_loudness())
    assert found == changes(sound, 1000, by_loudness())
    assert [speaking for speaking, _ in found] == [True, False, True, False]


def test_times_are_those_of_the_source(by_loudness):
    sound = np.concatenate([silence(1.024), tone(1.024), silence(1.0)])
    (began, began_s), (ended, ended_s) = changes(sound, 1600, by_loudness(), start_s=500.0)
    assert (began, ended) == (True, False)
    assert began_s == 500 + 1.024 - LEAD_S
    assert ended_s == 500 + 2.048 - LINGER_S


def test_a_pause_within_the_hangover_is_bridged(by_loudness):
    short = np.concatenate([tone(1.0), silence(HANGOVER_S - 0.1), tone(1.0), silence(1.0)])
    assert len(changes(short, 1600, by_loudness())) == 2
    long = np.concatenate([tone(1.0), silence(HANGOVER_S + 0.1), tone(1.0), silence(1.0)])
    assert len(changes(long, 1600, by_loudness())) == 4


@pytest.mark.parametrize("size", [160, 1600, 100_000])
def test_a_short_pause_is_told_and_that_speech_went_on(by_loudness, size):
    sound = np.concatenate([tone(1.024), silence(PAUSE_S + 0.1), tone(1.0), silence(1.0)])
    (paused, paused_s), (on, on_s), (last, last_s) = changes(sound, size, by_loudness(), pauses=True)
    assert (paused, on, last) == (False, True, False)
    assert paused_s == 1.024 - LINGER_S
    assert on_s == pytest.approx(1.024 + PAUSE_S + 0.1 - LEAD_S, abs=CHUNK / RATE)
    assert changes(sound, size, by_loudness())[-1] == (False, last_s)  # the last pause grew into the end


def test_a_stop_consonant_is_no_pause(by_loudness):
    sound = np.concatenate([tone(1.024), silence(PAUSE_S - 0.03), tone(1.0)])
    assert changes(sound, 1600, by_loudness(), pauses=True) == []


def test_a_click_is_not_speech(by_loudness):
    click = np.concatenate([silence(1.0), tone(CHUNK / RATE / 2), silence(1.0)])
    assert changes(click, 1600, by_loudness()) == []


def test_spans_never_overlap(by_loudness):
    parts = [part for _ in range(6) for part in (tone(0.3), silence(HANGOVER_S + 0.1))]
    activity = by_loudness()
    found = [c for b in blocks(np.concatenate(parts), 800) for c in activity.process(b)]
    times = [c.time_s for c in found if not c.pause]
    assert len(times) == 12
    assert times == sorted(times)
    times = [c.time_s for c in found]
    assert times == sorted(times)


def test_lost_sound_moves_the_clock(by_loudness):
    activity = by_loudness()
    activity.process(AudioBlock(0.0, silence(0.5)))
    (change,) = activity.process(AudioBlock(3.0, tone(0.5), gap_s=2.5))
    assert change.speaking
    assert change.time_s == pytest.approx(3.0 - LEAD_S, abs=0.001)


def test_reset_starts_anew(by_loudness):
    activity = by_loudness()
    activity.process(AudioBlock(0.0, tone(0.5)))
    assert activity.speaking
    activity.reset()
    assert not activity.speaking


def test_speech_is_found_where_it_is(spoken):
    sound = np.concatenate([silence(0.8), spoken, silence(0.2)])
    spans = speech_spans(sound, SpeechActivity(on=CLIP_ON))
    assert spans
    assert spans[0].start_s == pytest.approx(0.8, abs=0.1)
    assert spans[-1].end_s == pytest.approx(0.8 + len(spoken) / RATE, abs=0.1)


def test_speech_that_touches_the_end_is_closed(spoken):
    (span,) = speech_spans(spoken, SpeechActivity(on=CLIP_ON))[-1:]
    assert span.end_s == pytest.approx(len(spoken) / RATE, abs=0.1)


@pytest.mark.parametrize("kind", ["silence", "white", "brown", "hum"])
def test_noise_is_not_speech(kind):
    rng = np.random.default_rng(0)
    length = 2 * RATE
    noise = {
        "silence": np.zeros(length),
        "white": rng.standard_normal(length),
        "brown": np.cumsum(rng.standard_normal(length)) / 60,
        "hum": np.sin(2 * np.pi * 100 * np.arange(length) / RATE),
    }[kind]
    sound = np.clip(noise * 32768 * 0.1, -32768, 32767).astype(np.int16)
    assert speech_spans(sound, SpeechActivity(on=CLIP_ON)) == []
