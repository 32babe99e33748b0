"""A photograph is nobody, a person is somebody."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emoedge.face.stage import FaceStage
from emoedge.face.stillness import MOVED, RETURN_S, Stillness
from emoedge.observations import Box

from .test_stage import Counting, frame, scene

STEP_S = 0.1
STILL_S = 10.0


def picture(seed):
    values = np.random.default_rng(seed).standard_normal((24, 24)).astype(np.float32)
    return (values - values.mean()) / values.std()


def feed(stillness, pictures, start_s=0.0):
    """One picture every STEP_S; the moments at which the face counted as a photograph."""
    moments = []
    for number, one in enumerate(pictures):
        time_s = start_s + number * STEP_S
        stillness.update(time_s, one)
        if stillness.still_for_s(time_s) >= 0:
            moments.append(time_s)
    return moments


@settings(max_examples=20)
@given(st.floats(0.0, 0.15), st.integers(0, 99))
def test_a_photograph_is_still_whatever_the_noise(noise, seed):
    rng = np.random.default_rng(seed)
    pictures = [picture(1) + rng.normal(0, noise, (24, 24)).astype(np.float32) for _ in range(300)]
    moments = feed(Stillness(STILL_S, 0.0), pictures)
    assert moments[0] == pytest.approx(STILL_S)
    assert len(moments) == 200


def test_light_that_changes_slowly_is_no_movement():
    light = picture(2)
    pictures = [picture(1) + 0.5 * n / 3000 * light for n in range(3000)]
    assert len(feed(Stillness(STILL_S, 0.0), pictures)) == 2900


def test_who_has_moved_once_is_a_person_for_half_an_hour():
    stillness = Stillness(STILL_S, 0.0)
    assert feed(stillness, [picture(1)] * 30 + [picture(2)] * 600) == []
    assert stillness.has_moved
    moments = feed(stillness, [picture(2)] * 20_000, 63.0)
    assert RETURN_S < moments[0] < RETURN_S + 5


def test_what_moves_counts_at_once():
    stillness = Stillness(STILL_S, 0.0)
    assert feed(stillness, [picture(1)] * 200)
    moments = feed(stillness, [picture(2)] * 200, 20.0)
    assert max(moments, default=0) <= 20.6


@given(st.floats(1.2, 20))
def test_a_movement_beyond_the_noise_is_seen(times):
    one, other = picture(1), picture(2)
    apart = float(np.abs(other - one).mean())
    nudged = one + np.float32(times * MOVED / apart) * (other - one)
    stillness = Stillness(STILL_S, 0.0)
    feed(stillness, [one] * 20 + [nudged] * 20)
    assert stillness.has_moved


@pytest.fixture
def noisy(portrait):
    rng = np.random.default_rng(0)

    def make(time_s, *places):
        image = scene(portrait, *places).astype(np.float32) + rng.normal(0, 3, (480, 640, 1))
        return frame(np.clip(image, 0, 255).astype(np.uint8), time_s)

    return make


def test_a_poster_is_nobody_and_never_primary_beside_a_person(detector, noisy):
    """It was happiness 1.0 for a minute, and primary beside a living person."""
    stage = FaceStage(detector, Counting(), still_s=2.0)
    for step in range(40):
        observation = stage.process(noisy(step / 10, (40, 100)))
    (poster,) = observation.faces
    assert poster.still
    assert poster.emotion is None
    assert poster.quality_reasons == ("still",)
    assert observation.primary is None
    assert observation.people == 0
    for step in range(40, 70):  # somebody comes and moves, no larger than the poster
        observation = stage.process(noisy(step / 10, (40, 100), (360 + step % 7 * 6, 120)))
    assert [face.still for face in observation.faces if face.primary] == [False]
    assert observation.people == 1
    assert next(face for face in observation.faces if face.still).track_id == poster.track_id


def test_a_photograph_that_was_hidden_is_still_when_it_is_seen_again(detector, noisy, monkeypatch):
    monkeypatch.setattr("emoedge.face.places.REMEMBER_S", 1.0)
    stage = FaceStage(detector, Counting(), still_s=2.0)
    for step in range(60):
        stage.process(noisy(step / 10, (40, 100)))
    for step in range(60, 90):
        assert not stage.process(noisy(step / 10)).people
    seen = [stage.process(noisy(step / 10, (40, 100))) for step in range(90, 105)]
    assert seen[-1].faces
    assert not any(observation.people for observation in seen)


def test_a_photograph_that_begins_to_move_is_somebody(detector, noisy):
    stage = FaceStage(detector, Counting(), still_s=2.0)
    for step in range(30):
        observation = stage.process(noisy(step / 10, (40, 100)))
    assert observation.people == 0
    for step in range(30, 50):
        observation = stage.process(noisy(step / 10, (40 + 4 * (step - 30), 100)))
    assert observation.people == 1
    assert observation.primary.emotion == "surprise"


def test_who_moves_is_never_still(detector, noisy):
    stage = FaceStage(detector, Counting(), still_s=2.0)
    for step in range(80):
        observation = stage.process(noisy(step / 10, (100 + (step % 9) * 5, 100)))
        assert observation.people == 1
        assert observation.primary is not None


def test_zero_takes_everything_for_a_person(detector, noisy):
    stage = FaceStage(detector, Counting(), still_s=0.0)
    for step in range(60):
        observation = stage.process(noisy(step / 10, (40, 100)))
    assert observation.primary.emotion == "surprise"


def test_faces_in_an_ignored_part_do_not_count(detector, noisy):
    stage = FaceStage(detector, Counting(), ignore=(Box(0.0, 0.0, 0.5, 1.0),))
    for step in range(10):
        observation = stage.process(noisy(step / 10, (20, 100), (360, 100)))
    (face,) = observation.faces
    assert face.box.center[0] > 0.5
