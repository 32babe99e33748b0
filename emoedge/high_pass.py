"""High-pass for offset, mains hum and rumble: one filter for live audio, files and training.

The filter is causal and its output does not depend on how the stream is cut into blocks.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SECTIONS: Final = (
    ((0.9652490332585225, -0.9652490332585225, 0.0), (1.0, -0.9783756471971865, 0.0)),
    ((1.0, -1.99980818657422, 1.0), (1.0, -1.964591066976912, 0.9652490336912682)),
    ((1.0, -1.999497864892553, 1.0), (1.0, -1.9856099815273258, 0.986583257249897)),
)
"""Numerators and denominators of `scipy.signal.cheby2(5, 30, 60, "high", fs=16000, output="sos")`: at most
-30 dB up to 60 Hz, which is mains hum everywhere, nothing at 0 Hz, -4 dB at 80 Hz, where deep voices begin,
and -0.3 dB at 100 Hz."""
ORDER: Final = 6
"""Values of state: two a section, of which the first needs only one."""
BLOCK: Final = 50
"""Samples filtered at a time by matrix products, which stay in the cache; between blocks only the state is
carried."""

CARRIED: Final = 16
"""Blocks through which the state is carried in one product: twice as many are what a microphone sends at
once."""


class _Matrices(NamedTuple):
    """The filter over whole blocks of BLOCK samples.

    Attributes:
        response: (BLOCK, BLOCK), from the samples of a block to its output (lower triangular).
        observed: (BLOCK, ORDER), from the state before a block to its output.
        reached: (ORDER, BLOCK), from the samples of a block to the state after it.
        powers: (BLOCK + 1, ORDER, ORDER), from the state before 0 … BLOCK samples to the state after them.
        steady: (ORDER,), state after a long constant 1.
    """

    response: Array
    observed: Array
    reached: Array
    powers: Array
    steady: Array


@lru_cache(8)
def _carry(blocks: int) -> Array:
    """From the state before and what each of some blocks adds to it, to the state before each and after all.

    float64 (ORDER * (blocks + 1), ORDER * (blocks + 1)): one product in the place of one for each block.
    """
    power, powers = np.eye(ORDER), []
    for _ in range(blocks + 1):
        powers.append(power)
        power = _matrices().powers[BLOCK] @ power
    rows = [
        [powers[row - column] if row >= column else np.zeros((ORDER, ORDER)) for column in range(blocks + 1)]
        for row in range(blocks + 1)
    ]
    return np.block(rows)


def _step(state: Array, value: float) -> tuple[Array, float]:
    """One sample through the sections, each in transposed direct form II."""
    after = np.empty_like(state)
    for number, ((b0, b1, b2), (_, a1, a2)) in enumerate(SECTIONS):
        first, second = state[2 * number : 2 * number + 2]
        output = b0 * value + first
        after[2 * number : 2 * number + 2] = b1 * value - a1 * output + second, b2 * value - a2 * output
        value = output
    return after, value


@cache
def _matrices() -> _Matrices:
    zero = np.zeros(ORDER)
    transition = np.stack([_step(unit, 0.0)[0] for unit in np.eye(ORDER)], axis=1)
    output = np.array([_step(unit, 0.0)[1] for unit in np.eye(ORDER)])
    entry, through = _step(zero, 1.0)
    powers = np.empty((BLOCK + 1, ORDER, ORDER))
    powers[0] = np.eye(ORDER)
    for count in range(BLOCK):
        powers[count + 1] = transition @ powers[count]
    observed = output @ powers[:BLOCK]
    reached = (powers[:BLOCK] @ entry)[::-1].T
    impulse = np.concatenate(([through], observed[:-1] @ entry))
    lags = np.subtract.outer(np.arange(BLOCK), np.arange(BLOCK))
    response = np.where(lags >= 0, impulse[np.maximum(lags, 0)], 0.0)
    steady = np.asarray(np.linalg.solve(np.eye(ORDER) - transition, entry), dtype=np.float64)
    return _Matrices(response, observed, np.ascontiguousarray(reached), powers, steady)


class HighPass:
    """Filter of a stream that starts as if its first sample had lasted forever: an offset leaves no trace."""

    def __init__(self) -> None:
        self._state: Array | None = None

    def reset(self) -> None:
        """Begin a new stream."""
        self._state = None

    def __call__(self, samples: NDArray[np.int16]) -> NDArray[np.int16]:
        """The next samples, int16 (n,) at 16 kHz, without what lies below speech; as many as were given."""
        filtered = self.filter(samples)
        np.rint(filtered, out=filtered)
        return filtered.clip(-32768, 32767, out=filtered).astype(np.int16)

    def filter(self, samples: NDArray[np.integer | np.floating]) -> Array:
        """The same for samples of any scale, without rounding."""
        if not len(samples):
            return np.zeros(0)
        matrices = _matrices()
        values = samples.astype(np.float64)
        state = matrices.steady * values[0] if self._state is None else self._state
        whole = len(values) // BLOCK
        blocks, rest = values[: whole * BLOCK].reshape(whole, BLOCK), values[whole * BLOCK :]
        entries = blocks @ matrices.reached.T
        states = np.empty((whole, ORDER))
        for first in range(0, whole, CARRIED):
            group = entries[first : first + CARRIED]
            carried = (_carry(len(group)) @ np.concatenate((state, group.ravel()))).reshape(-1, ORDER)
            states[first : first + CARRIED], state = carried[:-1], carried[-1]
        result = np.empty(len(values))
        result[: whole * BLOCK] = (blocks @ matrices.response.T + states @ matrices.observed.T).ravel()
        count = len(rest)
        result[whole * BLOCK :] = matrices.response[:count, :count] @ rest + matrices.observed[:count] @ state
        self._state = matrices.powers[count] @ state + matrices.reached[:, BLOCK - count :] @ rest
        return result
