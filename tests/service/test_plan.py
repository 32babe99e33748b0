"""What installing and removing the service would do, step by step; nothing is done here."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from emoedge.service.plan import Machine, Remove, Run, Step, Write, install_plan, uninstall_plan
from emoedge.service.systemd import ServiceError, delivered_files

EXECUTABLE = Path("/opt/emoedge/venv/bin/emoedge")


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
    entries = [line.split() for line in (repository / "systemd" / "sysusers.conf").read_text().splitlines()]
    (home,) = [entry[-1] for entry in entries if entry[:2] == ["u", "emoedge"]]
    assert f"--home-dir {home} " in user
    groups = [entry[2] for entry in entries if entry[:2] == ["m", "emoedge"]]
    assert f"usermod --append --groups {','.join(groups)} emoedge" in commands
    unit = (repository / "systemd" / "emoedge.service").read_text()
    assert f"SupplementaryGroups={' '.join(groups)}\n" in unit


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
