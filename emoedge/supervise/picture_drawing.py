"""A frame as a client sees it, with boxes, landmarks, labels and ignored parts, and the network's crop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emoedge.drawing import draw_text
from emoedge.emotions import Language
from emoedge.face.align import crop_geometry, cut
from emoedge.frames import Frame
from emoedge.observations import Box, FacesObservation
from emoedge.record.overlay import Overlay

MAX_WIDTH: Final = 640
MAX_HEIGHT: Final = 480
QUALITY: Final = 75
"""Quality of the JPEG: about 40 kB."""
QUALITIES: Final = (QUALITY, 50, 25, 10)
"""Tried in turn where a picture has a limit."""
CROP_PX: Final = 48
"""Side of the face model's input."""
CROP_SHOWN_PX: Final = 192
"""Side of the crop as it is sent: enlarged without smoothing, so that its pixels can be seen."""
_DOT: Final = (255, 255, 255)
_IGNORED_LABEL: Final = "face.ignore"
"""In an ignored part: the setting, so that it can be found."""
_LABEL_PX: Final = 13


@dataclass(frozen=True, slots=True)
class JpegPicture:
    """A picture for a client.

    Attributes:
        time_s: when it was captured, on the pipeline's clock.
        width, height: pixels.
        jpeg: the picture.
        crop: JPEG of the primary face as the face network sees it, None where there is none.
    """

    time_s: float
    width: int
    height: int
    jpeg: bytes
    crop: bytes | None


def draw(
    frame: Frame, faces: FacesObservation | None, language: Language, ignored: Sequence[Box] = ()
) -> JpegPicture:
    """Make the picture of a frame.

    Args:
        frame: as captured, any size.
        faces: found in this frame, None where they are not known.
        language: of the labels.
        ignored: parts of the picture in which faces do not count.
    """
    import cv2

    picture = _scaled(frame)
    height, width = picture.shape[:2]
    for part in ignored:
        _cross_out(picture, part)
    if faces is not None:
        overlay = Overlay(language)
        overlay.update(faces)
        small = Frame(frame.time_s, picture, "bgr", width, height, frame.sequence, frame.source_id)
        picture = overlay.draw(small).data
        for face in faces.faces:
            for x, y in [] if face.landmarks is None else face.landmarks.tolist():
                cv2.circle(picture, (round(x * width), round(y * height)), 2, _DOT, -1)
    return JpegPicture(
        frame.time_s, width, height, _jpeg(picture), None if faces is None else _crop(frame, faces)
    )


def jpeg_of(frame: Frame, max_bytes: int) -> bytes | None:
    """JPEG of a frame, at most `MAX_WIDTH` by `MAX_HEIGHT`; None where it cannot be small enough."""
    picture = _scaled(frame)
    return next((one for quality in QUALITIES if len(one := _jpeg(picture, quality)) <= max_bytes), None)


def _scaled(frame: Frame) -> NDArray[np.uint8]:
    """The picture in BGR, no larger than a client gets it."""
    import cv2

    scale = min(1.0, MAX_WIDTH / frame.width, MAX_HEIGHT / frame.height)
    width, height = (max(2, int(side * scale + 0.001) // 2 * 2) for side in (frame.width, frame.height))
    return np.asarray(cv2.cvtColor(frame.small_rgb(width, height), cv2.COLOR_RGB2BGR), np.uint8)


def _cross_out(picture: NDArray[np.uint8], part: Box) -> None:
    """Darken a part of the picture, and draw its outline, a cross and its label."""
    import cv2

    height, width = picture.shape[:2]
    left, top = round(part.x * width), round(part.y * height)
    right, bottom = round((part.x + part.width) * width) - 1, round((part.y + part.height) * height) - 1
    inside = picture[top : bottom + 1, left : right + 1]
    inside[:] = inside // 2
    cv2.rectangle(picture, (left, top), (right, bottom), _DOT, 1)
    cv2.line(picture, (left, top), (right, bottom), _DOT, 1)
    cv2.line(picture, (left, bottom), (right, top), _DOT, 1)
    draw_text(picture, _IGNORED_LABEL, left + 4, top + _LABEL_PX + 2, _LABEL_PX, _DOT)


def _crop(frame: Frame, faces: FacesObservation) -> bytes | None:
    import cv2

    face = faces.primary
    if face is None or face.landmarks is None:
        return None
    geometry = crop_geometry(face.box, face.landmarks, frame.width, frame.height)
    crop = cut(frame, geometry, CROP_PX, quick=True)
    side = (CROP_SHOWN_PX, CROP_SHOWN_PX)
    return _jpeg(np.asarray(cv2.resize(crop, side, interpolation=cv2.INTER_NEAREST), np.uint8))


def _jpeg(picture: NDArray[np.uint8], quality: int = QUALITY) -> bytes:
    import cv2

    done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError("cannot encode a picture as JPEG")
    return data.tobytes()
