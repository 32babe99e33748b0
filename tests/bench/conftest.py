"""A short clip with a face, a voice, and everything small."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from emoedge.bench import Plan, run_bench
from emoedge.bench.clips import DEMO_BEGIN_S, looped
from emoedge.config import Settings
from emoedge.demo.clip import ensure_demo_clip


@pytest.fixture(scope="session")
def short_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds of the demo's clip, a face and a sentence in them."""
    return looped(ensure_demo_clip(), tmp_path_factory.mktemp("bench") / "clip.mp4", 3.0, DEMO_BEGIN_S)


@pytest.fixture(scope="session")
def result(short_clip: Path) -> dict[str, Any]:
    """A real measurement, too short to mean anything."""
    return run_bench(Settings(), Plan(clip=short_clip, seconds=3.0, repeats=5, rounds=1, starts=1))
