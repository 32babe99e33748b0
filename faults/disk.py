"""The disk of the recordings is full, read-only, gone, or of another time."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from faults.bench import BASE, START_S, Bench
from faults.fault import fault
from faults.surroundings import Skipped, file_sizes, holds, program, until

SEGMENT_S: Final = 5
"""Short segments, so that each fault meets a beginning and an end soon."""
NOTICED_S: Final = 60.0
RESUMES_S: Final = 90.0
"""Attempts are 2, 4, 8 … 60 s apart."""
BOUND_BYTES: Final = 1_500_000
ENOUGH: Final = 3
AWAY_S: Final = 25.0
"""A round of the demo's clip: six sentences are said."""
NOBODY: Final = 65_534
TWO_YEARS_AGO: Final = "2024-01-01T00:00:00.000Z"


@fault()
def recordings_directory_vanishes(bench: Bench) -> float:
    """The recordings directory is moved away while a segment is being written.

    Analysis goes on, the loss is told on `recording` or in `health`, and recording resumes in a new
    directory.
    """
    _record_on(bench)
    moved = bench.folder / "moved"
    bench.recordings.rename(moved)
    begun_s = time.monotonic()
    until(lambda: _told(bench), "the loss is told", NOTICED_S)
    bench.goes_on("emotion", "analysis goes on")
    until(bench.segments, "a new segment is finished", RESUMES_S)
    took_s = time.monotonic() - begun_s
    until(lambda: bench.state_of("recording") == "ok", "health is well again", RESUMES_S)
    return took_s


@fault()
def recordings_disk_not_mounted(bench: Bench) -> float:
    """The recordings directory is a link onto a disk that is not mounted at the start, and is later.

    Analysis goes on, `health` names the link, recording begins automatically.
    """
    disk = bench.folder / "disk"
    bench.recordings.symlink_to(disk / "recordings")
    bench.start_all(recording__mode="continuous", recording__max_segment_s=SEGMENT_S)
    until(lambda: "link to" in _reason(bench), "health says it", NOTICED_S)
    bench.goes_on("emotion", "analysis goes on")
    (disk / "recordings").mkdir(parents=True)
    return _resumes(bench)


@fault()
def recordings_become_read_only(bench: Bench) -> float:
    """The recordings directory becomes read-only (as a card with errors does), and writable again.

    Analysis goes on, `health` says that recording is degraded and why, recording resumes automatically.
    """
    _record_on(bench)
    # Mounted over, since a mount that somebody writes to cannot be made read-only.
    bench.mount("--bind", str(bench.recordings), at=bench.recordings)
    bench.mount("-o", "remount,bind,ro", at=bench.recordings)
    until(lambda: bench.state_of("recording") == "degraded", "health says it", NOTICED_S)
    holds("read-only" in _reason(bench).lower(), f"the reason is named: {_reason(bench)!r}")
    bench.goes_on("emotion", "analysis goes on")
    bench.unmount(bench.recordings)
    return _resumes(bench)


@fault()
def recordings_permission_lost(bench: Bench) -> float:
    """The recordings directory is taken from the daemon's user (owner and mode), and given back.

    Analysis goes on, `health` says that recording is degraded and why, recording resumes automatically.
    """
    if os.geteuid() != 0:
        raise Skipped("giving a directory to somebody else needs root")
    # Without its capabilities root is a user like any other: what is not its own is closed to it.
    plain = (program("setpriv", "util-linux"), "--inh-caps=-all", "--bounding-set=-all")
    _record_on(bench, plain)
    _give(bench.recordings, NOBODY, 0o700)
    until(lambda: bench.state_of("recording") == "degraded", "health says it", NOTICED_S)
    holds("ermission" in _reason(bench), f"the reason is named: {_reason(bench)!r}")
    bench.goes_on("emotion", "analysis goes on")
    _give(bench.recordings, 0, 0o750)
    return _resumes(bench)


@fault()
def state_disk_full(bench: Bench) -> float:
    """The state directory's disk is full while the broker is away, and freed before it returns.

    Nothing crashes, `health` names it, messages wait in memory and all of them arrive.
    """
    bench.state.mkdir()
    bench.mount("-t", "tmpfs", "-o", "size=1m", "tmpfs", at=bench.state)
    bench.start_all()
    heard = len(bench.listener.on(f"{BASE}/voice"))
    ballast = bench.state / "ballast"
    fill(ballast)
    bench.kill_broker()
    time.sleep(AWAY_S)
    bench.check_alive()
    ballast.unlink()
    bench.start_broker()
    took_s = until(lambda: bench.last("status") == b"online", "the daemon is connected", RESUMES_S)
    until(lambda: len(bench.listener.on(f"{BASE}/voice")) > ENOUGH, f"what waited since {heard} has arrived")
    until(lambda: bench.state_of("spool") == "ok", "health says that the spool is well")
    holds(bench.figure("spool", "dropped") == 0, "nothing was dropped")
    return took_s


@fault()
def store_reaches_its_bound(bench: Bench) -> None:
    """Continuous recording into a store that may hold some 1.5 MB.

    The oldest go first with all their sidecars and are reported, never the segment being written; the bound
    is kept.
    """
    _record_on(bench, recording__max_bytes=BOUND_BYTES)
    until(lambda: len(_deleted(bench)) >= ENOUGH, f"{ENOUGH} recordings were deleted", RESUMES_S * 2)
    recordings = bench.payloads("recording")
    done = [one for one in recordings if one["type"] == "finished"]
    gone = [str(one["id"]) for one in _deleted(bench)]
    holds(gone == [one["id"] for one in done][: len(gone)], f"the oldest went first: {gone}")
    left = file_sizes(bench.recordings)
    holds(not [path for path in left if path.name.split(".")[0] in gone], "their sidecars went with them")
    size = sum(length for path, length in left.items() if ".partial" not in path.name)
    # One segment more for a moment: it is finished before room is made.
    holds(size <= 2 * BOUND_BYTES, f"{size} bytes are kept")
    # Before the first one a slow machine may still be opening its devices when a short segment is over.
    first = next(place for place, one in enumerate(recordings) if one["type"] == "finished")
    failed = [one for one in recordings[first:] if one["type"] == "failed"]
    holds(not failed, f"recordings failed: {json.dumps(failed)}")
    holds(bench.state_of("recording") == "ok", "health is well")


@fault()
def disk_full(bench: Bench) -> float:
    """Another program fills the recordings' disk (8 MB) to the last byte, and frees it again.

    Analysis goes on, `health` says that the disk is full, recording resumes, and what is finished
    plays.
    """
    from faults.lifecycle import play

    bench.recordings.mkdir()
    bench.mount("-t", "tmpfs", "-o", "size=8m", "tmpfs", at=bench.recordings)
    _record_on(bench, recording__min_free_bytes=500_000)
    ballast = bench.recordings / "ballast"
    fill(ballast)
    # Retention may make room first: the ballast takes that as well.
    until(_and(lambda: fill(ballast), lambda: "full" in _reason(bench)), "health says it", NOTICED_S)
    bench.goes_on("emotion", "analysis goes on")
    ballast.unlink()
    took_s = _resumes(bench)
    for path in bench.segments():
        holds(play(path) > 0, f"{path.name} plays")
    return took_s


@fault()
def start_on_a_full_disk(bench: Bench) -> float:
    """The daemon is started while the recordings' disk is full; it is freed later.

    Starts, analyses and publishes; `health` says that the disk is full; recording begins automatically.
    """
    bench.recordings.mkdir()
    bench.mount("-t", "tmpfs", "-o", "size=8m", "tmpfs", at=bench.recordings)
    ballast = bench.recordings / "ballast"
    fill(ballast)
    bench.start_all(recording__mode="continuous", recording__max_segment_s=SEGMENT_S,
                    recording__min_free_bytes=500_000)  # fmt: skip
    until(lambda: "full" in _reason(bench), "health says it", NOTICED_S)
    bench.goes_on("emotion", "analysis goes on")
    ballast.unlink()
    return _resumes(bench)


@fault()
def unsynchronised_clock_deletes_nothing_by_age(bench: Bench) -> None:
    """A recording is two years old, one day is kept, and the clock is not synchronised.

    The recording stays: a clock that cannot be believed must not delete.
    """
    bench.start_all(recording__max_segment_s=SEGMENT_S)
    bench.command("record", "2")
    until(bench.segments, "a recording is finished", RESUMES_S)
    synchronised = json.loads(bench.last("health"))["clock_synced"]
    bench.terminate()
    if synchronised:
        raise Skipped("the clock of this machine is synchronised")
    media = bench.segments()[0]
    sidecar = media.with_suffix(".json")
    details: dict[str, Any] = json.loads(sidecar.read_text(encoding="utf-8"))
    details |= {"started": TWO_YEARS_AGO, "ended": TWO_YEARS_AGO, "clock_synced": True}
    sidecar.write_text(json.dumps(details), encoding="utf-8")
    bench.listener.heard.clear()
    bench.start(recording__keep_days=1)
    # The store is looked after at the start, and whenever a segment is finished.
    until(lambda: bench.control("recording_mode"), "the daemon is back", START_S)
    bench.wait_working("face")
    bench.command("record", "2")
    until(lambda: len(bench.segments()) == 2, "another recording is finished", RESUMES_S)
    time.sleep(3)
    holds(media.exists(), "the old recording is still there")
    holds(not [one for one in bench.payloads("recording") if one["type"] == "deleted"], "nothing was deleted")


def _give(folder: Path, user: int, mode: int) -> None:
    """Owner and mode of a directory and of those in it."""
    for path in (folder, *(one for one in folder.rglob("*") if one.is_dir())):
        os.chown(path, user, user)
        path.chmod(mode)


def _deleted(bench: Bench) -> list[dict[str, Any]]:
    return [one for one in bench.payloads("recording") if one["type"] == "deleted"]


def _record_on(bench: Bench, within: tuple[str, ...] = (), /, **settings: object) -> None:
    """Continuous recording, with a first segment finished."""
    bench.start_all(
        within,
        recording__mode="continuous",
        recording__max_segment_s=SEGMENT_S,
        recording__pre_roll_s=1,
        **settings,
    )
    until(bench.segments, "a first segment is finished", START_S)
    until(lambda: bench.state_of("recording") == "ok", "recording is well")


def _resumes(bench: Bench) -> float:
    """Until something new is finished after the fault."""
    before = set(bench.segments())
    begun_s = time.monotonic()
    until(lambda: set(bench.segments()) - before, "a new segment is finished", RESUMES_S)
    took_s = time.monotonic() - begun_s
    until(lambda: bench.state_of("recording") == "ok", "health is well again", RESUMES_S)
    bench.check_alive()
    return took_s


def _reason(bench: Bench) -> str:
    return str(bench.part("recording").get("reason", ""))


def _told(bench: Bench) -> bool:
    failed = any(one["type"] == "failed" for one in bench.payloads("recording"))
    return failed or bench.state_of("recording") == "degraded"


def fill(path: Path) -> None:
    """Take all that is left of a disk."""
    with path.open("ab", buffering=0) as file:
        for size in (65_536, 4_096, 1):
            try:
                while shutil.disk_usage(path.parent).free:
                    file.write(os.urandom(size))
            except OSError:
                continue


def _and(first: Callable[[], object], second: Callable[[], object]) -> Callable[[], object]:
    def both() -> object:
        first()
        return second()

    return both


@fault()
def recording_cannot_be_deleted(bench: Bench) -> None:
    """The oldest recording of a full store is immutable (`chattr +i`), and a folder has a segment's name.

    The next oldest go instead, `health` names the file, its owner and the remedy and counts it, and recording
    goes on.
    """
    if os.geteuid() != 0:
        raise Skipped("chattr needs root")
    ids = _older_segments(bench, 6)
    fixed = next(bench.recordings.glob(f"*/{ids[0]}.mp4"))
    if subprocess.run(["chattr", "+i", str(fixed)], check=False, capture_output=True).returncode:
        raise Skipped("the file system has no immutable files")
    try:
        (fixed.parent / f"{ids[1]}.frames").mkdir()
        bench.start_all(
            recording__mode="continuous",
            recording__max_segment_s=SEGMENT_S,
            recording__max_bytes=BOUND_BYTES,
        )
        until(lambda: len(_deleted(bench)) >= ENOUGH, f"{ENOUGH} recordings were deleted", RESUMES_S * 2)
        gone = [str(one["id"]) for one in _deleted(bench)][:ENOUGH]
        holds(gone == ids[1 : 1 + ENOUGH], f"the next oldest went: {gone}")
        until(lambda: str(fixed) in _reason(bench), "health names it", NOTICED_S)
        holds("root" in _reason(bench) and "chattr -i" in _reason(bench), "with its owner and the remedy")
        holds(bench.figure("recording", "undeletable") == 1, "it is counted")
        bench.goes_on("emotion", "analysis goes on")
    finally:
        subprocess.run(["chattr", "-i", str(fixed)], check=True)


@fault()
def recordings_without_inodes(bench: Bench) -> None:
    """The recordings are on a disk with space and without inodes, full of older segments.

    The oldest go, and recording begins.
    """
    bench.recordings.mkdir()
    bench.mount("-t", "tmpfs", "-o", "size=200m,nr_inodes=48", "tmpfs", at=bench.recordings)
    ids = _older_segments(bench, 8)
    _record_on(bench)
    until(bench.segments, "a segment is finished", RESUMES_S)
    gone = [str(one["id"]) for one in _deleted(bench)]
    holds(bool(gone) and gone == ids[: len(gone)], f"the oldest went: {gone}")
    holds(bench.state_of("recording") == "ok", "health is well")


def _older_segments(bench: Bench, count: int) -> list[str]:
    """Files of finished segments from before, of 300 kB each, the oldest first."""
    ids = [f"2026010{day + 1}T120000Z-0000000{day}" for day in range(count)]
    folder = bench.recordings / "2026-01-01"
    folder.mkdir(parents=True)
    for segment_id in ids:
        details = {"id": segment_id, "started": "2026-01-01T12:00:00Z", "clock_synced": False}
        (folder / f"{segment_id}.json").write_text(json.dumps(details))
        for suffix in (".mp4", ".jsonl", ".vtt", ".jpg"):
            (folder / f"{segment_id}{suffix}").write_bytes(bytes(75_000))
    return ids
