"""Quality of the view and of the audio, as an aid for placing the device."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from emoedge.frames import Frame
from emoedge.observations import Box


def light_in(frame: Frame, box: Box | None) -> float:
    """Mean luma of a frame, or of a face in it: 16 (black) to 235 (white)."""
    luma = frame.luma
    if box is not None:
        left, top = round(box.x * frame.width), round(box.y * frame.height)
        right, bottom = (
            round((box.x + box.width) * frame.width),
            round((box.y + box.height) * frame.height),
        )
        part = luma[max(0, top) : bottom, max(0, left) : right]
        luma = part if part.size else luma
    return float(np.mean(luma[::4, ::4]))


class PlacementWatch:
    """Keeps the newest frame, and measures when it is asked."""

    def __init__(self) -> None:
        self._frame: Frame | None = None
        self._private = False

    def offer_frame(self, frame: Frame) -> None:
        """Take a captured frame; from the camera's thread."""
        self._frame = None if self._private else frame

    def set_private(self, on: bool) -> None:
        """Forget the frame under privacy."""
        self._private = on
        self._frame = None

    def figures(self, latest: Mapping[str, Any]) -> dict[str, Any]:
        """What was measured of the person in view and of the last speech.

        Args:
            latest: the last payloads of `face` and `voice`.

        Returns:
            `face_px`: width of the face in pixels, or null without one; `reasons`: what lowers its quality;
            `light`: mean luma of the face, or of the frame, 0 to 255, or null; `snr_db` of the last speech.
        """
        frame = self._frame
        faces = (latest.get("face") or {}).get("faces") or []
        face = next((one for one in faces if one["primary"]), faces[0] if faces else None)
        box = None if face is None else Box(**face["box"])
        return {
            "face_px": None if frame is None or box is None else round(box.width * frame.width),
            "reasons": [] if face is None else list(face["quality_reasons"]),
            "light": None if frame is None else round(light_in(frame, box), 1),
            "snr_db": (latest.get("voice") or {}).get("snr_db"),
        }
