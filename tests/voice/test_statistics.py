import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from emoedge.voice import statistics


@pytest.fixture
def values():
    return np.random.default_rng(3).standard_normal(241).astype(np.float32)


def test_percentiles_are_those_of_numpy(values):
    found = statistics.percentiles(values, 0, 10, 50, 90, 100)
    assert found == pytest.approx(np.percentile(values, (0, 10, 50, 90, 100)), rel=1e-6)


@pytest.mark.parametrize("frames", [5, 7, 9])
def test_a_moving_average_repeats_the_edges(values, frames):
    padded = np.pad(values, frames // 2, mode="edge").astype(np.float64)
    expected = np.convolve(padded, np.full(frames, 1 / frames), mode="valid")
    assert statistics.smooth(values, frames) == pytest.approx(expected, abs=1e-6)


def test_rises_and_falls(values):
    rise, fall = statistics.moved(values)
    assert rise == pytest.approx(np.maximum(values, 0).mean(), rel=1e-5)
    assert fall == pytest.approx(np.minimum(values, 0).mean(), rel=1e-5)


def test_moments_and_correlation(values):
    rows = np.stack((values, values[::-1] + 2 * values, np.full_like(values, 3.0)))
    means, covariances = statistics.moments(rows)
    assert means == pytest.approx(rows.mean(axis=1), abs=1e-6)
    assert covariances == pytest.approx(np.cov(rows, bias=True), abs=1e-5)
    expected = np.corrcoef(rows[0], rows[1])[0, 1]
    assert statistics.correlation(covariances, 0, 1, len(values)) == pytest.approx(expected, rel=1e-5)
    assert statistics.correlation(covariances, 0, 2, len(values)) == 0.0


@given(hnp.arrays(np.bool_, st.integers(0, 60)))
def test_runs_put_together_are_the_mask(mask):
    starts, ends = statistics.run_bounds(mask)
    made = np.zeros_like(mask)
    for start, end in zip(starts, ends, strict=True):
        assert start < end
        made[start:end] = True
    assert np.array_equal(made, mask)
    assert (starts[1:] > ends[:-1]).all(), "neighbours are one run"
