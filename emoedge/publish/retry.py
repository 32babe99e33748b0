"""When to try the broker again, and with which version: pure, outcomes in, delays out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from emoedge.backoff import Backoff

MqttVersion = Literal["5", "3.1.1"]
Failure = Literal[
    "unreachable",  # no connection: refused, no route, no such host, timeout
    "no_answer",  # connected, but closed or silent before CONNACK
    "version",  # the broker does not speak this version
    "refused",  # credentials or client id not accepted
    "untrusted",  # TLS: certificate or configuration
    "lost",  # was connected
    "taken_over",  # another client with the same id pushed us out
    "no_echo",  # connected, but nothing is delivered to us
    "no_acknowledgement",  # connected, but messages are not acknowledged
    "oversized",  # we left: a message was too large to wait for
]

FIRST_DELAY_S: Final = 1.0
LONGEST_DELAY_S: Final = 60.0
# Wrong credentials rarely become valid; frequent attempts look like an attack and can lock an account.
REFUSED_DELAY_S: Final = 60.0
# Two clients with one id disconnect each other forever; at this rate both are still useful.
TAKEN_OVER_DELAY_S: Final = 30.0
LONGEST_TAKEN_OVER_DELAY_S: Final = 300.0
# After a connection that lasted this long, the next failure starts from the first delay.
STABLE_S: Final = 30.0
# Version 3.1.1 has no reason "session taken over"; this many short connections in a row indicate it.
SHORT_CONNECTIONS: Final = 3

_JITTER: Final = 0.25
"""Spreads devices that lost the same broker."""
_UNREACHABLE: Final = Backoff(FIRST_DELAY_S, longest_s=LONGEST_DELAY_S, jitter=_JITTER)
_REFUSED: Final = Backoff(REFUSED_DELAY_S, longest_s=REFUSED_DELAY_S, jitter=_JITTER)
_TAKEN_OVER: Final = Backoff(TAKEN_OVER_DELAY_S, longest_s=LONGEST_TAKEN_OVER_DELAY_S, jitter=_JITTER)


class Sent(NamedTuple):
    """A message on its way; `digest` is that of its payload, 0 for a subscription."""

    topic: str
    digest: int


@dataclass(frozen=True, slots=True)
class ConnectionEnd:
    """End of an attempt or a connection.

    Attributes:
        failure: which way.
        detail: what the operating system or the broker said.
        protocol: the version that was tried.
        connected_s: how long it was connected, 0 if never.
        code: reason code of MQTT 5 with which the broker ended it; None where it gave none.
        remedy: what to do, where the cause is known better than `failure` says.
        pending: messages and subscriptions that the broker had not answered, the oldest first.
        taken: messages that it had answered.
    """

    failure: Failure
    detail: str
    protocol: MqttVersion
    connected_s: float = 0.0
    code: int | None = None
    remedy: str = ""
    pending: tuple[Sent, ...] = ()
    taken: frozenset[Sent] = frozenset()


@dataclass(frozen=True, slots=True)
class NextAttempt:
    """Next step: wait, then try a version. `suspect_same_id` when another client may use our id."""

    delay_s: float
    protocol: MqttVersion
    suspect_same_id: bool = False


class RetryPolicy:
    """Back-off between attempts: 1, 2, 4 … 60 s, slower for faults that need a person."""

    def __init__(self) -> None:
        self._failures = 0
        self._taken_over = 0
        self._short = 0

    def after(
        self, outcome: ConnectionEnd, jitter: float = 0.5, *, is_explained: bool = False
    ) -> NextAttempt:
        """The next step.

        Args:
            outcome: how the connection ended.
            jitter: in [0, 1], spreads devices that lost the same broker (0.5: no change).
            is_explained: a cause is known, so that another client is not suspected.
        """
        if outcome.connected_s >= STABLE_S:
            self._failures = self._taken_over = self._short = 0
        if outcome.failure == "version" and outcome.protocol == "5":
            return NextAttempt(0.0, "3.1.1")
        if is_explained or outcome.failure in ("no_echo", "no_acknowledgement", "oversized"):
            # Commands are lost meanwhile. How often this may happen is up to those who count it
            # (emoedge.publish.echo, acknowledgements, oversized, suspects).
            return NextAttempt(_UNREACHABLE.delay_s(1, jitter), outcome.protocol)
        if outcome.failure in ("refused", "untrusted"):
            return NextAttempt(_REFUSED.delay_s(1, jitter), "5")
        # A broker that gives a reason is believed.
        short = outcome.failure == "lost" and outcome.code is None and outcome.connected_s < STABLE_S
        self._short = self._short + 1 if short else 0
        suspect = outcome.failure == "taken_over" or self._short >= SHORT_CONNECTIONS
        if suspect:
            self._taken_over += 1
            return NextAttempt(_TAKEN_OVER.delay_s(self._taken_over, jitter), "5", suspect_same_id=True)
        self._failures += 1
        delay_s = _UNREACHABLE.delay_s(self._failures, jitter)
        # Some brokers close the connection on a version that they do not know, without a word.
        mute = outcome.failure == "no_answer" and outcome.protocol == "5" and outcome.code is None
        return NextAttempt(delay_s, "3.1.1" if mute else "5")
