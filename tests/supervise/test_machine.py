"""Figures of the machine, from a machine made of files."""

from __future__ import annotations

from emoedge.supervise.machine import MachineMonitor


def make(tmp_path, temperature="45123", throttled=None):
    zone = tmp_path / "class/thermal/thermal_zone0"
    zone.mkdir(parents=True)
    (zone / "temp").write_text(temperature + "\n")
    if throttled is not None:
        firmware = tmp_path / "devices/platform/soc/soc:firmware"
        firmware.mkdir(parents=True)
        (firmware / "get_throttled").write_text(throttled)
    return MachineMonitor(tmp_path / "not/there/yet", sys=tmp_path)


def test_reads_this_machine(tmp_path):
    health = make(tmp_path).read()
    assert health.state == "ok"
    assert health.figures["temperature_c"] == 45.1
    assert health.figures["memory_mb"] > 5
    assert health.figures["threads"] >= 1
    assert health.figures["disk_free_mb"] > 0
    assert "throttled" not in health.figures


def test_hot(tmp_path):
    health = make(tmp_path, temperature="81000").read()
    assert health.state == "degraded"
    assert "cooling" in health.reason


def test_throttled_now_counts_and_in_the_past_does_not(tmp_path):
    assert make(tmp_path / "a", throttled="50005").read().state == "degraded"
    assert make(tmp_path / "b", throttled="50000").read().state == "ok"


def test_nonsense_is_left_out(tmp_path):
    assert "temperature_c" not in make(tmp_path, temperature="hot").read().figures
