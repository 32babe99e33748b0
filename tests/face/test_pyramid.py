"""Levels of a frame, each half of the one before."""

import numpy as np

from emoedge.face.pyramid import BASE_WIDTH, Pyramid
from emoedge.frames import Frame


def gray(picture):
    return Frame(0.0, np.repeat(picture[:, :, None], 3, axis=2), "bgr", picture.shape[1], picture.shape[0])


def room(seed=0, spot=None, noise=8.0):
    """A noisy wall of 640 x 480, a darker face of 6 % at `spot` (x, y)."""
    rng = np.random.default_rng(seed)
    picture = np.full((480, 640), 120.0)
    if spot:
        picture[spot[1] : spot[1] + 30, spot[0] : spot[0] + 30] = 90.0
    return gray(np.clip(picture + rng.normal(0, noise, picture.shape), 0, 255).astype(np.uint8))


def test_levels_are_half_of_each_other():
    pyramid = Pyramid(room())
    assert BASE_WIDTH <= pyramid.shape[1] < 2 * BASE_WIDTH
    assert [pyramid.level(n).shape for n in range(3)] == [(240, 320), (120, 160), (60, 80)]
    assert pyramid.level_for(80, 80) == 0
    assert pyramid.level_for(81, 80) == 1
    assert min(pyramid.level(99).shape) >= 2  # never nothing


def test_a_level_is_no_view_of_the_frame():
    data = np.full((360, 320), 90, np.uint8)
    pyramid = Pyramid(Frame(0.0, data, "i420", 320, 240))
    data[:] = 0
    assert pyramid.level(0).min() == 90
