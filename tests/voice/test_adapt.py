import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from emoedge.voice.adapt import LIMIT, MEMORY, OUTLIER, Adaptation, Prior, network_input, shrink

D = 4
PRIOR = Prior(
    np.array([0.0, 10.0, -5.0, 100.0]), np.array([1.0, 4.0, 0.5, 9.0]), np.array([4.0, 0.4, 0.5, 1e6]), 10.0
)
vectors = arrays(np.float64, (D,), elements=st.floats(-1e4, 1e4))
sessions = st.lists(vectors, min_size=0, max_size=20)


def learnt(items):
    adaptation = Adaptation(PRIOR)
    for item in items:
        adaptation.update(item)
    return adaptation


def test_nobody_heard_is_the_population():
    mean, deviation = Adaptation(PRIOR).estimate()
    assert np.allclose(mean, PRIOR.mean)
    assert np.allclose(deviation, np.sqrt(PRIOR.within))


@given(sessions)
def test_estimates_are_finite_and_bounded(items):
    adaptation = learnt(items)
    mean, deviation = adaptation.estimate()
    reach = OUTLIER * np.sqrt(PRIOR.within + PRIOR.between)
    assert np.all(np.abs(mean - PRIOR.mean) <= reach * (len(items) + 1) + 1e-6)
    assert np.all(np.isfinite(deviation))
    assert np.all(deviation > 0)
    assert 0 <= adaptation.count <= MEMORY


@given(sessions)
def test_restored_statistics_are_the_same(items):
    adaptation = learnt(items)
    copy = Adaptation(PRIOR)
    copy.restore(json.loads(json.dumps(adaptation.state())))
    assert copy.state() == adaptation.state()
    for first, second in zip(adaptation.estimate(), copy.estimate(), strict=True):
        assert np.array_equal(first, second)


near = arrays(np.float64, (D,), elements=st.floats(-1.0, 1.0))


@given(st.lists(near, min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_order_does_not_matter(items, random):
    # Within reach of the outlier limit the statistics are plain sums.
    values = [PRIOR.mean + item * np.sqrt(PRIOR.within) for item in items]
    shuffled = list(values)
    random.shuffle(shuffled)
    for first, second in zip(learnt(values).estimate(), learnt(shuffled).estimate(), strict=True):
        assert np.allclose(first, second)


def test_it_converges_to_the_speaker():
    rng = np.random.default_rng(0)
    speaker = PRIOR.mean + np.array([2.0, -1.0, 0.5, 40.0])
    adaptation = learnt(speaker + rng.standard_normal((55, D)) * np.sqrt(PRIOR.within))
    mean, deviation = adaptation.estimate()
    assert np.all(np.abs(mean - speaker) < 0.6 * np.sqrt(PRIOR.within))
    assert np.allclose(deviation, np.sqrt(PRIOR.within), rtol=0.4)


def test_what_differs_between_people_adapts_first():
    adaptation = learnt([PRIOR.mean + np.sqrt(PRIOR.within)])
    moved = (adaptation.estimate()[0] - PRIOR.mean) / np.sqrt(PRIOR.within)
    assert moved[0] == pytest.approx(0.8)
    assert moved[1] == pytest.approx(1 / 11)
    assert moved[3] == pytest.approx(1.0, abs=1e-4)


def test_one_wild_value_does_little_harm():
    calm = [PRIOR.mean] * 10
    mean, _ = learnt([*calm, PRIOR.mean + 1e6]).estimate()
    reach = OUTLIER * np.sqrt(PRIOR.within + PRIOR.between)
    assert np.all(mean - PRIOR.mean <= reach / 10)


def test_old_speech_fades():
    adaptation = learnt([PRIOR.mean] * 200)
    assert adaptation.count == pytest.approx(MEMORY)
    for _ in range(200):
        adaptation.update(PRIOR.mean + np.sqrt(PRIOR.within))
    assert adaptation.estimate()[0][0] - PRIOR.mean[0] > 0.8


def test_a_constant_gain_cancels_after_one_utterance():
    level = 3
    rng = np.random.default_rng(3)
    session = PRIOR.mean + rng.standard_normal((6, D))

    def inputs(shift):
        adaptation = Adaptation(PRIOR)
        rows = []
        for vector in session + np.eye(D)[level] * shift:
            mean, deviation = adaptation.estimate()
            rows.append(network_input(vector, mean, deviation, adaptation.count, PRIOR, level))
            adaptation.update(vector)
        return np.array(rows)

    assert np.allclose(inputs(0.0), inputs(20.0), atol=0.01)
    assert np.allclose(inputs(0.0), inputs(-20.0), atol=0.01)


@given(vectors, st.integers(0, 50))
def test_network_input_is_bounded(vector, count):
    mean, deviation = shrink(PRIOR, count, np.zeros(D), np.zeros(D))
    values = network_input(vector, mean, deviation, count, PRIOR, 3)
    assert values.shape == (2 * D,)
    assert values.dtype == np.float32
    assert np.all(np.abs(values) <= LIMIT)


def test_bad_lessons_and_states_are_refused():
    adaptation = Adaptation(PRIOR)
    with pytest.raises(ValueError, match="features"):
        adaptation.update(np.zeros(D + 1))
    with pytest.raises(ValueError, match="features"):
        adaptation.update(np.array([0, np.nan, 0, 0]))
    state = adaptation.state()
    with pytest.raises(ValueError, match="another model"):
        adaptation.restore(state | {"sum": [0.0]})
    with pytest.raises(ValueError, match="damaged"):
        adaptation.restore(state | {"weight": float("nan")})
    assert adaptation.state() == state


def test_reset_forgets():
    adaptation = learnt([PRIOR.mean + 1])
    adaptation.reset()
    assert adaptation.state() == Adaptation(PRIOR).state()
