"""The broker check against a real mosquitto, and against everything that is none."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from emoedge.config import Settings
from emoedge.doctor.broker import check_broker
from emoedge.doctor.result import CheckResult
from faults.strict_broker import StrictBroker
from tests.publish.conftest import refuse_subscriptions

Make = Callable[..., Settings]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def start_mosquitto(tmp_path: Path) -> Iterator[Callable[[str], int]]:
    """Start one with these lines in its configuration; its port."""
    program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if program is None:
        pytest.skip("mosquitto is not installed (apt install mosquitto)")
    processes: list[subprocess.Popen[bytes]] = []

    def start(lines: str) -> int:
        port = free_port()
        configuration = tmp_path / "mosquitto.conf"
        configuration.write_text(f"listener {port} 127.0.0.1\npersistence false\nuser root\n{lines}")
        processes.append(
            subprocess.Popen(
                [program, "-c", str(configuration)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
        )
        deadline_s = time.monotonic() + 60
        while time.monotonic() < deadline_s:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return port
            time.sleep(0.02)
        pytest.fail("mosquitto did not start")

    yield start
    for process in processes:
        process.terminate()
        process.wait(10)


def one(settings: Settings, wait_s: float = 60.0) -> CheckResult:
    (result,) = check_broker(settings, wait_s)
    return result


def test_off(make_settings: Make) -> None:
    assert one(make_settings()).state == "ok"


def test_a_broker_that_answers(make_settings: Make, start_mosquitto: Callable[[str], int]) -> None:
    port = start_mosquitto("allow_anonymous true\n")
    result = one(make_settings(mqtt={"enabled": True, "host": "127.0.0.1", "port": port}))
    assert (result.state, result.name) == ("ok", "broker")
    assert f"127.0.0.1:{port}" in result.detail
    assert "MQTT 5" in result.detail


def test_refused_credentials(
    make_settings: Make, start_mosquitto: Callable[[str], int], tmp_path: Path
) -> None:
    passwords = tmp_path / "passwords"
    passwords.write_text("")
    port = start_mosquitto(f"allow_anonymous false\npassword_file {passwords}\n")
    mqtt = {"enabled": True, "host": "127.0.0.1", "port": port, "username": "me", "password": "hush-hush"}
    result = one(make_settings(mqtt=mqtt))
    assert result.state == "failed"
    assert "mqtt.password" in result.remedy
    assert "hush-hush" not in repr(result)


def test_nobody_there(make_settings: Make) -> None:
    # A clear answer is not waited for: this would take a day.
    result = one(
        make_settings(mqtt={"enabled": True, "host": "127.0.0.1", "port": free_port()}), wait_s=86_400
    )
    assert result.state == "failed"
    assert "refused" in result.detail
    assert "mqtt.host" in result.remedy


def test_somebody_else_is_there(make_settings: Make) -> None:
    """A listener that accepts and then says nothing."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        result = one(make_settings(mqtt={"enabled": True, "host": "127.0.0.1", "port": port}), wait_s=2.0)
    assert result.state == "failed"
    assert str(port) in result.detail


def test_tls_where_there_is_none(make_settings: Make, start_mosquitto: Callable[[str], int]) -> None:
    port = start_mosquitto("allow_anonymous true\n")
    mqtt = {"enabled": True, "host": "127.0.0.1", "port": port, "tls": True}
    result = one(make_settings(mqtt=mqtt), wait_s=6.0)
    assert result.state == "failed"
    assert result.remedy


def test_a_certificate_file_that_is_not_there(make_settings: Make) -> None:
    """User name and password were named as the remedy."""
    mqtt = {
        "enabled": True,
        "host": "127.0.0.1",
        "port": free_port(),
        "tls": True,
        "ca_file": "/nowhere/ca.crt",
    }
    result = one(make_settings(mqtt=mqtt))
    assert result.state == "failed"
    assert "/nowhere/ca.crt" in result.detail
    assert "mqtt.ca_file" in result.remedy


def test_a_refused_subscription_fails_and_names_the_topic(
    make_settings: Make, start_mosquitto: Callable[[str], int], tmp_path: Path
) -> None:
    port = start_mosquitto(refuse_subscriptions(tmp_path))
    result = one(make_settings(mqtt={"enabled": True, "host": "127.0.0.1", "port": port}))
    assert result.state == "failed"
    assert "/control/+/set" in result.detail
    assert "subscribe" in result.remedy


def test_a_broker_without_wildcards(make_settings: Make) -> None:
    broker = StrictBroker(wildcards=False)
    try:
        result = one(make_settings(mqtt={"enabled": True, "host": "127.0.0.1", "port": broker.port}))
    finally:
        broker.close()
    assert result.state == "ok"
    assert broker.violations == []
