"""The broker: a real connection, with the version, TLS and credentials that the daemon would use."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from emoedge.config import Settings
from emoedge.doctor.result import CheckResult, failed, ok
from emoedge.translation import tr

if TYPE_CHECKING:
    from emoedge.publish.link import Link
    from emoedge.publish.session import MqttSession, SessionState

# Time for version 5 to be refused, the pause after it, and version 3.1.1.
CONNECT_S: Final = 12.0
# Refused by the machine, not by the broker: some more attempts, then that is the answer.
AWAY_S: Final = 4.0
_STOP_S: Final = 2.0
_POLL_S: Final = 0.05


class _Silent:
    """A listener that only connects and subscribes."""

    def on_connected(self, link: Link) -> None:
        """Nothing to send."""

    def on_disconnected(self) -> None:
        """Nothing to save."""

    def on_delivered(self, token: int) -> None:
        """Nothing was sent."""

    def on_refused(self, token: int, code: int) -> None:
        """Nothing was sent."""

    def on_oversized(self, topic: str, *, abandoned: bool) -> None:
        """A retained message: not for us."""

    def on_message(self, topic: str, payload: bytes, retained: bool) -> None:
        """A retained command: not for us."""


def check_broker(settings: Settings, wait_s: float = CONNECT_S) -> Iterator[CheckResult]:
    """Connect and subscribe as the daemon would, under another client id, and leave without a trace."""
    mqtt = settings.mqtt
    if not mqtt.enabled:
        yield ok("broker", tr("off (mqtt.enabled = false)"))
        return
    where: str = f"{mqtt.host}:{mqtt.port}"
    if mqtt.tls:
        where = tr("{where} with TLS", where=where)
    state = _connect(settings, wait_s)
    if state.name == "connected" and not state.reason:
        yield ok(
            "broker", tr("{where} answers, MQTT {protocol}", where=where, protocol=state.protocol or "?")
        )
        return
    yield failed(
        "broker",
        state.reason or tr("{where}: no answer within {wait_s:.0f} s", where=where, wait_s=wait_s),
        _remedy(settings, state),
    )


def _connect(settings: Settings, wait_s: float) -> SessionState:
    from emoedge.publish.control import command_topics
    from emoedge.publish.homeassistant import birth_topic
    from emoedge.publish.session import MqttSession

    topics = (f"{settings.topic_base}/control/+/set", birth_topic(settings))
    single = (*command_topics(settings.topic_base), birth_topic(settings))
    client_id = f"emoedge-doctor-{time.monotonic_ns() % 10**9}"
    session = MqttSession(settings.mqtt, client_id, None, topics, _Silent(), single_topics=single)
    # Its log messages are in the result.
    log = logging.getLogger(MqttSession.__module__)
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        session.start()
        return _wait(session, wait_s, lambda: len(topics if session.limits.wildcards else single))
    finally:
        session.stop(_STOP_S)
        log.setLevel(level)


def _wait(session: MqttSession, wait_s: float, topics: Callable[[], int]) -> SessionState:
    begun_s = time.monotonic()
    away_since_s: float | None = None
    while (now_s := time.monotonic()) - begun_s < wait_s:
        state = session.state
        if state.name in ("refused", "untrusted"):
            break
        if state.name == "connected":
            if session.subscribed == topics():
                break
            away_since_s = None
        # An attempt with MQTT 5 that failed may be followed by one with 3.1.1 that succeeds.
        if state.name == "away":
            away_since_s = now_s if away_since_s is None else away_since_s
            if now_s - away_since_s > AWAY_S:
                break
        time.sleep(_POLL_S)
    state = session.state
    if state.name == "connected" and session.subscribed < topics() and not state.reason:
        return replace(
            state, reason=tr("the broker does not answer subscriptions: commands would not arrive")
        )
    return state


def _remedy(settings: Settings, state: SessionState) -> str:
    if state.remedy:
        return state.remedy
    if state.name == "refused":
        return tr("correct mqtt.username and mqtt.password, or the broker's access rules")
    if state.name == "connected":
        return tr("allow this client to subscribe to the topic in the access list of the broker")
    if settings.mqtt.tls:
        return tr("check mqtt.host, mqtt.port and mqtt.ca_file, and that the broker runs with TLS there")
    return tr(
        "start the broker (sudo apt install mosquitto), correct mqtt.host and mqtt.port, "
        "or set mqtt.enabled to false"
    )
