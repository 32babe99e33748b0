"""Timeline, subtitles, alignment of sound, pre-roll: the pure parts."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoedge.emotions import EMOTIONS
from emoedge.frames import SAMPLE_RATE_HZ, AudioBlock
from emoedge.record.alignment import DRIFT_S, SoundTrack
from emoedge.record.pre_roll import Note, PreRoll
from emoedge.record.timeline import Cue, emotion_cues, read_timeline, timeline_row, webvtt

from .helpers import make_block, make_frame


def state(t: float, emotion: str | None, confidence: float = 0.8) -> dict:
    return {"t": t, "topic": "state", "payload": {"emotion": emotion, "confidence": confidence}}


def test_rows_survive_a_cut_last_line():
    text = timeline_row(0.5, "event", {"emotion": "fear"}) + timeline_row(0.1, "state", {"emotion": None})
    rows = read_timeline(text + '{"t": 1.0, "topic": "ev')
    assert [row["t"] for row in rows] == [0.1, 0.5]


@pytest.mark.parametrize(
    "line", ["null", "[]", "3", '{"t": "x", "topic": "a"}', '{"t": 1}', "\x00", "é" * 100]
)
def test_lines_that_are_no_rows_are_passed_over(line):
    assert read_timeline(line + "\n") == []


def test_cues_have_names_mean_confidence_and_no_flicker():
    rows = [state(0.0, "neutral", 0.6), state(1.0, "neutral", 0.8), state(2.0, "happiness", 0.9)]
    rows += [state(2.2, "neutral", 0.7), state(5.0, None), state(8.0, "anger", 0.5)]
    cues = emotion_cues(rows, 10.0, "es")
    assert cues == [Cue(0.0, 5.0, "neutro 70 %"), Cue(8.0, 10.0, "enfado 50 %")]


def test_a_state_that_nobody_renewed_ends():
    assert emotion_cues([state(1.0, "fear")], 100.0, "en") == [Cue(1.0, 16.0, "fear 80 %")]


@given(
    st.lists(st.tuples(st.floats(-5, 70), st.sampled_from([None, *EMOTIONS]), st.floats(0, 1)), max_size=40),
    st.floats(0.1, 60),
)
def test_cues_are_in_order_within_the_segment_and_do_not_overlap(points, duration):
    rows = [
        state(t, emotion, confidence) for t, emotion, confidence in sorted(points, key=lambda point: point[0])
    ]
    cues = emotion_cues(rows, duration, "es")
    at = 0.0
    for cue in cues:
        assert at <= cue.start_s < cue.end_s <= duration
        at = cue.end_s


def test_webvtt_is_what_the_standard_says():
    text = webvtt([Cue(0.0, 1.5, "alegría 82 %"), Cue(3599.9996, 3661.25, "asco 40 %")])
    assert text == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\nalegría 82 %\n\n01:00:00.000 --> 01:01:01.250\nasco 40 %\n"
    )


@given(
    st.lists(st.tuples(st.floats(0, 0.5), st.integers(1, 4000), st.booleans()), min_size=1, max_size=40),
    st.floats(-0.2, 0.5),
)
def test_sound_never_strays_further_than_the_drift_allowed(steps, first):
    track, stamp = SoundTrack(100.0), 100.0 + first
    for pause, count, known in steps:
        stamp += pause
        before = track.written
        samples = track.place(AudioBlock(stamp, np.ones(count, dtype=np.int16), pause if known else 0.0))
        assert track.written == before + len(samples)
        kept = int(np.count_nonzero(samples))
        if kept == count:
            placed_s = (track.written - count) / SAMPLE_RATE_HZ
            assert abs(placed_s - (stamp - 100.0)) <= DRIFT_S + 1 / SAMPLE_RATE_HZ
        stamp += count / SAMPLE_RATE_HZ


def test_pre_roll_is_bounded_by_seconds_and_by_bytes():
    ring = PreRoll(2.0, 10**9)
    for index in range(100):
        ring.add(make_frame(index / 10, index))
        ring.add(make_block(index / 10))
        ring.add(Note(index / 10, "event", {}))
    times = [item.time_s for item in ring.take(0.0)]
    assert min(times) >= 9.9 - 2.0 - 0.05
    assert times == sorted(times)
    assert ring.bytes == 0
    frame_bytes = make_frame(0.0).data.nbytes
    small = PreRoll(1000.0, 5 * frame_bytes)
    for index in range(50):
        small.add(make_frame(float(index), index))
    assert [item.sequence for item in small.take(0.0)] == [45, 46, 47, 48, 49]


def test_rows_are_compact_json_with_accents():
    assert json.loads(timeline_row(1.23456, "text", {"a": "sí"})) == {
        "t": 1.235,
        "topic": "text",
        "payload": {"a": "sí"},
    }
    assert "sí" in timeline_row(0, "text", "sí")
