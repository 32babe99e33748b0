"""Frame labels on the recogniser's 30 ms grid, from espeak-ng's own phoneme times."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .espeak import Speech
from .features import FRAME_S, OUTPUT_FRAME_S, SUBSAMPLING
from .lexicon import SILENCE, fold


@dataclass(frozen=True)
class PdfTable:
    """Number of each acoustic class: two per phone, its first frame and the frames after it."""

    phones: tuple[str, ...]
    """Silence first."""

    def first(self, phone: str) -> int:
        """Return the class of a phone's first frame."""
        return 2 * self.phones.index(phone)

    def rest(self, phone: str) -> int:
        """Return the class of a phone's later frames."""
        return 2 * self.phones.index(phone) + 1

    def __len__(self) -> int:
        return 2 * len(self.phones)


def segments(speech: Speech, offset_s: float, duration_s: float) -> list[tuple[str, float]]:
    """Return (phone, start in seconds) over the whole sound; pauses are silence."""
    result: list[tuple[str, float]] = [(SILENCE, 0.0)]
    end = offset_s
    for word in speech.words:
        if word.start_s + offset_s > end + 0.5 * OUTPUT_FRAME_S and result[-1][0] != SILENCE:
            result.append((SILENCE, end))
        result += [(phone.name, phone.start_s + offset_s) for phone in fold(word.phones)]
        end = word.end_s + offset_s
    if end < duration_s - 2 * OUTPUT_FRAME_S:
        result.append((SILENCE, end))
    return result


def on_grid(starts_s: list[float], phase_s: float) -> np.ndarray:
    """Return start frames on the 30 ms grid, at least one frame apart, nearest to the truth.

    The recogniser's topology gives each phone one frame at least, and some phones last
    20 ms: least squares under that constraint is isotonic regression of start − index.
    """
    from sklearn.isotonic import isotonic_regression

    index = np.arange(len(starts_s))
    exact = (np.asarray(starts_s) - phase_s) / OUTPUT_FRAME_S
    return np.round(isotonic_regression(exact - index)).astype(int) + index


def frame_labels(timed: list[tuple[str, float]], frames: int, table: PdfTable) -> np.ndarray:
    """Return the acoustic class of every feature frame, int64 (frames,).

    Feature frame `t` is labelled as if it began an output frame, so that one pass over a
    sound trains all three phases of the subsampling.
    """
    labels = np.zeros(frames, np.int64)
    for phase in range(SUBSAMPLING):
        grid = np.arange(phase, frames, SUBSAMPLING)
        starts = on_grid([start for _, start in timed], phase * FRAME_S)
        starts[0] = 0
        owner = np.searchsorted(starts, np.arange(len(grid)), side="right") - 1
        first = np.isin(np.arange(len(grid)), starts)
        names = [name for name, _ in timed]
        labels[grid] = [
            table.first(names[o]) if f else table.rest(names[o]) for o, f in zip(owner, first, strict=True)
        ]
    return labels
