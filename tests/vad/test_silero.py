"""The numpy form of Silero says what the library's own engine says."""

from __future__ import annotations

import numpy as np
import pytest

from emoedge.errors import ModelError
from emoedge.vad import detector as activity
from emoedge.vad.detector import SileroDetector, open_detector
from emoedge.vad.silero import (
    CHUNK,
    HIDDEN,
    PROBE_ANSWERS,
    PROBE_TOLERANCE,
    Silero,
    SileroWeights,
    bundled,
    probe,
)

# The library rounds what passes between its layers to 16 bits; over the files tried the two were at most 0.002 apart.
ROUNDING = 0.005


@pytest.fixture(scope="module")
def weights() -> SileroWeights:
    return SileroWeights.load()


def whole(samples: np.ndarray) -> np.ndarray:
    return samples[: len(samples) // CHUNK * CHUNK]


def test_it_agrees_with_the_library(weights, spoken):
    noise = (np.random.default_rng(0).standard_normal(16_000) * 500).astype(np.int16)
    sound = whole(np.concatenate([noise, spoken, noise]))
    ours, theirs = np.array(Silero(weights)(sound)), np.array(SileroDetector()(sound))
    assert theirs.max() > 0.9
    assert theirs.min() < 0.1
    np.testing.assert_allclose(ours, theirs, atol=ROUNDING)


@pytest.mark.parametrize("level", [0, 1, 100, 32767])
def test_it_agrees_on_what_is_not_speech(weights, level):
    sound = (np.random.default_rng(1).uniform(-1, 1, 40 * CHUNK) * level).astype(np.int16)
    np.testing.assert_allclose(Silero(weights)(sound), SileroDetector()(sound), atol=ROUNDING)


def test_the_cut_into_calls_does_not_matter(weights, spoken):
    sound = whole(spoken)
    at_once, in_turn = Silero(weights)(sound), Silero(weights)
    singly = [p for start in range(0, len(sound), CHUNK) for p in in_turn(sound[start : start + CHUNK])]
    np.testing.assert_allclose(singly, at_once, atol=1e-5)


def test_reset_starts_a_new_stream(weights, spoken):
    silero, sound = Silero(weights), whole(spoken)[: 20 * CHUNK]
    first = silero(sound)
    assert silero(sound) != first
    silero.reset()
    assert silero(sound) == first


@pytest.mark.parametrize("damage", ["empty", "cut", "other"])
def test_other_weights_are_refused(tmp_path, damage):
    content = bundled().read_bytes()
    content = {"empty": b"", "cut": content[: len(content) // 2], "other": b"xx" + content[2:]}[damage]
    path = tmp_path / "weights.bin"
    path.write_bytes(content)
    with pytest.raises(ModelError):
        SileroWeights.load(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"nothing\.bin"):
        SileroWeights.load(tmp_path / "nothing.bin")


def test_the_library_stands_in_for_unknown_weights(monkeypatch):
    def refuse(*_args: object) -> None:
        raise ModelError("another release", "")

    monkeypatch.setattr(activity, "Silero", refuse)
    assert isinstance(open_detector(), SileroDetector)


def test_the_recorded_answers_are_the_librarys():
    theirs = SileroDetector()(probe())
    np.testing.assert_allclose(theirs, PROBE_ANSWERS, atol=PROBE_TOLERANCE / 2)
    assert Silero().answers_right()


@pytest.mark.parametrize("wrong", [np.nan, 0.5])
def test_arithmetic_that_is_off_is_not_used(monkeypatch, wrong):
    monkeypatch.setattr(
        Silero, "_encode", lambda _, samples: np.full((len(samples) // CHUNK, HIDDEN), wrong, np.float32)
    )
    assert not Silero().answers_right()
    assert isinstance(open_detector(), SileroDetector)
