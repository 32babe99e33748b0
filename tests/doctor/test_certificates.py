"""Certificates: one pair, its rights, its end; the same for `emoedge check`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from emoedge.cli.check import command
from emoedge.config import Settings
from emoedge.doctor.certificates import check_certificates
from emoedge.version import RELEASED
from faults.certificates import Authority

Make = Callable[..., Settings]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    authority = Authority(tmp_path_factory.mktemp("certificates"))
    authority.sign("client", begin="20200101000000Z", end="20900101000000Z")
    authority.sign("short")
    authority.sign("old", begin="20200101000000Z", end="20210101000000Z")
    authority.sign("new", begin="20900101000000Z", end="20950101000000Z")
    return authority.folder


def states(settings: Settings, now_s: float | None = None) -> list[tuple[str, str]]:
    return [(one.state, f"{one.detail} ({one.remedy})") for one in check_certificates(settings, now_s)]


def mqtt(folder: Path, name: str, key: str = "", **more: object) -> dict[str, object]:
    files = {"cert_file": folder / f"{name}.crt", "key_file": folder / f"{key or name}.key"}
    return {"enabled": True, "tls": True, **files, **more}


def test_a_good_pair(make_settings: Make, folder: Path) -> None:
    ((state, text),) = states(make_settings(mqtt=mqtt(folder, "client")))
    assert state == "ok"
    assert "valid until 2090-01-01" in text


def test_nothing_to_look_at(make_settings: Make) -> None:
    assert states(make_settings(mqtt={"enabled": True, "tls": True})) == []


@pytest.mark.parametrize(
    ("name", "key", "state", "words"),
    [
        ("client", "short", "failed", "mqtt.key_file: the key in"),
        ("old", "", "failed", "expired on 2021-01-01"),
        ("new", "", "failed", "is valid from 2090-01-01"),
        ("short", "", "warning", "get another certificate before"),
    ],
)
def test_what_is_wrong_with_a_pair(make_settings: Make, folder: Path, name, key, state, words) -> None:
    ((found, text),) = states(make_settings(mqtt=mqtt(folder, name, key)))
    assert (found, words in text) == (state, True)


def test_dates_are_not_judged_by_a_wrong_clock(make_settings: Make, folder: Path) -> None:
    before_s = datetime.fromisoformat(f"{RELEASED}T00:00:00+00:00").timestamp() - 1
    ((state, text),) = states(make_settings(mqtt=mqtt(folder, "client")), before_s)
    assert state == "warning"
    assert "the clock is wrong" in text


def test_a_key_for_everybody(make_settings: Make, folder: Path) -> None:
    key = folder / "client.key"
    key.chmod(0o644)
    try:
        found = states(make_settings(mqtt=mqtt(folder, "client")))
    finally:
        key.chmod(0o640)
    assert found[0][0] == "warning"
    assert f"{key} is world-readable" in found[0][1]
    assert "chmod 640" in found[0][1]


def test_certificates_without_tls(make_settings: Make, folder: Path) -> None:
    ((state, text),) = states(make_settings(mqtt=mqtt(folder, "client") | {"tls": False}))
    assert state == "warning"
    assert "mqtt.tls" in text
    ((state, text),) = states(make_settings(mqtt={"enabled": True, "ca_file": folder}))
    assert (state, "is a folder" in text) == ("failed", True)


@pytest.mark.parametrize(
    ("lines", "code", "words"),
    [
        ('cert_file = "{folder}/client.crt"\nkey_file = "{folder}/client.key"', 0, ""),
        ('cert_file = "{folder}/client.crt"\nkey_file = "{folder}/short.key"', 2, "mqtt.key_file"),
        ('key_file = "{folder}/short.key"', 2, "key_file needs cert_file"),
        ('cert_file = "{folder}/old.crt"\nkey_file = "{folder}/old.key"', 2, "expired"),
        ('ca_file = "{folder}/empty"', 2, "mqtt.ca_file: {folder}/empty is empty"),
        ('ca_file = "{folder}"', 2, "mqtt.ca_file: {folder} is a folder"),
    ],
)
def test_check_says_the_same(folder: Path, tmp_path: Path, lines: str, code: int, words: str) -> None:
    (folder / "empty").touch()
    file = tmp_path / "emoedge.toml"
    file.write_text("[mqtt]\ntls = true\n" + lines.format(folder=folder))
    result = CliRunner().invoke(command, ["--config", str(file)], standalone_mode=False)
    text = result.output + str(result.exception or "")
    assert words.format(folder=folder) in text
    assert getattr(result.exception, "exit_code", 0) == code
