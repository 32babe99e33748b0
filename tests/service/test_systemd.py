"""Plans for installing and removing the service; carried out for real under a folder of the test's own."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from emoedge.package_files import package_folder
from emoedge.service import plan as service_plan
from emoedge.service import systemd as service
from emoedge.service.plan import Machine, Remove, Run, Write, install_plan, uninstall_plan
from emoedge.service.systemd import ServiceError, Status, carry_out, delivered_files, parse_status

EXECUTABLE = Path("/opt/emoedge/venv/bin/emoedge")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, as installing does")


@as_root
def test_installed_upgraded_removed(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under a prefix, with root standing in for `emoedge`, which need not exist here."""
    monkeypatch.setattr(service_plan, "ACCOUNT", "root")
    machine = Machine(systemd=None, has_account=True, root=tmp_path)
    delivered = tmp_path_factory.mktemp("delivered")
    for folder in ("systemd", "config"):
        shutil.copytree(package_folder(folder), delivered / folder)
    folders = delivered / "systemd" / "tmpfiles.conf"
    folders.write_text(
        folders.read_text().replace(" emoedge emoedge", " root root").replace("root emoedge", "root root")
    )
    steps = install_plan(machine, delivered / "systemd", EXECUTABLE)
    carry_out(steps)
    recordings = tmp_path / "var/lib/emoedge/recordings"
    assert recordings.stat().st_mode & 0o7777 == 0o2750
    configuration = tmp_path / "etc/emoedge/emoedge.toml"
    assert configuration.stat().st_mode & 0o777 == 0o640
    configuration.write_text('device_id = "mine"\n')
    (recordings / "a.mp4").write_bytes(b"film")
    unit = tmp_path / "etc/systemd/system/emoedge.service"
    unit.write_text("old")

    carry_out(steps)
    assert configuration.read_text() == 'device_id = "mine"\n'
    assert (recordings / "a.mp4").read_bytes() == b"film"
    assert "Type=notify" in unit.read_text()

    carry_out(uninstall_plan(machine))
    assert not unit.exists()
    assert configuration.exists()
    assert (recordings / "a.mp4").exists()

    carry_out([step for step in uninstall_plan(machine, purge=True) if isinstance(step, Remove)])
    assert sorted(path for path in tmp_path.rglob("*emoedge*")) == []


@as_root
def test_a_failure_names_the_step_and_ends_the_plan(tmp_path: Path) -> None:
    after = tmp_path / "after"
    with pytest.raises(ServiceError, match="no-such-folder") as caught:
        carry_out([Run(("ls", "/no-such-folder")), Write(after, "")])
    assert caught.value.remedy
    assert not after.exists()


@as_root
def test_what_need_not_work_may_fail(tmp_path: Path) -> None:
    after = tmp_path / "after"
    steps = (Run(("false",), must_work=False), Run(("no-such-program",), must_work=False), Write(after, "x"))
    told: list[str] = []
    carry_out(steps, told.append)
    assert after.read_text() == "x"
    assert told == ["false", "no-such-program", f"write {after}"]


def test_only_root_may(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ServiceError, match="only root") as caught:
        carry_out([Write(tmp_path / "x", "")])
    assert caught.value.remedy.startswith("run: sudo ")
    assert not (tmp_path / "x").exists()


def test_status_of_a_running_and_a_missing_service() -> None:
    shown = (
        "StateChangeTimestamp=Sun 2026-11-22 09:00:00 UTC\nNRestarts=2\nLoadState=loaded\n"
        "ActiveState=active\nUnitFileState=enabled\nStatusText=camera failed: a=b\n"
    )
    assert parse_status(shown) == Status(
        installed=True,
        active="active",
        enabled="enabled",
        text="camera failed: a=b",
        restarts=2,
        since="Sun 2026-11-22 09:00:00 UTC",
    )
    missing = parse_status("NRestarts=0\nLoadState=not-found\nActiveState=inactive\nUnitFileState=\n")
    assert (missing.installed, missing.active, missing.enabled) == (False, "inactive", "disabled")


def test_status_as_json(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from click.testing import CliRunner

    from emoedge.cli.service import command

    systemctl = tmp_path / "systemctl"
    systemctl.write_text("#!/bin/sh\necho LoadState=loaded; echo ActiveState=failed; echo NRestarts=3\n")
    systemctl.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    done = CliRunner().invoke(command, ["status", "--json"], standalone_mode=False)
    answer = json.loads(done.output)
    assert (answer["installed"], answer["active"], answer["restarts"], done.return_value) == (
        True,
        "failed",
        3,
        1,
    )


def test_without_systemctl_there_is_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(ServiceError, match="systemctl") as caught:
        service.service_status()
    assert "emoedge run" in caught.value.remedy


def test_the_command_takes_what_the_install_script_gives() -> None:
    from click.testing import CliRunner

    from emoedge.cli.service import command

    script = (delivered_files().parent / "scripts" / "install").read_text()
    assert 'service install --no-start ${SUDO_USER:+--member "$SUDO_USER"}' in script
    done = CliRunner().invoke(command, ["install", "--no-start", "--member", "pi", "--dry-run"])
    assert done.exit_code == 0, done.output
    assert "usermod --append --groups emoedge pi" in done.output.splitlines()
    assert "systemctl restart" not in done.output
    script = (delivered_files().parent / "scripts" / "uninstall").read_text()
    assert 'service uninstall "$@"' in script
    done = CliRunner().invoke(command, ["uninstall", "--purge", "--dry-run"])
    assert "remove /var/lib/emoedge" in done.output.splitlines()
