"""Clock and board, from made-up /sys and /dev trees."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import pytest

from emoedge.config import Settings
from emoedge.doctor.machine import check_clock, check_machine
from emoedge.doctor.result import CheckResult

Make = Callable[..., Settings]


class Clock:
    def __init__(self, moment: datetime, synchronized: bool) -> None:
        self.moment = moment
        self.in_step = synchronized

    def now_s(self) -> float:
        return 0.0

    def wall(self, time_s: float) -> datetime:
        return self.moment

    def synchronized(self) -> bool:
        return self.in_step


def board(settings: Settings, sys: Path, dev: Path) -> dict[str, CheckResult]:
    return {result.name: result for result in check_machine(settings, sys, dev)}


@pytest.mark.parametrize(
    ("year", "synchronized", "state"),
    [(2027, True, "ok"), (2027, False, "warning"), (1970, False, "warning")],
)
def test_clock(make_settings: Make, year: int, synchronized: bool, state: str) -> None:
    clock = Clock(datetime(year, 1, 2, tzinfo=timezone.utc), synchronized)
    (result,) = check_clock(make_settings(), clock)  # type: ignore[arg-type]
    assert result.state == state
    assert str(year) in result.detail
    assert ("timedatectl" in result.remedy) == (state != "ok")


def throttled(sys: Path, word: str) -> None:
    path = sys / "devices/platform/soc/soc:firmware/get_throttled"
    path.parent.mkdir(parents=True)
    path.write_text(word)


def test_a_cool_board(make_settings: Make, tmp_path: Path) -> None:
    zone = tmp_path / "class/thermal/thermal_zone0"
    zone.mkdir(parents=True)
    (zone / "temp").write_text("48123\n")
    throttled(tmp_path, "0\n")
    result = board(make_settings(), tmp_path, tmp_path)["board"]
    assert (result.state, result.detail) == ("ok", "48.1 °C")


def test_a_hot_board(make_settings: Make, tmp_path: Path) -> None:
    zone = tmp_path / "class/thermal/thermal_zone0"
    zone.mkdir(parents=True)
    (zone / "temp").write_text("84000\n")
    result = board(make_settings(), tmp_path, tmp_path)["board"]
    assert result.state == "warning"
    assert "84" in result.detail


def test_a_weak_power_supply_now_and_before(make_settings: Make, tmp_path: Path) -> None:
    throttled(tmp_path / "now", "50005\n")
    throttled(tmp_path / "before", "50000\n")
    now = board(make_settings(), tmp_path / "now", tmp_path)["board"]
    before = board(make_settings(), tmp_path / "before", tmp_path)["board"]
    assert now.state == before.state == "warning"
    assert "power supply was too weak" in before.detail
    assert "throttled" in now.detail


def test_a_board_that_tells_nothing(make_settings: Make, tmp_path: Path) -> None:
    assert board(make_settings(), tmp_path, tmp_path)["board"].state == "ok"


def test_devices_of_a_group_that_one_is_not_in(
    make_settings: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "snd").mkdir()
    for name in ("video0", "snd/pcmC1D0c"):
        (tmp_path / name).touch()
    settings = make_settings(camera={"source": "auto"}, microphone={"source": "auto"})
    assert not [name for name in board(settings, tmp_path, tmp_path) if name.startswith("group")]
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)
    results = [
        result for name, result in board(settings, tmp_path, tmp_path).items() if name.startswith("group")
    ]
    assert [result.state for result in results] == ["failed", "failed"]
    assert all("usermod -aG" in result.remedy for result in results)
    elsewhere = make_settings(camera={"source": "none"}, microphone={"source": "file:x.wav"})
    assert not [name for name in board(elsewhere, tmp_path, tmp_path) if name.startswith("group")]
