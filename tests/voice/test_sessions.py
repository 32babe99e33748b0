"""The sessions imagined in training must be what the device does."""

import numpy as np

from emoedge.voice.adapt import Adaptation, Prior, network_input, shrink
from training.voice.sessions import causal_sums, deal, fit_prior

D = 5
LEVEL = 2
PRIOR = Prior(np.arange(D, dtype=float), np.full(D, 2.0), np.linspace(0.1, 4.0, D), 10.0)


def test_training_and_device_see_the_same():
    rng = np.random.default_rng(0)
    vectors = PRIOR.mean + rng.standard_normal((25, D)) * 1.5
    starts = np.zeros(25, bool)
    starts[[0, 1, 9]] = True
    count, total, squares = causal_sums(vectors - PRIOR.mean, starts)
    mean, deviation = shrink(PRIOR, count[:, None], total, squares)
    together = network_input(vectors, mean, deviation, count, PRIOR, LEVEL)
    adaptation = Adaptation(PRIOR)
    for row, vector in enumerate(vectors):
        if starts[row]:
            adaptation.reset()
        alone = network_input(vector, *adaptation.estimate(), adaptation.count, PRIOR, LEVEL)
        assert np.allclose(alone, together[row], atol=1e-5)
        adaptation.update(vector)


def test_every_utterance_is_dealt_once_and_speakers_do_not_mix():
    speaker = np.repeat(["a", "b", "c"], (40, 7, 1))
    emotion = np.arange(48) % 7
    order, starts = deal(np.random.default_rng(1), speaker, emotion)
    assert sorted(order) == list(range(48))
    changed = np.concatenate([[True], speaker[order][1:] != speaker[order][:-1]])
    assert np.all(starts[changed])
    assert 3 <= starts.sum() <= 48


def test_the_prior_finds_the_variances():
    rng = np.random.default_rng(2)
    speaker = np.repeat(np.arange(60).astype(str), 42)
    emotion = np.tile(np.arange(7), 360)
    own = np.repeat(rng.standard_normal((60, D)) * 3.0, 42, axis=0)
    features = 10.0 + own + rng.standard_normal((len(speaker), D))
    prior = fit_prior(features, speaker, emotion, LEVEL, 10.0)
    others = np.arange(D) != LEVEL
    assert np.allclose(prior.mean, 10.0, atol=1.5)
    assert np.allclose(prior.within, 1.0, rtol=0.1)
    assert np.allclose(prior.between[others], 9.0, rtol=0.6)
    assert prior.between[LEVEL] > 1e5
    again = Prior.from_dict(prior.to_dict())
    assert np.allclose(again.within, prior.within, rtol=1e-4)
