"""Many hours of media time through the daemon, faster than real time: does anything grow?

    python -m faults.soak --hours 6 --csv soak.csv

The daemon's own parts in their own threads (capture workers, stages, decisions, recorder with retention,
publisher with its spool, a real Mosquitto), fed by a clip as fast as they take it. Only the clock is not the
machine's: it is the media time reached. While it runs the broker goes away and returns, privacy is switched,
recordings and snapshots are made, weights are changed. Once a minute of media time memory, open files, threads,
spool and store are written down.
"""

from __future__ import annotations

import csv
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import IO, Any, Final, TypeVar

import click

from emoedge.capture.clip import ClipCamera, ClipMicrophone, SharedClip
from emoedge.capture.handover import BlockQueue, FrameSlot
from emoedge.capture.source import FrameSource, SoundSource
from emoedge.capture.worker import CameraWorker, MicrophoneWorker
from emoedge.config import Settings
from emoedge.config.settings import CameraSettings
from emoedge.publish.control import Command
from emoedge.supervise.daemon import Daemon
from emoedge.supervise.machine import resident_mb
from emoedge.types import Frame, Health, SoundBlock
from faults.surroundings import Mosquitto, program

AHEAD_S: Final = 0.3
"""So far may one source be ahead of the other: both come from one file."""
WAITING_S: Final = 3.0
"""With more sound waiting for a stage the microphone holds back; a device would not, and sound would be lost."""
RECORDER_WAITING: Final = 40
"""The same for what waits for the recorder."""
POLL_S: Final = 0.25
"""How often a source that waits looks again; those it waits for wake it earlier."""
FPS: Final = 2
"""Of the camera: the fewest with which faces are still followed; hours of more would take hours."""
FAR_S: Final = 1e6
"""Media time begins so far ahead of the monotonic clock that the two can never be mixed up unnoticed."""
STALL_S: Final = 3600.0
"""No source is taken for stalled: it is this program that holds it back."""
CLIP_S: Final = 60
"""Length of a round: the demo's 20 s of a person who speaks, then an empty minute's rest with the room's sound."""
RECYCLE_H: Final = 0.5
"""Hours of recognised sound between two loads of the speech model; shortened from 6, to see several."""
MINUTE_S: Final = 60.0
WARM_UP: Final = 0.2
"""Part of the run in which caches, pools and the store may still fill."""


Item = TypeVar("Item")


class Pace:
    """The media time that all have reached, and who may go on. Safe from several threads."""

    def __init__(self) -> None:
        self.start_s = time.monotonic() + FAR_S
        self._next: dict[str, float] = {}
        self._now_s = self.start_s
        self._changed = threading.Condition()

    def now_s(self) -> float:
        """Media time reached."""
        return self._now_s

    def wait(
        self, name: str, due_s: float, done_s: float, ready: Callable[[], bool], timeout_s: float
    ) -> None:
        """Until the item of `name` that is complete at `done_s` may go out; TimeoutError after `timeout_s`."""
        deadline_s = time.monotonic() + timeout_s
        with self._changed:
            self._next[name] = due_s
            self._changed.notify_all()
            while not (self._in_step(name, due_s) and ready()):
                if time.monotonic() > deadline_s:
                    raise TimeoutError
                self._changed.wait(POLL_S)
            self._now_s = max(self._now_s, done_s)

    def poke(self) -> None:
        """Something was taken: there may be room again."""
        with self._changed:
            self._changed.notify_all()

    def leave(self, name: str) -> None:
        """The source is closed: nobody waits for it."""
        with self._changed:
            self._next.pop(name, None)
            self._changed.notify_all()

    def _in_step(self, name: str, due_s: float) -> bool:
        return all(due_s <= other_s + AHEAD_S for other, other_s in self._next.items() if other != name)


class PacedClock:
    """Media time as the daemon's clock; the wall clock runs with it."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._origin = datetime.now(timezone.utc)

    def now_s(self) -> float:
        """Media time reached."""
        return self._pace.now_s()

    def wall(self, time_s: float) -> datetime:
        """The start of the run and the media time since then."""
        return self._origin + timedelta(seconds=time_s - self._pace.start_s)

    def synchronized(self) -> bool:
        """So that retention goes by age, too."""
        return True


class PacedClip(SharedClip):
    """The clip's timeline on media time."""

    def __init__(self, path: Path, pace: Pace) -> None:
        super().__init__(path)
        self._pace = pace
        self.start_s = pace.start_s
        self._players = 1  # never forgotten

    def round_now(self) -> int:
        """Which round is playing."""
        return int((self._pace.now_s() - self.start_s) // self.duration_s)


class PacedCamera(ClipCamera):
    """The clip's pictures, each as soon as the daemon has room for it."""

    def __init__(self, path: Path, settings: CameraSettings, pace: Pace, ready: Callable[[], bool]) -> None:
        super().__init__(path, settings)
        self._pace, self._ready = pace, ready

    def read(self, timeout_s: float = 0.5) -> Frame | None:
        """The next picture that is not in the past."""
        frame = self._peek()
        while frame.time_s < self._pace.now_s() - AHEAD_S:
            self._next = None
            frame = self._peek()
        self._pace.wait("camera", frame.time_s, frame.time_s, self._ready, timeout_s)
        self._next = None
        return frame

    def close(self) -> None:
        """Nobody waits for it any more."""
        self._pace.leave("camera")
        super().close()


class PacedMicrophone(ClipMicrophone):
    """The clip's sound, each block as soon as the daemon has room for it."""

    def __init__(self, path: Path, pace: Pace, ready: Callable[[], bool]) -> None:
        super().__init__(path)
        self._pace, self._ready = pace, ready

    def read(self, timeout_s: float = 0.5) -> SoundBlock | None:
        """The next block that is not in the past."""
        block = self._peek()
        while block.end_s < self._pace.now_s() - AHEAD_S:
            self._next = None
            block = self._peek()
        self._pace.wait("microphone", block.time_s, block.end_s, self._ready, timeout_s)
        self._next = None
        return block

    def close(self) -> None:
        """Nobody waits for it any more."""
        self._pace.leave("microphone")
        super().close()


class PokingCamera(CameraWorker):
    """A camera that learns when a picture was taken from its slot."""

    def __init__(self, make_source: Callable[[], FrameSource], pace: Pace) -> None:
        super().__init__(make_source, stall_s=STALL_S)
        self._pace = pace

    def subscribe(self) -> FrameSlot:
        """A slot whose taker wakes the source."""
        slot = super().subscribe()
        slot.take = _poking(slot.take, self._pace)  # type: ignore[method-assign]
        return slot


class PokingMicrophone(MicrophoneWorker):
    """The same for sound."""

    def __init__(self, make_source: Callable[[], SoundSource], pace: Pace) -> None:
        super().__init__(make_source, stall_s=STALL_S)
        self._pace = pace

    def subscribe(self) -> BlockQueue:
        """A queue whose taker wakes the source."""
        queue = super().subscribe()
        queue.take = _poking(queue.take, self._pace)  # type: ignore[method-assign]
        return queue


def _poking(take: Callable[[float], Item | None], pace: Pace) -> Callable[[float], Item | None]:
    def taken(timeout_s: float) -> Item | None:
        item = take(timeout_s)
        pace.poke()
        return item

    return taken


class SoakDaemon(Daemon):
    """The daemon, fed as fast as it takes it.

    Args:
        settings: as for the daemon.
        pace: the media time.
        clip: what camera and microphone play.
    """

    def __init__(self, settings: Settings, pace: Pace, clip: Path) -> None:
        self._pace, self._clip = pace, clip
        super().__init__(settings, clock=PacedClock(pace))

    def _make_capture(self) -> tuple[CameraWorker | None, MicrophoneWorker | None]:
        pace, clip, camera_settings = self._pace, self._clip, self.settings.camera
        camera = PokingCamera(lambda: PacedCamera(clip, camera_settings, pace, self._room_for_frames), pace)
        microphone = PokingMicrophone(lambda: PacedMicrophone(clip, pace, self._room_for_sound), pace)
        camera.add_tap(self.recorder.offer_frame)
        camera.add_tap(self._keep_newest)
        microphone.add_tap(self.recorder.offer_sound)
        return camera, microphone

    # A device does not look at those behind it; this one must, because it is faster than any of them.

    def _room_for_frames(self) -> bool:
        assert self.camera is not None
        taken = all(slot._frame is None for slot in self.camera._slots)  # noqa: SLF001
        return taken and self._room_for_recording()

    def _room_for_sound(self) -> bool:
        assert self.microphone is not None
        return self.microphone._waiting_s < WAITING_S and self._room_for_recording()  # noqa: SLF001

    def _room_for_recording(self) -> bool:
        return len(self.recorder._inbox) < RECORDER_WAITING  # noqa: SLF001

    def _govern(self, parts: tuple[Health, ...]) -> None:
        """Nothing is given up here: there is no real time to be late for."""

    def command(self, name: str, value: Any) -> None:
        """As if it had come from the broker."""
        self._controls.handle(Command(name, value))  # type: ignore[arg-type]


def make_clip(folder: Path) -> Path:
    """The demo, small and followed by rest, so that hours of it take minutes."""
    from emoedge.demo_clip import DURATION_S, ensure_demo_clip

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
    """Everything on, small bounds so that they are reached again and again."""
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
    """What a device meets in a day, by the minute of media time."""

    def __init__(self, daemon: SoakDaemon, broker: Mosquitto) -> None:
        self._daemon, self._broker = daemon, broker

    def at(self, minute: int) -> str:
        """Cause what belongs to this minute; what it was."""
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


def measure(daemon: SoakDaemon, minute: int, happening: str) -> dict[str, Any]:
    """One row."""
    files = [path for path in daemon.settings.recording.dir.rglob("*") if path.is_file()]
    parts = {part.name: part for part in daemon.health_parts}

    def figure(part: str, name: str) -> Any:
        return parts[part].figures.get(name) if part in parts else None

    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "minute": minute,
        "wall_s": round(time.monotonic() - _BEGUN_S, 1),
        "cpu_s": round(usage.ru_utime + usage.ru_stime, 1),
        "resident_mb": resident_mb(),
        "threads": len(list(Path("/proc/self/task").iterdir())),
        "open_files": len(list(Path("/proc/self/fd").iterdir())),
        "spooled": figure("spool", "depth"),
        "faces": figure("face", "processed"),
        "texts": figure("text", "processed"),
        "sound_lost_s": figure("microphone", "lost_s"),
        "recordings": sum(path.suffix == ".mp4" for path in files),
        "stored_mb": round(sum(path.stat().st_size for path in files) / 1e6, 2),
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

    vosk_engine.RecyclePolicy = partial(recycle.RecyclePolicy, max_sound_h=RECYCLE_H)  # type: ignore[assignment, misc]
    with tempfile.TemporaryDirectory(prefix="emoedge-soak-") as name, csv_file.open("w", newline="") as table:
        rows = _run(Path(name), hours, mode, table)
    result = judge(rows)
    click.echo(json.dumps(result, indent=2))
    if json_file is not None:
        json_file.write_text(json.dumps(result | {"rows": rows}, indent=1) + "\n", encoding="utf-8")
    sys.exit(0 if result["flat"] else 1)


def _run(folder: Path, hours: float, mode: str, table: IO[str]) -> list[dict[str, Any]]:
    clip, pace, broker = make_clip(folder), Pace(), Mosquitto(folder)
    SharedClip._playing[clip.absolute()] = PacedClip(clip, pace)  # noqa: SLF001 - whoever joins gets this one
    broker.start()
    daemon = SoakDaemon(settings_for(folder, broker.port, mode), pace, clip)
    happenings = Happenings(daemon, broker)
    rows: list[dict[str, Any]] = []
    writer: csv.DictWriter[str] | None = None
    daemon.start()
    try:
        while len(rows) < hours * 60:
            daemon.look()
            reason = daemon.stuck()
            if reason:
                raise SystemExit(reason)
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
    """Compare the second tenth after the warm-up with the last tenth of the run, by their medians."""
    steady = rows[int(len(rows) * WARM_UP) :]
    tenth = max(1, len(steady) // 5)

    def median(of: list[dict[str, Any]], name: str) -> float:
        values = sorted(float(row[name]) for row in of)
        return values[len(values) // 2]

    def both(name: str) -> tuple[float, float]:
        return median(steady[:tenth], name), median(steady[-tenth:], name)

    memory, files, threads = both("resident_mb"), both("open_files"), both("threads")
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
