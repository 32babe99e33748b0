"""Placement: what was measured of face, light and voice becomes advice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from emoedge.config import Settings
from emoedge.doctor.placement import check_placement, placement_of

Make = Callable[..., Settings]
GOOD = {"face_px": 120, "reasons": [], "light": 120.0, "snr_db": 22.0}


def test_all_is_well() -> None:
    face, light, voice = placement_of(GOOD)
    assert {one.state for one in (face, light, voice)} == {"ok"}
    assert "120 pixels" in face.detail
    assert "47 %" in light.detail
    assert "22 dB" in voice.detail


@pytest.mark.parametrize(
    ("changed", "place", "word"),
    [
        ({"face_px": 30}, 0, "closer"),
        ({"reasons": ["blurred"]}, 0, "lens"),
        ({"reasons": ["turned"]}, 0, "eye level"),
        ({"reasons": ["covered"]}, 0, "covers the face"),
        ({"light": 40.0}, 1, "lamp in front"),
        ({"light": 225.0}, 1, "sunlight"),
        ({"snr_db": 2.0}, 2, "away from fans"),
        ({"snr_db": 9.0}, 2, "a little closer"),
    ],
)
def test_what_is_not_well_says_what_to_change(changed: dict[str, object], place: int, word: str) -> None:
    results = placement_of(GOOD | changed)
    assert [one.state for one in results].count("warning") == 1
    assert results[place].state == "warning"
    assert word in results[place].remedy


def test_nobody_is_no_fault() -> None:
    face, light, voice = placement_of({"face_px": None, "light": 90.0, "snr_db": None})
    assert {face.state, light.state, voice.state} == {"ok"}
    assert "nobody is in view" in face.detail
    assert "picture" in light.detail
    assert placement_of({})[1].state == "ok", "nor is a daemon without a camera"


def test_the_camera_is_looked_through_without_a_daemon(make_settings: Make, clip: Path) -> None:
    results = list(check_placement(make_settings(camera={"source": f"file:{clip}"})))
    assert [one.name for one in results] == ["placement face", "placement light"]
    assert "pixels wide" in results[0].detail
    assert list(check_placement(make_settings(camera={"source": "none"}))) == []
    assert list(check_placement(make_settings(camera={"source": "file:/gone.mp4"}))) == []
