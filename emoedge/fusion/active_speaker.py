"""Find the speaker: the face whose mouth moves with the sound. Pure.

How much a mouth moves from frame to frame is correlated with the level of the sound in the same moments.
Where mouth and voice belong together, both rise with each word and fall in each pause; where they do not, the
correlation is about zero, however much the mouth smiles, chews or talks with somebody else.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from itertools import accumulate, chain
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emoedge.observations import (
    LEVEL_STEP_S,
    UNKNOWN,
    UNSEEN,
    FacesObservation,
    Modality,
    SoundLevel,
    Speaker,
)

MEMORY_S: Final = 45.0
"""A long utterance, and the time a recogniser takes for it."""
BEFORE_S: Final = 1.5
"""Seconds before the speech that belong to it: the mouth rests until the voice begins."""
AT_LEAST_S: Final = 1.5
"""Minimum seconds of speech for saying that the speaker is not in view: shorter speech has too few words."""
LONG_S: Final = 10.0
"""Judged over this time too, which steadies what a few words say."""
LEAST_MOVEMENT: Final = 0.004
"""Movement is compared on a logarithmic scale above this, which noise alone gives."""
RANGE_DB: Final = 40.0
"""Levels so far below the loudest are silence."""
LAGS_S: Final = (-0.1, 0.0, 0.1)
"""Sound and picture may be apart by this: lips move before the voice, and devices differ."""
OTHER_LAGS_S: Final = (-1.2, -0.9, -0.6, 0.6, 0.9, 1.2)
"""At these the sound belongs to other words: who speaks goes with it less than at LAGS_S."""
SPEAKS: Final = 0.45
"""Correlation at which a mouth goes with the sound; of unrelated pairs 7 % reach it, of the talkers 95 %."""
SPEAKS_LONG: Final = 0.4
BETTER: Final = 0.1
"""The correlation at other lags is lower at least by this."""
APART: Final = 0.15
"""It is higher than that of any other face at least by this."""
SILENT: Final = 0.3
"""Correlation under which a mouth does not go with the sound."""
SILENT_LONG: Final = 0.2
LEAST_HZ: Final = 4.0
"""Looks a second at a mouth: with fewer, syllables fall between them."""
LEAST_LOOKS: Final = 8
SEEN_SHARE: Final = 0.8
"""A mouth that is hidden for more of the time may have spoken meanwhile."""
LOOK_S: Final = 0.05
"""The movement up to a frame shortly after the end belongs to the speech."""

Floats = NDArray[np.float64]


@dataclass(slots=True, eq=False)
class _MouthLook:
    """The faces of one frame: how much each mouth moved since the frame before; None where it is not seen."""

    time_s: float
    since_s: float
    mouths: dict[int, float | None]


class ActiveSpeaker:
    """Remembers mouths and levels, and says whose voice it was."""

    def __init__(self) -> None:
        self._looks: deque[_MouthLook] = deque()
        self._levels: deque[SoundLevel] = deque()

    def on_faces(self, faces: FacesObservation) -> None:
        """Take in the faces of a frame; photographs have no voice."""
        mouths = {face.track_id: face.mouth_movement for face in faces.faces if not face.still}
        since_s = self._looks[-1].time_s if self._looks else faces.time_s
        self._looks.append(_MouthLook(faces.time_s, since_s, mouths))
        while self._looks[0].time_s < faces.time_s - MEMORY_S:
            self._looks.popleft()

    def on_sound(self, level: SoundLevel) -> None:
        """Take in how loud a stretch of sound was; they come in the order of their times."""
        self._levels.append(level)
        while self._levels[0].time_s < level.time_s - MEMORY_S:
            self._levels.popleft()

    def forget(self, modality: Modality) -> None:
        """Forget what a source that was lost or switched off gave."""
        if modality == "face":
            self._looks.clear()
        else:
            self._levels.clear()

    def speaker(self, start_s: float, end_s: float) -> Speaker:
        """Whose voice was heard between two times, seconds.

        Returns:
            The id of the face whose mouth moved with it; "unseen" where no mouth in view did, and all were
            seen well; "unknown" where there is too little to go by.
        """
        close = self._between(start_s - BEFORE_S, end_s)
        longer = self._between(min(start_s - BEFORE_S, end_s - LONG_S), end_s)
        looks = sum(look.time_s > start_s for look in close)
        if not self._levels or looks < LEAST_HZ * (end_s - start_s):
            return UNKNOWN
        faces = {track_id for look in close for track_id in look.mouths}
        if not faces:  # a person who was in view a moment ago may have turned away
            return UNKNOWN if any(look.mouths for look in longer) else UNSEEN
        first_s = min(look.since_s for look in longer or close)
        sound = _LevelTrack(self._levels, first_s + min(OTHER_LAGS_S))
        agreements = {face: _agreement(close, longer, face, sound) for face in faces}
        speaking = [face for face in faces if agreements[face].speaks]
        if speaking:
            best = max(speaking, key=lambda face: agreements[face].near)
            least = agreements[best].near - APART
            rivals = any(agreements[face].near > least for face in faces if face != best)
            return UNKNOWN if rivals else best
        silent = end_s - start_s >= AT_LEAST_S and all(one.silent for one in agreements.values())
        return UNSEEN if silent else UNKNOWN

    def _between(self, start_s: float, end_s: float) -> list[_MouthLook]:
        return [look for look in self._looks if start_s < look.time_s <= end_s + LOOK_S]


class _LevelTrack:
    """Levels of remembered sound from a time on, seconds."""

    def __init__(self, levels: deque[SoundLevel], since_s: float) -> None:
        heard = [one for one in levels if one.time_s + LEVEL_STEP_S * len(one.levels_db) >= since_s]
        steps = [len(one.levels_db) for one in heard]
        starts = np.repeat([one.time_s for one in heard], steps)
        first = np.repeat(np.cumsum(steps) - steps, steps)
        self._ends_s = starts + LEVEL_STEP_S * (np.arange(1, len(starts) + 1) - first)
        sums = accumulate(chain.from_iterable(one.levels_db for one in heard), initial=0.0)
        self._sums = np.fromiter(sums, np.float64)

    def means(self, since_s: Floats, until_s: Floats) -> Floats:
        """Mean levels between pairs of times, dB; NaN where there was no sound."""
        first = np.searchsorted(self._ends_s, since_s + 0.5 * LEVEL_STEP_S)
        last = np.searchsorted(self._ends_s, until_s + 0.5 * LEVEL_STEP_S)
        count = last - first
        means = (self._sums[last] - self._sums[first]) / np.maximum(count, 1)
        return np.where(count > 0, means, np.nan)


@dataclass(frozen=True, slots=True)
class _Agreement:
    """Correlations of a mouth with the sound; NaN if it was not seen for long enough.

    Attributes:
        near: in the speech.
        other: at the best of OTHER_LAGS_S.
        longer: over LONG_S.
        seen: whether the mouth was seen nearly all the time.
    """

    near: float
    other: float
    longer: float
    seen: bool

    @property
    def speaks(self) -> bool:
        """Whether it goes with the sound; False where it was not seen."""
        return self.near >= max(SPEAKS, self.other + BETTER) and self.longer >= SPEAKS_LONG

    @property
    def silent(self) -> bool:
        """Whether it does not go with the sound; False where it was not seen."""
        return self.seen and self.near < SILENT and self.longer < SILENT_LONG


def _agreement(
    close: list[_MouthLook], longer: list[_MouthLook], face: int, sound: _LevelTrack
) -> _Agreement:
    mouths = _mouths(close, face)
    correlations = _correlations(mouths, sound, LAGS_S + OTHER_LAGS_S)
    return _Agreement(
        near=max(correlations[: len(LAGS_S)]),
        other=max(correlations[len(LAGS_S) :]),
        longer=max(_correlations(_mouths(longer, face), sound, LAGS_S)),
        seen=mouths.shape[1] >= SEEN_SHARE * len(close),
    )


def _mouths(looks: list[_MouthLook], face: int) -> Floats:
    """Times before and after, and logarithm of the movement between them, float64 (3, n)."""
    rows = [
        (look.since_s, look.time_s, math.log(LEAST_MOVEMENT + movement))
        for look in looks
        if (movement := look.mouths.get(face)) is not None
    ]
    return np.array(rows, np.float64).reshape(-1, 3).T


def _correlations(mouths: Floats, sound: _LevelTrack, lags_s: tuple[float, ...]) -> list[float]:
    """Correlations of movement and level at some lags; NaN with too few looks, 0 where nothing changes."""
    if mouths.shape[1] < LEAST_LOOKS:
        return [math.nan] * len(lags_s)
    since_s, until_s, movement = mouths
    lags = np.array(lags_s)[:, None]
    level_db = sound.means(since_s + lags, until_s + lags)
    heard = ~np.isnan(level_db)
    count = np.maximum(heard.sum(axis=1, keepdims=True), 1)
    loudest = np.where(heard, level_db, -np.inf).max(axis=1, keepdims=True)
    level_db = np.where(heard, np.maximum(level_db, loudest - RANGE_DB), 0.0)
    moves = np.where(heard, movement, 0.0)
    level_db = np.where(heard, level_db - level_db.sum(axis=1, keepdims=True) / count, 0.0)
    moves = np.where(heard, moves - moves.sum(axis=1, keepdims=True) / count, 0.0)
    scale = np.sqrt((level_db**2).sum(axis=1) * (moves**2).sum(axis=1))
    varied = (np.ptp(level_db, axis=1) >= 1e-6) & (np.ptp(moves, axis=1) >= 1e-6)
    varied &= count[:, 0] >= LEAST_LOOKS
    shared = (level_db * moves).sum(axis=1) / np.where(varied, scale, 1.0)
    found: list[float] = np.where(varied, shared, 0.0).tolist()
    return found
