"""Box, label and bars drawn into the recorded picture (`recording.overlay = true`)."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from emoedge.drawing import bgr, draw_text, text_width
from emoedge.emotions import COLORS, EMOTIONS, Language, Probabilities, display_name
from emoedge.frames import Frame
from emoedge.observations import FaceObservation, FacesObservation
from emoedge.outcomes import FusedState, Outcome

STALE_S: Final = 1.0
"""Maximum age of a box in seconds; an older one is no longer where the face is."""
BAR_WIDTH: Final = 0.14
"""Length of a full bar, as a share of the frame's width."""
LINE_HEIGHT: Final = 1 / 26
"""Height of a line, as a share of the frame's height: seven bars take a little over a quarter of it."""


class Overlay:
    """Drawing of the newest faces and state onto frames.

    Args:
        language: of the labels.
    """

    def __init__(self, language: Language) -> None:
        self._language = language
        self._faces = FacesObservation(0.0, ())
        self._probabilities: Probabilities | None = None

    def update(self, outcome: Outcome) -> None:
        """Keep the newest faces or state; other outcomes are not drawn."""
        if isinstance(outcome, FacesObservation):
            self._faces = outcome
        elif isinstance(outcome, FusedState):
            self._probabilities = outcome.probabilities

    def draw(self, frame: Frame) -> Frame:
        """A copy of the frame with the drawing, layout "bgr"."""
        picture = frame.bgr.copy()
        if abs(frame.time_s - self._faces.time_s) <= STALE_S:
            for face in self._faces.faces:
                self._draw_face(picture, face)
        if self._probabilities is not None:
            self._draw_bars(picture, self._probabilities)
        return Frame(frame.time_s, picture, "bgr", frame.width, frame.height, frame.sequence, frame.source_id)

    def _draw_face(self, picture: NDArray[np.uint8], face: FaceObservation) -> None:
        import cv2

        height, width = picture.shape[:2]
        box, emotion = face.box, face.emotion
        corner = (round(box.x * width), round(box.y * height))
        opposite = (round((box.x + box.width) * width), round((box.y + box.height) * height))
        color = (255, 255, 255) if emotion is None else bgr(COLORS[emotion])
        cv2.rectangle(picture, corner, opposite, color, 3 if face.primary else 1)
        if emotion is not None:
            line = max(12, round(height * LINE_HEIGHT))
            label = display_name(emotion, self._language)
            at = (corner[0], max(corner[1] - line - 2, 0))
            _shade(picture, at[0], at[1], text_width(label, _font_size(line)) + 6, line)
            _write(picture, label, at[0] + 3, at[1], line)

    def _draw_bars(self, picture: NDArray[np.uint8], probabilities: Probabilities) -> None:
        import cv2

        height, width = picture.shape[:2]
        line = max(12, round(height * LINE_HEIGHT))
        left, top = round(width * 0.02), round(height * 0.02)
        names = [display_name(emotion, self._language) for emotion in EMOTIONS]
        column = max(text_width(name, _font_size(line)) for name in names) + 8
        longest = round(width * BAR_WIDTH)
        _shade(picture, left, top, column + longest + 8, line * len(EMOTIONS) + 4)
        for row, (emotion, name, value) in enumerate(
            zip(EMOTIONS, names, probabilities.tolist(), strict=True)
        ):
            y = top + 2 + row * line
            _write(picture, name, left + 4, y, line)
            bar = (left + column, y + 2), (left + column + max(1, round(value * longest)), y + line - 2)
            cv2.rectangle(picture, *bar, bgr(COLORS[emotion]), -1)


def _shade(picture: NDArray[np.uint8], left: int, top: int, width: int, height: int) -> None:
    """Darken a rectangle: light writing can then be read on any picture."""
    part = picture[max(top, 0) : top + height, max(left, 0) : left + width]
    part[:] = part // 4


def _write(picture: NDArray[np.uint8], text: str, left: int, top: int, line: int) -> None:
    """White text in a line whose upper left corner and height are given."""
    draw_text(picture, text, left, top + round(line * 0.78), _font_size(line), (255, 255, 255))


def _font_size(line: int) -> int:
    return round(line * 0.72)
