"""Whether this board computes what was measured."""

import numpy as np
import pytest

from emoedge.doctor.self_check import deviation
from emoedge.errors import ModelError
from emoedge.face.classify import FaceClassifier


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
