"""Commands from outside: `control/<name>/set`. What comes in is untrusted; parsing is pure and strict.

A value is a short plain text, never JSON. Nothing but the documented forms is accepted, so that a bad value
cannot change anything. An empty payload is what a broker sends when somebody clears a retained message; it
is ignored without an answer. Retained commands are standing orders: for the settings they count, on every
connection anew; `record` and `snapshot` are acts of the moment, and retained ones are refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal, get_args

from emoedge.config import RecordingMode
from emoedge.publish.messages import quote

ControlName = Literal["privacy", "record", "recording_mode", "face_weight", "margin", "snapshot"]
CONTROL_NAMES: Final[tuple[ControlName, ...]] = get_args(ControlName)
RECORDING_MODES: Final[tuple[RecordingMode, ...]] = get_args(RecordingMode)

# No accepted value is longer than "continuous"; numbers get some room.
MAX_VALUE_BYTES: Final = 32
# An hour: whoever wants more sets recording_mode to continuous.
MAX_RECORD_S: Final = 3600.0
_MOMENTARY: Final = frozenset({"record", "snapshot"})
# ASCII digits only: float() would also take "nan", "1_0", "٣" and hexadecimal.
_NUMBER: Final = re.compile(r"[0-9]{1,6}(\.[0-9]{1,9})?", re.ASCII)
_SWITCH: Final = {"ON": True, "OFF": False}
PRESS: Final = "PRESS"


@dataclass(frozen=True, slots=True)
class Command:
    """An accepted command.

    Attributes:
        name: which control.
        value: bool for privacy and record (also float seconds > 0 for record), RecordingMode for
            recording_mode, float in [0, 1] for face_weight and margin, True for snapshot.
    """

    name: ControlName
    value: bool | float | str

    @property
    def text(self) -> str:
        """The value as it may be sent."""
        return PRESS if self.name == "snapshot" else state_text(self.value)


@dataclass(frozen=True, slots=True)
class Rejection:
    """A refused command: name and value as they may be quoted, and what was expected."""

    name: str
    value: str
    reason: str


def parse_command(name: str, payload: bytes, *, retained: bool = False) -> Command | Rejection | None:
    """Read one command; None for an empty payload. Never raises.

    Args:
        name: the topic level between `control/` and `/set`.
        payload: as received.
        retained: whether the broker had kept it.
    """
    if not payload:
        return None
    text = payload[: MAX_VALUE_BYTES + 1].decode("utf-8", "backslashreplace")
    shown = quote(text)
    if name not in CONTROL_NAMES:
        return Rejection(quote(name), shown, "unknown control; expected one of " + ", ".join(CONTROL_NAMES))
    if len(payload) > MAX_VALUE_BYTES:
        return Rejection(name, shown, f"longer than {MAX_VALUE_BYTES} bytes")
    if retained and name in _MOMENTARY:
        return Rejection(name, shown, "retained commands are ignored here; publish without the retain flag")
    value = _PARSERS[name](text.strip(" \t\r\n"))
    if isinstance(value, _Expected):
        return Rejection(name, shown, f"expected {value.what}")
    return Command(name, value)


def state_text(value: bool | float | str) -> str:
    """A control's value as it stands on `control/<name>`: ON, OFF, a number, or the text."""
    if isinstance(value, bool):
        return "ON" if value else "OFF"
    if isinstance(value, float | int):
        return f"{value:.4f}".rstrip("0").rstrip(".")
    return value


@dataclass(frozen=True, slots=True)
class _Expected:
    what: str


def _switch(text: str) -> bool | _Expected:
    return _SWITCH.get(text.upper(), _Expected("ON or OFF"))


def _record(text: str) -> bool | float | _Expected:
    if text.upper() in _SWITCH:
        return _SWITCH[text.upper()]
    seconds = float(text) if _NUMBER.fullmatch(text) else 0.0
    if 0 < seconds <= MAX_RECORD_S:
        return seconds
    return _Expected(f"ON, OFF or seconds, more than 0 and at most {MAX_RECORD_S:.0f}")


def _fraction(text: str) -> float | _Expected:
    if _NUMBER.fullmatch(text) and float(text) <= 1:
        return float(text)
    return _Expected("a number from 0 to 1 with a decimal point")


def _mode(text: str) -> str | _Expected:
    return text if text in RECORDING_MODES else _Expected("one of " + ", ".join(RECORDING_MODES))


def _press(text: str) -> bool | _Expected:
    return True if text.upper() == PRESS else _Expected(PRESS)


_PARSERS: Final = {
    "privacy": _switch,
    "record": _record,
    "recording_mode": _mode,
    "face_weight": _fraction,
    "margin": _fraction,
    "snapshot": _press,
}


class RejectionLimiter:
    """At most one answer a second, however many bad commands arrive; the others are counted into the next."""

    def __init__(self, interval_s: float = 1.0) -> None:
        self._interval_s = interval_s
        self._last_s = float("-inf")
        self._suppressed = 0

    def admit(self, now_s: float) -> int | None:
        """How many were suppressed since the last answer, or None when this one is to be suppressed."""
        if now_s - self._last_s < self._interval_s:
            self._suppressed += 1
            return None
        self._last_s = now_s
        suppressed, self._suppressed = self._suppressed, 0
        return suppressed
