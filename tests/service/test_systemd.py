"""Plans for installing and removing the service; carried out for real under a folder of the test's own."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from emoedge.errors import BrokerError
from emoedge.package_files import package_folder
from emoedge.service import plan as service_plan
from emoedge.service import systemd as service
from emoedge.service.plan import Machine, Remove, Run, Step, Withdraw, Write, install_plan, uninstall_plan
from emoedge.service.systemd import ServiceError, Status, carry_out, delivered_files, parse_status
from emoedge.service.withdrawal import read_environment

EXECUTABLE = Path("/opt/emoedge/venv/bin/emoedge")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, as installing does")


def plan(machine: Machine, **options: object) -> list[Step]:
    return install_plan(machine, delivered_files(), EXECUTABLE, **options)  # type: ignore[arg-type]


def runs(steps: list[Step]) -> list[str]:
    return [str(step) for step in steps if isinstance(step, Run)]


def written(steps: list[Step]) -> dict[str, Write]:
    return {str(step.path): step for step in steps if isinstance(step, Write)}


def test_first_installation() -> None:
    steps = plan(Machine(systemd=257, has_account=False), member="pi")
    commands = runs(steps)
    assert commands.index("groupadd --system --force emoedge") < next(
        index for index, text in enumerate(commands) if text.startswith("useradd ")
    )
    assert "usermod --append --groups emoedge pi" in commands
    assert "install -d -m 2750 -o emoedge -g emoedge /var/lib/emoedge/recordings" in commands
    assert "install -d -m 0750 -o root -g emoedge /etc/emoedge" in commands
    assert commands[-3:] == [
        "systemctl daemon-reload",
        "systemctl enable emoedge.service",
        "systemctl restart emoedge.service",
    ]
    files = written(steps)
    assert files["/etc/emoedge/emoedge.toml"].keep
    assert files["/etc/emoedge/emoedge.toml"].mode == 0o640, "it may hold the broker's password"
    assert files["/etc/systemd/system/emoedge.service"].mode == 0o644
    assert "/etc/systemd/system/emoedge.service.d/restart-steps.conf" in files


def test_account_and_folders_are_those_of_the_package(repository: Path) -> None:
    """systemd-sysusers and systemd-tmpfiles make them there."""
    commands = runs(plan(Machine(systemd=257, has_account=False)))
    lines = (repository / "systemd" / "tmpfiles.conf").read_text().splitlines()
    folders = [line.split() for line in lines if not line.startswith("#") and "emoedge-web" not in line]
    assert [text for text in commands if text.startswith("install ")] == [
        f"install -d -m {mode} -o {owner} -g {group} {path}" for _, path, mode, owner, group in folders
    ]
    (user,) = [text for text in commands if text.startswith("useradd ")]
    entry = (repository / "systemd" / "sysusers.conf").read_text().splitlines()[-2]
    assert entry.split()[:2] == ["u", "emoedge"]
    assert f"--home-dir {entry.split()[-1]} " in user


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        (["uninstall"], "apt remove"),
        (["uninstall", "--purge"], "apt purge"),
    ],
)
def test_the_service_of_the_package_is_left_alone(
    arguments: list[str], remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from emoedge.cli.service import command

    monkeypatch.setattr(sys, "prefix", "/usr/lib/emoedge")
    with pytest.raises(ServiceError) as caught:
        command.main([*arguments, "--dry-run"], standalone_mode=False)
    assert remedy in caught.value.remedy


def test_an_account_that_is_there_is_not_made_again() -> None:
    assert not [
        text for text in runs(plan(Machine(systemd=257, has_account=True))) if "add" in text.split()[0]
    ]


def test_an_older_systemd_gets_no_keys_that_it_does_not_know() -> None:
    steps = plan(Machine(systemd=252, has_account=True))
    drop_in = Path("/etc/systemd/system/emoedge.service.d/restart-steps.conf")
    assert str(drop_in) not in written(steps)
    assert Remove(drop_in) in steps
    assert "RestartSteps" not in written(steps)["/etc/systemd/system/emoedge.service"].text


def test_a_jetson_sees_the_socket_of_its_camera_daemon(tmp_path: Path) -> None:
    drop_in = tmp_path / "etc/systemd/system/emoedge.service.d/jetson.conf"
    assert Remove(drop_in) in plan(Machine(systemd=249, has_account=True, root=tmp_path))
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/nv_tegra_release").touch()
    text = written(plan(Machine(systemd=249, has_account=True, root=tmp_path)))[str(drop_in)].text
    assert "PrivateTmp=no" in text
    assert "DeviceAllow=char-nvhost rw" in text
    assert Remove(drop_in) in uninstall_plan(Machine(systemd=249, has_account=True, root=tmp_path))


def test_without_systemd_only_files_are_laid_down() -> None:
    assert not [text for text in runs(plan(Machine(systemd=None, has_account=True))) if "systemctl" in text]
    assert not [text for text in runs(uninstall_plan(Machine(None, has_account=True))) if "systemctl" in text]


def test_the_unit_starts_the_executable_that_installed_it() -> None:
    steps = install_plan(Machine(257, has_account=True), delivered_files(), Path("/srv/venv/bin/emoedge"))
    unit = written(steps)["/etc/systemd/system/emoedge.service"].text
    assert "\nExecStart=/srv/venv/bin/emoedge run " in unit


def test_without_purge_nothing_of_the_user_is_removed() -> None:
    removed = [
        str(step.path) for step in uninstall_plan(Machine(257, has_account=True)) if isinstance(step, Remove)
    ]
    assert not [path for path in removed if path.startswith(("/etc/emoedge", "/var/lib"))]
    assert "/etc/systemd/system/emoedge.service.d" not in removed


def test_purge_leaves_nothing() -> None:
    steps = uninstall_plan(Machine(257, has_account=True), purge=True)
    removed = [str(step.path) for step in steps if isinstance(step, Remove)]
    assert {"/etc/emoedge", "/var/lib/emoedge", "/etc/systemd/system/emoedge.service.d"} <= set(removed)
    assert "userdel emoedge" in runs(steps)


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


def test_what_is_retained_is_taken_back_once_the_service_has_stopped(tmp_path: Path) -> None:
    machine = Machine(257, has_account=True, root=tmp_path)
    taken_back = Withdraw(lambda: None)
    steps = uninstall_plan(machine, purge=True, withdraw=taken_back)
    assert str(steps[0]).startswith("systemctl disable --now")
    assert steps[1] is taken_back


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can remove a service")
def test_a_broker_that_cannot_be_reached_is_said_and_the_rest_is_removed(tmp_path: Path) -> None:
    def fail() -> None:
        raise BrokerError("no broker", "start it")

    told: list[str] = []
    file = tmp_path / "file"
    file.touch()
    carry_out([Withdraw(fail), Remove(file)], told.append)
    assert "not emptied: no broker (start it)" in told
    assert not file.exists()


def test_the_password_of_the_service_is_read_from_its_environment(tmp_path: Path) -> None:
    file = tmp_path / "environment"
    assert read_environment(file) == {}
    file.write_text(
        "# a comment\nPATH=/bin\nEMOEDGE_MQTT__PASSWORD='a b'\nEMOEDGE_MQTT__USERNAME=me\nEMOEDGE_X='\n",
        encoding="utf-8",
    )
    assert read_environment(file) == {"EMOEDGE_MQTT__PASSWORD": "a b", "EMOEDGE_MQTT__USERNAME": "me"}
