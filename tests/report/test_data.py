"""From timeline to curves, events, words and summary."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoedge.emotions import EMOTIONS, INDEX, as_probabilities
from emoedge.observations import TextObservation, Word
from emoedge.outcomes import EmotionEvent, FusedState
from emoedge.record.timeline import MESSAGE_HOLD_S, Timeline, read_timeline
from emoedge.report.data import CHANNELS, build, runs, summarize

from .helpers import EPISODES, EVENTS, emotion_at


def state(t: float, emotion: str | None) -> FusedState:
    probabilities = (
        None if emotion is None else as_probabilities([0.7 if one == emotion else 0.05 for one in EMOTIONS])
    )
    return FusedState(t, probabilities, emotion, 0.7, None)


def test_curves_are_where_the_opinions_were(source):
    data = source.data
    assert set(data.curves) == set(CHANNELS)
    for t in (1.0, 5.0, 15.0, 20.0, 27.0):
        index = round(t / data.step_s)
        assert EMOTIONS[int(np.argmax(data.curves["fused"].values[index]))] == emotion_at(t)
        assert data.emotions[index] == emotion_at(t)
    for t, channel, known in [
        (12.0, "fused", False),
        (12.0, "face", False),
        (7.0, "voice", True),
        (2.0, "voice", False),
    ]:
        assert data.curves[channel].known[round(t / data.step_s)] == known, (t, channel)
    sums = data.curves["fused"].values[data.curves["fused"].known].sum(axis=1)
    assert np.allclose(sums, 1, atol=0.01)


def test_quality_belongs_to_the_face_and_confidence_to_the_whole(source):
    face, fused = source.data.curves["face"], source.data.curves["fused"]
    index = round(4.7 / source.data.step_s)
    assert face.trust[index] == pytest.approx(0.95, abs=0.02)
    assert fused.trust[index] == pytest.approx(float(fused.values[index].max()), abs=0.01)


def test_events_start_when_they_began_not_when_they_were_told(source):
    events = source.data.events
    assert [(event.emotion, event.start_s) for event in events] == [
        (emotion, pytest.approx(start, abs=0.01)) for start, _, emotion in EVENTS
    ]
    assert events[0].end_s == pytest.approx(11.2, abs=0.01)
    assert events[0].confidence == 0.86
    assert events[-1].end_s == source.data.duration_s, "still going on at the end of the segment"


def test_words_have_their_times(source):
    words = {word.text: word for word in source.data.words}
    assert words["alegría"].start_s == pytest.approx(6.65, abs=0.01)
    assert words["alegría"].end_s == pytest.approx(7.05, abs=0.01)
    assert [len(one.words) for one in source.data.utterances] == [6, 6, 5]


def test_summary_adds_up(source):
    summary = summarize(source.data)
    for emotion in EMOTIONS:
        expected = sum(end - start for start, end, name in EPISODES if name == emotion)
        assert summary.seconds[emotion] == pytest.approx(expected, abs=0.3)
    assert sum(summary.seconds.values()) + summary.none_s == pytest.approx(source.data.duration_s)
    assert summary.transitions == (), "none of its episodes begins where another one ends"
    assert set(summary.longest) == set(source.data.events), "there is one kind of episode"
    assert summary.longest[0].emotion == "happiness"


def test_a_change_leads_from_one_episode_to_the_next():
    spans = ((0.0, 4.0, "happiness"), (4.0, 8.0, "sadness"), (9.0, 12.0, "anger"))
    events = tuple(
        EmotionEvent("end", f"e{start}", emotion, start, end, 0.8) for start, end, emotion in spans
    )
    summary = summarize(build(Timeline(events), {}, 20.0))
    assert summary.transitions == (("happiness", "sadness", 1),)


def test_an_episode_that_goes_on_is_as_sure_as_it_became():
    states = tuple(FusedState(t, None, "fear", 0.5 + t / 50, None) for t in range(10))
    begun = EmotionEvent("begin", "e", "fear", 2.0, None, 0.54)
    data = build(Timeline((*states, begun)), {}, 12.0)
    assert [(event.end_s, event.confidence) for event in data.events] == [(12.0, pytest.approx(0.68))]


def test_an_utterance_keeps_its_own_emotion():
    words = (Word("qué", 1.0, 1.2, 1.0), Word("pena", 1.3, 1.8, 1.0))
    sad = as_probabilities([0.76 if one == "sadness" else 0.04 for one in EMOTIONS])
    heard = (
        TextObservation(1.0, 1.8, "qué pena", sad, words),
        TextObservation(3.0, 4.0, "de la", None),
    )
    first, second = build(Timeline(heard), {}, 5.0).utterances
    assert (first.emotion, first.probability) == ("sadness", pytest.approx(0.76))
    assert (second.emotion, [word.text for word in second.words]) == (None, ["de la"])


def test_why_nothing_is_named_is_kept():
    states = (replace(state(0.0, None), reason="nobody"), state(2.0, "fear"))
    data = build(Timeline(states), {}, 8.0)
    assert data.reasons[0] == "nobody"
    assert data.reasons[round(3 / data.step_s)] == ""
    assert data.reasons[-1] == "unknown"


def test_published_messages_alone_are_enough():
    """A segment from which only the contract's messages were kept: one emotion in ten seconds."""
    states = (state(0.0, "fear"), state(9.0, "fear"), state(12.0, None))
    data = build(Timeline(states, MESSAGE_HOLD_S), {}, 20.0)
    assert set(data.emotions[: round(12 / data.step_s)]) == {"fear"}
    assert data.emotions[-1] is None


def test_states_that_stop_leave_a_gap():
    data = build(Timeline((state(0.0, "fear"), state(0.2, "fear"), state(8.0, "fear"))), {}, 10.0)
    known = data.curves["fused"].known
    assert known[0]
    assert not known[round(5 / data.step_s)]
    assert known[round(9 / data.step_s)]


@pytest.mark.parametrize(
    "payload",
    [
        *(None, [], "x", {}, {"probabilities": 3}, {"probabilities": {}, "emotion": "joy"}),
        *(
            {"modalities": None},
            {"faces": None},
            {"faces": [3]},
            {"words": None},
            {"started": 3, "emotion": "fear"},
        ),
    ],
)
@pytest.mark.parametrize("topic", ["state", "emotion", "faces", "event", "transcript", "unheard of"])
def test_rows_of_any_shape_do_no_harm(topic, payload):
    text = json.dumps({"t": 1.0, "topic": topic, "payload": payload}) + "\n"
    data = build(read_timeline(text), {"started": "nonsense"}, 5.0)
    assert summarize(data).none_s <= 5.0


@given(
    st.lists(st.tuples(st.floats(0, 100), st.sampled_from([None, *EMOTIONS])), max_size=40),
    st.floats(0.05, 5000),
)
def test_time_is_neither_lost_nor_invented(points, duration):
    states = tuple(state(t, emotion) for t, emotion in sorted(points, key=lambda point: point[0]))
    data = build(Timeline(states), {}, duration)
    assert len(data.emotions) <= 902
    assert len(data.curves["fused"].values) == len(data.emotions)
    summary = summarize(data)
    assert sum(summary.seconds.values()) + summary.none_s == pytest.approx(duration, rel=1e-6, abs=1e-6)
    for episode in runs(data):
        assert 0 <= episode.start_s < episode.end_s <= duration + 1e-9
        assert episode.emotion in INDEX


def test_details_are_carried_along(source):
    assert json.dumps(source.data.details)
    assert source.language == "es"
