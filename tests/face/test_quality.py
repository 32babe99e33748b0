import cv2
import numpy as np
import pytest

from emoedge.face.align import crop_geometry, cut
from emoedge.face.quality import assess, sharpness, turn
from emoedge.frames import Frame


@pytest.fixture(scope="module")
def face(detector, portrait):
    frame = Frame(0.0, portrait, "bgr", 512, 512)
    (found,) = detector.detect(frame)
    geometry = crop_geometry(found.box, found.landmarks, 512, 512)
    return cut(frame, geometry, 48), geometry.side, found.landmarks


def test_a_good_face(face):
    crop, side, landmarks = face
    quality = assess(crop, side, landmarks)
    assert quality.value > 0.7
    assert quality.reasons == ()


def test_each_reason(face):
    crop, side, landmarks = face
    good = assess(crop, side, landmarks).value
    turned = landmarks.copy()
    turned[2, 0] += 0.9 * (landmarks[1, 0] - landmarks[0, 0])
    cases = {
        "small": assess(crop, 20.0, landmarks),
        "blurred": assess(cv2.GaussianBlur(crop, (0, 0), 4), side, landmarks),
        "dark": assess((crop * 0.08).astype(np.uint8), side, landmarks),
        "turned": assess(crop, side, turned),
        "covered": assess(crop, side, landmarks).under(np.array([3.0, -9.0, -9.0], np.float32)),
    }
    for reason, quality in cases.items():
        assert reason in quality.reasons, reason
        assert quality.value < good - 0.15, reason
    assert assess(np.zeros((48, 48), np.uint8), 200.0).value < 0.05


def test_quality_falls_steadily_with_blur(face):
    crop = face[0]
    values = [sharpness(cv2.GaussianBlur(crop, (0, 0), s) if s else crop) for s in (0, 1, 2, 4)]
    assert values == sorted(values, reverse=True)
    assert sharpness(np.full((48, 48), 7, np.uint8)) == 0.0


def test_turn_is_the_same_for_a_tilted_head(face):
    landmarks = face[2].astype(np.float64)
    angle = 0.6
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    tilted = ((landmarks - 0.5) @ rotation.T + 0.5).astype(np.float32)
    assert turn(tilted) == pytest.approx(turn(face[2]), abs=1e-4)


def test_what_the_network_sees_of_the_face(face):
    good = assess(*face)
    assert good.under(np.full(3, -9, np.float32)) == good
    masked, blindfolded, lying = (
        good.under(np.where(np.arange(3) == i, 9, -9).astype(np.float32)) for i in range(3)
    )
    assert (masked.reasons, masked.hopeless, masked.value) == (("covered",), True, 0.0)
    assert (blindfolded.reasons, blindfolded.hopeless) == (("covered",), False)
    assert 0.2 * good.value < blindfolded.value < 0.5 * good.value
    assert (lying.reasons, lying.hopeless) == (("turned",), True)


def test_a_tilted_head_is_judged_and_an_upside_down_one_is_not(face):
    crop, side, landmarks = face
    values = [assess(crop, side, landmarks, 1.0, np.radians(roll)).value for roll in (0, 30, 45, 60, 75, 180)]
    assert values == sorted(values, reverse=True)
    assert values[0] == values[1]
    assert assess(crop, side, landmarks, 1.0, np.radians(-100)).hopeless
    assert assess(crop, side, landmarks, 1.0, np.radians(180)).reasons == ("turned",)
