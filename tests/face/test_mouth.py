"""How much a mouth moves: drawn mouths on a head that moves too."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from emoedge.face.align import CropGeometry
from emoedge.face.mouth import LONGEST_S, SIDE, Mouths, difference
from tests.face.conftest import bgr_frame

SIZE = 200


def head(opening: float, x: float = 100.0, y: float = 100.0, noise: float = 0.0) -> np.ndarray:
    """A head with eyes, nose and a mouth; opening in pixels."""
    picture = np.full((SIZE, SIZE), 200, np.uint8)
    cv2.ellipse(picture, (round(x), round(y)), (45, 60), 0, 0, 360, 150, -1, cv2.LINE_AA)
    for side in (-18, 18):
        cv2.ellipse(picture, (round(x + side), round(y - 20)), (8, 4), 0, 0, 360, 40, -1, cv2.LINE_AA)
    cv2.line(picture, (round(x), round(y - 10)), (round(x), round(y + 10)), 100, 3, cv2.LINE_AA)
    cv2.ellipse(picture, (round(x), round(y + 30)), (16, round(3 + opening)), 0, 0, 360, 60, -1, cv2.LINE_AA)
    grain = (
        np.random.default_rng(round(x + 1000 * opening)).normal(0.0, noise, picture.shape) if noise else 0.0
    )
    return np.repeat(np.clip(picture + grain, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def movement(mouths: Mouths, picture: np.ndarray, time_s: float, x: float = 100.0, y: float = 100.0):
    geometry = CropGeometry(x, y, 110.0, 0.0)
    return mouths.movement(bgr_frame(picture, time_s), 1, geometry, np.array([x, y + 30], np.float32) / SIZE)


def test_the_first_look_and_one_after_a_long_while_have_nothing_to_compare():
    mouths = Mouths()
    assert movement(mouths, head(0), 0.0) is None
    assert movement(mouths, head(0), 0.1) is not None
    assert movement(mouths, head(0), 0.2 + LONGEST_S) is None


@pytest.mark.parametrize("noise", [0.0, 4.0])
def test_a_mouth_that_opens_moves_and_one_that_rests_does_not(noise: float):
    mouths = Mouths()
    movement(mouths, head(0, noise=noise), 0.0)
    rest = movement(mouths, head(0, noise=noise), 0.1)
    opened = movement(mouths, head(6, noise=noise), 0.2)
    assert 0 <= rest < 0.01
    assert opened > 5 * max(rest, 0.004)


def test_a_head_that_moves_is_not_a_mouth_that_moves():
    mouths = Mouths()
    movement(mouths, head(0), 0.0)
    followed = movement(mouths, head(0, x=105), 0.1, x=105)
    found_beside = movement(mouths, head(0, x=105), 0.2, x=103)
    opened = movement(mouths, head(6, x=107), 0.3, x=107)
    assert max(followed, found_beside) < opened / 3


def test_noise_on_a_flat_patch_is_no_movement():
    chance = np.random.default_rng(1)
    flat = [(128 + chance.normal(0, 2, (SIDE, SIDE))).astype(np.uint8) for _ in range(2)]
    assert difference(*flat) < 0.1


def test_mouths_are_told_apart_and_forgotten():
    mouths = Mouths()
    movement(mouths, head(0), 0.0)
    mouths.forget({1})
    assert movement(mouths, head(0), 0.1) is not None
    mouths.forget({2})
    assert movement(mouths, head(0), 0.2) is None
    mouths.clear()
    assert movement(mouths, head(0), 0.3) is None


def test_a_mouth_outside_the_picture_is_not_seen():
    mouths = Mouths()
    assert movement(mouths, head(0), 0.0, x=1000.0) is None
