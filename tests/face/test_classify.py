import json
import shutil

import cv2
import numpy as np
import pytest

from emoedge.emotions import EMOTIONS
from emoedge.errors import ModelError
from emoedge.face.classify import (
    CLIP,
    FaceClassifier,
    FaceModelCard,
    classify_image,
    standardise,
    still_tiles,
)
from emoedge.face.selfcheck import deviation


@pytest.fixture(scope="module")
def model(repository):
    return repository / "models" / "face_emotion.tflite"


@pytest.fixture(scope="module")
def classifier(model):
    return FaceClassifier(model)


def test_the_model_gives_its_recorded_answer(classifier, model):
    """The int8 arithmetic is the same on every runtime and board, up to the last step or two."""
    assert deviation(classifier, model.with_suffix(".json")) <= 1


def test_another_model_gives_another_answer(classifier, model, monkeypatch, tmp_path):
    logits = classifier.logits
    monkeypatch.setattr(classifier, "logits", lambda crops: np.roll(logits(crops), 1, axis=1))
    assert deviation(classifier, model.with_suffix(".json")) > 1
    (tmp_path / "card.json").write_text("{}")
    with pytest.raises(ModelError, match="no answer"):
        deviation(classifier, tmp_path / "card.json")


def test_the_astronaut_smiles(classifier, detector, portrait):
    """Through the whole still-picture path. A label order mix-up, a crop off by half or an unscaled input ends elsewhere."""
    result = classify_image(classifier, detector, portrait, crop=False)
    assert result.emotion == "happiness"
    assert result.probabilities[EMOTIONS.index("happiness")] > 0.8
    assert result.quality > 0.7
    x, y = result.box.center
    assert (x * 512, y * 512) == (pytest.approx(223, abs=12), pytest.approx(128, abs=14))
    crop = portrait[70:170, 170:275]
    direct = classify_image(classifier, None, crop, crop=True)
    assert direct.emotion == "happiness"
    assert direct.box is None


def test_gray_bgr_and_bgra_give_the_same(classifier, portrait):
    gray = cv2.cvtColor(portrait[70:170, 170:275], cv2.COLOR_BGR2GRAY)
    bgr = cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR)
    bgra = cv2.cvtColor(gray, cv2.COLOR_GRAY2BGRA)
    one, two, three = (classifier.classify_crop(image).probabilities for image in (gray, bgr, bgra))
    np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(one, three)


def test_swapped_colours_change_the_input(classifier):
    """A red mouth on a green face is dark on light; with red and blue swapped its contrast is another."""
    image = np.zeros((48, 48, 3), np.uint8)
    image[:, :, 1] = 120
    image[30:40, 12:36] = (0, 0, 255)
    right = classifier.classify_crop(image).probabilities
    swapped = classifier.classify_crop(image[:, :, ::-1]).probabilities
    assert np.abs(right - swapped).max() > 1e-3


def test_nobody_in_the_picture(classifier, detector):
    empty = np.full((300, 400, 3), 90, np.uint8)
    result = classify_image(classifier, detector, empty, crop=False)
    assert (result.emotion, result.probabilities, result.reason) == (None, None, "no_face")
    assert (
        classify_image(classifier, None, empty, crop=True).emotion in EMOTIONS
    )  # nothing is searched in a crop
    with pytest.raises(ValueError, match="detector"):
        classify_image(classifier, None, empty, crop=False)


def test_a_face_that_fills_the_picture_is_found(classifier, detector, portrait):
    tight = np.ascontiguousarray(portrait[72:168, 172:268])
    result = classify_image(classifier, detector, tight, crop=False)
    assert result.emotion == "happiness"
    assert 0.4 < result.box.area < 2.5


def test_the_largest_of_two_faces_is_judged(classifier, detector, portrait):
    picture = np.full((512, 900, 3), 100, np.uint8)
    picture[:, :512] = portrait
    picture[100:220, 700:820] = cv2.resize(portrait[0:240, 110:350], (120, 120), interpolation=cv2.INTER_AREA)
    assert classify_image(classifier, detector, picture, crop=False).box.center[0] < 0.5


def test_probabilities_are_a_batch_of_distributions(classifier):
    crops = np.random.default_rng(0).integers(0, 256, (5, classifier.size, classifier.size), dtype=np.uint8)
    rows = classifier.probabilities(crops)
    np.testing.assert_allclose(rows.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(rows[3], classifier.probabilities(crops[3:4])[0])


def test_mirror_image_gets_the_same_answer_where_both_are_averaged(classifier, portrait):
    if not classifier.card.mirror:
        pytest.skip("the card does not ask for mirror images")
    crop = cv2.resize(cv2.cvtColor(portrait[70:170, 170:275], cv2.COLOR_BGR2GRAY), (classifier.size,) * 2)
    rows = classifier.probabilities(np.stack([crop, crop[:, ::-1]]))
    np.testing.assert_allclose(rows[0], rows[1], atol=1e-6)


def test_standardised_input_ignores_brightness_and_contrast():
    crop = np.random.default_rng(0).integers(60, 120, (1, 48, 48), dtype=np.uint8)
    np.testing.assert_allclose(standardise(crop), standardise(crop + 100), atol=1e-4)
    np.testing.assert_allclose(standardise(crop), standardise(2 * crop), atol=1e-4)
    flat = standardise(np.full((1, 48, 48), 7, np.uint8))
    assert np.all(flat == 0)
    spot = np.zeros((1, 48, 48), np.uint8)
    spot[0, 0, 0] = 255
    assert standardise(spot).max() == CLIP


@pytest.mark.parametrize(
    "change",
    [
        {"labels": ["anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"]},
        {"temperature": 0},
        {"bias": [0.0] * 6},
        {"temperature": None},
    ],
)
def test_a_card_that_does_not_fit_is_refused(model, tmp_path, change):
    content = json.loads(model.with_suffix(".json").read_text()) | change
    path = tmp_path / "face_emotion.json"
    path.write_text(json.dumps(content))
    with pytest.raises(ModelError):
        FaceModelCard.load(path)


def test_a_model_without_its_card_is_refused(model, tmp_path):
    shutil.copy(model, tmp_path / "face_emotion.tflite")
    with pytest.raises(ModelError, match="card"):
        FaceClassifier(tmp_path / "face_emotion.tflite")
    (tmp_path / "face_emotion.tflite").write_bytes(b"nothing")
    with pytest.raises(ModelError, match="cannot be loaded"):
        FaceClassifier(tmp_path / "face_emotion.tflite")


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
