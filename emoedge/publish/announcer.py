"""Announces the device to Home Assistant, again on its birth message, and withdraws what is gone.

For one thread; `send` is what puts a retained message on the wire.
"""

from __future__ import annotations

import logging
import random
from typing import Final

from emoedge.config import Settings
from emoedge.publish import homeassistant
from emoedge.publish.messages import to_json
from emoedge.publish.retained_states import Send

logger = logging.getLogger(__name__)

_BIRTH: Final = b"online"


class Announcer:
    """Discovery for Home Assistant.

    Args:
        settings: what is offered, and where it is announced.
    """

    def __init__(self, settings: Settings) -> None:
        self.birth_topic = homeassistant.birth_topic(settings)
        self._settings = settings
        self._store = homeassistant.AnnouncedStore(settings.paths.state)
        self._on_the_way: dict[int, homeassistant.Announced] = {}
        self._at_s: float | None = None

    def birth(self, payload: bytes, now_s: float) -> None:
        """Handle Home Assistant's status; after its start the announcement is due soon."""
        if payload == _BIRTH and self._at_s is None:
            # Not at once: all devices of a house would speak in the same moment.
            self._at_s = now_s + random.uniform(*homeassistant.BIRTH_DELAY_S)

    def due_in_s(self, now_s: float) -> float:
        """Seconds until an announcement is due; infinite when none is."""
        return float("inf") if self._at_s is None else max(0.0, self._at_s - now_s)

    def announce_if_due(self, now_s: float, send: Send) -> None:
        """Announce when the time has come."""
        if self._at_s is not None and now_s >= self._at_s:
            self._at_s = None
            self.announce(send)

    def announce(self, send: Send) -> None:
        """Announce now; empties what an earlier configuration announced elsewhere."""
        previous = self._store.load()
        topic = homeassistant.config_topic(self._settings)
        wanted: homeassistant.Announced = {}
        token = None
        if self._settings.mqtt.discovery:
            payload = homeassistant.discovery_payload(self._settings, previous.get(topic))
            wanted = {topic: homeassistant.platforms(payload)}
            token = send(topic, to_json(payload).encode())
        for old in previous.keys() - wanted.keys():
            token = send(old, b"")
        if token is not None and wanted != previous:
            self._on_the_way[token] = wanted

    def connection_lost(self) -> None:
        """No acknowledgement will come any more."""
        self._on_the_way.clear()

    def delivered(self, token: int) -> None:
        """The broker has it: from now on this is what must be taken back one day."""
        announced = self._on_the_way.pop(token, None)
        if announced is None:
            return
        try:
            self._store.save(announced)
        except OSError as error:
            logger.warning("cannot save the announced entities: %s", error)
