"""The portrait's expressions."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from emoedge.demo import clip as demo_clip
from emoedge.demo.expression import Expression, masked, shown


@pytest.fixture(scope="module")
def portrait():
    return demo_clip.read_portrait()


def test_the_smile_is_the_portraits_own(portrait):
    np.testing.assert_array_equal(shown(portrait, Expression(smile=True)), portrait)


def test_only_the_face_changes(portrait):
    for scene in demo_clip.SCENES:
        if scene.expression is None:
            continue
        change = np.abs(shown(portrait, scene.expression, 0.5).astype(int) - portrait).max(axis=2)
        assert change[:60].max() == 0, "hair"
        assert change[200:].max() == 0, "suit"


def test_the_mouth_opens_with_the_sound(portrait):
    for expression in (demo_clip.CALM, demo_clip.JOY):
        closed, opened = (shown(portrait, expression, speaking) for speaking in (0.0, 1.0))
        change = cv2.absdiff(closed, opened).max(axis=2)
        assert change[140:165, 115:145].max() > 20
        assert change[:110].max() == 0


def test_the_cloth_covers_nose_and_mouth(portrait):
    change = cv2.absdiff(masked(portrait), portrait).max(axis=2)
    assert (change[125:165, 115:145] > 10).mean() > 0.9
    assert change[:105].max() == 0
