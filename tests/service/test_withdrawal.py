"""What the broker has retained is taken back when the service is removed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from emoedge.errors import BrokerError
from emoedge.service.plan import Machine, Remove, Withdraw, uninstall_plan
from emoedge.service.systemd import carry_out
from emoedge.service.withdrawal import read_environment


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
