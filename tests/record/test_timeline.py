"""Timeline and subtitles: the pure parts."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoedge.clock import MediaClock
from emoedge.emotions import EMOTIONS, as_probabilities
from emoedge.observations import (
    UNKNOWN,
    Box,
    FaceObservation,
    FacesObservation,
    TextObservation,
    VoiceObservation,
    Word,
)
from emoedge.outcomes import EmotionEvent, FusedState, ModalityOpinion
from emoedge.publish.messages import MessageBuilder
from emoedge.record.timeline import (
    MESSAGE_HOLD_S,
    STATE_HOLD_S,
    Cue,
    TimelineEntry,
    emotion_cues,
    read_replay,
    read_timeline,
    webvtt,
)


def state(t: float, emotion: str | None, confidence: float = 0.8) -> FusedState:
    return FusedState(t, None, emotion, confidence, None)


def event(kind: str, started_s: float, ended_s: float | None = None) -> EmotionEvent:
    return EmotionEvent(kind, "e1", "fear", started_s, ended_s, 0.7)


SAD = as_probabilities([0.05, 0.05, 0.1, 0.1, 0.5, 0.1, 0.1])
FACE = FaceObservation(3, Box(0.31, 0.2, 0.25, 0.4), SAD, 0.83, primary=True)
OUTCOMES = {
    "faces": FacesObservation(101.0, (FACE, FaceObservation(4, Box(0.8, 0.1, 0.05, 0.08), None, 0.1))),
    "state": FusedState(
        102.0, SAD, "sadness", 0.5, "fusion", opinions=(ModalityOpinion("voice", 101.5, SAD, 0.8),)
    ),
    "event": event("end", 97.0, 103.0),
    "transcript": TextObservation(103.0, 104.0, "qué pena", None, (Word("qué", 103.0, 103.4, 0.9),)),
}


def test_rows_survive_a_cut_last_line():
    text = TimelineEntry("event", event("begin", 10.5)).row(10.0) + TimelineEntry(
        "state", state(10.1, None)
    ).row(10.0)
    timeline = read_timeline(text + '{"t": 1.0, "topic": "ev')
    assert [outcome.time_s for outcome in timeline.outcomes] == [pytest.approx(0.1), 0.5]


def test_what_is_written_is_read_again_counted_from_the_start_of_the_segment():
    rows = [TimelineEntry(topic, outcome).row(100.0) for topic, outcome in OUTCOMES.items()]
    timeline = read_timeline("".join(rows))
    assert timeline.hold_s == STATE_HOLD_S
    for outcome, read in zip(OUTCOMES.values(), timeline.outcomes, strict=True):
        assert type(read) is type(outcome)
        assert TimelineEntry("x", read).row(0.0) == TimelineEntry("x", outcome).row(100.0)


def test_lines_of_a_replay_are_read_as_the_messages_were():
    builder = MessageBuilder("sala", MediaClock(), transcript=True, media_times=True)
    timeline = read_replay(
        "".join(builder.outcome(outcome).line("emoedge/sala") for outcome in OUTCOMES.values())
    )
    assert timeline.hold_s == MESSAGE_HOLD_S
    faces, fused, episode, text = timeline.outcomes
    assert faces.primary.box == FACE.box
    assert (fused.emotion, fused.opinions[0].time_s) == ("sadness", 101.5)
    assert episode == OUTCOMES["event"]
    assert (text.start_s, text.end_s, text.transcript, text.words) == (103.0, 104.0, "qué pena", ())


def test_what_was_published_is_left_out_where_all_was_kept():
    entries = [TimelineEntry("state", state(1.0, "fear")), TimelineEntry("emotion", state(1.05, "anger"))]
    assert [one.emotion for one in read_timeline("".join(one.row(0.0) for one in entries)).states] == ["fear"]


@pytest.mark.parametrize(
    "line", ["null", "[]", "3", '{"t": "x", "topic": "a"}', '{"t": 1}', "\x00", "é" * 100]
)
def test_lines_that_are_no_rows_are_passed_over(line):
    assert read_timeline(line + "\n").outcomes == ()


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


def test_rows_are_json_with_accents_and_words_only_in_the_transcript():
    said = TextObservation(3.0, 4.23456, "sí", None, (Word("sí", 3.0, 4.23456, 0.9),))
    assert '"transcript":"sí"' in TimelineEntry("text", said).row(3.0)
    row = json.loads(TimelineEntry("text", said).row(3.0))
    assert (row["t"], row["topic"], row["payload"]["end_s"]) == (1.235, "text", 1.235)
    assert "words" not in row["payload"]
    row = json.loads(TimelineEntry("transcript", said).row(3.0))
    assert row["payload"]["words"] == [{"text": "sí", "start_s": 0.0, "end_s": 1.235, "confidence": 0.9}]


@pytest.mark.parametrize("speaker", [0, 12, "unseen", "unknown"])
def test_whose_voice_it_was_is_read_again(speaker):
    voice = VoiceObservation(101.0, 102.5, SAD, 12.3, -30.1, final=True, speaker=speaker)
    text = TextObservation(101.0, 102.0, "sí", None, (), speaker)
    rows = [TimelineEntry("voice", voice).row(100.0), TimelineEntry("transcript", text).row(100.0)]
    found = {type(one): one for one in read_timeline("".join(rows)).outcomes}
    assert {one.speaker for one in found.values()} == {speaker}
    heard = found[VoiceObservation]
    assert (heard.start_s, heard.end_s, heard.snr_db, heard.final) == (1.0, 2.5, 12.3, True)


@pytest.mark.parametrize("damage", [None, "somebody", -1, True, 1.5, [1]])
def test_a_speaker_that_is_none_is_unknown(damage):
    row = json.loads(TimelineEntry("voice", VoiceObservation(1.0, 2.0, None, 0.0, 0.0)).row(2.0))
    row["payload"]["speaker"] = damage
    (heard,) = read_timeline(json.dumps(row)).outcomes
    assert heard.speaker == UNKNOWN
