"""More daemons on one board: their unit, folders and configuration."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import click
import pytest

from emoedge.cli.service import command
from emoedge.config.load import load_settings
from emoedge.service.instances import (
    configuration_of,
    instance_names,
    instance_plan,
    instance_removal,
    template_step,
    template_unit,
    unit_of,
)
from emoedge.service.plan import Machine, Remove, Run, Step, Write
from emoedge.service.systemd import delivered_files

EXECUTABLE = Path("/srv/venv/bin/emoedge")
needs_systemd_analyze = pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="no systemd-analyze here"
)


def runs(steps: list[Step]) -> list[str]:
    return [str(step) for step in steps if isinstance(step, Run)]


@pytest.fixture
def unit(repository: Path) -> str:
    return (repository / "systemd" / "emoedge.service").read_text()


def test_only_places_and_names_differ_from_the_first_daemon(unit: str) -> None:
    pairs = zip(unit.splitlines(), template_unit(unit).splitlines(), strict=True)
    assert [own for shared, own in pairs if shared != own] == [
        "Description=Emotion sensor %i: face, voice and message over MQTT",
        "ExecStart=/opt/emoedge/venv/bin/emoedge run --config /etc/emoedge@%i/emoedge.toml --log-level info",
        "EnvironmentFile=-/etc/emoedge@%i/environment",
        "StateDirectory=emoedge@%i",
        "RuntimeDirectory=emoedge@%i",
        "Environment=HOME=/var/lib/emoedge@%i XDG_CACHE_HOME=/var/cache LG_WD=/tmp",
    ]


def test_a_unit_without_these_lines_is_noticed(unit: str) -> None:
    with pytest.raises(ValueError, match="StateDirectory"):
        template_unit(unit.replace("StateDirectory=", "Statedirectory="))


@needs_systemd_analyze
def test_systemd_accepts_two_of_them_and_they_are_closed(unit: str, tmp_path: Path) -> None:
    text = template_unit(unit).replace("/opt/emoedge/venv/bin/emoedge", shutil.which("true") or "/bin/true")
    (tmp_path / "emoedge@.service").write_text(text)
    units = [str(tmp_path / unit_of(name)) for name in ("door", "living-room-2")]
    done = subprocess.run(
        ("systemd-analyze", "verify", "--man=no", *units), capture_output=True, text=True, check=False
    )
    assert "emoedge" not in done.stderr, done.stderr
    done = subprocess.run(
        ("systemd-analyze", "security", "--offline=true", "--threshold=20", units[0]),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-300:]


def test_each_has_its_own_places(tmp_path: Path) -> None:
    settings = {}
    for name in ("door", "desk"):
        steps = instance_plan(Machine(257, has_account=True, root=tmp_path), name, 'Wohn"zimmer')
        (written,) = [step for step in steps if isinstance(step, Write)]
        assert written.keep
        assert written.mode == 0o640
        written.path.parent.mkdir(parents=True)
        written.path.write_text(written.text)
        settings[name] = load_settings(written.path, {})
        assert (
            f"install -d -m 2750 -o emoedge -g emoedge {tmp_path}/var/lib/emoedge@{name}/recordings"
            in runs(steps)
        )
        assert runs(steps)[-2:] == [
            f"systemctl enable emoedge@{name}.service", f"systemctl restart emoedge@{name}.service",
        ]  # fmt: skip
    first, door, desk = load_settings(None, {}), settings["door"], settings["desk"]
    assert door.device_id == 'Wohn"zimmer-door'
    for places in (
        [one.paths.state for one in (first, door, desk)],
        [one.paths.socket for one in (first, door, desk)],
        [one.recording.dir for one in (first, door, desk)],
        [one.topic_base for one in (first, door, desk)],
    ):
        assert len(set(places)) == 3
    assert first.paths.models == door.paths.models, "downloaded once"
    assert instance_names(Machine(257, has_account=True, root=tmp_path)) == ["desk", "door"]


def test_the_unit_is_laid_down_with_what_applies_here(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/nv_tegra_release").touch()
    step = template_step(Machine(257, has_account=True, root=tmp_path), delivered_files(), EXECUTABLE)
    assert isinstance(step, Write)
    assert step.path == tmp_path / "etc/systemd/system/emoedge@.service"
    for line in ("ExecStart=/srv/venv/bin/emoedge run --config ", "RestartSteps=", "PrivateTmp=no"):
        assert line in step.text


def test_removal_keeps_what_was_recorded_unless_purged() -> None:
    machine = Machine(257, has_account=True)
    kept = instance_removal(machine, "door")
    assert runs(kept) == ["systemctl disable --now emoedge@door.service"]
    assert [str(step.path) for step in kept if isinstance(step, Remove)] == ["/run/emoedge@door"]
    purged = [
        str(step.path) for step in instance_removal(machine, "door", purge=True) if isinstance(step, Remove)
    ]
    assert {"/etc/emoedge@door", "/var/lib/emoedge@door"} <= set(purged)


@pytest.mark.parametrize("name", ["../x", "a b", "Ä", "-a", "a@b", "a.b", "a" * 33, "a\n"])
def test_names_that_need_escaping_are_refused(name: str) -> None:
    with pytest.raises(click.BadParameter):
        command.main(["install", "--name", name, "--dry-run"], standalone_mode=False)


def test_the_command_sets_up_that_daemon_alone(capsys: pytest.CaptureFixture[str]) -> None:
    command.main(["install", "--name", "door", "--no-start", "--dry-run"], standalone_mode=False)
    said = capsys.readouterr().out
    assert f"write {configuration_of('door')}" in said
    assert "write /etc/systemd/system/emoedge@.service" in said
    assert "emoedge-web" not in said
    assert "useradd" not in said
    command.main(["uninstall", "--name", "door", "--dry-run"], standalone_mode=False)
    assert "/etc/systemd/system/emoedge.service\n" not in capsys.readouterr().out
