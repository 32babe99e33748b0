"""A part of the frame at the size of a network."""

import cv2
import numpy as np
import pytest

from emoedge.face.sample import clip_rectangle
from emoedge.observations import Box

from .test_detect import _frame


@pytest.mark.parametrize("layout", ["bgr", "i420"])
def test_a_part_keeps_its_pixels_in_place(layout):
    image = np.random.default_rng(1).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    image = cv2.GaussianBlur(image, (0, 0), 6)
    frame = _frame(image, layout)
    assert clip_rectangle(frame, -5, -5, 200, 200) == (0, 0, 80, 60)
    part = clip_rectangle(frame, 11, 7.5, 41, 33)
    assert part == (10, 6, 42, 34)
    there = frame.bgr[6:34, 10:42, ::-1]
    np.testing.assert_array_equal(frame.small_rgb(32, 28, part), there)
    half = cv2.resize(there, (16, 14), interpolation=cv2.INTER_AREA).astype(int)
    # One pixel off would be 1.0.
    assert np.abs(frame.small_rgb(16, 14, part) - half).mean() < 0.6
    with pytest.raises(ValueError, match="outside"):
        clip_rectangle(frame, 90, 0, 120, 30)


def test_a_narrow_part_leaves_nothing_of_the_one_before(detector, portrait):
    wide, narrow = Box(0.0, 0.0, 1.0, 0.6), Box(0.25, 0.0, 0.4, 0.6)
    frame = _frame(portrait)
    (alone,) = detector.detect(frame, narrow)
    detector.detect(frame, wide)
    (after,) = detector.detect(frame, narrow)
    assert after.score == alone.score
    np.testing.assert_array_equal(after.landmarks, alone.landmarks)
