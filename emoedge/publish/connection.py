"""One MQTT connection from CONNECT to its end: a thin adapter around one paho client."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol

from emoedge.config import MqttSettings
from emoedge.publish.acknowledgements import Acknowledgements
from emoedge.publish.client import PahoClient
from emoedge.publish.echo import TIMEOUT_S, Echo
from emoedge.publish.limits import BrokerLimits
from emoedge.publish.link import SessionListener
from emoedge.publish.oversized import OversizedTopics
from emoedge.publish.packet_reader import MAX_PAYLOAD_BYTES
from emoedge.publish.retry import ConnectionEnd, Failure, MqttVersion, Sent
from emoedge.publish.suspects import CAREFUL_S, Suspects, digest
from emoedge.publish.tls import explain, is_refusal, make_context
from emoedge.translation import tr

# A broker in the house answers in milliseconds, one across the world within a second.
CONNECT_TIMEOUT_S: Final = 5.0
# Some version 3.1.1 brokers fail on a version 5 CONNECT with a will and never answer: try again sooner.
CONNACK_TIMEOUT_S: Final[dict[MqttVersion, float]] = {"5": 3.0, "3.1.1": 10.0}
# A dead connection is noticed within 1.5 of these, and the broker sends the last will as late.
KEEPALIVE_S: Final = 30
# More than the outbox and all states together ever have on the way.
MAX_QUEUED: Final = 100
# Maximum number of messages queued on a stuck connection; paho itself has no limit for QoS 0.
MAX_OUTSTANDING: Final = 200

_LEAST_WAIT_S: Final = 1.0
"""Between two looks at missing acknowledgements."""
_TAKEN_OVER: Final = 0x8E  # MQTT 5, section 3.14.2.1
# CONNACK codes of version 5 (section 3.2.2.2) that a new attempt will not cure; paho maps those of 3.1.1 to
# them.
_REFUSED: Final = frozenset({0x85, 0x86, 0x87, 0x8A, 0x8C})
_UNSUPPORTED_VERSION: Final = 0x84
# The client library's own reason for a broken connection; as a broker's reason it is not informative either.
_UNSPECIFIED: Final = 0x80
TOPIC_INVALID: Final = 0x90
TOO_LARGE: Final = 0x95
NOT_ALLOWED: Final = 0x87


@dataclass(frozen=True, slots=True)
class Terms:
    """Parameters shared by all connections of a session."""

    settings: MqttSettings
    client_id: str
    will_topic: str | None
    subscriptions: tuple[str, ...]
    listener: SessionListener
    echo: Echo | None = None
    acknowledgements: Acknowledgements = field(default_factory=Acknowledgements)
    suspects: Suspects = field(default_factory=Suspects)
    oversized: OversizedTopics = field(default_factory=OversizedTopics)
    single_topics: tuple[str, ...] = ()


class SessionReports(Protocol):
    """Reports of a connection to its session; called from the network thread or the sender's."""

    def connected(self, protocol: MqttVersion, limits: BrokerLimits) -> None:
        """The broker has accepted the connection."""

    def publication_refused(self, protocol: MqttVersion, topic: str, detail: str) -> None:
        """A message was not taken."""

    def publication_taken(self, protocol: MqttVersion, topic: str) -> None:
        """A message was taken."""

    def subscription_answered(self, protocol: MqttVersion, topic: str, failure: str) -> None:
        """The broker has answered a subscription."""


class Connection:
    """One paho client and the thread it brings, from connect to disconnect."""

    def __init__(
        self, terms: Terms, protocol: MqttVersion, reports: SessionReports, known: BrokerLimits
    ) -> None:
        self._terms = terms
        self._protocol: MqttVersion = protocol
        self._reports = reports
        self.limits = known
        self._asked: dict[int, str] = {}
        self._left_out: set[str] = set()
        self._ended = threading.Event()
        self._answered = threading.Event()
        self._outcome: ConnectionEnd | None = None
        self._connected_at_s: float | None = None
        self._careful = terms.suspects.careful
        self._outstanding = 0
        self._unsendable = 0  # counts down: a token that is not used by any message
        self._count_lock = threading.Lock()
        self._client = self._make_client()

    def open(self) -> None:
        """TCP and TLS; raises OSError (ssl.SSLError among them)."""
        settings = self._terms.settings
        options: dict[str, Any] = {}
        if self._protocol == "5":
            options = {"clean_start": True}
        self._client.connect(settings.host, settings.port, keepalive=KEEPALIVE_S, **options)
        self._client.loop_start()

    def wait(self) -> ConnectionEnd:
        """Until the connection has ended."""
        if not self._answered.wait(CONNACK_TIMEOUT_S[self._protocol]) and not self._ended.is_set():
            self._finish("no_answer", tr("no answer to CONNECT"))
            self._client.disconnect()
        if self._connected_at_s is not None:
            self._watch()
        self._ended.wait()
        assert self._outcome is not None
        return self._outcome

    def _watch(self) -> None:
        """Wait until the connection has ended or is of no use."""
        echo, acknowledgements = self._terms.echo, self._terms.acknowledgements
        if echo is not None:
            echo.connect(time.monotonic())
        while not self._ended.wait(self._due_in_s(time.monotonic())):
            now_s = time.monotonic()
            if self._careful and now_s - (self._connected_at_s or now_s) >= CAREFUL_S:
                self._careful = False
                self._terms.suspects.calm_down()
                self._client.limit_in_flight(self.limits.in_flight)
            if acknowledgements.needs_connection(now_s):
                topics = ", ".join(acknowledgements.missing(now_s))
                self._give_up("no_acknowledgement", tr("nothing was acknowledged on {topics}", topics=topics))
            self._subscribe_again(now_s)
            if echo is None or not self._echo_can_work(echo, now_s):
                continue
            payload = echo.payload_if_due(now_s)
            if payload is not None:
                self.send(echo.topic, payload, qos=1, retain=False)
            if echo.needs_connection(now_s):
                echo.disconnect()
                self._give_up(
                    "no_echo",
                    tr(
                        "no echo on {topic} within {timeout_s:.0f} s",
                        topic=echo.topic,
                        timeout_s=TIMEOUT_S,
                    ),
                )

    def _due_in_s(self, now_s: float) -> float:
        echo, connected_s = self._terms.echo, self._connected_at_s or now_s
        due_s = [max(_LEAST_WAIT_S, self._terms.acknowledgements.due_in_s(now_s))]
        due_s.append(self._terms.oversized.due_in_s(now_s))
        if echo is not None and self._echo_can_work(echo, now_s):
            due_s.append(echo.due_in_s(now_s))
        if self._careful:
            due_s.append(max(0.0, connected_s + CAREFUL_S - now_s))
        return min(due_s)

    def _echo_can_work(self, echo: Echo, now_s: float) -> bool:
        left_out = self._terms.oversized.left_out(now_s)
        return echo.topic not in left_out and not self._terms.suspects.is_closed(echo.topic, now_s)

    def _subscribe_again(self, now_s: float) -> None:
        """Try topics again that were left out for long enough."""
        left_out = set(self._terms.oversized.left_out(now_s))
        for topic in sorted(self._left_out - left_out):
            self._subscribe(topic)
        self._left_out = left_out

    def _subscribe(self, topic: str) -> None:
        _, mid = self._client.subscribe(topic, qos=1)
        if mid is not None:
            self._asked[mid] = topic

    def _give_up(self, failure: Failure, detail: str) -> None:
        self._finish(failure, detail)
        self._client.disconnect()

    def join(self) -> None:
        """End the network thread; no callback comes after this."""
        self._client.loop_stop()
        if self._connected_at_s is not None:
            self._terms.listener.on_disconnected()

    def close(self) -> None:
        """Say DISCONNECT."""
        self._client.disconnect()
        self._finish("lost", tr("closed by this client"))

    def abort(self) -> None:
        """Close the socket as a crash would."""
        connection = self._client.socket()
        if isinstance(connection, socket.socket):  # ssl.SSLSocket is one
            with contextlib.suppress(OSError):  # it may be closed already
                connection.shutdown(socket.SHUT_RDWR)
        self._finish("lost", "aborted")

    def send(self, topic: str, payload: bytes, *, qos: Literal[0, 1], retain: bool) -> int | None:
        """See Link."""
        now_s = time.monotonic()
        with self._count_lock:
            if self._ended.is_set() or self._connected_at_s is None or self._outstanding >= MAX_OUTSTANDING:
                return None
            self._outstanding += 1
        if not self.limits.fits(topic, payload):
            what = tr(
                "larger than packets of {max_packet_bytes} bytes",
                max_packet_bytes=self.limits.max_packet_bytes,
            )
            return self._refuse(topic, what, TOO_LARGE)
        if self._terms.suspects.is_closed(topic, now_s, payload):
            return self._refuse("", "", NOT_ALLOWED)  # the session names it already
        # With an answer to each, the message that ends a connection can be told from the others.
        qos = min(1 if self._careful else qos, self.limits.max_qos)
        try:
            info = self._client.publish(topic, payload, qos=qos, retain=retain and self.limits.retain)
        except ValueError as error:  # a topic or a size that MQTT does not know: it would never go
            return self._refuse(topic, str(error), TOPIC_INVALID)
        if info.rc != 0:
            with self._count_lock:
                self._outstanding -= 1
            return None
        return info.mid

    def _refuse(self, topic: str, detail: str, code: int) -> int:
        """Answer a message that cannot be sent."""
        with self._count_lock:
            self._outstanding -= 1
            self._unsendable -= 1
            token = self._unsendable
        if detail:
            self._reports.publication_refused(self._protocol, topic, detail)
        self._terms.listener.on_refused(token, code)
        return token

    def _make_client(self) -> PahoClient:
        settings = self._terms.settings
        client = PahoClient(
            self._protocol,
            self._on_wire,
            self._on_oversized,
            self._broke_off,
            client_id=self._terms.client_id,
            reconnect_on_failure=False,
        )
        client.connect_timeout = CONNECT_TIMEOUT_S
        client.max_queued_messages_set(MAX_QUEUED)
        if settings.username is not None:
            password = None if settings.password is None else settings.password.get_secret_value()
            client.username_pw_set(settings.username, password)
        if settings.tls:
            client.tls_set_context(make_context(settings))
        if self._terms.will_topic is not None:
            # The broker announces its limits only after CONNECT; `limits` are those of the previous
            # connection.
            limits = self.limits
            client.will_set(self._terms.will_topic, b"offline", qos=limits.max_qos, retain=limits.retain)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        return client

    def _on_connect(self, client: Any, _data: Any, _flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self._finish(_refusal(reason.value), str(reason), reason.value)
            return
        self.limits = self.limits.and_also(BrokerLimits.from_properties(properties))
        client.limit_in_flight(1 if self._careful else self.limits.in_flight)
        self._terms.acknowledgements.connect()
        self._connected_at_s = time.monotonic()
        self._reports.connected(self._protocol, self.limits)
        for topic in self._topics_to_subscribe(self._connected_at_s):
            self._subscribe(topic)
        # Not before: the first echo must find the subscription.
        self._answered.set()
        self._terms.listener.on_connected(self)

    def _topics_to_subscribe(self, now_s: float) -> list[str]:
        """One by one where the broker takes no wildcards, or one of them is left out."""
        terms = self._terms
        left_out = terms.oversized.left_out(now_s)
        self._left_out = set(left_out)
        single = left_out or not self.limits.wildcards
        wanted = terms.single_topics if single and terms.single_topics else terms.subscriptions
        return [
            topic for topic in wanted if topic not in left_out and not terms.suspects.is_closed(topic, now_s)
        ]

    def _on_wire(self, number: int, topic: str, payload: bytes) -> None:
        self._terms.acknowledgements.add(number, topic, time.monotonic(), digest(payload))

    def _on_oversized(self, topic: bytes, size: int) -> None:
        """A message with this topic is being shortened, or too large for that."""
        name = topic.decode("utf-8", "replace")
        abandoned = self._terms.oversized.take(name, size, time.monotonic())
        self._terms.listener.on_oversized(name, abandoned=abandoned)
        if abandoned:
            self._give_up("oversized", tr("{size} bytes on {name}", size=size, name=name))

    def _on_disconnect(self, client: Any, _data: Any, flags: Any, reason: Any, _properties: Any) -> None:
        said = flags.is_disconnect_packet_from_server and reason.value not in (0, _UNSPECIFIED)
        if self._connected_at_s is None and is_refusal(client.socket_error):
            self._broke_off()
        elif self._connected_at_s is None:
            self._finish("no_answer", str(reason))
        elif reason.value == _TAKEN_OVER:
            self._finish("taken_over", str(reason))
        else:
            self._finish("lost", str(reason), reason.value if said else None)

    def _broke_off(self) -> None:
        """The network thread has ended."""
        error = self._client.socket_error
        if self._connected_at_s is None and isinstance(error, ssl.SSLError) and is_refusal(error):
            # An alert of TLS 1.3 comes after the handshake.
            detail, remedy = explain(error, self._terms.settings)
            self._finish("untrusted", detail, remedy=remedy)
        else:
            self._finish(
                "lost" if self._connected_at_s else "no_answer", tr("the connection was interrupted")
            )

    def _on_publish(self, _client: Any, _data: Any, mid: int, reason: Any, _properties: Any) -> None:
        with self._count_lock:
            self._outstanding -= 1
        topic = self._terms.acknowledgements.remove(mid)
        if reason.is_failure:
            self._reports.publication_refused(self._protocol, topic, str(reason))
            self._terms.listener.on_refused(mid, reason.value)
        else:
            self._reports.publication_taken(self._protocol, topic)
            self._terms.listener.on_delivered(mid)

    def _on_subscribe(self, _client: Any, _data: Any, mid: int, reasons: Any, _properties: Any) -> None:
        topic = self._asked.pop(mid, None)
        if topic is not None:
            failures = [str(reason) for reason in reasons if reason.is_failure]
            self._reports.subscription_answered(self._protocol, topic, failures[0] if failures else "")

    def _on_message(self, _client: Any, _data: Any, message: Any) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            return  # no topic of ours; an exception here would end the connection
        echo = self._terms.echo
        if echo is not None and topic == echo.topic and echo.receive(message.payload, time.monotonic()):
            return
        self._terms.listener.on_message(topic, message.payload[:MAX_PAYLOAD_BYTES], bool(message.retain))

    def _finish(self, failure: Failure, detail: str, code: int | None = None, remedy: str = "") -> None:
        """The first reason counts."""
        if self._outcome is None:
            connected_s = 0.0 if self._connected_at_s is None else time.monotonic() - self._connected_at_s
            # Without commands it would be a dead device: their subscription is never given up.
            asked = [Sent(topic, 0) for topic in self._asked.values() if "+" not in topic]
            pending = (*asked, *self._terms.acknowledgements.pending) if self._connected_at_s else ()
            taken = self._terms.acknowledgements.taken if self._connected_at_s else frozenset()
            self._outcome = ConnectionEnd(
                failure, detail, self._protocol, connected_s, code, remedy, pending, taken
            )
        self._answered.set()
        self._ended.set()


def _refusal(code: int) -> Failure:
    if code == _UNSUPPORTED_VERSION:
        return "version"
    return "refused" if code in _REFUSED else "no_answer"
