"""Announces the device to Home Assistant, again on its birth message, and withdraws what is gone.

What is gone are entities, and the topics of an earlier name of the device (`emoedge.publish.old_names`).

For one thread; `send` is what puts a retained message on the wire.
"""

from __future__ import annotations

import logging
import random
from typing import Final

from emoedge.background_write import BackgroundWrite
from emoedge.config import Settings
from emoedge.process import board
from emoedge.publish import homeassistant
from emoedge.publish.announced_store import Announced, AnnouncedStore
from emoedge.publish.limits import BrokerLimits
from emoedge.publish.messages import to_json
from emoedge.publish.old_names import OldNames
from emoedge.publish.retained_states import RetainedStates, Send
from emoedge.worker_thread import WorkerThread

logger = logging.getLogger(__name__)

MOVE_PAUSE_S: Final = 2.0
"""Between taking components back and offering all of them: Home Assistant gives entity id, name and history
back to one that has moved to another message only after it has removed it."""

_BIRTH: Final = b"online"


class Announcer:
    """Discovery for Home Assistant.

    Args:
        settings: what is offered, and where it is announced.
    """

    def __init__(self, settings: Settings) -> None:
        self.birth_topic = homeassistant.birth_topic(settings)
        self._settings = settings
        self._board = board()
        self._store = AnnouncedStore(settings.paths.state)
        self.old_names = OldNames(settings.paths.state, settings.topic_base)
        self.topics = (self.birth_topic, *self.old_names.topics)
        """Topics to subscribe to."""
        self._record = self._store.load()
        self.writer = BackgroundWrite("discovery-record", self._save)
        self._messages = RetainedStates()
        self._offered: dict[str, bytes] = {}
        self._offered_at_s = float("inf")
        self._announced: Announced | None = None
        self._limits = BrokerLimits()
        self._at_s = float("inf")

    def connected(self, limits: BrokerLimits, now_s: float) -> None:
        """Announce on a new connection to a broker with these limits."""
        self._limits = limits
        self._announce(now_s)

    def take(self, topic: str, payload: bytes, now_s: float, *, retained: bool) -> None:
        """Handle a message on one of `topics`; after Home Assistant's start the announcement is due soon."""
        if topic != self.birth_topic:
            self.old_names.take(topic, payload, now_s, retained=retained)
        elif payload == _BIRTH and self._at_s == float("inf"):
            # Not at once: all devices of a house would speak in the same moment.
            self._at_s = now_s + random.uniform(*homeassistant.BIRTH_DELAY_S)

    def due_in_s(self, now_s: float) -> float:
        """Seconds until there is something to do; infinite when there is nothing."""
        due_s = min(self._at_s, self._offered_at_s) - now_s
        return min(max(0.0, due_s), self._messages.due_in_s(now_s), self.old_names.due_in_s(now_s))

    def send(self, send: Send, now_s: float) -> None:
        """Send what is due."""
        if now_s >= self._at_s:
            self._announce(now_s)
        if now_s >= self._offered_at_s:
            self._offered_at_s = float("inf")
            for topic, payload in self._offered.items():
                self._messages.update(topic, payload)
        self._messages.send(send, now_s)
        self.old_names.send(send, now_s)

    def connection_lost(self) -> None:
        """Forget pending acknowledgements: none will arrive."""
        self._at_s = self._offered_at_s = float("inf")
        self._messages.replace_all({})
        self._messages.connection_lost()
        self.old_names.connection_lost()

    def delivered(self, token: int) -> None:
        """The broker has one; when it has all, this is what must be taken back one day."""
        self.old_names.delivered(token)
        self._messages.delivered(token)
        if self._announced is None or self._messages.waiting or self._offered_at_s < float("inf"):
            return
        self._record, self._announced = self._announced, None
        self.writer.put(self._record)

    def _save(self, announced: Announced) -> None:
        try:
            self._store.save(announced)
        except OSError as error:
            logger.warning("cannot save the announced entities: %s", error)

    @property
    def threads(self) -> tuple[WorkerThread, ...]:
        """The threads that write, while they do."""
        return tuple(one for one in (self.writer.thread, self.old_names.writer.thread) if one is not None)

    def refused(self, token: int, now_s: float, *, was_sent: bool) -> None:
        """The broker does not take one."""
        self._messages.refused(token, now_s, was_sent=was_sent)
        self.old_names.refused(token, now_s, was_sent=was_sent)

    def _announce(self, now_s: float) -> None:
        """Announce; empties what an earlier configuration announced elsewhere."""
        self._at_s = float("inf")
        previous = self._record
        messages = {}
        if self._settings.mqtt.discovery:
            messages = homeassistant.discovery_messages(self._settings, self._max_bytes, self._board)
        wanted = {topic: homeassistant.platforms(payload) for topic, payload in messages.items()}
        payloads = {topic: to_json(payload).encode() for topic, payload in messages.items()}
        gone = homeassistant.withdrawals(messages, previous)
        taken_back = {topic: to_json(payload).encode() for topic, payload in gone.items()}
        taken_back |= dict.fromkeys(previous.keys() - wanted.keys(), b"")
        self._offered = payloads if taken_back else {}
        self._offered_at_s = now_s + MOVE_PAUSE_S if self._offered else float("inf")
        self._messages.replace_all(taken_back or payloads)
        self._announced = wanted if wanted != previous else None

    @property
    def _max_bytes(self) -> int:
        limit = self._limits.payload_bytes(homeassistant.config_topic(self._settings, "_diagnostics"))
        return (
            homeassistant.MAX_MESSAGE_BYTES if limit is None else min(limit, homeassistant.MAX_MESSAGE_BYTES)
        )
