"""The MQTT session: keeps one connection up, version 5 first, in a thread of its own.

A new client for every attempt keeps the states apart: nothing of an old connection (its queue, its message
numbers, its version) leaks into the next, and what has to be sent again is decided in one place, the outbox.
"""

from __future__ import annotations

import logging
import random
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from emoedge.config import MqttSettings
from emoedge.publish.connection import Connection, SessionListener, Terms
from emoedge.publish.echo import Echo
from emoedge.publish.retry import ConnectionEnd, Failure, MqttVersion, NextAttempt, RetryPolicy
from emoedge.worker_thread import WorkerThread

logger = logging.getLogger(__name__)

HUNG_AFTER_S: Final = 120.0
"""Name resolution tries each server several times."""

StateName = Literal["stopped", "connecting", "connected", "away", "refused", "untrusted", "taken_over"]


@dataclass(frozen=True, slots=True)
class SessionState:
    """Where the session stands; `reason` says with a remedy why it is not connected, or what is refused."""

    name: StateName
    reason: str = ""
    protocol: MqttVersion | None = None


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
    ) -> None:
        self._first_protocol = first_protocol
        self.echo = echo
        self._terms = Terms(settings, client_id, will_topic, tuple(subscriptions), listener, echo)
        self.thread = WorkerThread("session", self._run, limit_s=HUNG_AFTER_S)
        self._connection: Connection | None = None
        self._state = SessionState("stopped")
        self.connections = 0
        self.subscribed = 0
        """Subscriptions that the broker has answered on this connection."""
        self._refusals: dict[str, str] = {}

    @property
    def state(self) -> SessionState:
        """Where it stands; safe from any thread."""
        state, echo = self._state, self.echo
        if state.name != "connected" or echo is None or not echo.is_missing(time.monotonic()):
            return state
        what, remedy = _WORDS["no_echo"]
        place = f"{self._terms.settings.host}:{self._terms.settings.port}"
        reasons = (state.reason, f"{what.format(place=place)}: nothing comes back on {echo.topic} ({remedy})")
        return replace(state, reason="; ".join(filter(None, reasons)))

    def start(self) -> None:
        """Begin to connect, for as long as it takes."""
        self._state = SessionState("connecting")
        self.thread.start()

    def stop(self, timeout_s: float) -> None:
        """Disconnect in good order (the broker drops the will) and end the threads."""
        self.thread.request_stop()
        connection = self._connection
        if connection is not None:
            connection.close()
        self.thread.join(timeout_s)  # name resolution cannot be interrupted
        self._state = SessionState("stopped")

    def abort(self) -> None:
        """Break the connection without a good-bye, so that the broker publishes the will."""
        self.thread.request_stop()
        connection = self._connection
        if connection is not None:
            connection.abort()

    def _run(self) -> None:
        policy = RetryPolicy()
        step = NextAttempt(0.0, self._first_protocol)
        while not self.thread.stopping.wait(step.delay_s):
            self.thread.beat()
            outcome = self._attempt(step.protocol)
            if self.thread.stopping.is_set():
                return
            self.thread.rest()
            step = policy.after(outcome, random.random())
            self._report(outcome, step)

    def _attempt(self, protocol: MqttVersion) -> ConnectionEnd:
        """One connection from beginning to end."""
        try:
            connection = Connection(
                self._terms, protocol, self._connected, self._publication_refused, self._subscribed
            )
            connection.open()
        except ssl.SSLEOFError:
            return ConnectionEnd("unreachable", "closed during the TLS handshake", protocol)
        except ssl.SSLError as error:
            return ConnectionEnd("untrusted", _ssl_detail(error), protocol)
        except FileNotFoundError as error:
            return ConnectionEnd(
                "untrusted", f"no such file: {error.filename or self._terms.settings.ca_file}", protocol
            )
        except (OSError, ValueError) as error:
            return ConnectionEnd("unreachable", getattr(error, "strerror", None) or str(error), protocol)
        except Exception as error:
            # Nothing foreseen (no memory for a thread, say); without this thread there would never be a
            # connection again.
            logger.exception("connecting failed")
            return ConnectionEnd("unreachable", f"{type(error).__name__}: {error}", protocol)
        self.thread.rest()  # a connection may last for ever
        self._connection = connection
        # A stop() that came while it was being opened did not find it.
        if self.thread.stopping.is_set():
            connection.close()
        try:
            return connection.wait()
        finally:
            self._connection = None
            connection.join()

    def _connected(self, protocol: MqttVersion) -> None:
        self.connections += 1
        self.subscribed = 0
        self._refusals = {}
        self._state = SessionState("connected", protocol=protocol)
        settings = self._terms.settings
        logger.info("Connected to the broker %s:%d, MQTT %s", settings.host, settings.port, protocol)

    def _publication_refused(self, protocol: MqttVersion, detail: str) -> None:
        self._refuse(
            protocol, "", f"the broker {self._place} refuses messages: {detail} (check its access list)"
        )

    def _subscribed(self, protocol: MqttVersion, topic: str, failure: str) -> None:
        """The broker has answered a subscription."""
        self.subscribed += 1
        if failure:
            what = f"the broker {self._place} refuses the subscription to {topic}: {failure}"
            remedy = "allow this client to subscribe to the topic in the access list of the broker"
            self._refuse(protocol, topic, f"{what} ({remedy})")

    def _refuse(self, protocol: MqttVersion, what: str, reason: str) -> None:
        if self._refusals.get(what) != reason:
            logger.warning("%s", reason)
        self._refusals[what] = reason
        self._state = SessionState("connected", "; ".join(self._refusals.values()), protocol)

    @property
    def _place(self) -> str:
        return f"{self._terms.settings.host}:{self._terms.settings.port}"

    def _report(self, outcome: ConnectionEnd, step: NextAttempt) -> None:
        if outcome.failure == "version" and outcome.protocol == "5":
            logger.info("The broker does not speak MQTT 5; trying 3.1.1")
            return
        name, reason = describe(outcome, step, self._terms.settings, self._terms.client_id)
        if self._state.reason != reason:
            logger.warning("%s; next attempt in %.0f s", reason, step.delay_s)
        self._state = SessionState(name, reason)


def describe(
    outcome: ConnectionEnd, step: NextAttempt, settings: MqttSettings, client_id: str
) -> tuple[StateName, str]:
    """State and one sentence for people: what is wrong with the broker, and the remedy."""
    place = f"{settings.host}:{settings.port}"
    if step.suspect_same_id:
        what = f"another client connects with the id {client_id}"
        if outcome.failure != "taken_over":
            what = f"the broker {place} keeps closing the connection, as when {what}"
        return "taken_over", f"{what} (give each device its own device_id or mqtt.client_id)"
    what, remedy = _WORDS[outcome.failure]
    name = _NAMES.get(outcome.failure, "away")
    return name, f"{what.format(place=place)}: {outcome.detail} ({remedy})"


_NAMES: Final[dict[Failure, StateName]] = {"refused": "refused", "untrusted": "untrusted"}
_WORDS: Final[dict[Failure, tuple[str, str]]] = {
    "refused": ("the broker {place} refuses the connection", "correct mqtt.username and mqtt.password"),
    "untrusted": (
        "no trusted TLS connection to {place}",
        "check mqtt.ca_file, mqtt.port and that mqtt.host is the name in the certificate",
    ),
    "no_answer": (
        "{place} does not answer as an MQTT broker",
        "is this an MQTT port, and does it expect TLS? Set mqtt.tls",
    ),
    "version": ("{place} speaks neither MQTT 5 nor 3.1.1", "update the broker"),
    "lost": ("the connection to the broker {place} was lost", "it is tried again by itself"),
    "no_echo": (
        "commands do not arrive from the broker {place}",
        (
            "allow this client to write and read the topic in the access list of the broker, "
            "or restart the broker"
        ),
    ),
    "taken_over": ("the connection to {place} was taken over", "give each device its own device_id"),
    "unreachable": ("the broker {place} cannot be reached", "start it, or set mqtt.host"),
}


def _ssl_detail(error: ssl.SSLError) -> str:
    verify = getattr(error, "verify_message", "")
    return verify or error.reason or str(error)
