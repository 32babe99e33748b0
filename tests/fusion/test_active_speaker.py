"""Whose voice it is, from movements and levels made by hand."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from emoedge.fusion.active_speaker import MEMORY_S, ActiveSpeaker
from emoedge.observations import LEVEL_STEP_S, Box, FaceObservation, FacesObservation, SoundLevel

LOUD_DB, QUIET_DB = -20.0, -60.0
BLOCK_S = 0.1


def words(seed: int) -> list[tuple[float, float]]:
    """Beginnings and ends of words: 0.15 to 0.5 s long, 0.1 to 0.4 s apart."""
    chance = np.random.default_rng(seed)
    found, at_s = [], float(chance.uniform(0.0, 1.0))
    while at_s < 16.0:
        end_s = at_s + float(chance.uniform(0.15, 0.5))
        found.append((at_s, end_s))
        at_s = end_s + float(chance.uniform(0.1, 0.4))
    return found


def loud(spoken: list[tuple[float, float]], time_s: float) -> bool:
    return any(begin_s <= time_s < end_s for begin_s, end_s in spoken)


def face(track_id: int, movement: float | None, **kwargs: object) -> FaceObservation:
    return FaceObservation(track_id, Box(0.4, 0.4, 0.2, 0.2), None, 1.0, mouth_movement=movement, **kwargs)


def moving(spoken: list[tuple[float, float]], time_s: float, seed: int, step_s: float = 0.1) -> float:
    """How much a mouth that says the words has moved since the frame before."""
    jitter = math.exp(float(np.random.default_rng([seed, round(time_s * 1000)]).normal(0.0, 0.4)))
    share = np.mean([loud(spoken, time_s - step_s * part) for part in (0.1, 0.3, 0.5, 0.7, 0.9)])
    return float(0.002 + 0.04 * share) * jitter


def scene(
    heard: list[tuple[float, float]],
    mouths: dict[int, list[tuple[float, float]] | None],
    *,
    hz: float = 10.0,
    late_s: float = 0.0,
    until_s: float = 16.0,
    **kwargs: object,
) -> ActiveSpeaker:
    """Everybody moves the mouth with the own words; None is a face whose mouth is hidden."""
    judge = ActiveSpeaker()
    for number in range(round(until_s / BLOCK_S)):
        begin_s = number * BLOCK_S
        times = [
            begin_s + (step + 0.5) * LEVEL_STEP_S - late_s for step in range(round(BLOCK_S / LEVEL_STEP_S))
        ]
        judge.on_sound(SoundLevel(begin_s, tuple(LOUD_DB if loud(heard, t) else QUIET_DB for t in times)))
    for number in range(round(until_s * hz)):
        time_s = number / hz
        faces = [
            face(one, None if own is None else moving(own, time_s, one, 1 / hz), **kwargs)
            for one, own in mouths.items()
        ]
        judge.on_faces(FacesObservation(time_s, tuple(faces)))
    return judge


@pytest.mark.parametrize("hz", [10.0, 7.0, 5.0])
@pytest.mark.parametrize("late_s", [-0.1, 0.0, 0.1])
def test_who_moves_the_mouth_with_the_voice_is_the_speaker(hz: float, late_s: float) -> None:
    mine = words(1)
    assert scene(mine, {7: mine}, hz=hz, late_s=late_s).speaker(10.0, 13.0) == 7


def test_of_two_the_one_whose_words_they_are() -> None:
    mine, other = words(1), words(2)
    assert scene(mine, {3: other, 4: mine}).speaker(10.0, 13.0) == 4
    assert scene(other, {3: other, 4: mine}).speaker(10.0, 13.0) == 3


def test_two_mouths_in_step_are_not_told_apart() -> None:
    mine = words(1)
    assert scene(mine, {3: mine, 4: mine}).speaker(10.0, 13.0) == "unknown"


def test_a_mouth_that_rests_is_not_where_the_voice_comes_from() -> None:
    assert scene(words(1), {7: []}).speaker(10.0, 13.0) == "unseen"


def test_a_mouth_with_other_words_is_seldom_taken_for_the_speaker() -> None:
    said = [scene(words(1), {7: words(seed)}).speaker(10.0, 13.0) for seed in range(2, 42)]
    assert said.count(7) <= 4
    assert said.count("unseen") >= 12


@pytest.mark.parametrize("seed", range(10))
def test_who_speaks_is_never_unseen(seed: int) -> None:
    mine = words(seed)
    judge = scene(mine, {7: mine})
    for begin_s, length_s in itertools.product((5.0, 7.0, 9.0, 11.0), (0.5, 1.5, 3.0)):
        assert judge.speaker(begin_s, begin_s + length_s) != "unseen"


def test_sound_half_a_second_late_is_not_from_this_mouth() -> None:
    mine = words(1)
    assert scene(mine, {7: mine}, late_s=0.5).speaker(10.0, 13.0) != 7


def test_with_nobody_in_view_the_voice_is_unseen() -> None:
    assert scene(words(1), {}).speaker(10.0, 13.0) == "unseen"


def test_who_was_there_a_moment_ago_may_have_turned_away() -> None:
    judge = scene(words(1), {7: words(2)}, until_s=4.0)
    for number in range(40, 160):
        judge.on_faces(FacesObservation(number / 10, ()))
    for number in range(40, 160):
        judge.on_sound(SoundLevel(number / 10, (LOUD_DB,) * 5))
    assert judge.speaker(6.0, 9.0) == "unknown"


def test_a_hidden_mouth_may_be_the_one_that_speaks() -> None:
    mine = words(1)
    assert scene(mine, {7: None}).speaker(10.0, 13.0) == "unknown"
    assert scene(mine, {7: None, 8: []}).speaker(10.0, 13.0) == "unknown"
    assert scene(mine, {7: None, 8: mine}).speaker(10.0, 13.0) == 8


def test_a_photograph_has_no_voice() -> None:
    mine = words(1)
    judge = scene(mine, {7: mine}, quality_reasons=("still",))
    assert judge.speaker(10.0, 13.0) == "unseen"


def test_a_short_word_is_not_said_to_be_nobodys() -> None:
    assert scene(words(1), {7: []}).speaker(10.0, 10.8) == "unknown"


def test_too_few_frames_tell_nothing() -> None:
    mine = words(1)
    assert scene(mine, {7: mine}, hz=2.0).speaker(10.0, 13.0) == "unknown"
    assert scene(mine, {}, hz=2.0).speaker(10.0, 13.0) == "unknown"


def test_without_camera_or_sound_nothing_is_known() -> None:
    assert ActiveSpeaker().speaker(10.0, 13.0) == "unknown"
    judge = scene(words(1), {7: words(1)})
    judge.forget("voice")
    assert judge.speaker(10.0, 13.0) == "unknown"
    judge = scene(words(1), {7: words(1)})
    judge.forget("face")
    assert judge.speaker(10.0, 13.0) == "unknown"


def test_lost_sound_is_left_out() -> None:
    mine = words(1)
    judge = scene(mine, {7: mine})
    whole = judge.speaker(10.0, 13.0)
    assert whole == 7
    assert scene(mine, {7: mine}, until_s=11.5).speaker(10.0, 13.0) in (7, "unknown")


def test_what_is_remembered_is_bounded() -> None:
    judge = ActiveSpeaker()
    for number in range(round(3 * MEMORY_S)):
        judge.on_sound(SoundLevel(number, (LOUD_DB,) * 50))
        judge.on_faces(FacesObservation(number, (face(1, 0.1),)))
    assert len(judge._looks) <= MEMORY_S + 1
    assert len(judge._levels) <= MEMORY_S + 1
