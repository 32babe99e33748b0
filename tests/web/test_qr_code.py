"""The QR code, read by OpenCV."""

from __future__ import annotations

import numpy as np
import pytest

from emoedge.web.qr_code import MAX_BYTES, qr_lines, qr_matrix


@pytest.mark.parametrize("length", [1, 17, 18, 32, 33, 53, 54, 78, 79, 106, 107, 133, MAX_BYTES])
def test_a_reader_reads_it(length):
    import cv2

    text = ("http://raspberrypi.local:8099/#key=AbC-_123" * 4)[:length]
    matrix = np.array(qr_matrix(text))
    picture = np.where(np.pad(matrix, 4), 0, 255).astype(np.uint8).repeat(8, 0).repeat(8, 1)
    found, *_ = cv2.QRCodeDetector().detectAndDecode(picture)
    assert found == text


def test_lines():
    assert qr_lines("x" * (MAX_BYTES + 1)) == []
    lines = qr_lines("http://127.0.0.1:8099/#key=x")
    assert len(lines) > 15
    with pytest.raises(ValueError, match="bytes"):
        qr_matrix("x" * (MAX_BYTES + 1))
