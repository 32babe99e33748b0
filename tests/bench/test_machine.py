"""What it ran on."""

from __future__ import annotations

from pathlib import Path

from emoedge.bench.machine import describe_machine, emulated, processor_name

PI = "processor\t: 0\nBogoMIPS\t: 108.00\nCPU part\t: 0xd08\n\nHardware\t: BCM2711\nModel\t\t: Raspberry Pi 4 Model B Rev 1.4\n"  # noqa: E501
PC = "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: Some Xeon\n"


def test_names_processors_and_boards() -> None:
    assert processor_name(PI) == "Raspberry Pi 4 Model B Rev 1.4"
    assert processor_name(PC) == "Some Xeon"
    assert processor_name("") == ""


def test_an_emulator_gives_itself_away() -> None:
    assert emulated("aarch64", PC)
    assert not emulated("x86_64", PC)
    assert not emulated("aarch64", PI)


def test_describes_a_board(tmp_path: Path) -> None:
    (tmp_path / "device-tree").mkdir()
    (tmp_path / "device-tree" / "model").write_bytes(b"Raspberry Pi 4 Model B Rev 1.4\0")
    (tmp_path / "cpuinfo").write_text(PI)
    (tmp_path / "meminfo").write_text("MemTotal:        2048000 kB\n")
    governor = tmp_path / "devices/system/cpu/cpu0/cpufreq/scaling_governor"
    governor.parent.mkdir(parents=True)
    governor.write_text("ondemand\n")
    found = describe_machine(tmp_path, tmp_path)
    assert found["board"] == "Raspberry Pi 4 Model B Rev 1.4"
    assert (found["governor"], found["memory_mb"]) == ("ondemand", 2000)
    assert {"numpy", "av"} <= found["engines"].keys()


def test_what_cannot_be_known_is_none(tmp_path: Path) -> None:
    found = describe_machine(tmp_path, tmp_path)
    assert found["board"] is None
    assert found["governor"] is None
    assert found["memory_mb"] is None
