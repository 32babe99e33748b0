"""Soak: many hours of media time through the daemon, faster than real time, to find what grows.

    python -m faults.soak --hours 6 --csv soak.csv

All parts of the daemon run in their own threads (capture, stages, decisions, recorder with retention,
publisher with its spool, a real Mosquitto), fed by a clip as fast as they can process it. Only the clock is
replaced: it shows the media time reached. Meanwhile the broker goes away and returns, privacy is switched,
recordings and snapshots are made, weights are changed. Memory, open files, threads, spool and store are
recorded once a minute of media time.
"""

from __future__ import annotations

import csv
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from functools import partial
from pathlib import Path
from typing import IO, Any, Final

import click

from emoedge.config import Settings
from emoedge.process import open_file_count, resident_mb, thread_count
from faults.paced import Pace, PacedClip, PacedDaemon
from faults.surroundings import Mosquitto, file_sizes, program

FPS: Final = 2
"""Frame rate of the camera: the lowest at which faces are still tracked, to keep the run short."""
CLIP_S: Final = 60
"""Length of a loop in seconds: the demo's 20 s of a person who speaks, then 40 s with room noise."""
RECYCLE_H: Final = 0.5
"""Hours of recognised audio between two loads of the speech model; shortened from 6 to include several."""
MINUTE_S: Final = 60.0
WARM_UP: Final = 0.2
"""Share of the run in which caches, pools and the store may still fill."""


def make_clip(folder: Path) -> Path:
    """Write the demo clip, small and followed by a pause, so that hours of it take minutes."""
    from emoedge.demo.clip import DURATION_S, ensure_demo_clip

    clip = folder / "soak.mp4"
    rest_s = CLIP_S - DURATION_S
    sound = (
        f"[0:a]apad=pad_dur={rest_s}[said];anoisesrc=d={CLIP_S}:a=0.001[room];"
        "[said][room]amix=duration=first:normalize=0[a]"
    )
    command = [program("ffmpeg", "ffmpeg"), "-v", "error", "-i", str(ensure_demo_clip()),
               "-vf", f"fps={FPS},scale=320:240,tpad=stop_mode=clone:stop_duration={rest_s}",
               "-filter_complex", sound, "-map", "0:v", "-map", "[a]",
               "-ar", "16000", "-ac", "1", "-c:a", "aac",
               "-pix_fmt", "yuv420p", "-preset", "ultrafast", str(clip)]  # fmt: skip
    subprocess.run(command, check=True)
    return clip


def settings_for(folder: Path, port: int, mode: str) -> Settings:
    """Return settings with everything enabled and with small limits that are reached repeatedly."""
    return Settings.model_validate(
        {
            "device_id": "soak",
            "camera": {"width": 320, "height": 240, "fps": FPS},
            "speech": {"model": "vosk-es-demo"},
            "mqtt": {"host": "127.0.0.1", "port": port, "spool_max_messages": 200},
            "publish": {"interval": 10, "health_interval": 30},
            "recording": {
                "dir": folder / "recordings",
                "mode": mode,
                "keep_days": 0.05,
                "max_bytes": 20_000_000,
                "min_free_bytes": 0,
                "max_segment_s": 120,
            },
            "paths": {"state": folder / "state", "models": folder / "models"},
        }
    )


class Happenings:
    """Events that a device meets in a day, by the minute of media time."""

    def __init__(self, daemon: PacedDaemon, broker: Mosquitto) -> None:
        self._daemon, self._broker = daemon, broker

    def at(self, minute: int) -> str:
        """Cause the events of this minute; return their names."""
        daemon, what = self._daemon, []
        if minute % 30 == 10:
            self._broker.kill()
            what.append("broker away")
        elif minute % 30 == 15:
            self._broker.start()
            what.append("broker back")
        if minute % 20 == 7:
            daemon.command("privacy", True)
            what.append("privacy on")
            threading.Timer(5.0, daemon.command, ("privacy", False)).start()
        if minute % 10 == 3:
            daemon.command("record", 20.0)
            daemon.command("face_weight", 0.5 + (minute // 10 % 5) / 10)
            what.append("record 20")
        if minute % 15 == 5:
            daemon.command("snapshot", True)
            what.append("snapshot")
        return ", ".join(what)


def measure(daemon: PacedDaemon, minute: int, happening: str) -> dict[str, Any]:
    """Return one row of measurements."""
    sizes = file_sizes(daemon.parts.settings.recording.dir)
    parts = {part.name: part for part in daemon.health_parts}

    def figure(part: str, name: str) -> Any:
        return parts[part].figures.get(name) if part in parts else None

    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "minute": minute,
        "wall_s": round(time.monotonic() - _BEGUN_S, 1),
        "cpu_s": round(usage.ru_utime + usage.ru_stime, 1),
        "resident_mb": resident_mb(),
        "threads": thread_count(),
        "open_files": open_file_count(),
        "spooled": figure("spool", "depth"),
        "faces": figure("face", "processed"),
        "texts": figure("text", "processed"),
        "sound_lost_s": figure("microphone", "lost_s"),
        "recordings": sum(path.suffix == ".mp4" for path in sizes),
        "stored_mb": round(sum(sizes.values()) / 1e6, 2),
        "not_ok": " ".join(
            f"{part.name}={part.state} ({part.reason})"
            for part in parts.values()
            if part.state not in ("ok", "off")
        ),
        "happening": happening,
    }


_BEGUN_S: Final = time.monotonic()


@click.command
@click.option("--hours", default=6.0, show_default=True, help="Media time.")
@click.option("--mode", default="events", show_default=True, help="recording.mode")
@click.option("--csv", "csv_file", type=click.Path(dir_okay=False, path_type=Path), required=True)
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path))
def main(hours: float, mode: str, csv_file: Path, json_file: Path | None) -> None:
    """Run the soak; exit code 1 when memory, open files or threads have grown."""
    from emoedge.speech import recycle, vosk_engine
    from emoedge.supervise.malloc import keep_together

    keep_together()
    often = partial(recycle.RecyclePolicy, max_sound_h=RECYCLE_H)
    setattr(vosk_engine, "RecyclePolicy", often)  # noqa: B010 - the type checker refuses this elsewhere
    with tempfile.TemporaryDirectory(prefix="emoedge-soak-") as name, csv_file.open("w", newline="") as table:
        rows = _run(Path(name), hours, mode, table)
    result = judge(rows)
    click.echo(json.dumps(result, indent=2))
    if json_file is not None:
        json_file.write_text(json.dumps(result | {"rows": rows}, indent=1) + "\n", encoding="utf-8")
    sys.exit(0 if result["flat"] else 1)


def _run(folder: Path, hours: float, mode: str, table: IO[str]) -> list[dict[str, Any]]:
    clip, pace, broker = make_clip(folder), Pace(), Mosquitto(folder)
    PacedClip(clip, pace).play()
    broker.start()
    daemon = PacedDaemon(settings_for(folder, broker.port, mode), pace, clip)
    happenings = Happenings(daemon, broker)
    rows: list[dict[str, Any]] = []
    writer: csv.DictWriter[str] | None = None
    daemon.start()
    try:
        while len(rows) < hours * 60:
            daemon.look()
            # Not daemon.stuck(): parts that run between other work may pause for longer than on a device.
            reached_s = pace.now_s() - pace.start_s
            while len(rows) < hours * 60 and (len(rows) + 1) * MINUTE_S <= reached_s:
                minute = len(rows) + 1
                rows.append(measure(daemon, minute, happenings.at(minute)))
                writer = writer or _header(table, rows[0])
                writer.writerow(rows[-1])
                table.flush()
            time.sleep(1.0)
    finally:
        daemon.stop()
        broker.kill()
    return rows


def _header(table: IO[str], row: dict[str, Any]) -> csv.DictWriter[str]:
    writer = csv.DictWriter(table, list(row))
    writer.writeheader()
    return writer


def judge(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Compare the first and last fifth after the warm-up by median memory and peak counts.

    The number of open files and threads varies with recordings and connections; a leak raises the peak.
    """
    steady = rows[int(len(rows) * WARM_UP) :]
    fifth = max(1, len(steady) // 5)
    windows = steady[:fifth], steady[-fifth:]
    memory = [statistics.median(float(row["resident_mb"]) for row in window) for window in windows]
    files = [max(int(row["open_files"]) for row in window) for window in windows]
    threads = [max(int(row["threads"]) for row in window) for window in windows]
    growth = memory[1] / memory[0] - 1
    return {
        "media_h": round(len(rows) / 60, 2),
        "cpu_per_media_s": round(rows[-1]["cpu_s"] / len(rows) / 60, 3),
        "resident_mb": memory,
        "growth": round(growth, 4),
        "most_mb": max(row["resident_mb"] for row in steady),
        "open_files": files,
        "threads": threads,
        "sound_lost_s": rows[-1]["sound_lost_s"],
        "flat": growth <= 0.05 and files[1] <= files[0] and threads[1] <= threads[0],
    }


if __name__ == "__main__":
    main()
