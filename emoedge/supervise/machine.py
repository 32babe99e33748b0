"""State of the machine: memory, temperature, throttling, disk. Missing figures are left out."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Final

from emoedge.health import Health
from emoedge.process import open_file_count, resident_mb, thread_count
from emoedge.supervise.governor import HOT_C
from emoedge.translation import tr

SYS: Final = Path("/sys")
# Bits of the firmware's throttling word: now under-voltage, frequency capped, throttled, soft temperature
# limit.
_THROTTLED_NOW: Final = 0xF

Figures = dict[str, float | int | str | None]


class MachineMonitor:
    """Reads the figures; the load of the processor is the average since the last reading.

    Args:
        disk: folder whose disk is watched.
        sys: for tests.
    """

    def __init__(self, disk: Path, sys: Path = SYS) -> None:
        self._disk = disk
        self._sys = sys
        self._before = (time.monotonic(), time.process_time())

    def read(self) -> Health:
        """State of the machine: degraded when hot or throttled."""
        figures: Figures = {
            "cpu_cores": self._cpu_cores(),
            "memory_mb": resident_mb(),
            "threads": thread_count(),
            "open_files": open_file_count(),
            "temperature_c": self._temperature_c(),
            "disk_free_mb": self._disk_free_mb(),
        }
        throttled = self._throttled()
        if throttled is not None:
            figures["throttled"] = throttled
        known: Figures = {name: value for name, value in figures.items() if value is not None}
        temperature = figures["temperature_c"]
        if throttled:
            return Health(
                "machine", "degraded", tr("the board is throttled: check power supply and cooling"), known
            )
        if isinstance(temperature, float) and temperature >= HOT_C:
            return Health(
                "machine",
                "degraded",
                tr("{temperature:.0f} degrees: improve the cooling", temperature=temperature),
                known,
            )
        return Health("machine", "ok", "", known)

    def _cpu_cores(self) -> float:
        now = (time.monotonic(), time.process_time())
        (wall_s, cpu_s), self._before = self._before, now
        return round((now[1] - cpu_s) / max(now[0] - wall_s, 1e-3), 3)

    def _temperature_c(self) -> float | None:
        readings = []
        try:
            zones = list((self._sys / "class" / "thermal").glob("thermal_zone*/temp"))
        except OSError:  # for example no free file descriptor: only a figure is missing
            return None
        for zone in zones:
            value = _integer(zone)
            if value is not None:
                readings.append(value / 1000)
        return round(max(readings), 1) if readings else None

    def _throttled(self) -> int | None:
        # Raspberry Pi kernels; elsewhere there is no such file.
        path = self._sys / "devices" / "platform" / "soc" / "soc:firmware" / "get_throttled"
        try:
            return int(path.read_text().strip(), 16) & _THROTTLED_NOW
        except (OSError, ValueError):
            return None

    def _disk_free_mb(self) -> float | None:
        folder = self._disk
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        try:
            return round(shutil.disk_usage(folder).free / 1e6, 1)
        except OSError:
            return None


def _integer(path: Path) -> int | None:
    try:
        return int(path.read_text().strip())
    except (OSError, ValueError):
        return None
