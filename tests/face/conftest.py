"""A public-domain face and the real detector."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from emoedge.face.detect import FaceDetector
from emoedge.frames import Frame


@pytest.fixture(scope="session")
def detector(repository) -> FaceDetector:
    return FaceDetector(repository / "models" / "face_detector.tflite")


@pytest.fixture(scope="session")
def portrait() -> np.ndarray:
    """Scikit-image's astronaut (NASA, public domain): (512, 512, 3) BGR, a smiling face above."""
    data = pytest.importorskip("skimage.data")
    return np.ascontiguousarray(data.astronaut()[:, :, ::-1])


def bgr_frame(image: np.ndarray, time_s: float = 0.0) -> Frame:
    return Frame(time_s, np.ascontiguousarray(image), "bgr", image.shape[1], image.shape[0])


def i420_frame(image: np.ndarray, time_s: float = 0.0) -> Frame:
    data = cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420)
    return Frame(time_s, data, "i420", image.shape[1], image.shape[0])
