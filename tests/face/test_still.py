import cv2
import numpy as np
import pytest

from emoedge.emotions import EMOTIONS
from emoedge.face.classify import FaceClassifier
from emoedge.face.detect import CONFIRMED_SCORE
from emoedge.face.still import (
    MAX_TILES,
    PARTS,
    SURE,
    as_frame,
    classify_crop,
    classify_picture,
    crop_outputs,
    largest_face,
    still_tiles,
)


@pytest.fixture(scope="module")
def classifier(repository):
    return FaceClassifier(repository / "models" / "face_emotion.tflite")


def test_the_astronaut_smiles(classifier, detector, portrait):
    """The whole still-picture path: a label mix-up, a shifted crop or unscaled input ends elsewhere."""
    result = classify_picture(classifier, detector, portrait)
    assert result.emotion == "happiness"
    assert result.probabilities[EMOTIONS.index("happiness")] > 0.8
    assert result.quality > 0.7
    x, y = result.box.center
    assert (x * 512, y * 512) == (pytest.approx(223, abs=12), pytest.approx(128, abs=14))
    crop = portrait[70:170, 170:275]
    direct = classify_crop(classifier, None, crop)
    assert direct.emotion == "happiness"
    assert direct.box is None


def test_gray_bgr_and_bgra_give_the_same(classifier, detector, portrait):
    gray = cv2.cvtColor(portrait[70:170, 170:275], cv2.COLOR_BGR2GRAY)
    bgr = cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR)
    bgra = cv2.cvtColor(gray, cv2.COLOR_GRAY2BGRA)
    one, two, three = (
        classify_crop(classifier, detector, image).probabilities for image in (gray, bgr, bgra)
    )
    np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(one, three)


def test_swapped_colours_change_the_input(classifier):
    """A red mouth on a green face is dark on light; with red and blue swapped its contrast is another."""
    image = np.zeros((48, 48, 3), np.uint8)
    image[:, :, 1] = 120
    image[30:40, 12:36] = (0, 0, 255)
    right = classify_crop(classifier, None, image).probabilities
    swapped = classify_crop(classifier, None, image[:, :, ::-1]).probabilities
    assert np.abs(right - swapped).max() > 1e-3


def test_nobody_in_the_picture(classifier, detector):
    empty = np.full((300, 400, 3), 90, np.uint8)
    result = classify_picture(classifier, detector, empty)
    assert (result.emotion, result.probabilities, result.reason) == (None, None, "no_face")
    assert classify_crop(classifier, None, empty).emotion in EMOTIONS  # nothing is searched in a crop


LETTERING = [
    ("n@s@Bdd", cv2.FONT_HERSHEY_TRIPLEX, 3.615, 12, (201, 17, 245), (90, 130, 220)),
    ("goc@Q", cv2.FONT_HERSHEY_DUPLEX, 2.565, 4, (246, 186, 102), (30, 60, 110)),
    ("SgB8dQB", cv2.FONT_HERSHEY_COMPLEX, 2.278, 8, (228, 86, 182), (30, 60, 110)),
    ("n@&SSn", cv2.FONT_HERSHEY_TRIPLEX, 3.217, 7, (211, 172, 140), (90, 130, 220)),
]
"""Text, font, size, thickness, background and colour of lettering that one look takes for a face."""


def lettering(text, font, scale, thickness, background, colour):
    image = np.full((480, 640, 3), background, np.uint8)
    for ink, width in (((20, 40, 80), thickness + 6), (colour, thickness)):
        cv2.putText(image, text, (60, 280), font, scale, ink, width, cv2.LINE_AA)
    return image


def test_lettering_is_no_face(detector):
    fooled = 0
    for written in LETTERING:
        frame = as_frame(lettering(*written))
        tiles = still_tiles(frame.width, frame.height, (1.0, 0.6, 0.36))
        seen = [detector.refine(frame, face) for tile in tiles for face in detector.detect(frame, tile)]
        fooled += any(face.score >= CONFIRMED_SCORE for face in seen)
        assert largest_face(detector, frame) is None, written
    if not fooled:
        pytest.skip("this version of OpenCV draws letters that fool no single look")


@pytest.mark.parametrize(("size", "side"), [((480, 640), 110), ((1200, 1600), 280)])
def test_a_far_face_is_found(classifier, detector, portrait, size, side):
    image = np.full((*size, 3), 90, np.uint8)
    # The face is a fifth as wide.
    small = cv2.resize(portrait, (side, side), interpolation=cv2.INTER_AREA)
    image[size[0] // 2 : size[0] // 2 + side, 100 : 100 + side] = small
    result = classify_picture(classifier, detector, image)
    assert result.emotion == "happiness"
    assert result.box is not None
    assert result.box.width * size[1] == pytest.approx(side * 0.22, rel=0.3)


def test_a_face_that_fills_the_picture_is_found(classifier, detector, portrait):
    tight = np.ascontiguousarray(portrait[72:168, 172:268])
    result = classify_picture(classifier, detector, tight)
    assert result.emotion == "happiness"
    assert 0.4 < result.box.area < 2.5


def test_the_largest_of_two_faces_is_judged(classifier, detector, portrait):
    picture = np.full((512, 900, 3), 100, np.uint8)
    picture[:, :512] = portrait
    picture[100:220, 700:820] = cv2.resize(portrait[0:240, 110:350], (120, 120), interpolation=cv2.INTER_AREA)
    assert classify_picture(classifier, detector, picture).box.center[0] < 0.5


@pytest.mark.parametrize(("width", "height"), [(640, 480), (1280, 720), (480, 640), (500, 500)])
def test_tiles_cover_the_picture(width, height):
    covered = np.zeros((height, width), bool)
    for tile in still_tiles(width, height):
        assert -1e-9 <= tile.x <= tile.x + tile.width <= 1 + 1e-9
        assert -1e-9 <= tile.y <= tile.y + tile.height <= 1 + 1e-9
        assert tile.width * width == pytest.approx(tile.height * height)
        top, left = round(tile.y * height), round(tile.x * width)
        covered[top : top + round(tile.height * height), left : left + round(tile.width * width)] = True
    assert covered.all()


def test_a_crop_without_a_findable_face_is_judged_as_it_is(classifier, detector):
    empty = np.full((96, 96, 3), 90, np.uint8)
    alone = classify_crop(classifier, None, empty).probabilities
    np.testing.assert_array_equal(classify_crop(classifier, detector, empty).probabilities, alone)


def test_loose_and_tilted_crops_are_aligned(classifier, detector, portrait):
    """The smile must survive a crop that shows half the bust, tilted by 35 degrees."""
    turn = cv2.getRotationMatrix2D((223, 128), 35, 1.0)
    tilted = cv2.warpAffine(portrait, turn, (512, 512), borderMode=cv2.BORDER_REFLECT_101)
    loose = tilted[20:240, 110:330]
    happiness = EMOTIONS.index("happiness")
    alone = classifier.calibrated(crop_outputs(classifier, None, loose).logits)[0, happiness]
    aligned = classify_crop(classifier, detector, loose).probabilities[happiness]
    assert aligned > max(alone, 0.6)


def test_a_sure_crop_is_not_looked_at_again(classifier, detector, portrait, monkeypatch):
    looks = []
    detect = detector.detect
    monkeypatch.setattr(detector, "detect", lambda *some, **more: looks.append(1) or detect(*some, **more))
    smile = portrait[70:170, 170:275]
    at_first_sight = classify_crop(classifier, None, smile).probabilities
    assert at_first_sight.max() >= SURE
    np.testing.assert_array_equal(classify_crop(classifier, detector, smile).probabilities, at_first_sight)
    assert not looks
    everything = crop_outputs(classifier, detector, smile, sure=np.inf)
    assert looks
    assert not np.array_equal(classifier.calibrated(everything.logits)[0], at_first_sight)


@pytest.mark.parametrize(
    ("width", "height"), [(65_000, 1), (1, 65_000), (30_000, 2), (3, 20_000), (8_000, 40)]
)
def test_strips_are_not_cut_into_a_million_parts(detector, width: int, height: int) -> None:
    for shares in PARTS:
        assert len(still_tiles(width, height, shares)) <= len(shares) * MAX_TILES
    frame = as_frame(np.full((height, width, 3), 128, np.uint8))
    assert largest_face(detector, frame) is None


def test_usual_pictures_are_cut_as_before() -> None:
    assert [len(still_tiles(1600, 1200, shares)) for shares in PARTS] == [14, 24]
    assert [len(still_tiles(4000, 400, shares)) for shares in PARTS] == [100, 184]
