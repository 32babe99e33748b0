"""What lies below speech goes, speech stays, and it does not matter how the stream is cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoedge.high_pass import HighPass

RATE = 16_000
TIME_S = np.arange(3 * RATE) / RATE


def tone(hertz: float, amplitude: float = 3000) -> np.ndarray:
    return np.rint(amplitude * np.sin(2 * np.pi * hertz * TIME_S)).astype(np.int16)


def level_db(samples: np.ndarray) -> float:
    """Of all but the first second."""
    return 10 * float(np.log10(np.mean(samples[RATE:].astype(np.float64) ** 2) + 1e-12))


@pytest.mark.parametrize("hertz", [2, 10, 25, 50, 60])
def test_what_lies_below_speech_goes(hertz: float) -> None:
    assert level_db(HighPass()(tone(hertz))) < level_db(tone(hertz)) - 28


@pytest.mark.parametrize(("hertz", "loss_db"), [(80, 5), (100, 1), (120, 0.3), (200, 0.1), (3000, 0.1)])
def test_speech_stays(hertz: float, loss_db: float) -> None:
    assert level_db(HighPass()(tone(hertz))) > level_db(tone(hertz)) - loss_db


@pytest.mark.parametrize("offset", [-32768, -6554, 1638, 32767])
def test_an_offset_leaves_no_trace_from_the_first_sample_on(offset: int) -> None:
    assert not HighPass()(np.full(2000, offset, np.int16)).any()
    both = np.clip(tone(300).astype(np.int32) + offset // 2, -32768, 32767).astype(np.int16)
    assert np.abs(HighPass()(both).astype(np.int32) - HighPass()(tone(300))).max() <= 1


@given(st.lists(st.integers(0, 700), min_size=1, max_size=12))
def test_the_cut_of_the_stream_does_not_matter(lengths: list[int]) -> None:
    samples = np.random.default_rng(3).integers(-32768, 32768, sum(lengths)).astype(np.int16)
    stream, pieces = HighPass(), np.split(samples, np.cumsum(lengths)[:-1])
    assert np.array_equal(np.concatenate([stream(piece) for piece in pieces]), HighPass()(samples))


def test_it_is_causal() -> None:
    sound = np.random.default_rng(4).integers(-9000, 9000, 4000).astype(np.int16)
    assert np.array_equal(HighPass()(sound)[:1500], HighPass()(sound[:1500]))


def test_a_new_stream_begins_after_a_reset() -> None:
    high_pass = HighPass()
    high_pass(np.full(1000, 20_000, np.int16))
    high_pass.reset()
    assert not high_pass(np.full(1000, -5000, np.int16)).any()
