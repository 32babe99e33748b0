"""Expressions of the demonstration's portrait: brows and eyes are warped, the mouth is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]

# Places in the portrait, pixels (x, y).
_BROWS: Final = (((117.0, 91.5), (97.0, 90.0)), ((145.0, 92.5), (166.0, 93.5)))
"""Inner and outer end of each brow."""
_EYES: Final = ((108.5, 101.5), (151.5, 103.5))
_MOUTH: Final = (129.5, 147.0)
_SMILE: Final = np.array(
    [
        (99, 128),
        (112, 121),
        (118, 131),
        (130, 136),
        (141, 131),
        (147, 122),
        (158, 128),
        (160, 142),
        (152, 156),
        (138, 163),
        (121, 163),
        (107, 156),
        (98, 142),
    ],
    np.int32,
)
"""Around mouth and folds of the smile, below the nose."""
_LIP: Final = (176.0, 108.0, 104.0)
_LINE: Final = (98.0, 44.0, 42.0)
_INSIDE: Final = (66.0, 26.0, 26.0)


@dataclass(frozen=True, slots=True)
class Expression:
    """Positions of brows, eyes and mouth; lengths in pixels of the portrait, positive is down and out.

    Attributes:
        inner, outer: moves of the ends of the brows.
        pinch: how far the brows come together.
        eyes: how much wider the eyes are opened, a share.
        smile: the portrait's own mouth stays, with its teeth; all below counts without it.
        corners: how far the corners of the mouth go down.
        width: half the width of the mouth.
        opening: half the height of the open mouth.
        lift: how far the upper lip goes up.
    """

    inner: float = 0.0
    outer: float = 0.0
    pinch: float = 0.0
    eyes: float = 0.0
    smile: bool = False
    corners: float = 0.0
    width: float = 17.0
    opening: float = 0.0
    lift: float = 0.0


def shown(portrait: Image, expression: Expression, speaking: float = 0.0) -> Image:
    """The portrait with an expression, RGB uint8 (h, w, 3).

    Args:
        portrait: as read, RGB.
        expression: what to show.
        speaking: how far the mouth is open for a sound, 0..1.
    """
    import cv2

    face = portrait
    if not expression.smile:
        face = _draw_mouth(_without_mouth(portrait.tobytes(), portrait.shape), expression, speaking)
    height, width = face.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    from_x, from_y = x.copy(), y.copy()
    for side, ends in zip((1.0, -1.0), _BROWS, strict=True):
        for (place_x, place_y), down in zip(ends, (expression.inner, expression.outer), strict=True):
            pull = np.exp(-(((x - place_x) / 11.0) ** 2) - ((y - place_y) / 7.0) ** 2)
            from_y -= down * pull
            if (place_x, place_y) == ends[0]:
                from_x -= side * expression.pinch * pull
    for place_x, place_y in _EYES:
        pull = np.exp(-(((x - place_x) / 11.0) ** 2) - ((y - place_y) / 6.5) ** 2)
        from_y -= expression.eyes * (y - place_y) * pull
    if expression.smile and speaking:
        pull = np.exp(-(((x - _MOUTH[0]) / 22.0) ** 2) - ((y - 152.0) / 12.0) ** 2)
        from_y -= 8.0 * speaking * pull * (y > 145)
    return np.asarray(cv2.remap(face, from_x, from_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


@lru_cache(maxsize=2)
def _without_mouth(content: bytes, shape: tuple[int, ...]) -> Image:
    """The portrait with skin in place of the smile."""
    import cv2

    portrait: Any = np.frombuffer(content, np.uint8).reshape(shape)
    mask = np.zeros(shape[:2], np.uint8)
    cv2.fillPoly(mask, [_SMILE], 255)
    skin = cv2.inpaint(portrait, mask, 9, cv2.INPAINT_TELEA)
    soft = cv2.GaussianBlur(mask, (0, 0), 2.0)[:, :, None] / 255.0
    smooth = cv2.GaussianBlur(skin, (0, 0), 3.0)
    return np.asarray(np.rint(skin * (1 - soft) + smooth * soft), np.uint8)


def _draw_mouth(skin: Image, expression: Expression, speaking: float) -> Image:
    """Lips, the line between them, and the dark inside of an open mouth."""
    import cv2

    place_x, place_y = _MOUTH
    t = np.linspace(-1.0, 1.0, 41)
    half = expression.width * (1.0 - 0.12 * speaking)
    opening = expression.opening + 7.0 * speaking
    line_x = place_x + half * t
    line_y = place_y + expression.corners * (t**2 - 0.35)
    arch = 1.0 - t**2
    lips_above, lips_below = 3.4 + 0.8 * np.abs(t) * arch, 5.0
    top = line_y - (opening * 0.45 + expression.lift) * arch
    bottom = line_y + opening * 0.9 * arch
    painted: Any = skin
    for colour, above, below, strength in (
        (_LIP, top - lips_above * np.sqrt(arch), bottom + lips_below * np.sqrt(arch), 0.75),
        (_LINE, top - 0.8, bottom + 0.8, 0.75),
        (_INSIDE, top, bottom, 1.0),
    ):
        outline = np.concatenate([np.stack([line_x, above], 1), np.stack([line_x, below], 1)[::-1]])
        mask = np.zeros((skin.shape[0], skin.shape[1]), np.uint8)
        cv2.fillPoly(mask, [np.rint(outline * 2**4).astype(np.int32)], 255, cv2.LINE_AA, 4)
        soft = strength * cv2.GaussianBlur(mask, (0, 0), 0.8)[:, :, None] / 255.0
        painted = painted * (1 - soft) + np.array(colour) * soft
    return np.asarray(np.rint(painted), np.uint8)


_MASK: Final = np.array(
    [
        (84, 118),
        (108, 112),
        (129, 108),
        (150, 113),
        (171, 121),
        (167, 150),
        (150, 172),
        (130, 180),
        (110, 173),
        (93, 152),
    ],
    np.int32,
)
_CLOTH: Final = (176, 200, 214)


def masked(face: Image) -> Image:
    """The face behind a cloth over nose and mouth."""
    import cv2

    mask = np.zeros(face.shape[:2], np.uint8)
    cv2.fillPoly(mask, [_MASK], 255, cv2.LINE_AA)
    soft = cv2.GaussianBlur(mask, (0, 0), 0.7)[:, :, None] / 255.0
    folds = 1.0 - 0.06 * np.sin(np.arange(face.shape[0]) / 2.2)[:, None, None]
    return np.asarray(np.rint(face * (1 - soft) + np.array(_CLOTH) * folds * soft), np.uint8)
