"""Imagined sessions: what the running statistics know when an utterance arrives.

The network must work for a stranger as well as for somebody heard thirty times, and for people who are mostly
of one mood. So each epoch deals every speaker's utterances anew into sessions of random length and mood, and
gives each utterance the statistics of those before it in its session: exactly what Adaptation does on the
device.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from emoedge.voice.adapt import Prior

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

SESSION_LENGTHS = (1, 2, 4, 10, 30, 90)
"""Sessions are this long at most; each length is as likely, so most utterances come early in one."""


def fit_prior(
    features: Array, speaker: NDArray[np.str_], emotion: Indices, level: int, spread_count: float
) -> Prior:
    """The population from clips: variances within and between speakers, emotions balanced.

    The level's between variance is set so high that the first utterance settles it: gain is arbitrary.
    """
    names, index = np.unique(speaker, return_inverse=True)
    within, means, counts = [], [], []
    for number in range(len(names)):
        mine = index == number
        # Weight each emotion alike, so that a speaker's mean does not depend on what was recorded.
        _, kind, count = np.unique(emotion[mine], return_inverse=True, return_counts=True)
        weight = 1.0 / count[kind]
        weight /= weight.sum()
        mean = weight @ features[mine]
        means.append(mean)
        within.append(weight @ (features[mine] - mean) ** 2)
        counts.append(np.count_nonzero(mine))
    share = np.sqrt(np.array(counts))
    share /= share.sum()
    mean_within = share @ np.array(within)
    population = share @ np.array(means)
    between = share @ (np.array(means) - population) ** 2
    between = np.maximum(between, 0.02 * mean_within)
    between[level] = 1e6
    return Prior(population, np.maximum(mean_within, 1e-8), between, spread_count)


def causal_sums(deviations: Array, starts: NDArray[np.bool_]) -> tuple[Array, Array, Array]:
    """Count, sum and sum of squares of the rows before each row since the last start.

    Args:
        deviations: (n, d), in order of time.
        starts: (n,), True where a session begins; the first must be True.

    Returns:
        (n,), (n, d), (n, d).
    """
    session = np.maximum.accumulate(np.where(starts, np.arange(len(starts)), 0))
    count = np.arange(len(starts)) - session
    results = []
    for values in (deviations, deviations**2):
        before = np.cumsum(values, axis=0) - values
        results.append(before - before[session])
    return count.astype(np.float64), results[0], results[1]


def deal(
    rng: np.random.Generator, speaker: NDArray[np.str_], emotion: Indices
) -> tuple[Indices, NDArray[np.bool_]]:
    """All utterances in an order of sessions, and where each session starts.

    In half of the speakers' decks the moods come in streaks rather than at random.
    """
    order, starts = [], []
    for name in np.unique(speaker):
        mine = np.flatnonzero(speaker == name)
        # Exponential race: a lower rate of a mood puts its utterances later.
        mood = rng.dirichlet(np.full(7, 0.5)) if rng.random() < 0.5 else np.ones(7)
        arrival = rng.exponential(size=len(mine)) / np.maximum(mood[emotion[mine]], 0.02)
        order.append(mine[np.argsort(arrival)])
        begin = np.zeros(len(mine), dtype=bool)
        position = 0
        while position < len(mine):
            begin[position] = True
            position += int(rng.integers(1, rng.choice(SESSION_LENGTHS) + 1))
        starts.append(begin)
    return np.concatenate(order), np.concatenate(starts)
