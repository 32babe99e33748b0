"""Description of the machine that ran a benchmark, without which two results cannot be compared."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from emoedge.process import PROC, board
from emoedge.version import __version__

ENGINES: Final = (
    "ai-edge-litert",
    "tflite-runtime",
    "opencv-python-headless",
    "av",
    "vosk",
    "numpy",
    "paho-mqtt",
)
"""Packages whose versions move the figures."""

SYS: Final = Path("/sys")


def describe_machine(proc: Path = PROC, sys: Path = SYS) -> dict[str, Any]:
    """Board, processor, governor, memory, load, and versions; what cannot be known is None."""
    architecture = platform.machine()
    cpuinfo = _read(proc / "cpuinfo")
    processor = processor_name(cpuinfo) or platform.processor() or None
    return {
        "board": board(proc) or None,
        "architecture": architecture,
        "processor": processor,
        "emulated": emulated(architecture, cpuinfo),
        "cores": os.cpu_count(),
        "cores_allowed": len(os.sched_getaffinity(0)),
        "governor": _read(sys / "devices/system/cpu/cpu0/cpufreq/scaling_governor").strip() or None,
        "memory_mb": _memory_mb(proc),
        "load_1_min": round(os.getloadavg()[0], 2),
        "system": _system_name(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "emoedge": __version__,
        "engines": {name: found for name in ENGINES if (found := _version(name))},
    }


def emulated(architecture: str, cpuinfo: str) -> bool:
    """Return whether the kernel names a processor that this architecture never has: an emulator."""
    foreign = any(maker in cpuinfo for maker in ("GenuineIntel", "AuthenticAMD"))
    return architecture not in {"x86_64", "AMD64", "i686", "i386"} and foreign


def processor_name(cpuinfo: str) -> str:
    """Name of the processor, on Arm boards of the board, as the kernel reports it; empty if unknown."""
    for key in ("model name", "Model", "Hardware"):
        for line in cpuinfo.splitlines():
            name, _, value = line.partition(":")
            if name.strip() == key and value.strip():
                return value.strip()
    return ""


def _memory_mb(proc: Path) -> int | None:
    for line in _read(proc / "meminfo").splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) // 1024
    return None


def _system_name() -> str | None:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME")
    except OSError:
        return None


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
