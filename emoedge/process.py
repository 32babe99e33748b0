"""Board, memory, processor time and open files of a process, from Linux's `/proc`; MB are 10^6 bytes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PROC: Final = Path("/proc")
OWN: Final = PROC / "self"


def board(proc: Path = PROC) -> str:
    """Name of the board that the process runs on, from its device tree; empty where there is none."""
    try:
        return (proc / "device-tree" / "model").read_text(encoding="utf-8", errors="replace").strip("\0 \n")
    except OSError:
        return ""


def resident_mb(process: Path = OWN) -> float | None:
    """Resident memory in MB, or None where it cannot be read."""
    return _memory_mb(process / "status", "VmRSS")


def peak_mb(process: Path = OWN) -> float | None:
    """The highest resident memory so far, in MB; the kernel's `ru_maxrss` would include the parent's."""
    return _memory_mb(process / "status", "VmHWM")


def proportional_mb(process: Path = OWN) -> float | None:
    """Resident memory in MB with each shared page divided among the processes that map it."""
    return _memory_mb(process / "smaps_rollup", "Pss")


def thread_count(process: Path = OWN) -> int | None:
    """Number of threads, or None where it cannot be read."""
    return _count(process / "task")


def open_file_count(process: Path = OWN) -> int | None:
    """Number of open files, or None where it cannot be read."""
    return _count(process / "fd")


@dataclass(frozen=True, slots=True)
class Usage:
    """Resources used by a process: processor time (seconds) and context switches of all its threads."""

    cpu_s: float
    voluntary: int
    involuntary: int

    @classmethod
    def read(cls, process: Path) -> Usage:
        """From `/proc/PID`; threads that have ended are left out of the switches, but not of the time."""
        voluntary = involuntary = 0
        nanoseconds = 0
        for task in (process / "task").iterdir():
            try:
                status = (task / "status").read_text(encoding="ascii", errors="replace")
                nanoseconds += int((task / "schedstat").read_text().split()[0])
            except (OSError, IndexError):
                continue  # ended in this moment, or a kernel without schedstat
            for line in status.splitlines():
                if line.startswith("voluntary_ctxt_switches"):
                    voluntary += int(line.split()[1])
                elif line.startswith("nonvoluntary_ctxt_switches"):
                    involuntary += int(line.split()[1])
        if nanoseconds:
            return cls(nanoseconds / 1e9, voluntary, involuntary)
        fields = (process / "stat").read_text().rpartition(")")[2].split()
        return cls((int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), voluntary, involuntary)

    def since(self, before: Usage) -> Usage:
        """The difference."""
        return Usage(
            self.cpu_s - before.cpu_s,
            self.voluntary - before.voluntary,
            self.involuntary - before.involuntary,
        )


def _memory_mb(file: Path, key: str) -> float | None:
    try:
        lines = file.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    found = [line.split()[1] for line in lines if line.startswith(f"{key}:")]
    return round(int(found[0]) * 1024 / 1e6, 1) if found else None


def _count(folder: Path) -> int | None:
    try:
        return sum(1 for _ in folder.iterdir())
    except OSError:
        return None
