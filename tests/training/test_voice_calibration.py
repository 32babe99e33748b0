"""The calibration of the voice finds what was wrong with the confidence, and leaves the answers alone."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("scipy")

from training.voice.metrics import calibration_error, fit_calibration

pytestmark = pytest.mark.numerical


def drawn(rng, rows, temperature):
    """Logits that ought to be divided by `temperature`, and labels drawn accordingly."""
    logits = rng.normal(size=(rows, 7)) * rng.uniform(0.5, 3.0, (rows, 1))
    chances = np.exp(logits)
    chances /= chances.sum(axis=1, keepdims=True)
    labels = np.array([rng.choice(7, p=row) for row in chances])
    return logits * temperature, labels


def test_strangers_and_people_known_get_their_own_temperature(record_property):
    rng = np.random.default_rng(0)
    strange, first = drawn(rng, 3000, 2.0)
    familiar, second = drawn(rng, 3000, 0.5)
    counts = np.repeat([0.0, 1e6], 3000)
    found = fit_calibration(np.concatenate([strange, familiar]), np.concatenate([first, second]), counts)
    record_property("temperatures", [found["alone"].temperature, found["known"].temperature])
    assert found["alone"].temperature > 2 * found["known"].temperature
    for calibration, logits, labels in ((found["alone"], strange, first), (found["known"], familiar, second)):
        chances = calibration(logits)
        assert np.array_equal(chances.argmax(axis=1), logits.argmax(axis=1))
        assert calibration_error(chances, labels) < 0.04


def test_a_spread_that_means_nothing_is_divided_out(record_property):
    rng = np.random.default_rng(1)
    logits, labels = drawn(rng, 4000, 1.0)
    # Some voices give larger logits for no reason.
    inflated = logits * np.exp(rng.normal(0.0, 0.8, (4000, 1)))
    found = fit_calibration(inflated, labels, np.zeros(4000))["alone"]
    assert found.spread_power > 0.3
    record_property("spread", [found.temperature, found.spread_power])
    plain = fit_calibration(logits, labels, np.zeros(4000))["alone"]
    assert plain.spread_power < 0.1
    assert plain.temperature == pytest.approx(1.0, abs=0.1)
