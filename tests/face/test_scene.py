import pytest

from emoedge.face.pyramid import Pyramid
from emoedge.face.scene import Scene
from emoedge.observations import Box

from .test_pyramid import room


def test_noise_is_no_change_and_a_small_face_is():
    scene = Scene()
    for seed in range(20):
        scene.notice(Pyramid(room(seed)))
        scene.looked()
    assert scene.exhausted(20)
    scene.notice(Pyramid(room(99, spot=(305, 207))))
    assert not scene.exhausted(1)


def test_what_changes_around_a_known_face_does_not_count():
    at = Box(300 / 640, 200 / 480, 40 / 640, 40 / 480)
    scene = Scene()
    scene.notice(Pyramid(room(0)))
    scene.looked()
    scene.notice(Pyramid(room(1, spot=(305, 205))), (at,))
    assert scene.exhausted(1)
    scene.notice(Pyramid(room(2, spot=(100, 205))), (at,))
    assert not scene.exhausted(1)


@pytest.mark.parametrize("box", [Box(-0.5, -0.5, 0.2, 0.2), Box(0.9, 0.9, 0.8, 0.8)])
def test_a_known_face_may_lie_outside(box):
    scene = Scene()
    scene.notice(Pyramid(room(0)))
    scene.notice(Pyramid(room(1)), (box,))
    scene.looked()
    assert scene.exhausted(1)
