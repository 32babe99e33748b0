"""What is drawn into the picture on demand."""

from __future__ import annotations

import numpy as np
import pytest

from emoedge.config import Settings
from emoedge.observations import Box
from emoedge.pipeline.perception import build_face
from emoedge.supervise.picture_drawing import CROP_PX, MAX_HEIGHT, MAX_WIDTH, draw

from .test_picture import faces, frame, opened


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((1280, 720), (640, 360)),
        ((320, 240), (320, 240)),
        ((480, 1920), (120, 480)),
        ((333, 251), (332, 250)),
    ],
)
def test_a_picture_fits_and_keeps_its_shape(size: tuple[int, int], expected: tuple[int, int]) -> None:
    picture = draw(frame(0.0, *size), None, "es")
    assert (picture.width, picture.height) == expected
    assert opened(picture.jpeg).shape[:2] == expected[::-1]
    assert picture.width <= MAX_WIDTH
    assert picture.height <= MAX_HEIGHT
    assert picture.crop is None


def test_box_landmarks_and_crop_are_of_the_face() -> None:
    plain, drawn = draw(frame(0.0), None, "es"), draw(frame(0.0), faces(0.0), "es")
    difference = np.abs(opened(plain.jpeg).astype(int) - opened(drawn.jpeg).astype(int)).max(axis=2) > 60
    assert difference[round(0.2 * 360), 170:470].mean() > 0.8, "the upper edge of the box"
    assert difference[round(0.4 * 360) - 1, round(0.4 * 640)], "an eye"
    assert not difference[:40].any()
    assert drawn.crop is not None
    assert opened(drawn.crop).shape[0] == opened(drawn.crop).shape[1]


def test_the_crop_is_as_large_as_the_face_model_takes() -> None:
    assert vars(build_face(Settings()))["_classifier"].size == CROP_PX


def test_an_ignored_part_is_dark_and_crossed_out_and_nothing_else_changes() -> None:
    part = Box(0.5, 0.25, 0.25, 0.5)
    plain = opened(draw(frame(0.0), None, "es").jpeg).astype(int)
    drawn = opened(draw(frame(0.0), None, "es", [part]).jpeg).astype(int)
    inside = np.s_[90:270, 320:480]
    assert np.median(drawn[inside]) == pytest.approx(np.median(plain[inside]) / 2, abs=5)
    assert drawn[180, 400].mean() > plain[180, 400].mean(), "the middle of the cross"
    outside = np.ones(plain.shape[:2], bool)
    outside[80:280, 310:490] = False
    assert np.abs(drawn - plain)[outside].max() < 20
