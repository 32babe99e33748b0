"""The clock and the board: time of day, temperature, power, and the groups that own the devices."""

from __future__ import annotations

import grp
import os
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Final

from emoedge.clock import SystemClock
from emoedge.config import Settings
from emoedge.doctor.result import CheckResult, failed, ok, warning
from emoedge.translation import joined, tr

# The firmware's throttling word (raspberrypi.com, "vcgencmd get_throttled"): the upper half remembers since
# the start.
_THROTTLED: Final = Path("devices/platform/soc/soc:firmware/get_throttled")
_SINCE_START: Final = {
    1 << 16: tr("the power supply was too weak"),
    1 << 17: tr("the processor was slowed down"),
    1 << 18: tr("the processor was throttled"),
    1 << 19: tr("the board was too hot"),
}
# When this was written; a clock before it is wrong.
_EARLIEST: Final = datetime(2026, 1, 1, tzinfo=timezone.utc)


def check_clock(_settings: Settings, clock: SystemClock | None = None) -> Iterator[CheckResult]:
    """Check whether the time in messages and file names is reliable."""
    clock = clock or SystemClock()
    now = clock.wall(clock.now_s())
    shown = f"{now:%Y-%m-%d %H:%M} UTC"
    remedy = tr("switch time synchronisation on: sudo timedatectl set-ntp true")
    if now < _EARLIEST:
        yield warning(
            "clock",
            tr("{shown} is not plausible; meanwhile recordings are not deleted by age", shown=shown),
            remedy,
        )
    elif not clock.synchronized():
        yield warning(
            "clock",
            tr("{shown}, not synchronised; meanwhile recordings are not deleted by age", shown=shown),
            remedy,
        )
    else:
        yield ok("clock", tr("{shown}, synchronised", shown=shown))


def check_machine(
    settings: Settings, sys: Path = Path("/sys"), dev: Path = Path("/dev")
) -> Iterator[CheckResult]:
    """Temperature and throttling, now and since the start; access to the device nodes that are there."""
    from emoedge.supervise.machine import MachineMonitor

    health = MachineMonitor(settings.recording.dir, sys=sys).read()
    figures = health.figures
    celsius = figures.get("temperature_c")
    detail = tr("no thermometer") if celsius is None else f"{celsius} °C"
    past = _since_start(sys)
    if health.state != "ok":
        yield warning("board", health.reason, tr("use the maker's power supply and a heat sink or fan"))
    elif past:
        yield warning(
            "board",
            tr("{detail}; since the start: {past}", detail=detail, past=joined(past)),
            tr("use the maker's power supply and cooling"),
        )
    else:
        yield ok("board", detail)
    yield from _groups(settings, dev)


def _since_start(sys: Path) -> list[str]:
    try:
        word = int((sys / _THROTTLED).read_text().strip(), 16)
    except (OSError, ValueError):
        return []
    return [text for bit, text in _SINCE_START.items() if word & bit]


def _groups(settings: Settings, dev: Path) -> Iterator[CheckResult]:
    """Device nodes that are there and wanted, but closed to this user: the group is missing."""
    wanted = (
        ("video", settings.camera.source, ("video[0-9]*", "media[0-9]*")),
        ("audio", settings.microphone.source, ("snd/pcm*c",)),
    )
    for group, source, patterns in wanted:
        nodes = [node for pattern in patterns for node in sorted(dev.glob(pattern))]
        closed = [node for node in nodes if not os.access(node, os.R_OK | os.W_OK)]
        if source == "none" or source.startswith("file:") or not closed:
            continue
        yield failed(
            f"group {_group_of(closed[0], group)}",
            tr("{closed} is closed to this user", closed=closed[0]),
            tr("run: sudo usermod -aG {closed} $USER, then log in again", closed=_group_of(closed[0], group)),
        )


def _group_of(node: Path, usual: str) -> str:
    try:
        name = grp.getgrgid(node.stat().st_gid).gr_name
    except (OSError, KeyError):
        return usual
    return usual if name == "root" else name
