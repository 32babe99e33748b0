"""paho's client, with what it has no public place for."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partial
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion

from emoedge.publish.packet_reader import PacketReader
from emoedge.publish.retry import MqttVersion


class PahoClient(Client):
    """Shortens large messages, and reports what goes out and when the network thread ends.

    Args:
        protocol: version to speak.
        on_wire: called with number, topic and payload of each PUBLISH that is about to be sent.
        on_oversized: see PacketReader.
        on_end: called when the network thread ends.
        options: of paho's client.
    """

    def __init__(
        self,
        protocol: MqttVersion,
        on_wire: Callable[[int, str, bytes], None] = lambda _number, _topic, _payload: None,
        on_oversized: Callable[[bytes, int], None] = lambda _topic, _size: None,
        on_end: Callable[[], None] = lambda: None,
        **options: Any,
    ) -> None:
        v5 = protocol == "5"
        super().__init__(
            CallbackAPIVersion.VERSION2,
            clean_session=None if v5 else True,
            protocol=MQTTProtocolVersion.MQTTv5 if v5 else MQTTProtocolVersion.MQTTv311,
            **options,
        )
        self._on_wire = on_wire
        self._on_end = on_end
        self._make_reader = partial(
            PacketReader, super()._sock_recv, has_properties=v5, on_oversized=on_oversized
        )
        self._reader = self._make_reader()
        self.socket_error: OSError | None = None
        """Error of the socket that ended the connection, if there was one."""

    def reconnect(self) -> MQTTErrorCode:
        """As in paho; connect() comes by here."""
        self._reader = self._make_reader()  # an old connection may have ended in mid-packet
        self.socket_error = None
        return super().reconnect()

    def loop_forever(self, timeout: float = 1.0, retry_first_connection: bool = False) -> MQTTErrorCode:
        """As in paho; runs in the thread of loop_start()."""
        try:
            return super().loop_forever(timeout, retry_first_connection)
        finally:
            self._on_end()

    def _sock_recv(self, bufsize: int) -> bytes:
        # All of paho's reading goes through this method; there is no public one.
        try:
            return self._reader.read(bufsize)
        except BlockingIOError:
            raise
        except OSError as error:
            self.socket_error = error
            raise

    def _sock_send(self, buf: bytes | bytearray) -> int:
        try:
            return super()._sock_send(buf)
        except BlockingIOError:
            raise
        except OSError as error:
            self.socket_error = self.socket_error or error
            # The other side has closed; its last word, an alert of TLS, may wait to be read.
            with contextlib.suppress(OSError):
                self._sock_recv(1)
            raise

    def _send_publish(
        self, mid: int, topic: bytes, payload: bytes | bytearray = b"", *rest: Any, **more: Any
    ) -> MQTTErrorCode:
        # Not in publish(), which also accepts messages that wait in paho; and before any answer can arrive.
        self._on_wire(mid, topic.decode(), bytes(payload))
        return super()._send_publish(mid, topic, payload, *rest, **more)

    def limit_in_flight(self, count: int) -> None:
        """Set the maximum number of QoS 1 messages in flight; paho queues more."""
        # paho refuses this once it is connected, and does not observe Receive Maximum itself.
        self._max_inflight_messages = count
