"""Commands from outside: `control/<name>/set`. What comes in is untrusted; parsing is pure and strict.

A value is a short plain text, never JSON. Nothing but the documented forms is accepted, so that a bad value
cannot change anything. An empty payload is what a broker sends when somebody clears a retained message; it
is ignored without an answer. Retained commands are standing orders: for the settings they count, on every
connection again. `record` and `snapshot` are acts of the moment, and retained ones are refused. So is a
retained `privacy OFF`: it would open camera and microphone whenever the connection comes back, whatever was
said since.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from emoedge.config import RecordingMode
from emoedge.publish.messages import quote
from emoedge.translation import tr

ControlName = Literal["privacy", "record", "recording_mode", "face_weight", "margin", "snapshot"]
CONTROL_NAMES: Final[tuple[ControlName, ...]] = get_args(ControlName)
RECORDING_MODES: Final[tuple[RecordingMode, ...]] = get_args(RecordingMode)

# No accepted value is longer than "continuous"; numbers get some room.
MAX_VALUE_BYTES: Final = 32
MAX_PRIVACY_S: Final = 604_800.0
"""A week; `ON` alone has no end."""
MIN_RECORD_S: Final = 0.5
"""A few frames; the pre-roll comes in addition."""
# An hour: whoever wants more sets recording_mode to continuous.
MAX_RECORD_S: Final = 3600.0
_MOMENTARY: Final = frozenset({"record", "snapshot"})
ANSWER_INTERVAL_S: Final = 1.0
"""Least time between two answers to bad values of one control, however many arrive."""
# ASCII digits only: float() would also accept "nan", "1_0", "٣" and hexadecimal.
_NUMBER: Final = re.compile(r"[0-9]{1,6}(\.[0-9]{1,9})?", re.ASCII)
NOT_RETAINED: Final = tr("retained commands are ignored for this control; publish without the retain flag")
_SWITCH: Final = {"ON": True, "OFF": False}
PRESS: Final = "PRESS"


@dataclass(frozen=True, slots=True)
class Command:
    """An accepted command.

    Attributes:
        name: which control.
        value: bool for privacy and record, or float seconds > 0 for which they are ON; RecordingMode for
            recording_mode, float in [0, 1] for face_weight and margin, True for snapshot.
        retained: whether the broker had kept it.
    """

    name: ControlName
    value: bool | float | str
    retained: bool = field(default=False, compare=False)

    @property
    def text(self) -> str:
        """The value as it may be sent."""
        if self.name == "privacy" and not isinstance(self.value, bool):
            return f"ON {state_text(self.value)}"
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
        return Rejection(
            quote(name),
            shown,
            tr("unknown control; expected one of {names}", names=", ".join(CONTROL_NAMES)),
        )
    if len(payload) > MAX_VALUE_BYTES:
        return Rejection(
            name, shown, tr("longer than {max_value_bytes} bytes", max_value_bytes=MAX_VALUE_BYTES)
        )
    value = _PARSERS[name](text.strip(" \t\r\n"))
    if isinstance(value, _Expected):
        return Rejection(name, shown, tr("expected {what}", what=value.what))
    if retained and (name in _MOMENTARY or (name == "privacy" and value is False)):
        return Rejection(name, shown, NOT_RETAINED)
    return Command(name, value, retained)


def command_topics(base: str) -> tuple[str, ...]:
    """Topics on which commands arrive, below `base`."""
    return tuple(f"{base}/control/{name}/set" for name in CONTROL_NAMES)


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


def _privacy(text: str) -> bool | float | _Expected:
    if text.upper() in _SWITCH:
        return _SWITCH[text.upper()]
    word, _, number = text.partition(" ")
    seconds = float(number) if word.upper() == "ON" and _NUMBER.fullmatch(number) else 0.0
    if 1 <= seconds <= MAX_PRIVACY_S:
        return seconds
    return _Expected(
        tr(
            "ON or OFF, or ON with seconds, such as ON 3600, at most {max_privacy_s:.0f}",
            max_privacy_s=MAX_PRIVACY_S,
        )
    )


def _record(text: str) -> bool | float | _Expected:
    if text.upper() in _SWITCH:
        return _SWITCH[text.upper()]
    seconds = float(text) if _NUMBER.fullmatch(text) else 0.0
    if MIN_RECORD_S <= seconds <= MAX_RECORD_S:
        return seconds
    return _Expected(
        tr(
            "ON, OFF or seconds, from {min_record_s} to {max_record_s:.0f}",
            min_record_s=MIN_RECORD_S,
            max_record_s=MAX_RECORD_S,
        )
    )


def _fraction(text: str) -> float | _Expected:
    if _NUMBER.fullmatch(text) and float(text) <= 1:
        return float(text)
    return _Expected(tr("a number from 0 to 1 with a decimal point"))


def _mode(text: str) -> str | _Expected:
    return (
        text
        if text in RECORDING_MODES
        else _Expected(tr("one of {values}", values=", ".join(RECORDING_MODES)))
    )


def _press(text: str) -> bool | _Expected:
    return True if text.upper() == PRESS else _Expected(PRESS)


_PARSERS: Final = {
    "privacy": _privacy,
    "record": _record,
    "recording_mode": _mode,
    "face_weight": _fraction,
    "margin": _fraction,
    "snapshot": _press,
}


class Refusals:
    """Refused commands until they are answered: of each control the newest, with the number of the others.

    Names that are not controls share one answer. Pure, times from outside.

    Args:
        interval_s: least time between two answers for one control.
    """

    def __init__(self, interval_s: float = ANSWER_INTERVAL_S) -> None:
        self._interval_s = interval_s
        self._waiting: dict[str, tuple[Rejection, int]] = {}
        self._answered_s: dict[str, float] = {}

    def add(self, rejection: Rejection) -> None:
        """Add one; it takes the place of an older one of its control, which is counted."""
        name = rejection.name if rejection.name in CONTROL_NAMES else ""
        before = self._waiting.get(name)
        self._waiting[name] = (rejection, 0 if before is None else before[1] + 1)

    def due_in_s(self, now_s: float) -> float | None:
        """Seconds until an answer is due; None when none waits."""
        return min((max(0.0, self._due_s(name) - now_s) for name in self._waiting), default=None)

    def due(self, now_s: float) -> list[tuple[Rejection, int]]:
        """Take out the refusals to be answered now, each with the number of others that it stands for."""
        names = [name for name in self._waiting if self._due_s(name) <= now_s]
        self._answered_s |= dict.fromkeys(names, now_s)
        return [self._waiting.pop(name) for name in names]

    def _due_s(self, name: str) -> float:
        return self._answered_s.get(name, float("-inf")) + self._interval_s
