"""Frames: what is kept of them, and how often."""

from __future__ import annotations

import weakref

import numpy as np

from emoedge.frames import PlanarFrame, planes_of


def planar() -> PlanarFrame:
    """A frame of 8 x 4 pixels whose planes are apart."""
    luma = np.arange(32, dtype=np.uint8).reshape(4, 8)
    chroma = (np.full((2, 4), 7, np.uint8), np.full((2, 4), 9, np.uint8))
    return PlanarFrame(1.0, (luma, *chroma), 8, 4, 5)


def test_a_frame_is_kept_once_though_its_planes_are_joined():
    """A pre-roll of a network camera held every frame twice: joined, and as the decoder left it."""
    frame = planar()
    planes = [weakref.ref(plane) for plane in (frame.luma, *frame.chroma)]
    expected = [plane().copy() for plane in planes]
    joined = frame.data
    assert joined.shape == (6, 8)
    assert [plane() for plane in planes] == [None] * 3
    for plane, before in zip((frame.luma, *frame.chroma), expected, strict=True):
        assert np.shares_memory(plane, joined)
        assert np.array_equal(plane, before)
    assert frame.data is joined


def test_the_same_frame_at_another_time_copies_nothing():
    frame = planar()
    moved = frame.at(2.5, 6)
    assert (moved.time_s, moved.sequence, moved.width, moved.height) == (2.5, 6, 8, 4)
    assert moved.luma is frame.luma
    assert np.array_equal(moved.data, frame.data)
    again = moved.at(3.0, 7)
    assert np.shares_memory(again.luma, moved.data)


def test_planes_are_views_of_joined_ones():
    data = np.arange(48, dtype=np.uint8).reshape(6, 8)
    luma, blue, red = planes_of(data)
    assert (luma.shape, blue.shape, red.shape) == ((4, 8), (2, 4), (2, 4))
    assert all(np.shares_memory(plane, data) for plane in (luma, blue, red))
    assert blue[0, 0] == 32
    assert red[-1, -1] == 47
