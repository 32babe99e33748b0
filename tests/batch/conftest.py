"""Short clips and a pipeline that needs no models."""

from __future__ import annotations

import wave
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from emoedge.batch import find_jobs
from emoedge.clock import MediaClock
from emoedge.config import Settings
from emoedge.errors import MediaError
from emoedge.outcomes import EmotionEvent, FusedState


def write_tone(path: Path, seconds: float = 0.5, pitch: float = 0.1) -> Path:
    """A sound file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = (6000 * np.sin(np.arange(round(16000 * seconds)) * pitch)).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(samples.tobytes())
    return path


@dataclass
class Stub:
    """Yields four outcomes of any file; one called "bad" breaks in the middle."""

    settings: Settings = field(default_factory=lambda: Settings(device_id="sala"))
    clock: MediaClock = field(default_factory=MediaClock)
    played: list[str] = field(default_factory=list)

    def replay(self, path, progress=None):
        self.played.append(Path(path).name)
        self.clock.time_s = 0.0
        for time_s, emotion in ((0.0, None), (1.0, "fear"), (3.5, "anger")):
            self.clock.time_s = time_s
            if progress:
                progress(time_s)
            yield FusedState(time_s, None, emotion, 0.5 if emotion else 0.0, None)
            if Path(path).stem == "bad":
                raise MediaError(f"{path}: broken", "copy it again")
        yield EmotionEvent("begin", "event-000001", "fear", 3.5, None, 0.5)
        self.clock.time_s = 4.0


@pytest.fixture
def folder(tmp_path) -> Path:
    """Media in folders, with some other things among them."""
    root = tmp_path / "in"
    for name in ("b.wav", "a.wav", "deep/er/c.WAV", ".hidden/d.wav", "._b.wav"):
        write_tone(root / name)
    (root / "notes.txt").write_text("no medium")
    (root / "b.jsonl").write_text("{}\n")
    return root


@pytest.fixture
def job(folder, tmp_path):
    return find_jobs([folder / "a.wav"], tmp_path / "out")[0]
