"""Subscribes to one device's topics."""

from __future__ import annotations

import json
import queue
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from typing_extensions import Self

from emoedge.characters import visible
from emoedge.config import MqttSettings
from emoedge.errors import BrokerError
from emoedge.publish.tls import TLS_REMEDY, explain, is_refusal
from emoedge.translation import tr
from emoedge.watch.backlog import MessageBacklog
from emoedge.watch.payload import shown_payload

# Payloads of the interface have at most a few kilobytes; larger ones are from other programs.
MAX_PAYLOAD_BYTES: Final = 65_536
MAX_DEVICES: Final = 256
"""Most devices that are remembered; anyone who may publish can make up others."""
CONNECT_WAIT_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Received:
    """One message: `suffix` below `<base>/<device>/`, payload as `shown_payload` returns it."""

    device: str
    suffix: str
    payload: dict[str, Any] | str


class Subscription:
    """A connection that receives what a device says; MQTT 3.1.1, which every broker speaks.

    Args:
        settings: broker, credentials and base topic.
        device: device id, or "+" for all.

    Raises:
        BrokerError: the broker cannot be reached or refuses.
    """

    def __init__(self, settings: MqttSettings, device: str) -> None:
        from emoedge.publish.client import PahoClient
        from emoedge.publish.tls import make_context

        self._settings = settings
        self._topic = f"{settings.base}/{device}/#"
        self._others = f"{settings.base}/+/status"
        self._subscribed: int | None = None
        self.devices: dict[str, str] = {}
        """Devices of the broker that have said something, with their `status`."""
        self._backlog = MessageBacklog()
        self._answer: queue.Queue[tuple[str, str]] = queue.Queue()
        client = PahoClient("3.1.1")
        if settings.username is not None:
            password = settings.password.get_secret_value() if settings.password else None
            client.username_pw_set(settings.username, password)
        if settings.tls:
            client.tls_set_context(make_context(settings))
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        self._client = client

    def __enter__(self) -> Self:
        place = f"{self._settings.host}:{self._settings.port}"
        try:
            self._client.connect(self._settings.host, self._settings.port)
        except ssl.SSLError as error:
            detail, remedy = explain(error, self._settings)
            raise BrokerError(
                tr("no trusted TLS connection to {place}: {detail}", place=place, detail=detail),
                remedy or TLS_REMEDY,
            ) from error
        except OSError as error:
            raise BrokerError(
                tr("no broker at {place}: {error}", place=place, error=error),
                tr("name it with --host and --port"),
            ) from error
        self._client.loop_start()
        try:
            refusal, remedy = self._answer.get(timeout=CONNECT_WAIT_S)
        except queue.Empty:
            refusal, remedy = tr("no answer"), tr("check mqtt.host and mqtt.port")
        if refusal:
            self._client.loop_stop()
            raise BrokerError(
                tr("the broker at {place} refuses the connection: {refusal}", place=place, refusal=refusal),
                remedy,
            )
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def publish(self, suffix: str, payload: str, device: str) -> None:
        """Send a command, such as ("control/record/set", "ON")."""
        self._client.publish(f"{self._settings.base}/{device}/{suffix}", payload, qos=1)

    def take(self, timeout_s: float) -> Received | None:
        """The next message, or None when none came in time."""
        deadline_s = time.monotonic() + timeout_s
        while message := self._backlog.take(max(0.0, deadline_s - time.monotonic())):
            if received := parse(self._settings.base, *message):
                return received
        return None

    def __iter__(self) -> Iterator[Received]:
        while True:
            received = self.take(1.0)
            if received is not None:
                yield received

    def _on_connect(self, client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self._answer.put((str(reason), tr("check mqtt.username and mqtt.password")))
            return
        self._subscribed = client.subscribe(self._topic)[1]
        if not self._topic.startswith(f"{self._settings.base}/+/"):
            client.subscribe(self._others)

    def _on_disconnect(self, client: Any, _data: Any, _flags: Any, _reason: Any, _properties: Any) -> None:
        # An alert of TLS 1.3 comes after the handshake. Once somebody has taken an answer, nobody asks again.
        if is_refusal(client.socket_error):
            detail, remedy = explain(client.socket_error, self._settings)
            self._answer.put((detail, remedy or TLS_REMEDY))

    def _on_subscribe(self, _client: Any, _data: Any, mid: int, reasons: Any, _properties: Any) -> None:
        if mid != self._subscribed:
            return  # the list of other devices is only a hint
        refusal = next((str(reason) for reason in reasons if reason.is_failure), "")
        self._answer.put(
            (
                refusal and tr("the subscription to {topic}: {refusal}", topic=self._topic, refusal=refusal),
                tr("allow this client to subscribe to the topic in the access list of the broker"),
            )
        )

    def _on_message(self, _client: Any, _data: Any, message: Any) -> None:
        device, _, suffix = message.topic.removeprefix(f"{self._settings.base}/").partition("/")
        if suffix == "status" and (device in self.devices or len(self.devices) < MAX_DEVICES):
            self.devices[visible(device)] = visible(message.payload[:16].decode("utf-8", "replace"))
        if not message.topic.startswith(self._topic.removesuffix("+/#").removesuffix("#")):
            return
        if len(message.payload) <= MAX_PAYLOAD_BYTES:
            self._backlog.put(message.topic, message.payload)


def parse(base: str, topic: str, payload: bytes) -> Received | None:
    """Read one message; None for what is not of the interface. Never raises."""
    rest = topic.removeprefix(f"{base}/")
    device, slash, suffix = rest.partition("/")
    if rest == topic or not slash or len(payload) > MAX_PAYLOAD_BYTES or visible(rest) != rest:
        return None
    text = payload.decode("utf-8", errors="replace")
    if suffix == "status" or (suffix.startswith("control/") and suffix != "control/error"):
        return Received(device, suffix, visible(text[:64]))
    try:
        value = shown_payload(suffix, json.loads(text))
    except (ValueError, RecursionError):
        return None
    return Received(device, suffix, value) if isinstance(value, dict) else None
