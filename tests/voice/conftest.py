"""Sound for the tests of the voice path: synthetic, or spoken by espeak-ng where it is installed."""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soxr

from emoedge.vad.detector import SpeechActivity
from emoedge.vad.silero import CHUNK

RATE = 16_000
SENTENCE = "Hoy he visto cinco veces a la misma persona en la calle de mi casa"


def read_wav(data: bytes) -> tuple[np.ndarray, int]:
    """Samples as int16 and the rate of a canonical mono 16-bit WAV, as espeak-ng writes it."""
    header = data.index(b"data")
    rate = int.from_bytes(data[24:28], "little")
    return np.frombuffer(io.BytesIO(data[header + 8 :]).read(), dtype="<i2"), rate


@pytest.fixture(scope="session")
def spoken() -> np.ndarray:
    """A Spanish sentence by espeak-ng, int16 at 16 kHz, without silence around it."""
    program = shutil.which("espeak-ng")
    if program is None:
        pytest.skip("espeak-ng is not installed")
    done = subprocess.run(
        [program, "-v", "es", "-s", "150", "--stdout", SENTENCE], capture_output=True, check=True
    )
    samples, rate = read_wav(done.stdout)
    resampled = soxr.resample(samples.astype(np.float32), rate, RATE)
    loud = np.flatnonzero(np.abs(resampled) > 300)
    return np.clip(resampled[loud[0] : loud[-1]], -32768, 32767).astype(np.int16)


@pytest.fixture(scope="session")
def voiced() -> np.ndarray:
    """Two seconds of a speech-like buzz: a gliding pitch from 120 to 180 Hz in syllables, int16."""
    time_s = np.arange(2 * RATE) / RATE
    pitch = 120 + 30 * time_s
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    buzz = sum(np.sin(k * phase) / k for k in range(1, 25))
    syllables = 0.55 + 0.45 * np.sin(2 * np.pi * 4 * time_s)
    noise = np.random.default_rng(0).standard_normal(len(time_s)) * 0.01
    return (3000 * (buzz * syllables + noise)).astype(np.int16)


@pytest.fixture(scope="session")
def model_path(repository: Path) -> Path:
    """The shipped network."""
    return repository / "models" / "voice_emotion.tflite"


class ByLoudness:
    """Stands in for Silero where the logic behind it is tested."""

    def __call__(self, samples):
        loudness = np.abs(samples.astype(np.int32).reshape(-1, CHUNK)).mean(axis=1)
        return [1.0 if value > 500 else 0.0 for value in loudness]

    def reset(self):
        """There is nothing to forget."""


@pytest.fixture
def by_loudness():
    """Makes speech activities that go by loudness."""
    return lambda: SpeechActivity(ByLoudness())
