"""Takes back what is retained at the broker, for a command beside the daemon or after its end."""

from __future__ import annotations

import logging
import os
import queue
import time
from collections.abc import Callable, Iterable
from typing import Final, Literal

from emoedge.config import Settings
from emoedge.errors import BrokerError
from emoedge.publish.announced_store import AnnouncedStore
from emoedge.publish.control import CONTROL_NAMES
from emoedge.publish.link import Link
from emoedge.publish.messages import RESULTS, RETAINED
from emoedge.publish.old_names import STATUS, OldNames
from emoedge.publish.retained_states import RetainedStates
from emoedge.publish.session import MqttSession
from emoedge.translation import tr

WAIT_S: Final = 12.0
"""Time for connecting and for the acknowledgements, each: as `emoedge doctor` gives a broker."""
_STOP_S: Final = 2.0
_LOST: Final = frozenset({"away", "refused", "untrusted", "taken_over"})


def result_topics(settings: Settings) -> list[str]:
    """Topics at which the broker keeps what people have shown or said."""
    return [f"{settings.topic_base}/{name}" for name in sorted(RESULTS)]


def all_topics(settings: Settings) -> list[str]:
    """All topics at which the broker keeps something of this device, discovery included; `status` goes last.

    As far as the state folder can be read, also those of other settings.
    """
    names = {*RETAINED, "picture", *(f"control/{name}" for name in CONTROL_NAMES), "control/privacy/until"}
    names |= OldNames(settings.paths.state, settings.topic_base).own
    announced = AnnouncedStore(settings.paths.state).load()
    return [*announced, *(f"{settings.topic_base}/{name}" for name in (*sorted(names - {STATUS}), STATUS))]


class _Reports:
    """Hands what happens in the session's threads to the caller."""

    def __init__(self) -> None:
        self.calls: queue.Queue[Callable[[_Emptying], None]] = queue.Queue()

    def on_connected(self, link: Link) -> None:
        """See SessionListener."""
        self.calls.put(lambda work: work.connected(link))

    def on_disconnected(self) -> None:
        """See SessionListener."""
        self.calls.put(lambda work: work.connected(None))

    def on_delivered(self, token: int) -> None:
        """See SessionListener."""
        self.calls.put(lambda work: work.delivered(token))

    def on_refused(self, token: int, code: int) -> None:
        """See SessionListener."""
        self.calls.put(lambda work: work.refused(token, code))

    def on_oversized(self, topic: str, *, abandoned: bool) -> None:
        """Do nothing: there are no subscriptions."""

    def on_message(self, topic: str, payload: bytes, retained: bool) -> None:
        """Do nothing: there are no subscriptions."""


class _Emptying:
    """The topics that are not empty yet; for one thread."""

    def __init__(self, topics: Iterable[str]) -> None:
        self._states = RetainedStates()
        self._states.replace_all(dict.fromkeys(topics, b""))
        self._link: Link | None = None
        self.refusals = 0

    def connected(self, link: Link | None) -> None:
        self._link = link
        self._states.connection_lost()
        self._send()

    def delivered(self, token: int) -> None:
        self._states.delivered(token)
        self._send()

    def refused(self, token: int, _code: int) -> None:
        self.refusals += 1
        self._states.delivered(token)  # tried once, because nothing would retry it
        self._send()

    def _send(self) -> None:
        self._states.send(self._put_on_wire, time.monotonic())

    def _put_on_wire(self, topic: str, payload: bytes, /, *, qos: Literal[0, 1] = 1) -> int | None:
        return None if self._link is None else self._link.send(topic, payload, qos=qos, retain=True)

    @property
    def is_done(self) -> bool:
        return not self._states.waiting


def empty_retained(settings: Settings, topics: Iterable[str], wait_s: float = WAIT_S) -> None:
    """Have the broker forget what it keeps at these topics.

    Raises:
        BrokerError: it cannot be reached, or refuses.
    """
    work, reports = _Emptying(topics), _Reports()
    client_id = f"{settings.client_id}-withdrawal-{os.getpid()}"
    session = MqttSession(settings.mqtt, client_id, None, (), reports)
    # Its log messages are in the error.
    log = logging.getLogger(MqttSession.__module__)
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        session.start()
        deadline_s = time.monotonic() + wait_s
        while not work.is_done:
            state = session.state
            if state.name in _LOST or time.monotonic() > deadline_s:
                where = f"{settings.mqtt.host}:{settings.mqtt.port}"
                raise BrokerError(
                    state.reason
                    or tr("{where}: no answer within {wait_s:.0f} s", where=where, wait_s=wait_s),
                    state.remedy,
                )
            try:
                reports.calls.get(timeout=0.05)(work)
            except queue.Empty:
                continue
        if work.refusals:
            raise BrokerError(
                tr(
                    "the broker refuses to empty {count} topic",
                    "the broker refuses to empty {count} topics",
                    count=work.refusals,
                ),
                tr("allow it in the access list of the broker"),
            )
    finally:
        session.stop(_STOP_S)
        log.setLevel(level)
