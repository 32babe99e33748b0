"""What the pipeline yields, as JSON."""

from __future__ import annotations

import json
import math

from hypothesis import given
from hypothesis import strategies as st

from emoedge.emotions import EMOTIONS, as_probabilities
from emoedge.health import Health
from emoedge.outcomes import EmotionEvent, FusedState, HealthReport, ModalityOpinion, RecordingChange

HAPPY = as_probabilities([0.02, 0.01, 0.02, 0.8, 0.03, 0.05, 0.07])
STATES = st.sampled_from(["ok", "degraded", "failed", "off"])


@given(st.lists(st.tuples(st.sampled_from("abc"), STATES)))
def test_health_is_as_bad_as_its_worst_part_in_force(parts):
    report = HealthReport(0.0, 1.0, tuple(Health(name, state) for name, state in parts))
    in_force = set(dict(parts).values())
    expected = next((state for state in ("failed", "degraded", "ok", "off") if state in in_force), "ok")
    assert report.state == expected
    assert {name: part["state"] for name, part in report.to_payload()["parts"].items()} == dict(parts)


def test_figures_that_are_no_number_become_null():
    part = Health("camera", "ok", "", {"fps": math.nan, "frames": 3, "name": "x"})
    payload = HealthReport(0.0, -1.0, (part,)).to_payload()
    assert payload["parts"]["camera"]["figures"] == {"fps": None, "frames": 3, "name": "x"}
    assert payload["uptime_s"] == 0
    json.dumps(payload, allow_nan=False)


@given(st.floats(0, 1e4), st.floats(0, 1e4))
def test_opinions_are_never_from_ahead_of_the_state(time_s, opinion_s):
    opinion = ModalityOpinion("voice", opinion_s, HAPPY)
    state = FusedState(time_s, HAPPY, "happiness", 0.8, "voice", ("happiness",), (opinion,))
    payload = state.to_payload()
    assert payload["modalities"]["face"] is payload["modalities"]["text"] is None
    assert payload["modalities"]["voice"]["age_ms"] >= 0
    assert payload["modalities"]["voice"]["emotion"] == "happiness"
    assert list(payload["probabilities"]) == list(EMOTIONS)


def test_without_an_emotion_there_is_no_confidence():
    payload = FusedState(1.0, None, None, 0.7, None, reason="nobody").to_payload()
    assert (payload["confidence"], payload["probabilities"], payload["valence"]) == (None, None, None)


def test_an_episode_is_dated_by_its_end_once_it_has_one():
    begin = EmotionEvent("begin", "x", "anger", 3.0, None, 0.5)
    end = EmotionEvent("end", "x", "anger", 3.0, 9.0, 1.5)
    assert (begin.time_s, end.time_s) == (3.0, 9.0)
    assert end.to_payload()["peak_confidence"] == 1


def test_a_failure_before_there_was_a_segment_has_no_id():
    payload = RecordingChange("failed", "", 1.0, reason="no encoder").to_payload()
    assert (payload["id"], payload["path"], payload["duration"]) == ("-", None, None)
