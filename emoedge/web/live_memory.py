"""The last minutes in memory, one value a second. Pure, times from outside."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, Final

from emoedge.clock import rfc3339
from emoedge.emotions import EMOTIONS

MOST_S: Final = 300
"""Seconds that are kept."""
HOLD_S: Final = 15
"""Seconds for which a state is valid without another one: one is published every 10 s."""
CHANNELS: Final = ("fused", "face", "voice", "text")


@dataclass(slots=True)
class _Second:
    """State at the end of one second."""

    number: int
    values: dict[str, list[float] | None] = field(default_factory=dict)
    emotion: str | None = None
    speech: bool = False


class LiveMemory:
    """Takes the daemon's events and gives `GET /api/live`."""

    def __init__(self) -> None:
        self._seconds: deque[_Second] = deque(maxlen=MOST_S)
        self._seen_s = 0.0
        self._speech = False

    def forget(self) -> None:
        """Forget everything: privacy is on."""
        self._seconds.clear()
        self._speech = False

    def take(self, name: str, data: Mapping[str, Any], now_s: float) -> None:
        """Take an event.

        Args:
            name: of the event.
            data: its payload.
            now_s: monotonic clock.
        """
        if name == "level":
            self._speech = data.get("speech") is True
            if self._speech:
                self._second(now_s).speech = True
        elif name in ("emotion", "state"):
            if data.get("reason") == "privacy":
                self.forget()
                return
            second = self._second(now_s)
            self._seen_s = now_s
            modalities = data.get("modalities") or {}
            second.values["fused"] = _seven(data.get("probabilities"))
            for channel in CHANNELS[1:]:
                second.values[channel] = _seven((modalities.get(channel) or {}).get("probabilities"))
            if name == "emotion":
                second.emotion = data.get("emotion")

    def read(self, seconds: int, now_s: float, wall: datetime | None = None) -> dict[str, Any]:
        """The answer of `GET /api/live` for the last seconds.

        Args:
            seconds: 1 to `MOST_S`.
            now_s: monotonic clock.
            wall: the present; for tests.
        """
        self._second(now_s)
        last = int(now_s)
        kept = {one.number: one for one in self._seconds}
        rows = [kept.get(number, _Second(number)) for number in range(last - seconds + 1, last + 1)]
        wall = wall or datetime.now(timezone.utc)
        return {
            "from": rfc3339(wall - timedelta(seconds=seconds)),
            "step_s": 1,
            **{channel: [one.values.get(channel) for one in rows] for channel in CHANNELS},
            "emotion": [one.emotion for one in rows],
            "speech": [one.speech for one in rows],
        }

    def _second(self, now_s: float) -> _Second:
        """The present second; those since the last one hold what was known, for a while."""
        number = int(now_s)
        if not self._seconds:
            self._seconds.append(_Second(number, speech=self._speech))
        while (newest := self._seconds[-1]).number < number:
            if number - newest.number > MOST_S:
                self._seconds.clear()
                self._seconds.append(_Second(number))
                break
            is_valid = newest.number + 1 - self._seen_s <= HOLD_S
            values = dict(newest.values) if is_valid else {}
            emotion = newest.emotion if is_valid else None
            self._seconds.append(_Second(newest.number + 1, values, emotion, self._speech))
        return self._seconds[-1]


def _seven(probabilities: Any) -> list[float] | None:
    if not isinstance(probabilities, Mapping):
        return None
    return [float(probabilities.get(name) or 0.0) for name in EMOTIONS]
