"""The sessions imagined in training must be what the device does."""

import numpy as np
import pytest

from emoedge.voice.adapt import Adaptation, Prior, network_input
from training.voice.sessions import deal, fit_prior, known_before, play

D = 5
LEVEL = 2
PRIOR = Prior(
    np.arange(D, dtype=float), np.full(D, 2.0), np.linspace(0.1, 4.0, D), np.linspace(3.0, 0.2, D), 10.0
)


def test_training_and_device_see_the_same():
    rng = np.random.default_rng(0)
    vectors = PRIOR.mean + rng.standard_normal((25, D)) * 1.5
    persons, devices = np.zeros(25, bool), np.zeros(25, bool)
    persons[[0, 1, 9, 14]] = True
    devices[[0, 9]] = True
    together = network_input(vectors, known_before(vectors, persons, devices, PRIOR), PRIOR, LEVEL)
    adaptation = Adaptation(PRIOR)
    for row, vector in enumerate(vectors):
        if devices[row]:
            adaptation.reset()
        elif persons[row]:
            adaptation.begin_person()
        alone = network_input(vector, adaptation.estimate(), PRIOR, LEVEL)
        assert np.allclose(alone, together[row], atol=1e-5)
        adaptation.update(vector)


def people():
    """Speakers, sets and emotions of 60 utterances."""
    speaker = np.repeat(["a", "b", "c", "d"], (40, 7, 1, 12))
    origin = np.where(np.isin(speaker, ["a", "b"]), "first", "second")
    return speaker, origin, np.arange(60) % 7


def test_every_utterance_is_dealt_once_and_people_and_sets_do_not_mix():
    speaker, origin, emotion = people()
    dealt = deal(np.random.default_rng(1), speaker, origin, emotion)
    assert sorted(dealt.order) == list(range(60))
    for values, starts in ((speaker, dealt.persons), (origin, dealt.devices)):
        moved = values[dealt.order]
        assert np.all(starts[np.concatenate([[True], moved[1:] != moved[:-1]])])
    assert np.all(dealt.persons[dealt.devices])
    assert dealt.persons.sum() > dealt.devices.sum()


@pytest.mark.parametrize("kind", ["alone", "session", "device"])
def test_left_out_clips_are_played_in_time(kind):
    speaker, _, _ = people()
    clips = np.arange(5, 60)
    played = play(kind, clips, speaker)
    assert sorted(played.order) == clips.tolist()
    moved = speaker[played.order]
    if kind == "alone":
        assert played.persons.all()
        assert played.devices.all()
    else:
        assert np.all(played.persons[1:][moved[1:] != moved[:-1]])
        assert played.devices.sum() == (1 if kind == "device" else 4)


def test_the_prior_finds_the_variances():
    rng = np.random.default_rng(2)
    names = np.arange(120)
    speaker, origin = np.repeat(names.astype(str), 42), np.repeat((names // 4).astype(str), 42)
    emotion = np.tile(np.arange(7), 720)
    rooms = np.repeat(rng.standard_normal((30, D)) * 2.0, 4, axis=0)
    own = np.repeat(rooms + rng.standard_normal((120, D)) * 3.0, 42, axis=0)
    features = 10.0 + own + rng.standard_normal((len(speaker), D))
    prior = fit_prior(features, speaker, origin, emotion, LEVEL, 10.0)
    others = np.arange(D) != LEVEL
    assert np.allclose(prior.mean, 10.0, atol=1.5)
    assert np.allclose(prior.within, 1.0, rtol=0.1)
    # Means of four people leave a quarter of their variance with the room.
    assert np.allclose(prior.person[others], 9.0 * 0.75, rtol=0.4)
    assert np.allclose(prior.device[others], 4.0 + 9.0 / 4, rtol=0.6)
    assert prior.person[LEVEL] > 1e5
    again = Prior.from_dict(prior.to_dict())
    assert np.allclose(again.within, prior.within, rtol=1e-4)
    assert np.allclose(again.device, prior.device, rtol=1e-4)
