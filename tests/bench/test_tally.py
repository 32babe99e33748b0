"""What is asked of the engines is taken down, whoever asks."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from emoedge.bench.bare import network
from emoedge.bench.tally import watching
from emoedge.config import Settings
from emoedge.inference import load_runtime
from emoedge.model_store import resolve


def test_runs_of_networks_are_counted_with_their_inputs() -> None:
    from emoedge.face.classify import FaceClassifier

    with watching() as tally:
        classifier = FaceClassifier(resolve("face_emotion.tflite", Settings().paths.models))
        crops = np.zeros((3, classifier.size, classifier.size), np.uint8)
        classifier.probabilities(crops)
    calls = tally.networks["face_emotion"]
    assert calls.count == 3 * (2 if classifier.card.mirror else 1)
    assert len(calls.inputs) == calls.count
    assert tally.written["tensors"] == sum(value.nbytes for value in calls.inputs)


def test_the_bare_network_is_run_as_often(monkeypatch: pytest.MonkeyPatch) -> None:
    from emoedge.face.classify import FaceClassifier

    with watching() as tally:
        classifier = FaceClassifier(resolve("face_emotion.tflite", Settings().paths.models))
        classifier.probabilities(np.zeros((2, classifier.size, classifier.size), np.uint8))
    run = network(tally.networks["face_emotion"])
    with watching() as again:
        run()
    assert sum(calls.count for calls in again.networks.values()) == tally.networks["face_emotion"].count


def test_bytes_written_by_opencv_are_counted() -> None:
    with watching() as tally:
        cv2.resize(np.zeros((8, 8), np.uint8), (4, 6))
    assert tally.written["opencv"] == 24


def test_everything_is_put_back() -> None:
    _name, interpreter = load_runtime()
    before = (interpreter.__init__, interpreter.invoke, cv2.resize)
    with watching():
        assert cv2.resize is not before[2]
    assert (interpreter.__init__, interpreter.invoke, cv2.resize) == before


def test_a_view_of_the_decoder_is_no_copy() -> None:
    from emoedge.bench.tally import _owned

    assert _owned(np.zeros(4)[1:])
    assert not _owned(np.frombuffer(b"1234", np.uint8)[1:])


def test_the_recogniser_is_heard(short_clip: Path) -> None:
    from emoedge.speech.factory import open_recogniser

    with watching() as tally:
        recogniser = open_recogniser("vosk", resolve("vosk-es-demo", Settings().paths.models))
        recogniser.accept(np.zeros(3200, np.int16))
        recogniser.finish()
    assert tally.speech_model is not None
    assert sum(len(step) for step in tally.speech if isinstance(step, bytes)) == 2 * 3200
    assert tally.speech[-1] == "FinalResult"
