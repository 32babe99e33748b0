"""What is said, and how often."""

from __future__ import annotations

from dataclasses import replace
from itertools import count, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emoedge.config import FusionSettings, PublishSettings, Settings
from emoedge.emotions import EMOTIONS, as_probabilities
from emoedge.fusion.hold import DOUBT_HOLDS, POOL_DOUBT_HOLDS
from emoedge.fusion.learned import LearnedFusion
from emoedge.observations import (
    Box,
    FaceObservation,
    FacesObservation,
    SoundLevel,
    TextObservation,
    VoiceObservation,
)
from emoedge.outcomes import EmotionEvent, FusedState, StateSummary
from emoedge.pipeline.decisions import DecisionStage
from tests.conftest import REPOSITORY


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


def rest(outcomes):
    """What is told beside the summaries."""
    return [outcome for outcome in outcomes if not isinstance(outcome, StateSummary)]


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
    assert [type(o) for o in outcomes] == [FacesObservation, FusedState, StateSummary]


def test_a_stale_opinion_leaves_by_tick(stage):
    stage.on_faces(faces(0), 0)
    assert not any(isinstance(o, FusedState) for o in stage.tick(1.0))
    (update,) = rest(stage.tick(1.75))
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
    (update,) = rest(stage.forget("face", 0.1))
    assert update.emotion is None


def test_privacy_ends_everything_and_takes_nothing_in(stage):
    """Viewers went on showing somebody."""
    for i in range(10):
        stage.on_voice(VoiceObservation(i, i + 1, peaked("anger"), 20, -20), i + 1)
    stage.on_faces(faces(10), 10)
    assert stage.current_event == "anger"
    end, face, state, summary = stage.withhold("privacy", 11)
    assert (end.kind, end.emotion) == ("end", "anger")
    assert (face.topic, face.faces) == ("face", ())
    assert (state.emotion, state.reason, state.opinions) == (None, "privacy", ())
    assert (summary.label, summary.present, summary.people, summary.speaking) == ("privado", None, None, None)
    assert stage.on_faces(faces(11.5), 11.5) == [], "what was in work is dropped"
    assert stage.on_voice(VoiceObservation(10, 11, peaked("anger"), 20, -20), 11.6) == []
    interval_s = Settings().publish.interval
    (again,) = rest(stage.tick(11 + interval_s))
    assert (again.emotion, again.reason) == (None, "privacy"), (
        "repeated, so that it is not taken for a lost device"
    )
    (back,) = rest(stage.resume(30))
    assert back.reason == "no_opinion"
    assert stage.on_faces(faces(31), 31)


def test_privacy_publishes_no_face_where_none_was_published(stage):
    state, summary = stage.withhold("privacy", 1)
    assert (state.topic, state.reason) == ("emotion", "privacy")
    assert (summary.topic, summary.state) == ("summary", state)


def test_a_change_of_degree_waits_and_a_change_of_certainty_does_not(stage):
    def face(time_s, p):
        rest = (1 - p) / 2  # as likely as each other: fear and sadness
        posterior = as_probabilities([0, 0, rest, p, rest, 0, 0])
        return FacesObservation(
            time_s, (FaceObservation(1, Box(0, 0, 0.5, 0.5), posterior, 1.0, primary=True),)
        )

    outcomes = run(stage, [face(i / 10, 0.95 if i < 20 else 0.65) for i in range(60)])
    sent = [o for o in outcomes if isinstance(o, FusedState)]
    assert {o.emotion for o in sent} == {"happiness"}
    assert [o.time_s for o in sent] == pytest.approx([0, 3.0]), "0.3 less, at 2 s"
    outcomes = run(stage, [face(6 + i / 10, 0.4) for i in range(30)])
    doubts = [o for o in outcomes if isinstance(o, FusedState) and not o.certain]
    assert doubts[0].time_s < 9.0, "that others are in doubt does not wait so long"


def test_what_comes_and_goes_within_a_moment_is_not_said(stage):
    outcomes = run(stage, [faces(0, "happiness")])
    voice = VoiceObservation(0, 0.3, peaked("anger", 0.4), 20, -20)
    text = TextObservation(0, 0.2, "no", peaked("fear", 0.3))
    outcomes += stage.on_voice(voice, 0.3)
    outcomes += stage.on_text(text, 0.4)
    outcomes += run(stage, [faces(0.5 + i / 10, "happiness") for i in range(100)])
    assert {o.emotion for o in outcomes if isinstance(o, FusedState)} == {"happiness"}


ANY = st.lists(st.integers(0, 100), min_size=7, max_size=7).map(
    lambda values: as_probabilities([(v + 0.1) / (sum(values) + 0.7) for v in values])
)
STEPS = st.lists(
    st.tuples(st.sampled_from(["face", "face", "face", "voice", "text", "nothing"]), ANY, st.integers(1, 8)),
    min_size=1,
    max_size=60,
)


@pytest.mark.parametrize(
    ("method", "doubt_holds"), [("weighted", DOUBT_HOLDS), ("learned", POOL_DOUBT_HOLDS)]
)
@settings(max_examples=50)
@given(STEPS, st.floats(0, 1), st.floats(0, 1))
def test_whatever_is_found_what_is_said_is_steady_and_led_by_a_modality(
    method, doubt_holds, steps, min_confidence, hold_s
):
    fusion = FusionSettings(method=method, min_confidence=min_confidence, hold_s=hold_s)
    pool = LearnedFusion.load(REPOSITORY / "models" / "fusion.json")
    stage = DecisionStage(Settings(fusion=fusion, publish=PublishSettings(interval=5)), lambda _: "e", pool)
    outcomes, now_s = [], 0.0
    for kind, posterior, repeats in steps:
        for _ in range(repeats):
            now_s += 0.1
            face = FaceObservation(1, Box(0, 0, 0.5, 0.5), posterior if kind == "face" else None, 1.0, True)
            outcomes += stage.on_faces(FacesObservation(now_s, (face,)), now_s)
        if kind == "voice":
            outcomes += stage.on_voice(VoiceObservation(now_s - 1, now_s, posterior, 20, -20), now_s)
        elif kind == "text":
            outcomes += stage.on_text(TextObservation(now_s - 1, now_s, "no", posterior), now_s)
    said = [o for o in outcomes if isinstance(o, FusedState)]
    times = [b.time_s for a, b in pairwise(said) if a.emotion != b.emotion]
    assert all(b - a >= hold_s - 1e-6 for a, b in pairwise(times))
    assert all(b.time_s - a.time_s < 5.0 + doubt_holds * hold_s + 0.2 for a, b in pairwise(said))
    for state in said:
        assert (state.emotion is None) == bool(state.reason)
        if state.emotion is None:
            assert not state.certain
            continue
        assert state.confidence >= min_confidence
        firsts = {
            max(o.probabilities[EMOTIONS.index(c)] for c in state.candidates)
            == o.probabilities[EMOTIONS.index(state.emotion)]
            for o in state.opinions
        }
        assert True in firsts
        if state.decided_by == "text":
            (text,) = [o for o in state.opinions if o.modality == "text"]
            assert text.probabilities[EMOTIONS.index(state.emotion)] >= 1 / 7 - 1e-6
    for event in outcomes:
        if isinstance(event, EmotionEvent) and event.kind == "begin":
            assert event.emotion in {state.emotion for state in said}


def speaking(stage, time_s, *, moving):
    """Ten looks and blocks a second from 0: a mouth in view that moves with the sound, or rests."""
    for number in range(round(time_s * 10)):
        loud = number % 7 < 4 and number % 3 > 0
        movement = 0.05 if moving and loud else 0.004
        face = replace(faces(0).faces[0], mouth_movement=movement)
        stage.on_faces(FacesObservation(number / 10 + 0.1, (face,)), number / 10 + 0.1)
        stage.on_sound(SoundLevel(number / 10, (-20.0 if loud else -60.0,) * 5))


@pytest.mark.parametrize(("moving", "speaker"), [(True, 1), (False, "unseen")])
@pytest.mark.parametrize("voice_of", ["anyone", "faces"])
def test_voices_of_nobody_in_view_count_for_anyone_alone(voice_of, moving, speaker):
    stage = DecisionStage(Settings(fusion=FusionSettings(voice_of=voice_of)), str)
    speaking(stage, 9.0, moving=moving)
    heard = stage.on_voice(VoiceObservation(5.0, 8.0, peaked("anger"), 20.0, -20.0), 8.5)[0]
    said = stage.on_text(TextObservation(5.0, 8.0, "hola", peaked("anger")), 8.5)[0]
    assert (heard.speaker, said.speaker) == (speaker, speaker)
    assert heard.to_payload()["speaker"] == said.to_payload()["speaker"] == speaker
    counted = {opinion.modality for opinion in stage.state.opinions}
    assert counted == {"face", "voice", "text"} if moving or voice_of == "anyone" else {"face"}


def test_under_privacy_no_mouth_and_no_sound_is_kept(stage):
    speaking(stage, 9.0, moving=True)
    stage.withhold("privacy", 9.0)
    speaking(stage, 9.0, moving=True)
    stage.resume(9.0)
    assert stage.on_voice(VoiceObservation(5.0, 8.0, None, 20.0, -20.0), 9.1)[0].speaker == "unknown"
