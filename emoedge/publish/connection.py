"""One MQTT connection from CONNECT to its end: a thin adapter around one paho client."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion

from emoedge.config import MqttSettings
from emoedge.publish.echo import TIMEOUT_S, Echo
from emoedge.publish.packet_reader import MAX_PAYLOAD_BYTES, PacketReader
from emoedge.publish.retry import ConnectionEnd, Failure, MqttVersion

# A broker in the house answers in milliseconds, one across the world within a second.
CONNECT_TIMEOUT_S: Final = 5.0
# Some brokers of version 3.1.1 choke on a version 5 CONNECT with a will and never answer: ask again sooner.
CONNACK_TIMEOUT_S: Final[dict[MqttVersion, float]] = {"5": 3.0, "3.1.1": 10.0}
# A dead connection is noticed within 1.5 of these, and the broker sends the last will as late.
KEEPALIVE_S: Final = 30
# More than the outbox and all states together ever have on the way.
MAX_QUEUED: Final = 100
# paho does not look at the broker's Receive Maximum (Mosquitto: 20), so this is kept low.
MAX_IN_FLIGHT: Final = 10
# Messages that a stuck connection may pile up before more are refused; paho itself has no bound for QoS 0.
MAX_OUTSTANDING: Final = 200

_TAKEN_OVER: Final = 0x8E  # MQTT 5, section 3.14.2.1
# CONNACK codes of version 5 (section 3.2.2.2) that a new attempt will not cure; paho maps those of 3.1.1 to
# them.
_REFUSED: Final = frozenset({0x85, 0x86, 0x87, 0x8A, 0x8C})
_UNSUPPORTED_VERSION: Final = 0x84


class Link(Protocol):
    """One connection, for as long as it lasts."""

    def send(self, topic: str, payload: bytes, *, qos: Literal[0, 1], retain: bool) -> int | None:
        """Hand over a message without waiting; a token for on_delivered, or None if it cannot go."""


class SessionListener(Protocol):
    """Called from other threads, in order, one at a time: must return at once."""

    def on_connected(self, link: Link) -> None:
        """A connection is there; nothing has been sent on it yet."""

    def on_disconnected(self) -> None:
        """The link is gone; acknowledgements that did not come never will."""

    def on_delivered(self, token: int) -> None:
        """The message of this token is with the broker (QoS 1) or on the wire (QoS 0)."""

    def on_message(self, topic: str, payload: bytes, retained: bool) -> None:
        """A message to one of the subscriptions."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What every connection of a session has in common."""

    settings: MqttSettings
    client_id: str
    will_topic: str | None
    subscriptions: tuple[str, ...]
    listener: SessionListener
    echo: Echo | None = None


class _Client(Client):
    """paho client that shortens large messages and reports when its network thread ends."""

    def __init__(self, protocol: MqttVersion, on_end: Callable[[], None], **options: Any) -> None:
        v5 = protocol == "5"
        super().__init__(
            CallbackAPIVersion.VERSION2,
            clean_session=None if v5 else True,
            protocol=MQTTProtocolVersion.MQTTv5 if v5 else MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
            **options,
        )
        self._on_end = on_end
        self._reader = PacketReader(super()._sock_recv, has_properties=v5)

    def loop_forever(self, timeout: float = 1.0, retry_first_connection: bool = False) -> MQTTErrorCode:
        """As in paho; runs in the thread of loop_start()."""
        try:
            return super().loop_forever(timeout, retry_first_connection)
        finally:
            self._on_end()

    def _sock_recv(self, bufsize: int) -> bytes:
        # The one place through which all of paho's reading goes; it has no public one.
        return self._reader.read(bufsize)


class Connection:
    """One paho client and the thread it brings, from connect to disconnect."""

    def __init__(
        self,
        terms: Terms,
        protocol: MqttVersion,
        on_connected: Callable[[MqttVersion], None],
        on_refused: Callable[[MqttVersion, str], None],
        on_subscribed: Callable[[MqttVersion, str, str], None],
    ) -> None:
        self._terms = terms
        self._protocol: MqttVersion = protocol
        self._report_connected = on_connected
        self._report_refused = on_refused
        self._report_subscribed = on_subscribed
        self._asked: dict[int, str] = {}
        self._ended = threading.Event()
        self._answered = threading.Event()
        self._outcome: ConnectionEnd | None = None
        self._connected_at_s: float | None = None
        self._outstanding = 0
        self._unsendable = 0  # counts down: a token that no message has
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
            self._finish("no_answer", "no answer to CONNECT")
            self._client.disconnect()
        if self._terms.echo is None or self._connected_at_s is None:
            self._ended.wait()
        else:
            self._watch(self._terms.echo)
        assert self._outcome is not None
        return self._outcome

    def _watch(self, echo: Echo) -> None:
        """Until the connection has ended, or nothing arrives on it any more."""
        echo.connect(time.monotonic())
        while not self._ended.wait(echo.due_in_s(time.monotonic())):
            now_s = time.monotonic()
            payload = echo.payload_if_due(now_s)
            if payload is not None:
                self.send(echo.topic, payload, qos=1, retain=False)
            if echo.needs_connection(now_s):
                echo.disconnect()
                self._finish("no_echo", f"nothing came back on {echo.topic} within {TIMEOUT_S:.0f} s")
                self._client.disconnect()

    def join(self) -> None:
        """End the network thread; no callback comes after this."""
        self._client.loop_stop()
        if self._connected_at_s is not None:
            self._terms.listener.on_disconnected()

    def close(self) -> None:
        """Say DISCONNECT."""
        self._client.disconnect()
        self._finish("lost", "closed by us")

    def abort(self) -> None:
        """Close the socket as a crash would."""
        connection = self._client.socket()
        if isinstance(connection, socket.socket):  # ssl.SSLSocket is one
            with contextlib.suppress(OSError):  # it may be closed already
                connection.shutdown(socket.SHUT_RDWR)
        self._finish("lost", "aborted")

    def send(self, topic: str, payload: bytes, *, qos: Literal[0, 1], retain: bool) -> int | None:
        """See Link."""
        with self._count_lock:
            if self._ended.is_set() or self._connected_at_s is None or self._outstanding >= MAX_OUTSTANDING:
                return None
            self._outstanding += 1
        try:
            info = self._client.publish(topic, payload, qos=qos, retain=retain)
        except ValueError as error:  # a topic or a size that MQTT does not know: it would never go
            with self._count_lock:
                self._outstanding -= 1
                self._unsendable -= 1
            self._report_refused(self._protocol, f"{topic[:64]!r}: {error}")
            self._terms.listener.on_delivered(self._unsendable)
            return self._unsendable
        if info.rc != 0:
            with self._count_lock:
                self._outstanding -= 1
            return None
        return info.mid

    def _make_client(self) -> Client:
        settings = self._terms.settings
        client = _Client(
            self._protocol,
            lambda: self._finish("lost" if self._connected_at_s else "no_answer", "the connection broke off"),
            client_id=self._terms.client_id,
        )
        client.connect_timeout = CONNECT_TIMEOUT_S
        client.max_inflight_messages_set(MAX_IN_FLIGHT)
        client.max_queued_messages_set(MAX_QUEUED)
        if settings.username is not None:
            password = None if settings.password is None else settings.password.get_secret_value()
            client.username_pw_set(settings.username, password)
        if settings.tls:
            ca_file = None if settings.ca_file is None else str(settings.ca_file)
            # Certificate and host name are always verified; there is no switch for it.
            client.tls_set(ca_certs=ca_file, cert_reqs=ssl.CERT_REQUIRED)
        if self._terms.will_topic is not None:
            client.will_set(self._terms.will_topic, b"offline", qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        return client

    def _on_connect(self, client: Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self._finish(_refusal(reason.value), str(reason))
            return
        self._connected_at_s = time.monotonic()
        self._report_connected(self._protocol)
        for topic in self._terms.subscriptions:
            _, mid = client.subscribe(topic, qos=1)
            if mid is not None:
                self._asked[mid] = topic
        # Not before: the first echo must find the subscription.
        self._answered.set()
        self._terms.listener.on_connected(self)

    def _on_disconnect(self, _client: Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if self._connected_at_s is None:
            self._finish("no_answer", str(reason))
        elif reason.value == _TAKEN_OVER:
            self._finish("taken_over", str(reason))
        else:
            self._finish("lost", str(reason))

    def _on_publish(self, _client: Client, _data: Any, mid: int, reason: Any, _properties: Any) -> None:
        with self._count_lock:
            self._outstanding -= 1
        if reason.is_failure:
            # An answer all the same: sending it again would be refused again, and hold up what comes after.
            self._report_refused(self._protocol, str(reason))
        self._terms.listener.on_delivered(mid)

    def _on_subscribe(self, _client: Client, _data: Any, mid: int, reasons: Any, _properties: Any) -> None:
        topic = self._asked.pop(mid, None)
        if topic is not None:
            failures = [str(reason) for reason in reasons if reason.is_failure]
            self._report_subscribed(self._protocol, topic, failures[0] if failures else "")

    def _on_message(self, _client: Client, _data: Any, message: Any) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            return  # no topic of ours; an exception here would end the connection
        echo = self._terms.echo
        if echo is not None and topic == echo.topic and echo.receive(message.payload, time.monotonic()):
            return
        self._terms.listener.on_message(topic, message.payload[:MAX_PAYLOAD_BYTES], bool(message.retain))

    def _finish(self, failure: Failure, detail: str) -> None:
        """The first reason counts."""
        if self._outcome is None:
            connected_s = 0.0 if self._connected_at_s is None else time.monotonic() - self._connected_at_s
            self._outcome = ConnectionEnd(failure, detail, self._protocol, connected_s)
        self._answered.set()
        self._ended.set()


def _refusal(code: int) -> Failure:
    if code == _UNSUPPORTED_VERSION:
        return "version"
    return "refused" if code in _REFUSED else "no_answer"
