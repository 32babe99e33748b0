"""What is said, and how often."""

from __future__ import annotations

from itertools import count, pairwise

import pytest

from emoedge.config import PublishSettings, Settings
from emoedge.emotions import EMOTIONS, as_probabilities
from emoedge.observations import Box, FaceObservation, FacesObservation, VoiceObservation
from emoedge.outcomes import EmotionEvent, FusedState
from emoedge.pipeline.decisions import DecisionStage


def peaked(emotion, p=0.8):
    values = [(1 - p) / 6] * 7
    values[EMOTIONS.index(emotion)] = p
    return as_probabilities(values)


def faces(time_s, emotion="happiness", track_id=1):
    face = FaceObservation(track_id, Box(0, 0, 0.5, 0.5), peaked(emotion), 1.0, primary=True)
    return FacesObservation(time_s, (face,))


@pytest.fixture
def stage():
    numbers = count(1)
    return DecisionStage(Settings(publish=PublishSettings(interval=10)), lambda _: f"e{next(numbers)}")


def run(stage, observations):
    outcomes = []
    for observation in observations:
        outcomes += stage.on_faces(observation, observation.time_s)
    return outcomes


def test_steady_faces_are_limited_to_face_hz(stage):
    outcomes = run(stage, [faces(i / 15) for i in range(150)])
    sent = [o.time_s for o in outcomes if isinstance(o, FacesObservation)]
    assert 18 <= len(sent) <= 20
    assert min(b - a for a, b in pairwise(sent)) >= 0.5 - 1e-6


def test_the_state_is_sent_on_change_and_at_the_interval(stage):
    outcomes = run(stage, [faces(i / 10) for i in range(301)])
    times = [o.time_s for o in outcomes if isinstance(o, FusedState)]
    assert times == pytest.approx([0, 10, 20, 30])


def test_a_change_of_emotion_is_sent_with_its_beginning(stage):
    outcomes = run(stage, [faces(i / 10, "happiness" if i < 50 else "fear") for i in range(100)])
    updates = [o for o in outcomes if isinstance(o, FusedState)]
    first_fear = next(u for u in updates if u.emotion == "fear")
    assert first_fear.since_s == first_fear.time_s
    assert 5.0 <= first_fear.since_s <= 5.5
    assert all(u.since_s == 0 for u in updates if u.emotion == "happiness")


def test_nobody_is_said_at_once_and_then_not_all_the_time(stage):
    outcomes = run(stage, [faces(0), *(FacesObservation(0.1 * i, ()) for i in range(1, 50))])
    empty = [o for o in outcomes if isinstance(o, FacesObservation) and not o.faces]
    assert [o.time_s for o in empty] == pytest.approx([0.1])
    last = [o for o in outcomes if isinstance(o, FusedState)][-1]
    assert last.emotion is None
    assert last.reason == "nobody"


def test_an_empty_room_is_said_from_the_start(stage):
    outcomes = stage.on_faces(FacesObservation(0.0, ()), 0.0)
    assert [type(o) for o in outcomes] == [FacesObservation, FusedState]


def test_a_stale_opinion_leaves_by_tick(stage):
    stage.on_faces(faces(0), 0)
    assert not any(isinstance(o, FusedState) for o in stage.tick(1.0))
    (update,) = stage.tick(1.75)
    assert update.emotion is None


def test_voice_and_events_come_through(stage):
    outcomes = []
    for i in range(10):
        voice = VoiceObservation(i, i + 1, peaked("anger"), 20, -20)
        outcomes += stage.on_voice(voice, i + 1)
        for k in range(4):
            outcomes += stage.tick(i + 1 + k / 4)
    outcomes += stage.close(11)
    assert sum(isinstance(o, VoiceObservation) for o in outcomes) == 10
    events = [o for o in outcomes if isinstance(o, EmotionEvent)]
    assert [(e.kind, e.emotion, e.event_id) for e in events] == [
        ("begin", "anger", "e1"),
        ("end", "anger", "e1"),
    ]


def test_a_lost_source_takes_its_opinion_with_it(stage):
    stage.on_faces(faces(0), 0)
    (update,) = stage.forget("face", 0.1)
    assert update.emotion is None


def test_privacy_ends_everything_and_takes_nothing_in(stage):
    """Viewers went on showing somebody."""
    for i in range(10):
        stage.on_voice(VoiceObservation(i, i + 1, peaked("anger"), 20, -20), i + 1)
    stage.on_faces(faces(10), 10)
    assert stage.current_event == "anger"
    end, face, state = stage.withhold("privacy", 11)
    assert (end.kind, end.emotion) == ("end", "anger")
    assert (face.topic, face.faces) == ("face", ())
    assert (state.emotion, state.reason, state.opinions) == (None, "privacy", ())
    assert stage.on_faces(faces(11.5), 11.5) == [], "what was in work is dropped"
    assert stage.on_voice(VoiceObservation(10, 11, peaked("anger"), 20, -20), 11.6) == []
    interval_s = Settings().publish.interval
    (again,) = stage.tick(11 + interval_s)
    assert (again.emotion, again.reason) == (None, "privacy"), (
        "repeated, so that it is not taken for a lost device"
    )
    (back,) = stage.resume(30)
    assert back.reason == "no_opinion"
    assert stage.on_faces(faces(31), 31)


def test_privacy_publishes_no_face_where_none_was_published(stage):
    (state,) = stage.withhold("privacy", 1)
    assert (state.topic, state.reason) == ("emotion", "privacy")
