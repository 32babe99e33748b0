"""Folders, encoder and secrets, each broken for real."""

from __future__ import annotations

import os
import shutil
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path

import pytest

from emoedge.config import Settings
from emoedge.doctor.result import CheckResult
from emoedge.doctor.storage import check_encoder, check_secrets, check_storage

Make = Callable[..., Settings]
Usage = namedtuple("Usage", "total used free")  # noqa: PYI024 - as shutil.disk_usage gives it


def by_name(settings: Settings) -> dict[str, CheckResult]:
    return {result.name: result for result in check_storage(settings)}


def test_folders_that_do_not_exist_yet(make_settings: Make, tmp_path: Path) -> None:
    results = by_name(make_settings(recording={"dir": tmp_path / "a" / "b"}))
    assert {result.state for result in results.values()} == {"ok"}
    assert "will be created" in results["recordings"].detail
    assert list(tmp_path.iterdir()) == [], "looking leaves nothing behind"


def test_no_recordings_wanted(make_settings: Make) -> None:
    results = by_name(make_settings(recording={"mode": "off", "dir": "/proc/nowhere"}))
    assert results["recordings"].state == "ok"


def test_a_file_in_the_way(make_settings: Make, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = by_name(make_settings(recording={"dir": tmp_path / "file"}))["recordings"]
    assert result.state == "failed"
    assert "recording.dir" in result.remedy


def test_a_link_to_a_disk_that_is_not_mounted(make_settings: Make, tmp_path: Path) -> None:
    """It was said that the folder will be made; making it fails."""
    (tmp_path / "recordings").symlink_to(tmp_path / "disk")
    result = by_name(make_settings(recording={"dir": tmp_path / "recordings"}))["recordings"]
    assert result.state == "failed"
    assert "mount the disk" in result.remedy


def test_a_disk_that_cannot_be_written(make_settings: Make) -> None:
    # Not even root can write there.
    results = by_name(make_settings(recording={"dir": "/proc/self"}, paths={"state": "/proc/self"}))
    assert {result.state for result in results.values()} == {"failed"}
    assert "paths.state" in results["state"].remedy


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_of_somebody_else(make_settings: Make) -> None:
    assert by_name(make_settings(recording={"dir": "/root"}))["recordings"].state == "failed"


@pytest.mark.parametrize(("free", "state"), [(10**6, "failed"), (10**8, "warning"), (10**10, "ok")])
def test_room(make_settings: Make, monkeypatch: pytest.MonkeyPatch, free: int, state: str) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(10**11, 0, free))
    result = by_name(make_settings(recording={"min_free_bytes": 500_000_000}))["recordings"]
    assert result.state == state
    assert bool(result.remedy) == (state != "ok")


def test_encoder(make_settings: Make) -> None:
    (result,) = check_encoder(make_settings())
    assert result.state == "ok"
    (result,) = check_encoder(make_settings(recording={"encoder": "no_such_encoder"}))
    assert result.state == "failed"
    assert "recording.encoder" in result.remedy
    assert list(check_encoder(make_settings(recording={"mode": "off", "encoder": "no_such_encoder"}))) == []


def test_a_password_that_everybody_can_read(make_settings: Make, tmp_path: Path) -> None:
    path = tmp_path / "emoedge.toml"
    path.write_text('[mqtt]\npassword = "hush-hush"\n')
    settings = make_settings(mqtt={"username": "me", "password": "hush-hush"})
    path.chmod(0o644)
    (result,) = check_secrets(settings, [path, tmp_path / "missing"])
    assert result.state == "warning"
    assert str(path) in result.remedy
    assert "hush-hush" not in repr(result)
    path.chmod(0o640)
    assert list(check_secrets(settings, [path])) == []
    path.chmod(0o644)
    path.write_text('[mqtt]\nhost = "localhost"\n')
    assert list(check_secrets(settings, [path])) == [], "the password came from elsewhere"
    camera = make_settings(camera={"username": "me", "password": "hush-hush"})
    path.write_text("password = 'hush-hush'\n", encoding="utf-16")
    (result,) = check_secrets(camera, [path])
    assert "camera password" in result.detail
