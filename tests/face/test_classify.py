import json
import shutil

import cv2
import numpy as np
import pytest

from emoedge.errors import ModelError
from emoedge.face.classify import (
    CLIP,
    FaceClassifier,
    FaceModelCard,
    standardise,
)


@pytest.fixture(scope="module")
def model(repository):
    return repository / "models" / "face_emotion.tflite"


@pytest.fixture(scope="module")
def classifier(model):
    return FaceClassifier(model)


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
