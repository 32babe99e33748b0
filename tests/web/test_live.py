"""The console beside a running daemon, and without one."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import subprocess
import sys
import threading
import time
from datetime import datetime

import pytest

from emoedge.config import load_settings
from emoedge.web.daemon_link import MAX_BEHIND_BYTES, DaemonLink, EventReader, event_text
from emoedge.web.errors import WordedError
from tests.report.helpers import make_segment
from tests.web.conftest import Console, start_console, stop

pytestmark = pytest.mark.timeout(600)


def until(condition, timeout_s: float = 120.0):
    deadline = time.monotonic() + timeout_s
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return found


def start_daemon(console: Console) -> subprocess.Popen:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EMOEDGE_")}
    return subprocess.Popen(
        [sys.executable, "-m", "emoedge", "run", "--config", str(console.folder / "emoedge.toml")],
        env={**kept, "HOME": str(console.folder), "XDG_CACHE_HOME": str(console.folder / "cache")},
        stderr=subprocess.DEVNULL,
    )


def end(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(120)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    folder = tmp_path_factory.mktemp("live")
    console = start_console(
        folder,
        "".join(f"[{part}]\nenabled = false\n" for part in ("mqtt", "speech", "face", "voice")),
    )
    daemon = start_daemon(console)
    with console.client(console.key) as client:
        until(lambda: client.get("/api/state").json()["daemon"] == "running")
    yield console, daemon
    end(daemon)
    stop(console)


@pytest.fixture
def client(both):
    with both[0].client(both[0].key) as one:
        yield one


@pytest.fixture
def segment(both):
    """A recording of the test's own."""
    return make_segment(both[0].recordings, seconds=4.0).media.stem


def test_settings_that_are_saved_leave_the_daemon_at_the_line(client):
    for value in (0.3, None):
        assert client.patch("/api/settings", json={"fusion.margin": value}).status_code == 200
        assert client.get("/api/state").json()["daemon"] == "running"
        assert client.get("/api/controls").json()["margin"]["value"] is not None


def test_placement(both):
    console = both[0]
    with console.client(console.key, headers={"Accept-Language": "es"}) as client:
        shown = client.get("/api/placement").json()
    assert [one["name"] for one in shown["items"]] == ["face", "light", "voice"]
    assert shown["items"][0]["detail"] == "no hay nadie a la vista: póngase donde suele estar"
    assert shown["figures"]["light"] is None


def test_a_control_overrides_a_setting_until_it_is_saved(both, client):
    def shown(key="fusion.margin"):
        found = client.get("/api/settings").json()
        return found["values"][key], found["sources"][key]

    client.put("/api/controls/margin", json={"value": 0.4})
    client.put("/api/controls/recording_mode", json={"value": "off"})
    assert (shown(), shown("recording.mode")) == ((0.4, "control"), ("off", "control"))
    assert client.delete("/api/controls/recording_mode").json() == {
        "name": "recording_mode",
        "value": "events",
    }
    assert shown("recording.mode") == ("events", "default")
    saved = client.patch("/api/settings", json={"fusion.margin": 0.25})
    assert (saved.status_code, saved.json()["restart"]) == (200, False), "it applies at once"
    assert client.get("/api/state").json()["controls"]["margin"] == "0.25"
    assert shown() == (0.25, "console")
    assert client.patch("/api/settings", json={"fusion.margin": None}).json()["restart"] is False
    assert client.get("/api/state").json()["controls"]["margin"] == "0.2"
    for name in ("privacy", "record", "nothing"):
        assert client.delete(f"/api/controls/{name}").status_code == 404
    with both[0].client(both[0].view_key) as viewer:
        assert viewer.delete("/api/controls/margin").status_code == 403
        assert viewer.delete("/api/controls/privacy").status_code == 404


def test_events_come_after_settings_were_saved(client, both):
    assert client.patch("/api/settings", json={"fusion.hold_s": 0.6}).json()["restart"] is True
    with client.stream("GET", "/api/events") as stream:
        lines = (line for line in stream.iter_lines() if line.startswith("event: "))
        assert next(lines) == "event: state"
        with changing(both[0], "face_weight"):
            assert "event: control" in lines
    assert client.patch("/api/settings", json={"fusion.hold_s": None}).status_code == 200


def test_a_setting_saved_without_the_daemon_applies_when_it_runs(tmp_path):
    console = start_console(
        tmp_path, "".join(f"[{part}]\nenabled = false\n" for part in ("mqtt", "speech", "face", "voice"))
    )
    try:
        with console.client(console.key) as client:
            daemon = start_daemon(console)
            until(lambda: client.get("/api/state").json()["daemon"] == "running")
            client.put("/api/controls/margin", json={"value": 0.4})
            end(daemon)
            assert '"margin": 0.4' in (tmp_path / "daemon" / "state.json").read_text()
            assert client.patch("/api/settings", json={"fusion.margin": 0.3}).json()["restart"] is True
            daemon = start_daemon(console)
            until(lambda: client.get("/api/state").json()["controls"].get("margin") == "0.3")
            until(lambda: client.get("/api/state").json()["set_by_command"] == [])
            end(daemon)
            assert '"margin": null' in (tmp_path / "daemon" / "state.json").read_text()
    finally:
        stop(console)


def item_of(client, segment: str) -> dict | None:
    items = client.get("/api/recordings").json()["items"]
    return next((item for item in items if item["id"] == segment), None)


def test_state(client):
    state = client.get("/api/state").json()
    assert state["schema"] == 1
    assert (state["device"], state["access"], state["privacy"]) == ("salon", "full", False)
    assert 0 <= float(state["controls"]["margin"]) <= 1
    assert state["recording"]["on"] is False
    assert datetime.fromisoformat(state["time"].replace("Z", "+00:00")).tzinfo is not None


def test_controls(client, both):
    shown = client.get("/api/controls").json()["margin"]
    assert (shown["minimum"], shown["maximum"]) == (0, 1)
    assert client.put("/api/controls/margin", json={"value": 0.3}).json() == {
        "name": "margin",
        "value": "0.3",
    }
    until(lambda: client.get("/api/state").json()["controls"]["margin"] == "0.3")
    for bad in ("x", "2", "nan", True):
        answer = client.put("/api/controls/margin", json={"value": bad})
        assert (answer.status_code, answer.json()["error"]) == (422, "value")
    assert client.put("/api/controls/margin", json={"value": [1]}).status_code == 400
    assert client.put("/api/controls/nothing", json={"value": 1}).status_code == 404


def test_the_view_key_switches_privacy_on_and_nothing_else(client, both):
    with both[0].client(both[0].view_key) as viewer:
        for value in ("OFF", "ON 5", "on 5", False, 0):
            assert viewer.put("/api/controls/privacy", json={"value": value}).status_code == 403
        assert viewer.put("/api/controls/privacy", json={"value": "ON"}).status_code == 200
        until(lambda: viewer.get("/api/state").json()["privacy"] is True)
        assert viewer.put("/api/controls/privacy", json={"value": "OFF"}).status_code == 403
    assert client.put("/api/controls/privacy", json={"value": "OFF"}).status_code == 200
    until(lambda: client.get("/api/state").json()["privacy"] is False)


def test_events(client, both):
    with client.stream("GET", "/api/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        assert stream.headers["cache-control"] == "no-store"
        lines = stream.iter_lines()
        assert next(lines) == "event: state"
        assert json.loads(next(lines).removeprefix("data: "))["daemon"] == "running"
        with changing(both[0], "face_weight"):
            for line in lines:
                if line.startswith("data: ") and json.loads(line[6:]).get("name") == "face_weight":
                    break


@contextlib.contextmanager
def changing(console: Console, control: str):
    """A control changes again and again: the console may be about to connect to the daemon."""
    stopped = threading.Event()

    def change():
        with console.client(console.key) as client:
            for value in itertools.cycle(("0.45", "0.55")):
                client.put(f"/api/controls/{control}", json={"value": value})
                if stopped.wait(1.0):
                    return

    thread = threading.Thread(target=change)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def test_keep_delete_and_restore(client, segment):
    path = f"/api/recordings/{segment}"
    assert client.patch(path, json={"keep": True}).json() == {"keep": True}
    assert item_of(client, segment)["keep"] is True
    assert client.patch(path, json={"keep": False}).status_code == 200
    assert client.patch(path, json={"keep": "x"}).status_code == 400
    assert client.patch("/api/recordings/20261122T091000Z-1a2b3c4d", json={"keep": True}).status_code == 404
    deleted = client.delete(path)
    assert deleted.status_code == 202
    assert deleted.json()["until"]
    assert item_of(client, segment) is None
    restored = client.post(f"{path}/restore")
    if restored.status_code == 202:  # not on a machine that took ten seconds for it
        assert item_of(client, segment) is not None


def test_what_the_daemon_does_not_have_is_no_sign_that_it_has_stopped(both):
    """A link that has not connected for events yet, as right after a start."""
    link = DaemonLink(lambda: load_settings(both[0].folder / "emoedge.toml", {}))
    assert link.status == "stopped"
    with pytest.raises(WordedError) as caught:
        asyncio.run(link.ask("recording_keep", recording="20261122T091000Z-1a2b3c4d", on=True))
    assert (caught.value.status, caught.value.code) == (404, "absent")


@pytest.mark.parametrize("steps", range(6))
def test_the_link_ends_when_it_is_stopped_while_an_event_arrives(both, steps):
    """Before Python 3.12 `asyncio.wait_for` loses a cancellation that comes together with its result."""

    async def stopped() -> None:
        link = DaemonLink(lambda: load_settings(both[0].folder / "emoedge.toml", {}))
        connected = asyncio.Event()

        async def tell() -> None:
            connected.set()

        link.on_connected = tell
        await link.start()
        await connected.wait()
        await asyncio.sleep(0.2)
        vars(link)["_heard"].set()
        for _ in range(steps):
            await asyncio.sleep(0)
        stopping = asyncio.create_task(link.stop())
        await asyncio.wait({stopping}, timeout=20)
        ended = stopping.done()
        stopping.cancel()  # or the test would not end either
        assert ended

    asyncio.run(stopped())


def test_labels(client, segment):
    label = {"from_s": 1, "to_s": 2.5, "emotion": "neutral", "note": "no era así"}
    assert client.post(f"/api/recordings/{segment}/labels", json=label).status_code == 201
    assert item_of(client, segment)["labels"] == 1
    assert client.get(f"/api/recordings/{segment}").json()["marks"][0]["note"] == "no era así"
    bad = client.post(f"/api/recordings/{segment}/labels", json=label | {"emotion": "x"})
    assert (bad.status_code, bad.json()["error"]) == (422, "value")


def test_settings_are_tried(client):
    found = client.post("/api/settings/test", json={"what": "camera", "values": {"camera.source": "none"}})
    assert found.status_code == 200, found.text
    assert set(found.json()) >= {"ok", "detail"}
    assert client.post("/api/settings/test", json={"what": "x", "values": {}}).status_code == 422
    assert client.post("/api/models/nothing/fetch").status_code == 422


def test_live(client):
    live = client.get("/api/live?seconds=20").json()
    assert live["step_s"] == 1
    assert {len(live[name]) for name in ("fused", "face", "voice", "text", "emotion", "speech")} == {20}
    assert client.get("/api/live?seconds=301").status_code == 400


def test_without_a_daemon(tmp_path):
    console = start_console(tmp_path)
    try:
        with console.client(console.key) as client:
            state = client.get("/api/state").json()
            assert (state["daemon"], state["emotion"], state["device"]) == ("stopped", None, "salon")
            for method, path, body in (
                ("PUT", "/api/controls/privacy", {"value": "ON"}),
                ("POST", "/api/restart", {}),
                ("DELETE", "/api/recordings/20261122T091000Z-1a2b3c4d", None),
            ):
                answer = client.request(method, path, json=body)
                assert (answer.status_code, answer.json()["error"]) == (503, "stopped")
                assert "systemctl start emoedge" in answer.json()["remedy"]
    finally:
        stop(console)


def test_a_reader_that_is_behind_is_left_alone():
    import asyncio

    async def try_it():
        reader = EventReader()
        line = event_text("level", {"x": "y" * 1000})
        for _ in range(MAX_BEHIND_BYTES // len(line) + 2):
            reader.put(line)
        assert reader.is_behind
        with pytest.raises(ConnectionError):
            await reader.take(1)
        other = EventReader()
        assert await other.take(0.01) is None
        other.put(line)
        assert await other.take(1) == line

    asyncio.run(try_it())
