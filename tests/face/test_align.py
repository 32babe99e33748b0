import math

import cv2
import numpy as np
import pytest

from emoedge.face.align import (
    BOX_WIDTH,
    EYE_DISTANCE,
    EYE_MOUTH,
    FACE_CENTRE,
    GLIMPSE,
    TIGHTNESS,
    CropGeometry,
    change,
    crop_geometry,
    cut,
    from_crop,
    peek,
)
from emoedge.face.pyramid import Pyramid
from emoedge.face.stage import CHANGED
from emoedge.frames import Frame
from emoedge.observations import Box

SIZE = 48


def _face(centre, side, angle, width, height):
    """Landmarks and box of an ideal FER+ face whose crop has this geometry, as fractions of a picture."""
    cos, sin = math.cos(angle), math.sin(angle)
    turn = np.array([[cos, -sin], [sin, cos]])
    local = np.array(
        [
            [-EYE_DISTANCE / 2, -EYE_MOUTH / 2],
            [EYE_DISTANCE / 2, -EYE_MOUTH / 2],
            [0, 0],
            [0, EYE_MOUTH / 2],
            [-0.4, -0.1],
            [0.4, -0.1],
        ]
    )
    points = (local * side) @ turn.T + centre
    half = BOX_WIDTH * side / 2
    box = Box((centre[0] - half) / width, (centre[1] - half) / height, 2 * half / width, 2 * half / height)
    return box, (points / (width, height)).astype(np.float32)


@pytest.mark.parametrize("angle", [0.0, 0.3, -0.5])
def test_geometry_of_an_ideal_face(angle):
    box, landmarks = _face((300.0, 200.0), 120.0, angle, 640, 480)
    geometry = crop_geometry(box, landmarks, 640, 480)
    assert geometry.centre_x == pytest.approx(300, abs=0.01)
    assert geometry.centre_y == pytest.approx(200, abs=0.01)
    assert geometry.side == pytest.approx(120 * TIGHTNESS, rel=1e-3)
    assert geometry.angle == pytest.approx(angle, abs=1e-3)


def test_profile_keeps_its_size_and_angle():
    """With both eyes in one place, the line from eyes to mouth and the box decide."""
    box, landmarks = _face((300.0, 200.0), 120.0, 0.0, 640, 480)
    landmarks[:2] = landmarks[:2].mean(axis=0)
    geometry = crop_geometry(box, landmarks, 640, 480)
    assert geometry.side == pytest.approx(120 * TIGHTNESS, rel=0.01)
    assert geometry.angle == pytest.approx(0.0, abs=0.01)


def _dot(image, x, y, radius):
    yy, xx = np.mgrid[: image.shape[0], : image.shape[1]]
    image[np.hypot(xx - x, yy - y) <= radius] = 255


def _centroid(crop):
    weight = crop.astype(float)
    yy, xx = np.mgrid[: crop.shape[0], : crop.shape[1]]
    return (weight * xx).sum() / weight.sum(), (weight * yy).sum() / weight.sum()


@pytest.mark.parametrize("side", [40.0, 48.0, 150.0, 300.0])
@pytest.mark.parametrize("angle", [0.0, 0.4])
@pytest.mark.parametrize("layout", ["bgr", "i420"])
def test_cut_is_not_off_by_half(side, angle, layout):
    """Dots at face centre and eye land where they belong, within a quarter of a crop pixel."""
    image = np.zeros((480, 640, 3), np.uint8)
    centre = (311.0, 233.0)
    geometry = CropGeometry(
        centre[0] + 0.5, centre[1] + 0.5, side, angle
    )  # pixel centres lie at half coordinates
    _dot(image, *centre, max(2, side / 16))
    data = image if layout == "bgr" else cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420)
    frame = Frame(0.0, data, layout, 640, 480)
    crop = cut(frame, geometry, SIZE).astype(int)
    x, y = _centroid(np.maximum(crop - crop.min(), 0))
    assert x == pytest.approx(FACE_CENTRE[0] * SIZE - 0.5, abs=0.25)
    assert y == pytest.approx(FACE_CENTRE[1] * SIZE - 0.5, abs=0.25)


def test_cut_turns_the_head_upright():
    image = np.zeros((400, 400, 3), np.uint8)
    angle, side = 0.5, 160.0
    _, landmarks = _face((200.0, 200.0), side, angle, 400, 400)
    eye = landmarks[1] * 400
    _dot(image, eye[0], eye[1], 8)
    crop = cut(Frame(0.0, image, "bgr", 400, 400), CropGeometry(200.0, 200.0, side, angle), SIZE)
    x, y = _centroid(crop)
    assert x == pytest.approx((FACE_CENTRE[0] + EYE_DISTANCE / 2) * SIZE - 0.5, abs=0.6)
    assert y == pytest.approx((FACE_CENTRE[1] - EYE_MOUTH / 2) * SIZE - 0.5, abs=0.6)


def test_cut_shrinks_without_aliasing():
    """A checkerboard finer than a crop pixel becomes even gray."""
    board = ((np.indices((480, 480)).sum(axis=0) % 2) * 255).astype(np.uint8)
    frame = Frame(0.0, cv2.cvtColor(board, cv2.COLOR_GRAY2BGR), "bgr", 480, 480)
    crop = cut(frame, CropGeometry(240, 240, 300, 0.3), SIZE)
    assert crop.std() < 4
    assert crop.mean() == pytest.approx(127, abs=4)


def test_cut_at_the_border_and_beyond():
    frame = Frame(0.0, np.full((100, 100, 3), 90, np.uint8), "bgr", 100, 100)
    assert cut(frame, CropGeometry(2, 95, 60, 0.2), SIZE).shape == (SIZE, SIZE)
    with pytest.raises(ValueError, match="outside"):
        cut(frame, CropGeometry(300, 50, 40, 0), SIZE)


def test_from_crop_uses_luma_of_bgr():
    """Red, green and blue weigh 0.299, 0.587 and 0.114: a swapped channel order shows at once."""
    image = np.zeros((30, 30, 3), np.uint8)
    image[:, :, 2] = 255
    assert from_crop(image, SIZE).mean() == pytest.approx(76, abs=1)
    alpha = np.dstack([image, np.full((30, 30), 255, np.uint8)])
    assert from_crop(alpha, SIZE).mean() == pytest.approx(76, abs=1)
    gray = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE), dtype=np.uint8)
    np.testing.assert_array_equal(from_crop(gray, SIZE), gray)
    assert from_crop(gray[:, :, None], SIZE).shape == (SIZE, SIZE)


def _pattern(opened=0.0, gain=1.0, noise=0.0):
    """A blob of a face with a dark mouth `opened` pixels wider, 640 x 480, brighter by `gain`."""
    y, x = np.mgrid[0:480, 0:640].astype(float)
    picture = 60 + 120 * np.exp(-(((x - 320) / 70) ** 2 + ((y - 240) / 90) ** 2))
    picture -= 90 * np.exp(-(((x - 320) / 35) ** 2 + ((y - 290) / (10 + opened)) ** 2))
    picture = picture * gain + np.random.default_rng(0).normal(0, noise, picture.shape)
    data = np.clip(picture, 0, 255).astype(np.uint8)
    return Pyramid(Frame(0.0, np.repeat(data[:, :, None], 3, axis=2), "bgr", 640, 480))


def test_a_glimpse_shows_an_open_mouth_and_neither_light_nor_noise():
    geometry = CropGeometry(320.0, 250.0, 200.0, 0.0)
    still = peek(_pattern(), geometry, 640)
    assert still.shape == (GLIMPSE, GLIMPSE)
    assert abs(float(still.mean())) < 1e-3
    assert change(peek(_pattern(gain=0.8), geometry, 640), still) < 0.03
    assert change(peek(_pattern(noise=6.0), geometry, 640), still) < CHANGED / 2
    assert change(peek(_pattern(opened=20.0), geometry, 640), still) > CHANGED


def test_a_glimpse_of_what_lies_partly_outside():
    geometry = CropGeometry(10.0, 470.0, 300.0, 0.2)
    assert np.isfinite(peek(_pattern(), geometry, 640)).all()
