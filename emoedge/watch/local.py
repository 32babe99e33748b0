"""Messages of this device's daemon through its socket: without a broker, in the form of MQTT messages."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from typing import Any, Final

from typing_extensions import Self

from emoedge.characters import visible
from emoedge.config import Settings
from emoedge.local_socket.client import DaemonClient, connect
from emoedge.local_socket.protocol import DaemonError
from emoedge.translation import localized
from emoedge.watch.payload import shown_payload
from emoedge.watch.subscription import Received

EVENTS: Final = ("emotion", "event", "face", "voice", "text", "health", "recording", "control")
STATES: Final = ("emotion", "face", "health")
"""Events that are shown at once, before anything changes."""
RETRY_S: Final = 1.0
"""Between two attempts to find a daemon that has gone."""


class LocalSubscription:
    """Stands in for `Subscription` where the device is this one; the daemon may end and be started again.

    Args:
        settings: of the device.
        client: connected.
    """

    def __init__(self, settings: Settings, client: DaemonClient) -> None:
        self._settings = settings
        self._device = settings.device_id
        self._waiting: deque[Received] = deque()
        self._client: DaemonClient | None = client
        self._retry_s = 0.0

    @property
    def devices(self) -> dict[str, str]:
        """This device alone."""
        return {self._device: "online" if self._client is not None else "offline"}

    @classmethod
    def find(cls, settings: Settings) -> LocalSubscription | None:
        """Subscribe to a running daemon of this device; None if there is none, or access is denied."""
        try:
            client = connect(settings, "watch")
        except DaemonError:
            return None
        return None if client is None else cls(settings, client)

    def __enter__(self) -> Self:
        self._begin()
        return self

    def __exit__(self, *_: object) -> None:
        if self._client is not None:
            self._client.close()

    def publish(self, suffix: str, payload: str, device: str) -> None:
        """Send a command, such as ("control/record/set", "ON"); a refusal comes as `control/error`."""
        name = suffix.removeprefix("control/").removesuffix("/set")
        if self._client is None:
            return
        try:
            self._client.ask("control", name=name, value=payload)
        except DaemonError as error:
            reason = {"reason": str(error), "reason_text": localized(str(error))}
            self._add("control/error", {"control": name, "value": payload} | reason)

    def take(self, timeout_s: float) -> Received | None:
        """The next message, or None when none came in time."""
        deadline_s = time.monotonic() + timeout_s
        while not self._waiting and (left_s := deadline_s - time.monotonic()) > 0:
            try:
                if self._client is None:
                    self._find_again(left_s)
                elif found := self._client.take(left_s):
                    self._add_event(*found)
            except DaemonError:
                self._lose()
        return self._waiting.popleft() if self._waiting else None

    def __iter__(self) -> Iterator[Received]:
        while True:
            received = self.take(1.0)
            if received is not None:
                yield received

    def _begin(self) -> None:
        """Subscribe, and take the present state."""
        assert self._client is not None
        self._client.subscribe(*EVENTS)
        state = self._client.ask("state")
        self._add("status", "online")
        controls = state.get("controls")
        for name, value in (controls if isinstance(controls, dict) else {}).items():
            self._add(f"control/{name}", value)
        for topic in STATES:
            self._add(topic, state.get(topic))

    def _find_again(self, left_s: float) -> None:
        if time.monotonic() < self._retry_s:
            time.sleep(min(left_s, self._retry_s - time.monotonic()))
            return
        self._retry_s = time.monotonic() + RETRY_S
        self._client = connect(self._settings, "watch")
        if self._client is not None:
            self._begin()

    def _lose(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None
            self._add("status", "offline")

    def _add_event(self, name: str, data: dict[str, Any]) -> None:
        if name != "control":
            self._add(name, data)
        elif "reason" in data:
            self._add("control/error", data | {"control": data.get("name")})
        else:
            self._add(f"control/{data.get('name')}", data.get("value"))

    def _add(self, suffix: str, payload: Any) -> None:
        if visible(suffix) != suffix:
            return
        if isinstance(payload, str):
            self._waiting.append(Received(self._device, suffix, visible(payload[:64])))
        elif isinstance(payload, dict) and (shown := shown_payload(suffix, payload)) is not None:
            self._waiting.append(Received(self._device, suffix, shown))
