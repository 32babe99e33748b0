"""Settings with which this machine passes, to be broken one thing at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emoedge.config import Settings
from emoedge.demo import clip as demo_clip


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first seconds of the demonstration clip."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo_clip, "DURATION_S", 3.0)
        return demo_clip.ensure_demo_clip(tmp_path_factory.mktemp("doctor"))


@pytest.fixture
def make_settings(tmp_path: Path) -> Callable[..., Settings]:
    """`make_settings(mqtt={"port": 1})`: everything that needs a device or broker is off by default."""

    def make(**sections: dict[str, Any]) -> Settings:
        values: dict[str, dict[str, Any]] = {
            "camera": {"source": "none"},
            "microphone": {"source": "none"},
            "mqtt": {"enabled": False},
            "recording": {"dir": tmp_path / "recordings"},
            "paths": {"models": tmp_path / "models", "state": tmp_path / "state"},
        }
        for name, content in sections.items():
            values.setdefault(name, {}).update(content)
        return Settings.model_validate(values)

    return make
