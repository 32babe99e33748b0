"""A daemon, started in this process, and a client of its socket."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from emoedge.config import Settings
from emoedge.local_socket.client import DaemonClient
from emoedge.local_socket.protocol import DaemonError
from emoedge.record.labels import prevailing_label
from emoedge.record.store import Store
from emoedge.supervise.assembly import assemble
from emoedge.supervise.daemon import Daemon
from emoedge.supervise.device_recordings import purge_device
from tests.record.test_store import put
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


@pytest.fixture
def running(settings: Settings) -> Iterator[threading.Thread]:
    """The thread in which the daemon runs."""
    with running_daemon(settings) as thread:
        yield thread


@pytest.fixture
def client(settings: Settings, running: threading.Thread) -> Iterator[DaemonClient]:
    with connected(settings) as client:
        yield client


def asked_until(client: DaemonClient, act: str, is_met: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """Ask, slower than the bound on requests, until the answer is as it should be."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not is_met(found := client.ask(act)):
        assert time.monotonic() < deadline_s, found
        time.sleep(0.1)
    return found


def test_the_state_says_what_is(client: DaemonClient) -> None:
    state = asked_until(client, "state", lambda state: state["emotion"] and state["health"])
    assert (state["device"], state["privacy"], state["language"]) == ("salon", False, "es")
    assert state["emotion"]["reason"] == "no_opinion"
    assert state["controls"]["margin"] == "0.2"
    assert state["recording"] == {"on": False, "id": None, "seconds": 0.0}
    assert state["health"]["parts"]["camera"]["state"] == "off"


def test_controls_are_changed_and_what_is_refused_says_why(client: DaemonClient) -> None:
    client.subscribe("control")
    assert client.ask("control", name="margin", value="0.35") == {"value": "0.35"}
    assert client.take(PATIENCE_S) == ("control", {"name": "margin", "value": "0.35"})
    assert client.ask("state")["controls"]["margin"] == "0.35"
    for name, value in (
        ("margin", "7"),
        ("nothing", "1"),
        ("margin", ""),
        ("margin", 7),
        ("margin", "x" * 300),
    ):
        with pytest.raises(DaemonError) as caught:
            client.ask("control", name=name, value=value)
        assert caught.value.code == "value"
    with pytest.raises(DaemonError, match="no frame available") as refused:
        client.ask("control", name="snapshot", value="PRESS")
    assert refused.value.code == "refused"


def test_a_control_is_cleared(client: DaemonClient) -> None:
    client.ask("control", name="margin", value="0.35")
    assert client.ask("state")["set_by_command"] == ["margin"]
    assert client.ask("control_clear", name="margin", value="0.3") == {"value": "0.3"}
    state = client.ask("state")
    assert (state["set_by_command"], state["controls"]["margin"]) == ([], "0.3")
    for name in ("privacy", "record", "snapshot"):
        with pytest.raises(DaemonError) as caught:
            client.ask("control_clear", name=name, value="PRESS" if name == "snapshot" else "ON")
        assert caught.value.code == "value"
    assert client.ask("state")["privacy"] is False


def test_privacy_is_answered_once_it_is_done(client: DaemonClient, settings: Settings) -> None:
    assert client.ask("control", name="privacy", value="ON") == {"value": "ON"}
    assert client.ask("state")["privacy"] is True
    assert client.ask("control", name="privacy", value="OFF") == {"value": "OFF"}
    assert client.ask("state")["privacy"] is False
    assert '"privacy": false' in (settings.paths.state / "state.json").read_text(encoding="utf-8")


def test_doctor_and_what_nobody_knows(client: DaemonClient) -> None:
    found = asked_until(client, "doctor", lambda found: found["parts"])
    assert found["camera"] == "none"
    assert found["parts"]["camera"] == {"state": "off", "reason": "", "reason_text": "", "figures": {}}
    with pytest.raises(DaemonError) as caught:
        client.ask("format_disk")
    assert caught.value.code == "unknown"


def test_purge_forgets_what_the_daemon_has(client: DaemonClient, settings: Settings) -> None:
    now = datetime.now(timezone.utc)
    old, young = (put(settings.recording.dir, now - timedelta(hours=hours)) for hours in (5, 0))
    (settings.paths.state / "voice_adaptation.json").write_text("{}", encoding="utf-8")
    for path in settings.recording.dir.rglob(f"{old}*"):
        os.utime(path, (now.timestamp() - 5 * 3600,) * 2)
    assert client.ask("purge", last_s=3600, timeout_s=PATIENCE_S)["deleted"] == 1
    assert [one.segment_id for one in Store(settings.recording.dir).segments()] == [old]
    assert client.ask("purge", all=True, timeout_s=PATIENCE_S) == {"deleted": 1, "left": [], "left_count": 0}
    assert not [path for path in settings.recording.dir.rglob("*") if young in path.name or old in path.name]
    assert not (settings.paths.state / "voice_adaptation.json").exists()
    for wrong in ({}, {"all": "yes"}, {"last_s": -1}, {"last_s": "10m"}):
        with pytest.raises(DaemonError) as caught:
            client.ask("purge", **wrong)
        assert caught.value.code == "value"


def test_the_command_asks_the_running_daemon(
    client: DaemonClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    real = DaemonClient.ask

    def ask(self: DaemonClient, act: str, /, **values: Any) -> dict[str, Any]:
        asked.append(act)
        return real(self, act, **values)

    monkeypatch.setattr(DaemonClient, "ask", ask)
    put(settings.recording.dir, datetime.now(timezone.utc))
    done = purge_device(settings, Store(settings.recording.dir), None)
    assert (done.deleted, done.notes, done.failed) == (1, [], False)
    assert asked == ["purge"]


def test_segments_are_kept_deleted_and_taken_back(client: DaemonClient, settings: Settings) -> None:
    store = Store(settings.recording.dir)
    segment_id = put(settings.recording.dir, datetime.now(timezone.utc))
    assert client.ask("recording_keep", recording=segment_id) == {"keep": True}
    assert store.find(segment_id).is_kept
    assert client.ask("recording_keep", recording=segment_id, keep=False) == {"keep": False}
    assert client.ask("recording_delete", recording=segment_id)["until"].endswith("Z")
    assert store.segments() == []
    assert client.ask("recording_restore", recording=segment_id) == {}
    assert store.find(segment_id).segment_id == segment_id
    client.subscribe("recording")
    client.ask("recording_delete", recording=segment_id)
    found = client.take(PATIENCE_S)
    assert found is not None
    assert (found[1]["type"], found[1]["id"]) == ("deleted", segment_id)
    assert not [path for path in settings.recording.dir.rglob("*") if segment_id in path.name]
    for wrong in ("../../etc/passwd", segment_id, 7):
        with pytest.raises(DaemonError):
            client.ask("recording_delete", recording=wrong)


def test_labels_are_kept_beside_the_recording(client: DaemonClient, settings: Settings) -> None:
    segment_id = put(settings.recording.dir, datetime.now(timezone.utc))
    wanted = {"recording": segment_id, "from_s": 1.0, "to_s": 2.0}
    assert client.ask("label", **wanted, emotion="sadness", note="no") == {"labels": 1}
    assert client.ask("label", **wanted, emotion=None) == {"labels": 2}
    media = Store(settings.recording.dir).find(segment_id).media
    assert prevailing_label(media) == "sadness"
    for wrong in ({"emotion": "joy"}, {"emotion": None, "to_s": 0.5}, {}):
        with pytest.raises(DaemonError) as caught:
            client.ask("label", **(wanted | wrong))
        assert caught.value.code == "value"
    client.ask("purge", all=True, timeout_s=PATIENCE_S)
    assert not list(settings.recording.dir.rglob("*.labels.jsonl"))


def test_restart_ends_it_in_order(client: DaemonClient, running: threading.Thread) -> None:
    client.ask("restart")
    with pytest.raises(DaemonError) as caught:
        client.take(PATIENCE_S)
    assert caught.value.code == "gone"
    running.join(PATIENCE_S)
    assert not running.is_alive()


def test_a_socket_that_cannot_be_had_is_said_and_the_daemon_runs(settings: Settings) -> None:
    settings.paths.state.mkdir()
    settings.paths.socket.write_text("a file", encoding="utf-8")
    daemon = Daemon(assemble(settings))
    daemon.start()
    try:
        daemon.look()
        part = next(part for part in daemon.health_parts if part.name == "socket")
        assert part.state == "degraded"
        assert str(settings.paths.socket) in part.reason
        assert daemon.stuck() == ""
    finally:
        daemon.stop()
