"""Events: hysteresis in seconds, by example and by property."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from emoedge.config import EventSettings
from emoedge.emotions import EMOTIONS, as_probabilities
from emoedge.fusion.events import EventDetector
from emoedge.outcomes import FusedState


def state(time_s, emotion=None, p=0.8):
    if emotion is None:
        return FusedState(time_s, None, None, 0.0, None)
    values = np.full(7, (1 - p) / 6)
    values[EMOTIONS.index(emotion)] = p
    return FusedState(time_s, as_probabilities(values), emotion, p, "face", (emotion,))


def detector(**kwargs):
    return EventDetector(EventSettings(**kwargs), lambda s: f"id-{s:.1f}")


def feed(machine, spans, step=0.1):
    """spans: (duration in steps, emotion) in a row; returns the events and the time reached."""
    events, tick = [], 0
    for count, emotion in spans:
        for _ in range(count):
            events += machine.update(state(tick * step, emotion))
            tick += 1
    return events, tick * step


def test_an_emotion_that_holds_begins_and_ends_once():
    events, _ = feed(detector(), [(20, "neutral"), (40, "anger"), (60, "neutral")])
    assert [(e.kind, e.emotion) for e in events] == [("begin", "anger"), ("end", "anger")]
    begin, end = events
    assert begin.event_id == end.event_id
    assert 2.0 <= begin.started_s <= 3.5
    assert 6.0 <= end.ended_s <= 7.5
    assert 0.5 <= end.peak_confidence <= 1


def test_a_flicker_is_no_event():
    events, _ = feed(
        detector(), [(20, "neutral"), (4, "anger"), (20, "neutral"), (4, "fear"), (20, "neutral")]
    )
    assert events == []


def test_a_short_interruption_does_not_end_it():
    events, _ = feed(detector(), [(40, "anger"), (8, "neutral"), (40, "anger")])
    assert [e.kind for e in events] == ["begin"]


def test_another_emotion_takes_over_without_overlap():
    events, _ = feed(detector(), [(40, "anger"), (40, "happiness")])
    assert [(e.kind, e.emotion) for e in events] == [
        ("begin", "anger"),
        ("end", "anger"),
        ("begin", "happiness"),
    ]
    assert events[1].ended_s <= events[2].started_s


def test_neutral_is_an_event_only_on_request():
    assert feed(detector(), [(60, "neutral")])[0] == []
    assert [e.emotion for e in feed(detector(neutral=True), [(60, "neutral")])[0]] == ["neutral"]


def test_nobody_ends_it():
    events, _ = feed(detector(), [(40, "anger"), (40, None)])
    assert [e.kind for e in events] == ["begin", "end"]


def test_close_ends_what_is_open_and_only_that():
    machine = detector()
    feed(machine, [(40, "anger")])
    closed = machine.close(5.0)
    assert [(e.kind, e.ended_s) for e in closed] == [("end", 5.0)]
    assert machine.close(6.0) == []


def test_a_photograph_begins_nothing():
    machine = detector()
    for tick in range(60):
        assert machine.update(state(tick * 0.1, "happiness"), may_begin=False) == []
    begun = [event for tick in range(60, 80) for event in machine.update(state(tick * 0.1, "happiness"))]
    assert [(event.kind, event.started_s) for event in begun] == [("begin", 6.0)]


def test_time_that_runs_backwards_changes_nothing():
    machine = detector()
    feed(machine, [(40, "anger")])
    assert machine.update(state(1.0, "fear")) == []
    assert machine.current == "anger"


@given(
    st.lists(st.tuples(st.integers(1, 40), st.sampled_from([None, *EMOTIONS])), max_size=12),
    st.floats(0, 3),
    st.floats(0, 3),
    st.floats(0, 3),
)
def test_events_alternate_never_overlap_and_have_no_negative_duration(spans, smoothing, hold, end_after):
    machine = detector(smoothing_s=smoothing, min_duration_s=hold, end_after_s=end_after)
    events, end_s = feed(machine, spans)
    events += machine.close(end_s)
    last_end = 0.0
    for begin, end in zip(events[::2], events[1::2], strict=True):
        assert (begin.kind, end.kind) == ("begin", "end")
        assert begin.event_id == end.event_id
        assert begin.emotion == end.emotion != "neutral"
        assert last_end <= begin.started_s <= end.ended_s
        last_end = end.ended_s
