"""`emoedge watch` on the device itself: a real daemon, its socket, no broker."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from emoedge.config import Settings
from emoedge.watch.local import LocalSubscription
from emoedge.watch.subscription import Received
from emoedge.watch.view import WatchState
from tests.supervise.running import PATIENCE_S, connected, running_daemon


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.model_validate(
        {
            "device_id": "salon",
            "camera": {"source": "none"},
            "microphone": {"source": "none"},
            "mqtt": {"enabled": False},
            "recording": {"dir": str(tmp_path / "recordings"), "min_free_bytes": 0},
            "paths": {"state": str(tmp_path / "state"), "socket": str(tmp_path / "daemon.sock")},
        }
    )


def first(subscription: LocalSubscription, suffix: str) -> Received:
    """The next message on a topic."""
    deadline_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline_s:
        received = subscription.take(1.0)
        if received is not None and received.suffix == suffix:
            return received
    pytest.fail(f"no {suffix}")


def test_the_state_comes_first_and_commands_are_carried_out(settings: Settings) -> None:
    with running_daemon(settings):
        connected(settings).close()
        found = LocalSubscription.find(settings)
        assert found is not None
        with found as subscription:
            assert subscription.take(0.1) == Received("salon", "status", "online")
            state = WatchState("es", "salon")
            state.apply(first(subscription, "control/margin"))
            assert state.latest["control/margin"] == "0.2"
            assert first(subscription, "emotion").payload["reason"] == "no_opinion"
            subscription.publish("control/privacy/set", "ON", "salon")
            assert first(subscription, "control/privacy") == Received("salon", "control/privacy", "ON")
            subscription.publish("control/privacy/set", "OFF", "salon")
            assert first(subscription, "control/privacy").payload == "OFF"
            subscription.publish("control/snapshot/set", "PRESS", "salon")
            error = first(subscription, "control/error")
            assert "no frame" in error.payload["reason"]


def test_a_daemon_that_ends_is_offline_and_found_again(settings: Settings) -> None:
    assert LocalSubscription.find(settings) is None
    with running_daemon(settings):
        connected(settings).close()
        subscription = LocalSubscription.find(settings)
        assert subscription is not None
        subscription.__enter__()
    try:
        assert first(subscription, "status").payload == "online"
        assert first(subscription, "status").payload == "offline"
        with running_daemon(settings):
            assert first(subscription, "status").payload == "online"
    finally:
        subscription.__exit__()
