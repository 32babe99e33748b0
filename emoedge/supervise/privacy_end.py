"""End of privacy that was switched on for a time, independent of restarts and the wall clock. Pure.

A restart of the process changes nothing: the machine's uptime goes on. After a restart of the machine the
wall clock says how long it was off, where it can be believed, before and after. Otherwise only the present
uptime counts as elapsed: privacy is never shorter than what was asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

ROUNDING_S: Final = 0.01
"""Times are kept to the millisecond."""
_Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


@dataclass(frozen=True, slots=True)
class Moment:
    """The present on the machine's clocks.

    Attributes:
        boot: id of this start of the machine; empty where it is not known.
        uptime_s: seconds since then.
        wall_s: wall clock, seconds since 1970.
        synced: whether the wall clock can be believed.
    """

    boot: str
    uptime_s: float
    wall_s: float
    synced: bool


class PrivacyEnd(BaseModel):
    """When privacy ends, on the clocks of the moment in which it was switched on.

    Attributes:
        seconds: asked for.
        boot, uptime_s, wall_s, synced: as in `Moment`, at the end.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    seconds: _Seconds
    boot: Annotated[str, Field(max_length=64)]
    uptime_s: _Seconds
    wall_s: _Seconds
    synced: bool

    @classmethod
    def after(cls, seconds: float, now: Moment) -> PrivacyEnd:
        """The end of privacy that begins now."""
        return cls(
            seconds=seconds,
            boot=now.boot,
            uptime_s=round(now.uptime_s + seconds, 3),
            wall_s=round(now.wall_s + seconds, 3),
            synced=now.synced,
        )

    def left_s(self, now: Moment) -> float:
        """Seconds until the end, from 0 to `seconds`."""
        left_s = self.seconds
        if self.is_of(now):
            left_s = self.uptime_s - now.uptime_s
        else:
            if self.boot and now.boot:
                left_s -= now.uptime_s  # the machine runs that long, and privacy was on before
            if self.synced and now.synced:
                left_s = min(left_s, self.wall_s - now.wall_s)
        return min(self.seconds, max(0.0, left_s))

    def is_of(self, now: Moment) -> bool:
        """Return whether the machine has run since privacy was switched on."""
        begun_s = self.uptime_s - self.seconds
        return bool(now.boot) and self.boot == now.boot and now.uptime_s >= begun_s - ROUNDING_S
