"""What is measured for those who put the device in its place."""

from __future__ import annotations

import numpy as np

from emoedge.frames import Frame
from emoedge.supervise.placement import PlacementWatch


def picture() -> Frame:
    """A dark frame with a bright face in the middle."""
    data = np.full((100, 200, 3), 30, np.uint8)
    data[25:75, 80:120] = 150
    return Frame(0.0, data, "bgr", 200, 100)


def face(primary: bool = True, x: float = 0.4) -> dict[str, object]:
    box = {"x": x, "y": 0.25, "width": 0.2, "height": 0.5}
    return {"box": box, "primary": primary, "quality_reasons": ["small"]}


def test_pixels_and_light_of_the_face_and_the_voice() -> None:
    watch = PlacementWatch()
    nothing = {"face_px": None, "reasons": [], "light": None, "snr_db": None}
    assert watch.figures({}) == nothing
    watch.offer_frame(picture())
    latest = {"face": {"faces": [face(primary=False, x=0.0), face()]}, "voice": {"snr_db": 12.5}}
    assert watch.figures(latest) == {"face_px": 40, "reasons": ["small"], "light": 150.0, "snr_db": 12.5}
    assert 30 <= watch.figures({"face": {"faces": []}})["light"] < 60, "of the frame where nobody is there"
    outside = {"x": -0.3, "y": 0.25, "width": 0.2, "height": 0.5}
    assert watch.figures({"face": {"faces": [face() | {"box": outside}]}})["light"] < 60


def test_nothing_is_kept_under_privacy() -> None:
    watch = PlacementWatch()
    watch.offer_frame(picture())
    watch.set_private(True)
    watch.offer_frame(picture())
    assert watch.figures({})["light"] is None
    watch.set_private(False)
    watch.offer_frame(picture())
    assert watch.figures({})["light"] is not None
