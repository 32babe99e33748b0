"""The MQTT session: keeps one connection up, version 5 first, in a thread of its own.

A new client for every attempt keeps the states apart: nothing of an old connection (its queue, its message
numbers, its version) leaks into the next, and what has to be sent again is decided in one place, the outbox.
"""

from __future__ import annotations

import logging
import random
import ssl
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from emoedge.config import MqttSettings
from emoedge.publish.connection import Connection, Terms
from emoedge.publish.echo import Echo
from emoedge.publish.limits import BrokerLimits
from emoedge.publish.link import SessionListener
from emoedge.publish.messages import quote
from emoedge.publish.oversized import OversizedTopics
from emoedge.publish.retry import ConnectionEnd, Failure, MqttVersion, NextAttempt, RetryPolicy
from emoedge.publish.tls import TLS_REMEDY, TlsFileError, explain
from emoedge.translation import Phrase, joined, tr
from emoedge.worker_thread import WorkerThread

logger = logging.getLogger(__name__)

MAX_REFUSALS: Final = 10
"""Refused topics that `health` names."""
CLOCK_LOOK_S: Final = 0.5
"""Between two looks at the clock while waiting for the next attempt."""
CLOCK_JUMP_S: Final = 5.0
"""Larger steps of the wall clock end the waiting."""
HUNG_AFTER_S: Final = 120.0
"""Name resolution tries each server several times."""

StateName = Literal["stopped", "connecting", "connected", "away", "refused", "untrusted", "taken_over"]


@dataclass(frozen=True, slots=True)
class SessionState:
    """State of a session.

    Attributes:
        name: in one word.
        reason: with a remedy, why it is not connected, or what is refused.
        protocol: version of MQTT, while connected.
        remedy: the one in `reason`, where the cause is known exactly.
    """

    name: StateName
    reason: str = ""
    protocol: MqttVersion | None = None
    remedy: str = ""


class MqttSession:
    """Keeps one connection to the broker.

    Args:
        settings: where and how to connect.
        client_id: unique at the broker.
        will_topic: gets the retained payload `offline` from the broker when we vanish; None for no will.
        subscriptions: topic filters, requested again on every connection.
        listener: told what happens.
        first_protocol: version of the first attempt, where the broker is known not to speak 5.
        echo: proves that messages arrive, on a topic among the subscriptions; None for no proof.
        single_topics: the subscriptions without wildcards, for when one of the topics has to be left out.
        optional_topics: subscriptions that the broker may refuse.
    """

    def __init__(
        self,
        settings: MqttSettings,
        client_id: str,
        will_topic: str | None,
        subscriptions: Sequence[str],
        listener: SessionListener,
        first_protocol: MqttVersion = "5",
        echo: Echo | None = None,
        single_topics: Sequence[str] = (),
        optional_topics: Sequence[str] = (),
    ) -> None:
        self._optional_topics = frozenset(optional_topics)
        self._first_protocol = first_protocol
        self.echo = echo
        self._terms = Terms(
            settings,
            client_id,
            will_topic,
            tuple(subscriptions),
            listener,
            echo,
            single_topics=tuple(single_topics),
        )
        self.limits = BrokerLimits()
        """Limits of the broker, as far as they are known."""
        self.thread = WorkerThread("session", self._run, limit_s=HUNG_AFTER_S)
        self._connection: Connection | None = None
        self._state = SessionState("stopped")
        self.connections = 0
        self.subscribed = 0
        """Subscriptions that the broker has answered on this connection."""
        self._refusals: dict[str, str] = {}

    @property
    def state(self) -> SessionState:
        """Current state; safe from any thread."""
        state, now_s = self._state, time.monotonic()
        if state.name != "connected":
            return state
        reasons = (state.reason, *self._faults(now_s))
        return replace(state, reason=joined(filter(None, reasons), "; "))

    def _faults(self, now_s: float) -> Iterator[str]:
        """Fault in spite of the connection."""
        terms = self._terms
        missing = terms.acknowledgements.missing(now_s)
        if missing:
            yield _say("no_acknowledgement", self._place, ", ".join(missing))
        left_out = terms.oversized.left_out(now_s)
        for topic in left_out:
            yield _say("oversized", self._place, topic)
        for topic in terms.suspects.closed(now_s):
            yield _say("closes", self._place, topic)
        echo = self.echo
        if echo is not None and echo.topic not in left_out and echo.is_missing(now_s):
            yield _say("no_echo", self._place, tr("no echo on {topic}", topic=echo.topic))

    @property
    def oversized(self) -> OversizedTopics:
        """Messages that were too large."""
        return self._terms.oversized

    def start(self) -> None:
        """Begin to connect, for as long as it takes."""
        self._state = SessionState("connecting")
        self.thread.start()

    def wait_connected(self, timeout_s: float) -> bool:
        """Wait until connected or refused; return whether it is connected."""
        deadline_s = time.monotonic() + timeout_s
        while time.monotonic() < deadline_s:
            if self._state.name in ("connected", "refused", "untrusted"):
                return self._state.name == "connected"
            time.sleep(0.02)
        return False

    def stop(self, timeout_s: float) -> None:
        """Disconnect in good order (the broker drops the will) and end the threads."""
        self.thread.request_stop()
        connection = self._connection
        if connection is not None:
            connection.close()
        self.thread.join(timeout_s)  # name resolution cannot be interrupted
        self._state = SessionState("stopped")

    def abort(self) -> None:
        """Close the connection without DISCONNECT, so that the broker publishes the will."""
        self.thread.request_stop()
        connection = self._connection
        if connection is not None:
            connection.abort()

    def _run(self) -> None:
        policy = RetryPolicy()
        step = NextAttempt(0.0, self._first_protocol)
        while not self._wait(step.delay_s):
            self.thread.beat()
            outcome = self._attempt(step.protocol)
            if self.thread.stopping.is_set():
                return
            self.thread.rest()
            fewer = None if outcome.code is None else self.limits.without(outcome.code)
            if fewer is not None and not outcome.connected_s:
                # The broker has given its reason for refusing CONNECT.
                self.limits, step = fewer, NextAttempt(0.0, outcome.protocol)
                continue
            self.limits = fewer or self.limits
            blamed = self._terms.suspects.connection_ended(outcome, time.monotonic())
            step = policy.after(outcome, random.random(), is_explained=blamed)
            self._report(outcome, step, blamed=blamed)

    def _wait(self, delay_s: float) -> bool:
        """Wait until the next attempt; less if the clock is set, which may be all that TLS waited for.

        Returns:
            Whether to stop.
        """
        until_s = time.monotonic() + delay_s
        offset_s = time.time() - time.monotonic()
        while (left_s := until_s - time.monotonic()) > 0:
            if self.thread.stopping.wait(min(left_s, CLOCK_LOOK_S)):
                return True
            if abs(time.time() - time.monotonic() - offset_s) > CLOCK_JUMP_S:
                break
        return self.thread.stopping.is_set()

    def _attempt(self, protocol: MqttVersion) -> ConnectionEnd:
        """One connection from beginning to end."""
        try:
            connection = Connection(self._terms, protocol, self, self.limits)
            connection.open()
        except TlsFileError as error:
            return ConnectionEnd("untrusted", error.message, protocol, remedy=error.remedy)
        except ssl.SSLEOFError:
            return ConnectionEnd("unreachable", tr("closed during the TLS handshake"), protocol)
        except ssl.SSLError as error:
            detail, remedy = explain(error, self._terms.settings)
            return ConnectionEnd("untrusted", detail, protocol, remedy=remedy)
        except (OSError, ValueError) as error:
            return ConnectionEnd("unreachable", getattr(error, "strerror", None) or str(error), protocol)
        except Exception as error:
            # Nothing foreseen (no memory for a thread, say); without this thread there would never be a
            # connection again.
            logger.exception("unexpected error while connecting")
            return ConnectionEnd("unreachable", f"{type(error).__name__}: {error}", protocol)
        self.thread.rest()  # a connection may last forever
        self._connection = connection
        # A stop() that came while it was being opened did not find it.
        if self.thread.stopping.is_set():
            connection.close()
        try:
            return connection.wait()
        finally:
            self._connection = None
            connection.join()

    # From a connection

    def connected(self, protocol: MqttVersion, limits: BrokerLimits) -> None:
        """See SessionReports."""
        self.connections += 1
        self.subscribed = 0
        self._refusals = {}
        self.limits = limits
        self._state = SessionState("connected", protocol=protocol)
        logger.info(
            "connected to the broker %s, MQTT %s%s",
            self._place,
            protocol,
            f", which takes only: {limits.text}" if limits.text else "",
        )

    def publication_refused(self, protocol: MqttVersion, topic: str, detail: str) -> None:
        """See SessionReports."""
        if len(self._refusals) < MAX_REFUSALS or f"message {topic}" in self._refusals:
            reason = tr(
                "the broker {place} refuses messages: {detail}: {topic} "
                "(check its access list and its limits)",
                place=self._place,
                detail=detail,
                topic=quote(topic),
            )
            self._refuse(protocol, f"message {topic}", reason)

    def publication_taken(self, protocol: MqttVersion, topic: str) -> None:
        """See SessionReports."""
        if self._refusals.pop(f"message {topic}", None) is not None:
            self._state = SessionState("connected", joined(self._refusals.values(), "; "), protocol)

    def subscription_answered(self, protocol: MqttVersion, topic: str, failure: str) -> None:
        """See SessionReports."""
        self.subscribed += 1
        if failure and topic not in self._optional_topics:
            reason = tr(
                "the broker {place} refuses the subscription to {topic}: {failure} (allow this client to "
                "subscribe to the topic in the access list of the broker)",
                place=self._place,
                topic=topic,
                failure=failure,
            )
            self._refuse(protocol, topic, reason)

    def _refuse(self, protocol: MqttVersion, what: str, reason: str) -> None:
        if self._refusals.get(what) != reason:
            logger.warning("%s", reason)
        self._refusals[what] = reason
        self._state = SessionState("connected", joined(self._refusals.values(), "; "), protocol)

    @property
    def _place(self) -> str:
        return f"{self._terms.settings.host}:{self._terms.settings.port}"

    def _report(self, outcome: ConnectionEnd, step: NextAttempt, *, blamed: bool) -> None:
        if outcome.failure == "version" and outcome.protocol == "5":
            logger.info("the broker does not support MQTT 5; trying 3.1.1")
            return
        if blamed:
            state = SessionState("away", _say("closes", self._place, outcome.pending[0].topic))
        else:
            name, reason = describe(outcome, step, self._terms.settings, self._terms.client_id)
            state = SessionState(name, reason, remedy=outcome.remedy)
        if self._state.reason != state.reason:
            logger.warning("%s; next attempt in %.0f s", state.reason, step.delay_s)
        self._state = state


def describe(
    outcome: ConnectionEnd, step: NextAttempt, settings: MqttSettings, client_id: str
) -> tuple[StateName, str]:
    """State and one sentence for people: what is wrong with the broker, and the remedy."""
    place = f"{settings.host}:{settings.port}"
    if step.suspect_same_id:
        what = tr("another client connects with the id {client_id}", client_id=client_id)
        if outcome.failure != "taken_over":
            what = tr(
                "the broker {place} keeps closing the connection, as when {what}", place=place, what=what
            )
        return "taken_over", tr(
            "{what} (set a different device_id or mqtt.client_id on each device)", what=what
        )
    name = _NAMES.get(outcome.failure, "away")
    return name, _say(outcome.failure, place, outcome.detail, outcome.remedy)


def _say(what: Failure | Literal["closes"], place: str, detail: str, remedy: str = "") -> str:
    """One sentence with a remedy: the known one, or that of the kind of failure."""
    sentence, usual = _WORDS[what]
    return tr(
        "{sentence}: {detail} ({remedy})",
        sentence=sentence.filled(place=place),
        detail=detail,
        remedy=remedy or usual,
    )


_NAMES: Final[dict[Failure, StateName]] = {"refused": "refused", "untrusted": "untrusted"}
_WORDS: Final[dict[Failure | Literal["closes"], tuple[Phrase, Phrase]]] = {
    "refused": (
        tr("the broker {place} refuses the connection"),
        tr("correct mqtt.username and mqtt.password"),
    ),
    "untrusted": (
        tr("no trusted TLS connection to {place}"),
        TLS_REMEDY,
    ),
    "no_answer": (
        tr("{place} does not answer as an MQTT broker"),
        tr("check that this is an MQTT port; set mqtt.tls if it expects TLS"),
    ),
    "version": (tr("{place} supports neither MQTT 5 nor 3.1.1"), tr("update the broker")),
    "lost": (tr("the connection to the broker {place} was lost"), tr("it is retried automatically")),
    "no_echo": (
        tr("commands do not arrive from the broker {place}"),
        tr(
            "allow this client to write and read the topic in the access list of the broker, "
            "or restart the broker"
        ),
    ),
    "no_acknowledgement": (
        tr("the broker {place} does not acknowledge messages"),
        tr("check the log of the broker, or restart it"),
    ),
    "oversized": (
        tr(
            "messages on a topic of this device are too large to be waited for; the topic is ignored "
            "for a while"
        ),
        tr("find out who sends them, and empty the retained message with: mosquitto_pub -r -n -t TOPIC"),
    ),
    "closes": (
        tr("the broker {place} closes the connection on the topic"),
        tr("allow this client to publish and subscribe there in the access list of the broker"),
    ),
    "taken_over": (
        tr("the connection to {place} was taken over"),
        tr("set a different device_id on each device"),
    ),
    "unreachable": (tr("the broker {place} cannot be reached"), tr("start it, or set mqtt.host")),
}
