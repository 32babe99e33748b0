"""Simulated devices and sessions: the state of the running statistics when an utterance arrives.

The network must work for a stranger on a new device as well as for a person heard thirty times on a device
that has heard many, and for people who are mostly of one mood. So each epoch deals every speaker's utterances
again into sessions of random length and mood, and the sessions of each set onto devices, and gives each
utterance the statistics of those before it: exactly what Adaptation does on the device.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from emoedge.voice.adapt import Estimate, Prior, Sums, estimate

Array = NDArray[np.float64]
Indices = NDArray[np.int64]
Starts = NDArray[np.bool_]

SESSION_LENGTHS = (1, 2, 4, 10, 30, 90)
"""Maximum length of a session; all lengths are equally likely, so most utterances are early in one."""
DEVICE_LENGTHS = (1, 1, 3, 10, 40)
"""Maximum number of sessions on a device; two in five have one person, as in the first hour of use."""


class Dealt(NamedTuple):
    """Utterances in order of time.

    Attributes:
        order: (n,), numbers of the utterances.
        persons: (n,), True where a session begins.
        devices: (n,), True where a device begins; a session begins there too.
    """

    order: Indices
    persons: Starts
    devices: Starts


def fit_prior(
    features: Array,
    speaker: NDArray[np.str_],
    origin: NDArray[np.str_],
    emotion: Indices,
    level: int,
    spread_count: float,
) -> Prior:
    """Return population statistics: variances within and between speakers and sets, with balanced emotions.

    A set stands for a device. The variance of the level between people is set so high that the first
    utterance determines it, because gain is arbitrary.
    """
    names, first = np.unique(speaker, return_index=True)
    within, means, counts = [], [], []
    for name in names:
        mine = speaker == name
        # Equal weights of the emotions, so that a speaker's mean does not depend on the selection of clips.
        _, kind, count = np.unique(emotion[mine], return_inverse=True, return_counts=True)
        weight = 1.0 / count[kind]
        weight /= weight.sum()
        mean = weight @ features[mine]
        means.append(mean)
        within.append(weight @ (features[mine] - mean) ** 2)
        counts.append(np.count_nonzero(mine))
    share = np.sqrt(np.array(counts))
    share /= share.sum()
    spread_within, means_of = share @ np.array(within), np.array(means)
    population = share @ means_of
    person, device = np.zeros_like(population), np.zeros_like(population)
    for name in np.unique(origin):
        mine = origin[first] == name
        centre = share[mine] @ means_of[mine] / share[mine].sum()
        person += share[mine] @ (means_of[mine] - centre) ** 2
        device += share[mine].sum() * (centre - population) ** 2
    person, device = (np.maximum(values, 0.02 * spread_within) for values in (person, device))
    person[level] = device[level] = 1e6
    return Prior(population, np.maximum(spread_within, 1e-8), person, device, spread_count)


def causal_sums(deviations: Array, starts: Starts) -> Sums:
    """Return count, sum and sum of squares of the rows before each row since the last start.

    Args:
        deviations: (n, d), in order of time.
        starts: (n,), True where a session begins; the first must be True.
    """
    session = np.maximum.accumulate(np.where(starts, np.arange(len(starts)), 0))
    count = np.arange(len(starts)) - session
    results = []
    for values in (deviations, deviations**2):
        before = np.cumsum(values, axis=0) - values
        results.append(before - before[session])
    return Sums(count.astype(np.float64), *results)  # type: ignore[arg-type]


def known_before(features: NDArray[np.floating], persons: Starts, devices: Starts, prior: Prior) -> Estimate:
    """Return the statistics before each of the utterances (n, d), in order of time; see Dealt."""
    deviations = features - prior.mean
    return estimate(prior, causal_sums(deviations, devices), causal_sums(deviations, persons))


def deal(
    rng: np.random.Generator, speaker: NDArray[np.str_], origin: NDArray[np.str_], emotion: Indices
) -> Dealt:
    """Distribute all utterances over devices and sessions.

    For half of the speakers the moods come in streaks rather than at random.
    """
    order, persons, devices = [], [], []
    for place in np.unique(origin):
        sessions = [
            session
            for name in np.unique(speaker[origin == place])
            for session in _sessions(rng, np.flatnonzero(speaker == name), emotion)
        ]
        left = 0
        for number in rng.permutation(len(sessions)):
            session = sessions[number]
            begin, new = np.zeros(len(session), dtype=bool), np.zeros(len(session), dtype=bool)
            begin[0], new[0] = True, left == 0
            if left == 0:
                left = int(rng.integers(1, rng.choice(DEVICE_LENGTHS) + 1))
            left -= 1
            order.append(session)
            persons.append(begin)
            devices.append(new)
    return Dealt(np.concatenate(order), np.concatenate(persons), np.concatenate(devices))


def _sessions(rng: np.random.Generator, mine: Indices, emotion: Indices) -> list[Indices]:
    """Divide one speaker's utterances into sessions."""
    # Exponential race: a lower rate of a mood puts its utterances later.
    mood = rng.dirichlet(np.full(7, 0.5)) if rng.random() < 0.5 else np.ones(7)
    arrival = rng.exponential(size=len(mine)) / np.maximum(mood[emotion[mine]], 0.02)
    mine = mine[np.argsort(arrival)]
    sessions, position = [], 0
    while position < len(mine):
        length = int(rng.integers(1, rng.choice(SESSION_LENGTHS) + 1))
        sessions.append(mine[position : position + length])
        position += length
    return sessions


TURN = 10
"""Number of clips of one person before the next one speaks, on a shared device."""


def play(kind: str, clips: Indices, speaker: NDArray[np.str_], order: int | None = 0) -> Dealt:
    """Return the clips of left-out speakers in order of time.

    Args:
        kind: "alone": every clip separately; "session": every speaker's clips as one session on a new device;
            "device": people in turns on one new device.
        clips: numbers of the clips.
        speaker: speakers of all clips.
        order: seed of the order, or None for that of the index.
    """
    shuffled = clips if order is None else clips[np.random.default_rng(order).permutation(len(clips))]
    if kind == "alone":
        every = np.ones(len(clips), dtype=bool)
        return Dealt(shuffled, every, every)
    turns = []
    for name in np.unique(speaker[clips]):
        mine = shuffled[speaker[shuffled] == name]
        length = TURN if kind == "device" else len(mine)
        turns += [mine[first : first + length] for first in range(0, len(mine), length)]
    if kind == "device":
        turns = [turns[number] for number in np.random.default_rng(order).permutation(len(turns))]
    persons = np.concatenate([np.arange(len(turn)) == 0 for turn in turns])
    devices = persons if kind == "session" else np.arange(len(persons)) == 0
    return Dealt(np.concatenate(turns), persons, devices)
