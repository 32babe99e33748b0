"""One daemon on a state folder, one with a client id: the second is refused and told who is first."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from emoedge.config import Settings
from emoedge.errors import EmoedgeError
from emoedge.supervise.instance_lock import InstanceLock
from tests.publish.conftest import PATIENCE_S, free_port

HOLD = """
import sys
from emoedge.config import Settings
from emoedge.supervise.instance_lock import InstanceLock
lock = InstanceLock(Settings.model_validate_json(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def port() -> int:
    """A broker of this test alone: client ids are compared over the whole machine."""
    return free_port()


def make(state: Path, port: int, **mqtt: object) -> Settings:
    return Settings.model_validate(
        {"device_id": "lock", "paths": {"state": str(state)}, "mqtt": {"port": port} | mqtt}
    )


@pytest.fixture
def first(tmp_path, port) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that has the folder `state` and the client id."""
    settings = make(tmp_path / "state", port)
    command = [sys.executable, "-c", HOLD, settings.model_dump_json(include={"device_id", "paths", "mqtt"})]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def test_the_state_folder_is_refused_and_the_first_is_named(first, tmp_path, port):
    with pytest.raises(EmoedgeError) as refused:
        InstanceLock(make(tmp_path / "state", port, client_id="another"))
    assert str(tmp_path / "state") in str(refused.value)
    assert f"(process {first.pid})" in str(refused.value)
    assert "paths.state" in refused.value.remedy
    assert refused.value.exit_code == 1


def test_a_link_to_the_folder_is_the_folder(first, tmp_path, port):
    (tmp_path / "link").symlink_to(tmp_path / "state")
    with pytest.raises(EmoedgeError, match=f"process {first.pid}"):
        InstanceLock(make(tmp_path / "link", port, client_id="another"))


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
def test_the_client_id_is_refused_and_the_first_is_named(first, tmp_path, port, host):
    with pytest.raises(EmoedgeError) as refused:
        InstanceLock(make(tmp_path / "other", port, host=host))
    assert f"client id emoedge-lock is in use by another emoedge (process {first.pid})" in str(refused.value)
    InstanceLock(make(tmp_path / "other", port, client_id="another")).release()


@pytest.mark.usefixtures("first")
def test_another_broker_or_none_is_another_matter(tmp_path, port):
    for number, mqtt in enumerate(({"host": "broker.example"}, {"enabled": False})):
        InstanceLock(make(tmp_path / str(number), port, **mqtt)).release()


def test_a_refused_one_holds_nothing(first, tmp_path, port):
    with pytest.raises(EmoedgeError):
        InstanceLock(make(tmp_path / "other", port))
    first.kill()
    first.wait(PATIENCE_S)
    for state in ("other", "state"):
        InstanceLock(make(tmp_path / state, port)).release()


def test_it_ends_with_the_process_however_that_ends(first, tmp_path, port):
    first.kill()
    first.wait(PATIENCE_S)
    lock = InstanceLock(make(tmp_path / "state", port))
    with pytest.raises(EmoedgeError, match=f"process {os.getpid()}"):
        InstanceLock(make(tmp_path / "state", port))
    lock.release()


def test_nothing_is_written_and_a_folder_that_cannot_be_made_is_no_reason(tmp_path, port):
    InstanceLock(make(tmp_path / "state", port)).release()
    assert list((tmp_path / "state").iterdir()) == []
    (tmp_path / "file").touch()
    InstanceLock(make(tmp_path / "file" / "state", port)).release()


def test_the_command_ends_with_1_and_without_a_traceback(first, tmp_path, port):
    environment = {key: value for key, value in os.environ.items() if not key.startswith("EMOEDGE_")}
    environment |= {
        "EMOEDGE_DEVICE_ID": "lock",
        "EMOEDGE_MQTT__PORT": str(port),
        "EMOEDGE_PATHS__STATE": str(tmp_path / "other"),
    }
    (tmp_path / "empty.toml").touch()
    done = subprocess.run(
        [sys.executable, "-m", "emoedge", "run", "--config", str(tmp_path / "empty.toml")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=5 * PATIENCE_S,
    )
    assert done.returncode == 1
    assert f"process {first.pid}" in done.stderr
    assert "Traceback" not in done.stderr
