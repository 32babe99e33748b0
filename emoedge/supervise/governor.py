"""Limit the work per second so that the device stays within its processor budget, cool, and up to date.

Pure: readings of the machine in, a step out. Each step gives up a little more, in an order that is documented
(docs/governor.md): what is least missed first, and the sound never. Restricting is quick, letting go is slow,
and slower each time it turns out to have been too early.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

Cause = Literal["", "budget", "hot", "throttled", "late"]

AVERAGE_S: Final = 10.0
"""Time constant of the processor's average: transcribing one sentence is not a reason to slow down."""
SURE_S: Final = 3.0
"""Trouble shorter than this is left alone: a model that loads, another program's moment."""
RESTRICT_EVERY_S: Final = 5.0
"""A step takes about this long to be seen in the load."""
COOL_EVERY_S: Final = 20.0
"""The same for the temperature, which follows the load slowly."""
RELAX_AFTER_S: Final = 30.0
"""Seconds without a problem before one step is taken back."""
RELAX_AT_MOST_S: Final = 900.0
"""However often it was too early: the room gets cooler in the evening."""
TOO_EARLY_S: Final = 120.0
"""A restriction so soon after a relaxation says that the relaxation was too early."""
ROOM: Final = 0.75
"""Part of the budget below which a step may be taken back: the next one costs up to a third more."""
HOT_C: Final = 80.0
"""The firmware of a Raspberry Pi 4 and 5 begins to throttle here."""
COOL_C: Final = 74.0
"""A step is taken back below this only."""
LATE_SOUND_S: Final = 2.0
"""Sound that waits longer comes too late to be fused with a face of now; a sentence in work takes less."""
FEW_FACES: Final = 0.7
"""With a smaller part of the pictures asked for looked at, the processor is not ours, whatever our share of
it says."""
ENOUGH_FACES: Final = 0.9
"""A step is taken back above this only."""


@dataclass(frozen=True, slots=True)
class Step:
    """Work done at a step. Audio is captured, gated, transcribed and classified at every one.

    Attributes:
        face_rate: part of the configured rate at which pictures are looked at, (0, 1].
        look_factor: how many times rarer the detector is called in, >= 1.
        voice_hop_s: between two opinions on speech that goes on, seconds.
        overlay: whether drawings are made into recordings that ask for them.
        recording_rate: part of the pictures that are recorded, (0, 1].
    """

    face_rate: float = 1.0
    look_factor: float = 1.0
    voice_hop_s: float = 1.0
    overlay: bool = True
    recording_rate: float = 1.0


STEPS: Final[tuple[Step, ...]] = (
    Step(),
    Step(face_rate=0.7),
    Step(face_rate=0.5),
    Step(face_rate=0.5, look_factor=2.0),
    Step(face_rate=0.3, look_factor=2.0, voice_hop_s=2.0),
    Step(face_rate=0.3, look_factor=2.0, voice_hop_s=3.0, overlay=False),
    Step(face_rate=0.2, look_factor=3.0, voice_hop_s=3.0, overlay=False, recording_rate=0.5),
    Step(face_rate=0.1, look_factor=3.0, voice_hop_s=3.0, overlay=False, recording_rate=0.34),
)
"""From everything to as little as is still worth having: one face a second by default."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The machine at a moment.

    Attributes:
        time_s: monotonic seconds.
        cpu_cores: what the process has used since the reading before, cores.
        temperature_c: of the processor, None where it cannot be read.
        throttled: the board says that it is slowed down.
        sound_waiting_s: sound that no stage has heard yet, seconds; 0 while stages load their models.
        face_share: part of the pictures that were to be looked at since the reading before that really were;
            may be above 1 by chance, 1 where there is nothing to look at.
    """

    time_s: float
    cpu_cores: float
    temperature_c: float | None = None
    throttled: bool = False
    sound_waiting_s: float = 0.0
    face_share: float = 1.0


class Governor:
    """Chooses the step.

    Args:
        budget: cores that the process may use on average, > 0.
    """

    def __init__(self, budget: float) -> None:
        self.budget = budget
        self.step = 0
        self.cause: Cause = ""
        """Reason for the step; kept until it is back at 0."""
        self.cpu_cores = 0.0
        """The average."""
        self.face_share = 1.0
        """The average."""
        self.relax_after_s = RELAX_AFTER_S
        self._before_s: float | None = None
        self._changed_s = -math.inf
        self._well_since_s = -math.inf
        self._trouble_since_s: float | None = None
        self._relaxed_s = -math.inf

    def decide(self, reading: Reading) -> int:
        """The step from now on, an index into STEPS; readings come in the order of their times."""
        now_s = reading.time_s
        self._average(reading)
        trouble = self._trouble(reading)
        if trouble:
            self._well_since_s = now_s
            if self._trouble_since_s is None:
                self._trouble_since_s = now_s
            pause_s = COOL_EVERY_S if trouble in ("hot", "throttled") else RESTRICT_EVERY_S
            if now_s - self._trouble_since_s >= SURE_S and now_s - self._changed_s >= pause_s:
                self._restrict(trouble, now_s)
            return self.step
        self._trouble_since_s = None
        if not self._room(reading):
            self._well_since_s = now_s
        elif self.step and now_s - max(self._well_since_s, self._changed_s) >= self.relax_after_s:
            self._relax(now_s)
        return self.step

    def _average(self, reading: Reading) -> None:
        before_s, self._before_s = self._before_s, reading.time_s
        if before_s is None:
            self._well_since_s = reading.time_s
            return
        weight = 1.0 - math.exp(-(reading.time_s - before_s) / AVERAGE_S)
        self.cpu_cores += weight * (reading.cpu_cores - self.cpu_cores)
        self.face_share += weight * (reading.face_share - self.face_share)

    def _trouble(self, reading: Reading) -> Cause:
        if reading.throttled:
            return "throttled"
        if reading.temperature_c is not None and reading.temperature_c >= HOT_C:
            return "hot"
        if reading.sound_waiting_s > LATE_SOUND_S or self.face_share < FEW_FACES:
            return "late"
        return "budget" if self.cpu_cores > self.budget else ""

    def _room(self, reading: Reading) -> bool:
        """Return whether a step more would fit."""
        return (
            self.cpu_cores < ROOM * self.budget
            and (reading.temperature_c is None or reading.temperature_c < COOL_C)
            and reading.sound_waiting_s < LATE_SOUND_S / 2
            and self.face_share > ENOUGH_FACES
        )

    def _restrict(self, cause: Cause, now_s: float) -> None:
        self.cause = cause
        if self.step == len(STEPS) - 1:
            return
        if now_s - self._relaxed_s < TOO_EARLY_S:
            self.relax_after_s = min(2 * self.relax_after_s, RELAX_AT_MOST_S)
            self._relaxed_s = -math.inf  # each relaxation counts only once
        self.step += 1
        self._changed_s = now_s

    def _relax(self, now_s: float) -> None:
        if now_s - self._relaxed_s >= 2 * TOO_EARLY_S and self._relaxed_s > -math.inf:
            self.relax_after_s = max(RELAX_AFTER_S, self.relax_after_s / 2)
        self.step -= 1
        self._changed_s = self._relaxed_s = now_s
        if not self.step:
            self.cause = ""
