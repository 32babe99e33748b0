"""Box, label and bars drawn into the recorded picture (`recording.overlay = true`)."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from emoedge.emotions import COLORS, EMOTIONS, Emotion, Language, display_name
from emoedge.record.ring import Note
from emoedge.types import Frame

STALE_S: Final = 1.0
"""A box older than this is no longer where the face is."""
BAR_WIDTH: Final = 0.14
"""Of the picture's width."""
LINE_HEIGHT: Final = 1 / 26
"""Of the picture's height: seven bars take a little over a quarter of it."""


class Overlay:
    """Keeps the newest faces and state, and draws them onto frames.

    Args:
        language: of the labels. OpenCV's fonts have ASCII alone, so accents are left out.
    """

    def __init__(self, language: Language) -> None:
        self._language = language
        self._faces: Note | None = None
        self._state: Note | None = None

    def note(self, note: Note) -> None:
        """Take note of faces ("faces", or "face" as published) or of the fused state."""
        if note.topic in ("faces", "face"):
            self._faces = note
        elif note.topic in ("state", "emotion"):
            self._state = note

    def draw(self, frame: Frame) -> Frame:
        """A copy of the frame with the drawing, layout "bgr"."""
        picture = frame.bgr.copy()
        if self._faces is not None and abs(frame.time_s - self._faces.time_s) <= STALE_S:
            for face in self._faces.payload.get("faces", ()):
                self._draw_face(picture, face)
        if self._state is not None and self._state.payload.get("probabilities"):
            self._draw_bars(picture, self._state.payload["probabilities"])
        return Frame(frame.time_s, picture, "bgr", frame.width, frame.height, frame.sequence, frame.source_id)

    def _draw_face(self, picture: NDArray[np.uint8], face: Mapping[str, Any]) -> None:
        import cv2

        height, width = picture.shape[:2]
        left, top, box_width, box_height = _box(face["box"])
        corner = (round(left * width), round(top * height))
        opposite = (round((left + box_width) * width), round((top + box_height) * height))
        emotion: Emotion | None = face.get("emotion")
        color = _bgr(COLORS[emotion]) if emotion in COLORS else (255, 255, 255)
        cv2.rectangle(picture, corner, opposite, color, 3 if face.get("primary") else 1)
        if emotion is not None:
            label = _ascii(display_name(emotion, self._language))
            _text(
                picture, label, (corner[0], max(corner[1] - height // 80, height // 30)), color, height / 640
            )

    def _draw_bars(self, picture: NDArray[np.uint8], probabilities: Mapping[str, float]) -> None:
        import cv2

        height, width = picture.shape[:2]
        line = max(10, round(height * LINE_HEIGHT))
        longest = round(width * BAR_WIDTH)
        for row, emotion in enumerate(EMOTIONS):
            value = float(probabilities.get(emotion, 0.0))
            top = round(height * 0.02) + row * line
            left = round(width * 0.02)
            cv2.rectangle(
                picture,
                (left, top),
                (left + max(1, round(value * longest)), top + line - 4),
                _bgr(COLORS[emotion]),
                -1,
            )
            name = _ascii(display_name(emotion, self._language))
            _text(picture, name, (left + 3, top + line - 7), (255, 255, 255), line / 42)


def _box(box: Any) -> tuple[float, float, float, float]:
    """x, y, width, height in fractions, from a list or a mapping."""
    values = (box["x"], box["y"], box["width"], box["height"]) if isinstance(box, Mapping) else tuple(box)
    left, top, width, height = (float(value) for value in values)
    return left, top, width, height


def _text(
    picture: NDArray[np.uint8], text: str, at: tuple[int, int], color: tuple[int, int, int], scale: float
) -> None:
    """Text that can be read on any ground: a dark rim, then the colour."""
    import cv2

    font, smooth = cv2.FONT_HERSHEY_SIMPLEX, cv2.LINE_AA
    cv2.putText(picture, text, at, font, scale, (0, 0, 0), 3, smooth)
    cv2.putText(picture, text, at, font, scale, color, 1, smooth)


def _bgr(color: str) -> tuple[int, int, int]:
    return int(color[5:7], 16), int(color[3:5], 16), int(color[1:3], 16)


def _ascii(text: str) -> str:
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
