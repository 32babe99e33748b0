"""Settings tried and models fetched in child processes."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from emoedge.config import Settings
from emoedge.local_socket.protocol import DaemonError, Request
from emoedge.supervise import child_jobs
from emoedge.supervise.child_jobs import ChildJobs
from tests.publish.conftest import free_port, until

PATIENCE_S = 120.0


@pytest.fixture
def told() -> list[dict[str, Any]]:
    return []


@pytest.fixture
def jobs(tmp_path: Path, told: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> ChildJobs:
    monkeypatch.setattr(child_jobs, "TEST_S", PATIENCE_S)
    settings = Settings.model_validate(
        {
            "camera": {"source": "none"},
            "microphone": {"source": "none"},
            "mqtt": {"host": "127.0.0.1", "port": free_port(), "username": "me", "password": "s3cr3t"},
            "recording": {"dir": str(tmp_path / "recordings")},
            "paths": {"state": str(tmp_path / "state"), "models": str(tmp_path / "models")},
        }
    )
    return ChildJobs(settings, lambda _name, data: told.append(data))


def tried(jobs: ChildJobs, what: object, **values: object) -> dict[str, Any]:
    return jobs.test(Request(1, "test", {"what": what, "values": values}))


def test_settings_are_tried_without_being_saved(jobs: ChildJobs, clip: Path, tmp_path: Path) -> None:
    assert tried(jobs, "camera")["detail"] == "off (camera.source = none)"
    found = tried(jobs, "camera", **{"camera.source": f"file:{clip}"})
    assert found["ok"], found
    assert "frames a second" in found["detail"]
    gone = tried(jobs, "microphone", **{"microphone.source": f"file:{tmp_path}/gone.wav"})
    assert not gone["ok"]
    assert gone["remedy"]


def test_devices_are_listed_by_the_daemon(jobs: ChildJobs, monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(jobs.devices(Request(1, "devices", {}))) == {"cameras", "microphones"}
    monkeypatch.setattr(child_jobs, "TEST_S", 0.01)
    with pytest.raises(DaemonError, match="cannot be listed"):
        jobs.devices(Request(1, "devices", {}))


def test_a_broker_that_is_not_there(jobs: ChildJobs) -> None:
    found = tried(jobs, "broker")
    assert not found["ok"]
    assert "s3cr3t" not in str(found)


@pytest.mark.parametrize(
    ("what", "values"),
    [
        ("disk", {}),
        (7, {}),
        ("camera", []),
        ("camera", {"mqtt.host": "elsewhere"}),
        ("camera", {"camera": "none"}),
        ("camera", {"camera.colour": "red"}),
        ("camera", {"camera.source": "webcam"}),
        ("camera", {f"camera.{number}": 1 for number in range(100)}),
    ],
)
def test_what_cannot_be_tried_is_refused(jobs: ChildJobs, what: object, values: object) -> None:
    with pytest.raises(DaemonError) as caught:
        jobs.test(Request(1, "test", {"what": what, "values": values}))
    assert caught.value.code == "value"


def test_privacy_refuses_and_ends_a_test_of_a_device(jobs: ChildJobs, clip: Path) -> None:
    errors: list[DaemonError] = []

    def test() -> None:
        try:
            tried(jobs, "camera", **{"camera.source": f"file:{clip}"})
        except DaemonError as error:
            errors.append(error)

    thread = threading.Thread(target=test)
    thread.start()
    until(lambda: jobs._test is not None, "the child runs")
    jobs.set_private(True)
    thread.join(PATIENCE_S)
    assert [error.code for error in errors] == ["privacy"]
    with pytest.raises(DaemonError) as caught:
        tried(jobs, "camera")
    assert caught.value.code == "privacy"
    assert not tried(jobs, "broker")["ok"]


def test_a_test_that_hangs_ends_in_time(jobs: ChildJobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_jobs, "TEST_S", 0.01)
    found = tried(jobs, "camera")
    assert not found["ok"]
    assert "no answer" in found["detail"]
    assert jobs._test is not None
    assert jobs._test.poll() is not None


def test_a_model_that_is_not_known_or_shipped_is_refused(jobs: ChildJobs) -> None:
    for name in ("no-such-model", "face_emotion", "../../etc"):
        with pytest.raises(DaemonError) as caught:
            jobs.fetch(Request(1, "models_fetch", {"name": name}))
        assert caught.value.code == "value"


VOSK = "vosk-model-small-es-0.42"
DOWNLOAD = """
print('{"done": 1000, "total": 39000000}', flush=True)
print('nonsense', flush=True)
print('{"done": 39000000, "total": 39000000}', flush=True)
"""


def test_progress_of_a_download_is_told(
    jobs: ChildJobs, told: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, ...]] = []
    goes_on = threading.Event()

    def start(*arguments: str) -> subprocess.Popen[bytes]:
        asked.append(arguments)
        goes_on.wait(PATIENCE_S)
        command = [sys.executable, "-c", DOWNLOAD]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    monkeypatch.setattr(child_jobs, "_start", start)
    goes_on.set()
    assert jobs.fetch(Request(1, "models_fetch", {"name": VOSK})) == {"name": VOSK}
    until(lambda: told and told[-1]["state"] == "installed", "it is installed", PATIENCE_S)
    assert told[:2] == [
        {"name": VOSK, "state": "fetching", "done": done, "total": 39_000_000} for done in (1000, 39_000_000)
    ]
    assert asked[0][:2] == ("emoedge.model_store", VOSK)


def test_a_download_that_fails_says_why(jobs: ChildJobs, told: list[dict[str, Any]], tmp_path: Path) -> None:
    (tmp_path / "models").write_text("not a folder", encoding="utf-8")
    jobs.fetch(Request(1, "models_fetch", {"name": VOSK}))
    until(lambda: told and told[-1]["state"] == "failed", "it has failed", PATIENCE_S)
    assert "cannot install" in told[-1]["reason"]
    assert told[-1]["remedy"]
    jobs.stop()


@pytest.fixture(scope="module")
def clip() -> Path:
    """The demonstration clip."""
    from emoedge.demo.clip import ensure_demo_clip

    return ensure_demo_clip()
