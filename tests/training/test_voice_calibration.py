"""The calibration of the voice finds what was wrong with the confidence, and leaves the answers alone."""

from __future__ import annotations

import math

import numpy as np
import pytest

pytest.importorskip("scipy")

from emoedge.voice.classify import Calibration, calibration_terms
from training.voice.metrics import calibration_error, fit_calibration

pytestmark = pytest.mark.numerical


def drawn(rng, rows, temperature):
    """Logits that ought to be divided by `temperature`, and labels drawn accordingly."""
    logits = rng.normal(size=(rows, 7)) * rng.uniform(0.5, 3.0, (rows, 1))
    chances = np.exp(logits)
    chances /= chances.sum(axis=1, keepdims=True)
    labels = np.array([rng.choice(7, p=row) for row in chances])
    return logits * temperature, labels


def terms_of(counts, device_counts=0.0, speech_s=3.0, leading_share=0.0):
    return calibration_terms(counts, device_counts, speech_s, leading_share)


def test_strangers_and_people_known_get_their_own_temperature(record_property):
    rng = np.random.default_rng(0)
    strange, first = drawn(rng, 3000, 2.0)
    familiar, second = drawn(rng, 3000, 0.7)
    counts = np.repeat([0.0, 1e6], 3000)
    found = fit_calibration(
        np.concatenate([strange, familiar]), np.concatenate([first, second]), terms_of(counts)
    )
    record_property("temperatures", [math.exp(found.stranger), math.exp(found.stranger + found.person)])
    assert found.person < -0.7
    for count, logits, labels in ((0.0, strange, first), (1e6, familiar, second)):
        chances = found(logits, terms_of(np.full(len(labels), count)))
        assert np.array_equal(chances.argmax(axis=1), logits.argmax(axis=1))
        assert calibration_error(chances, labels) < 0.04


def test_the_temperature_shrinks_as_the_device_settles():
    rng = np.random.default_rng(2)
    new, first = drawn(rng, 3000, 1.6)
    settled, second = drawn(rng, 3000, 1.0)
    terms = terms_of(0.0, np.repeat([0.0, 1e6], 3000))
    found = fit_calibration(np.concatenate([new, settled]), np.concatenate([first, second]), terms)
    assert found.device < -0.3
    assert abs(found.person) < 0.05


def test_short_words_are_doubted_and_never_believed_more():
    rng = np.random.default_rng(3)
    short, first = drawn(rng, 3000, 2.0)
    long, second = drawn(rng, 3000, 1.0)
    terms = terms_of(0.0, 0.0, np.repeat([0.4, 3.0], 3000))
    found = fit_calibration(np.concatenate([short, long]), np.concatenate([first, second]), terms)
    assert found.short > 0.2
    turned = fit_calibration(np.concatenate([long, short]), np.concatenate([second, first]), terms)
    assert turned.short == 0.0


def test_an_implausible_share_widens_the_doubt_and_leaves_the_answer():
    calibration = Calibration(0.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    logits = np.random.default_rng(4).normal(size=(50, 7))
    usual, suspect = (
        calibration(logits, terms_of(np.full(50, 9.0), 9.0, 3.0, share)) for share in (0.3, 0.8)
    )
    assert np.array_equal(usual.argmax(axis=1), suspect.argmax(axis=1))
    assert np.all(suspect.max(axis=1) < usual.max(axis=1))


def test_a_spread_that_means_nothing_is_divided_out(record_property):
    rng = np.random.default_rng(1)
    logits, labels = drawn(rng, 4000, 1.0)
    terms = terms_of(np.zeros(4000))
    # Some voices give larger logits for no reason.
    inflated = logits * np.exp(rng.normal(0.0, 0.8, (4000, 1)))
    found = fit_calibration(inflated, labels, terms)
    assert found.spread_power > 0.3
    record_property("spread", [math.exp(found.stranger), found.spread_power])
    plain = fit_calibration(logits, labels, terms)
    assert plain.spread_power < 0.1
    assert plain.stranger == pytest.approx(0.0, abs=0.1)
