"""The console's service: its plan, its unit, and that it has neither camera nor microphone."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from emoedge.config.load import load_settings
from emoedge.service.console_plan import console_plan, console_removal
from emoedge.service.plan import Machine, Remove, Run, Step, Write
from emoedge.service.systemd import delivered_files

EXECUTABLE = Path("/srv/venv/bin/emoedge")
needs_systemd_analyze = pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="no systemd-analyze here"
)


def plan(machine: Machine, **options: bool) -> list[Step]:
    return console_plan(machine, delivered_files(), EXECUTABLE, **options)


def runs(steps: list[Step]) -> list[str]:
    return [str(step) for step in steps if isinstance(step, Run)]


def test_first_installation() -> None:
    commands = runs(plan(Machine(257, has_account=True)))
    assert "--gid emoedge" in commands[0]
    assert commands[0].endswith("emoedge-web")
    assert "install -d -m 2750 -o emoedge-web -g emoedge /etc/emoedge/conf.d" in commands
    assert "install -d -m 0700 -o emoedge-web -g emoedge /var/lib/emoedge-web" in commands
    assert commands[-1] == "systemctl restart emoedge-web.service emoedge-restart.path"
    again = runs(plan(Machine(257, has_account=True, has_web_account=True), start=False))
    assert not [text for text in again if "useradd" in text or "restart emoedge-web" in text]
    assert not [text for text in runs(plan(Machine(None, has_account=True))) if "systemctl" in text]


def test_the_network_is_asked_for(tmp_path: Path) -> None:
    quiet = [step for step in plan(Machine(257, has_account=True, root=tmp_path)) if isinstance(step, Write)]
    assert not [step for step in quiet if step.path.suffix == ".toml"]
    (tmp_path / "etc/avahi/services").mkdir(parents=True)
    written = {
        step.path.relative_to(tmp_path): step
        for step in plan(Machine(257, has_account=True, root=tmp_path), lan=True)
        if isinstance(step, Write)
    }
    drop_in = written[Path("etc/emoedge/conf.d/40-lan.toml")]
    assert drop_in.mode == 0o640
    assert "_emoedge._tcp" in written[Path("etc/avahi/services/emoedge.service")].text
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "40-lan.toml").write_text(drop_in.text)
    (tmp_path / "emoedge.toml").touch()
    assert load_settings(tmp_path / "emoedge.toml", {}).web.bind == "[::]:8099"


def test_removal() -> None:
    machine = Machine(257, has_account=True, has_web_account=True)
    removed = {str(step.path) for step in console_removal(machine) if isinstance(step, Remove)}
    assert "/etc/systemd/system/emoedge-web.service" in removed
    assert "/var/lib/emoedge-web" not in removed
    purged = console_removal(machine, purge=True)
    assert "/var/lib/emoedge-web" in {str(step.path) for step in purged if isinstance(step, Remove)}
    assert "userdel emoedge-web" in runs(purged)


@pytest.fixture
def unit(repository: Path) -> str:
    return (repository / "systemd" / "emoedge-web.service").read_text()


def test_it_cannot_open_devices_and_writes_nothing_else(unit: str) -> None:
    lines = unit.splitlines()
    for line in (
        "User=emoedge-web",
        "Group=emoedge",
        "Type=notify",
        "DevicePolicy=closed",
        "ProtectSystem=strict",
        "CapabilityBoundingSet=",
        "ReadWritePaths=-/etc/emoedge/conf.d",
        "LimitCORE=0",
    ):
        assert line in lines
    assert not [
        line for line in lines if line.startswith(("DeviceAllow=", "SupplementaryGroups=", "Requires="))
    ]


@needs_systemd_analyze
def test_exposure_is_at_most_2(repository: Path) -> None:
    path = repository / "systemd" / "emoedge-web.service"
    command = ("systemd-analyze", "security", "--offline=true", "--threshold=20", str(path))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout.splitlines()[-1]


@needs_systemd_analyze
@pytest.mark.parametrize("name", ["emoedge-web.service", "emoedge-restart.path"])
def test_systemd_knows_every_key(repository: Path, tmp_path: Path, name: str) -> None:
    for one in ("emoedge.service", "emoedge-web.service", "emoedge-restart.path"):
        text = (repository / "systemd" / one).read_text()
        program = shutil.which("true") or "/bin/true"
        (tmp_path / one).write_text(text.replace("/opt/emoedge/venv/bin/emoedge", program))
    command = ("systemd-analyze", "verify", "--man=no", str(tmp_path / name))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert name not in done.stderr, done.stderr
