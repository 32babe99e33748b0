"""Items that other threads pass to the publisher's worker."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from emoedge.publish.link import Link

MAX_PLAIN: Final = 100
"""Ten seconds of `face` at ten a second, were the worker ever that late."""
MAX_STRANGE: Final = 20
"""Messages about others (Home Assistant, an earlier name) between two turns of the worker."""


@dataclass(frozen=True, slots=True)
class DeliveryAnswer:
    """Whether a message was taken.

    Attributes:
        token: of the message; negative where it was not even sent.
        refusal: reason code of MQTT 5; None where it was taken.
    """

    token: int
    refusal: int | None = None

    @property
    def was_sent(self) -> bool:
        """Whether the broker has seen it."""
        return self.token >= 0


@dataclass(frozen=True, slots=True)
class Spooled:
    """A message that must be delivered.

    Attributes:
        topic: of the message.
        payload: of the message.
        exempt: not held back while privacy is ON.
        age_s: seconds since it was true.
    """

    topic: str
    payload: bytes
    exempt: bool
    age_s: float


@dataclass(slots=True)
class WorkerInput:
    """Filled under a lock, and swapped for an empty one by the worker."""

    links: list[Link | None] = field(default_factory=list)
    answers: list[DeliveryAnswer] = field(default_factory=list)
    strange: deque[tuple[str, bytes, bool]] = field(default_factory=lambda: deque(maxlen=MAX_STRANGE))
    spooled: deque[Spooled] = field(default_factory=deque)
    plain: deque[tuple[str, bytes]] = field(default_factory=lambda: deque(maxlen=MAX_PLAIN))
    states: dict[str, bytes] = field(default_factory=dict)
    forgets: list[Callable[[bytes], bool]] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        waiting = self.links, self.answers, self.strange, self.spooled, self.plain, self.states, self.forgets
        return not any(waiting)
