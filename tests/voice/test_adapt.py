import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from emoedge.voice.adapt import DEVICE_MEMORY, LIMIT, MEMORY, Adaptation, Prior, Sums, estimate, network_input

D = 4
PRIOR = Prior(
    mean=np.array([0.0, 10.0, -5.0, 100.0]),
    within=np.array([1.0, 4.0, 0.5, 9.0]),
    person=np.array([4.0, 0.4, 0.5, 1e6]),
    device=np.array([1.0, 4.0, 0.01, 1e6]),
    spread_count=10.0,
)
vectors = arrays(np.float64, (D,), elements=st.floats(-1e4, 1e4))
sessions = st.lists(vectors, min_size=0, max_size=20)


def learnt(items):
    adaptation = Adaptation(PRIOR)
    for item in items:
        adaptation.update(item)
    return adaptation


def test_nobody_heard_is_the_population():
    known = Adaptation(PRIOR).estimate()
    assert np.allclose(known.person, PRIOR.mean)
    assert np.allclose(known.device, PRIOR.mean)
    assert np.allclose(known.deviation, np.sqrt(PRIOR.within))


@given(sessions)
def test_estimates_are_finite_and_bounded(items):
    adaptation = learnt(items)
    known = adaptation.estimate()
    for mean in (known.person, known.device):
        assert np.all(np.abs(mean - PRIOR.mean) <= PRIOR.reach * (len(items) + 1) + 1e-6)
    assert np.all(np.isfinite(known.deviation))
    assert np.all(known.deviation > 0)
    assert 0 <= adaptation.count <= MEMORY
    assert adaptation.device_count == len(items)


@given(sessions)
def test_the_device_is_kept_and_the_person_is_not(items):
    adaptation = learnt(items)
    copy = Adaptation(PRIOR)
    copy.restore(json.loads(json.dumps(adaptation.state())))
    assert copy.state() == adaptation.state()
    assert copy.count == 0
    assert copy.device_count == adaptation.device_count
    assert np.array_equal(copy.estimate().device, adaptation.estimate().device)
    adaptation.begin_person()
    assert np.array_equal(copy.estimate().person, adaptation.estimate().person)
    assert np.allclose(copy.estimate().person, copy.estimate().device)


def test_a_new_person_starts_from_the_device():
    rng = np.random.default_rng(5)
    room = PRIOR.mean + np.array([1.0, 2.0, 0.1, 300.0])
    adaptation = Adaptation(PRIOR)
    for _ in range(8):
        adaptation.begin_person()
        person = room + rng.standard_normal(D) * np.sqrt(PRIOR.within)
        for _ in range(10):
            adaptation.update(person)
    adaptation.begin_person()
    known = adaptation.estimate()
    differs = [0, 1, 3]
    assert np.all(np.abs(known.person - room)[differs] < 0.5 * np.abs(PRIOR.mean - room)[differs])
    assert np.allclose(known.person, known.device)


def test_everything_is_forgotten_on_reset():
    adaptation = learnt([PRIOR.mean + 1.0] * 5)
    adaptation.count_answer(np.eye(7)[2])
    adaptation.reset()
    assert adaptation.state() == Adaptation(PRIOR).state()


def test_the_leading_share_follows_the_answers():
    adaptation = Adaptation(PRIOR)
    assert adaptation.leading_share == pytest.approx(1 / 7)
    for _ in range(10):
        adaptation.count_answer(np.array([0.5, 0.1, 0.1, 0.1, 0.1, 0.05, 0.05]))
    assert adaptation.leading_share == pytest.approx(11 / 17)
    for _ in range(200):
        for answer in np.eye(7):
            adaptation.count_answer(answer)
    assert adaptation.leading_share == pytest.approx(1 / 7, abs=0.01)


near = arrays(np.float64, (D,), elements=st.floats(-1.0, 1.0))


@given(st.lists(near, min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_order_does_not_matter(items, random):
    # Within reach of the outlier limit the statistics are plain sums.
    values = [PRIOR.mean + item * np.sqrt(PRIOR.within) for item in items]
    shuffled = list(values)
    random.shuffle(shuffled)
    first, second = learnt(values).estimate(), learnt(shuffled).estimate()
    assert np.allclose(first.person, second.person)
    assert np.allclose(first.deviation, second.deviation)


def test_it_converges_to_the_speaker():
    rng = np.random.default_rng(0)
    speaker = PRIOR.mean + np.array([2.0, -1.0, 0.5, 40.0])
    adaptation = learnt(speaker + rng.standard_normal((55, D)) * np.sqrt(PRIOR.within))
    known = adaptation.estimate()
    assert np.all(np.abs(known.person - speaker) < 0.6 * np.sqrt(PRIOR.within))
    assert np.allclose(known.deviation, np.sqrt(PRIOR.within), rtol=0.4)


def test_what_differs_between_people_adapts_first():
    adaptation = learnt([PRIOR.mean + np.sqrt(PRIOR.within)])
    moved = (adaptation.estimate().person - PRIOR.mean) / np.sqrt(PRIOR.within)
    assert moved[0] > 0.8
    assert moved[2] < 0.6
    assert moved[3] == pytest.approx(1.0, abs=1e-4)


def test_one_wild_value_does_little_harm():
    calm = [PRIOR.mean] * 10
    mean = learnt([*calm, PRIOR.mean + 1e6]).estimate().person
    assert np.all(mean - PRIOR.mean <= PRIOR.reach / 10)


def test_old_speech_fades():
    adaptation = learnt([PRIOR.mean] * 200)
    assert adaptation.count == pytest.approx(MEMORY)
    for _ in range(200):
        adaptation.update(PRIOR.mean + np.sqrt(PRIOR.within))
    assert adaptation.estimate().person[0] - PRIOR.mean[0] > 0.8


def test_the_device_remembers_longer():
    adaptation = learnt([PRIOR.mean] * 700)
    assert adaptation.device_count == pytest.approx(DEVICE_MEMORY)


def test_a_constant_gain_cancels_after_one_utterance():
    level = 3
    rng = np.random.default_rng(3)
    session = PRIOR.mean + rng.standard_normal((6, D))

    def inputs(shift):
        adaptation = Adaptation(PRIOR)
        rows = []
        for vector in session + np.eye(D)[level] * shift:
            rows.append(network_input(vector, adaptation.estimate(), PRIOR, level))
            adaptation.update(vector)
        return np.array(rows)

    assert np.allclose(inputs(0.0), inputs(20.0), atol=0.01)
    assert np.allclose(inputs(0.0), inputs(-20.0), atol=0.01)


@given(vectors, st.integers(0, 50))
def test_network_input_is_bounded(vector, count):
    heard = Sums(count, np.zeros(D), np.zeros(D))
    values = network_input(vector, estimate(PRIOR, heard, heard), PRIOR, 3)
    assert values.shape == (3 * D,)
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
