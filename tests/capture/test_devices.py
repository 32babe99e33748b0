"""Which cameras a board has, and their stable names."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from emoedge.capture import devices
from emoedge.capture.devices import CameraDevice

CAPTURE, METADATA, MPLANE = 0x1, 0x00800000, 0x1000


@pytest.mark.parametrize(
    ("driver", "device_capabilities", "listed"),
    [
        (b"uvcvideo", CAPTURE, True),
        (b"uvcvideo", METADATA, False),
        (b"some", MPLANE, True),
        (b"unicam", CAPTURE, False),
    ],
)
def test_which_nodes_are_cameras(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, driver: bytes, device_capabilities: int, listed: bool
) -> None:
    answer = struct.pack(
        "16s32s32sIII12x",
        driver,
        "Cámara USB".encode(),
        b"usb-1",
        0,
        0x80000000 | 0xFFFF,
        device_capabilities,
    )
    assert len(answer) == 104
    monkeypatch.setattr("fcntl.ioctl", lambda *_: answer)
    node = tmp_path / "video0"
    node.touch()
    found = devices._v4l2_camera(node, "/dev/v4l/by-id/x")
    assert found == (CameraDevice("/dev/v4l/by-id/x", "Cámara USB", str(node)) if listed else None)


def test_stable_names_come_before_nodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    node = tmp_path / "video3"
    node.touch()
    for folder, name in (("by-id", "usb-cam-index0"), ("by-path", "pci-0")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).symlink_to(node)
    monkeypatch.setattr(devices, "V4L_LINKS", (tmp_path / "by-id", tmp_path / "by-path"))
    assert devices._stable_names() == {str(node): str(tmp_path / "by-id" / "usb-cam-index0")}
