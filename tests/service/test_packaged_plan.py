"""Units that a package has laid down are switched on and off."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from emoedge.cli.service import command
from emoedge.service.packaged_plan import packaged_plan
from emoedge.service.plan import Machine, Write

from .test_instances import runs


def test_the_package_brings_all_but_the_start(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "prefix", "/usr/lib/emoedge")
    command.main(["install", "--dry-run"], standalone_mode=False)
    said = capsys.readouterr().out
    assert "install -d" not in said
    assert "useradd" not in said
    command.main(["install", "--name", "door", "--dry-run"], standalone_mode=False)
    said = capsys.readouterr().out
    assert "emoedge@door" in said
    assert "emoedge@.service" not in said


def test_units_of_the_package_are_switched_on_and_off(tmp_path: Path) -> None:
    machine = Machine(257, has_account=True, has_web_account=True, root=tmp_path)
    all_units = "emoedge.service emoedge-web.service emoedge-restart.path"
    assert runs(packaged_plan(machine)) == [f"systemctl enable {all_units}", f"systemctl restart {all_units}"]
    assert runs(packaged_plan(machine, web=False, start=False, member="pi")) == [
        "usermod --append --groups emoedge pi",
        "systemctl disable --now emoedge-web.service emoedge-restart.path",
        "systemctl enable emoedge.service",
    ]
    (written,) = [step for step in packaged_plan(machine, lan=True) if isinstance(step, Write)]
    assert written.path == tmp_path / "etc/emoedge/conf.d/40-lan.toml"
    assert runs(packaged_plan(Machine(None, has_account=True))) == []
