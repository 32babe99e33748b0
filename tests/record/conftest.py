"""Fixtures of the recorder's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from emoedge.config.recording_settings import RecordingSettings

from .helpers import Notices


@pytest.fixture
def settings(tmp_path: Path) -> RecordingSettings:
    return RecordingSettings(
        mode="manual", dir=tmp_path / "recordings", pre_roll_s=1, post_roll_s=0.5, min_free_bytes=0
    )


@pytest.fixture
def notices() -> Notices:
    return Notices()
