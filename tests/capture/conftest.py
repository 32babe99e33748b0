"""Clips that several tests read."""

from __future__ import annotations

from pathlib import Path

import pytest

from .clips import clap_sound, write_clip


@pytest.fixture(scope="session")
def clap_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds; a white flash and a beep at 1.0 s; H.264 with B-frames and AAC in MP4."""
    path = tmp_path_factory.mktemp("clips") / "clap.mp4"
    return write_clip(path, sound=clap_sound(48000, 2.0))
