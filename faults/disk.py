"""Faults of the recordings' disk: full, read-only, gone, or with implausible times."""

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
"""Seconds; short segments, so that each fault soon affects the start and the end of one."""
NOTICED_S: Final = 60.0
RESUMES_S: Final = 90.0
"""Attempts are made at intervals of 2, 4, 8 … 60 s."""
BOUND_BYTES: Final = 1_500_000
ENOUGH: Final = 3
AWAY_S: Final = 25.0
"""Seconds of one loop of the demo clip, with six sentences."""
NOBODY: Final = 65_534
TWO_YEARS_AGO: Final = "2024-01-01T00:00:00.000Z"


@fault()
def recordings_directory_vanishes(bench: Bench) -> float:
    """The recordings directory is moved away while a segment is being written.

    Analysis continues, the loss is reported on `recording` or in `health`, and recording resumes in a new
    directory.
    """
    _record_on(bench)
    moved = bench.folder / "moved"
    bench.recordings.rename(moved)
    begun_s = time.monotonic()
    until(lambda: _told(bench), "the loss is reported", NOTICED_S)
    bench.goes_on("emotion", "analysis continues")
    until(bench.segments, "a new segment is finished", RESUMES_S)
    took_s = time.monotonic() - begun_s
    until(lambda: bench.state_of("recording") == "ok", "health is ok again", RESUMES_S)
    return took_s


@fault()
def recordings_disk_not_mounted(bench: Bench) -> float:
    """The recordings directory is a link to a disk that is mounted only after the start.

    Analysis continues, `health` names the link, and recording begins automatically.
    """
    disk = bench.folder / "disk"
    bench.recordings.symlink_to(disk / "recordings")
    bench.start_all(recording__mode="continuous", recording__max_segment_s=SEGMENT_S)
    until(lambda: "link to" in _reason(bench), "health reports it", NOTICED_S)
    bench.goes_on("emotion", "analysis continues")
    (disk / "recordings").mkdir(parents=True)
    return _resumes(bench)


@fault()
def recordings_become_read_only(bench: Bench) -> float:
    """The recordings directory becomes read-only, as a card with errors does, and later writable again.

    Analysis continues, `health` reports recording as degraded with the reason, and recording resumes
    automatically.
    """
    _record_on(bench)
    # Mounted over, because a mount with open files cannot be made read-only.
    bench.mount("--bind", str(bench.recordings), at=bench.recordings)
    bench.mount("-o", "remount,bind,ro", at=bench.recordings)
    until(lambda: bench.state_of("recording") == "degraded", "health reports it", NOTICED_S)
    holds("read-only" in _reason(bench).lower(), f"the reason is named: {_reason(bench)!r}")
    bench.goes_on("emotion", "analysis continues")
    bench.unmount(bench.recordings)
    return _resumes(bench)


@fault()
def recordings_permission_lost(bench: Bench) -> float:
    """The daemon's user loses access to the recordings directory (owner and mode) and gets it back.

    Analysis continues, `health` reports recording as degraded with the reason, and recording resumes
    automatically.
    """
    if os.geteuid() != 0:
        raise Skipped("changing the owner of a directory needs root")
    # Without its capabilities root is an ordinary user without access to the files of others.
    plain = (program("setpriv", "util-linux"), "--inh-caps=-all", "--bounding-set=-all")
    _record_on(bench, plain)
    _give(bench.recordings, NOBODY, 0o700)
    until(lambda: bench.state_of("recording") == "degraded", "health reports it", NOTICED_S)
    holds("ermission" in _reason(bench), f"the reason is named: {_reason(bench)!r}")
    bench.goes_on("emotion", "analysis continues")
    _give(bench.recordings, 0, 0o750)
    return _resumes(bench)


@fault()
def state_disk_full(bench: Bench) -> float:
    """The state directory's disk is full while the broker is away, and is freed before it returns.

    Nothing crashes, `health` names the fault, and messages wait in memory until all of them arrive.
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
    until(lambda: bench.state_of("spool") == "ok", "health reports the spool as ok")
    holds(bench.figure("spool", "dropped") == 0, "nothing was dropped")
    return took_s


@fault()
def store_reaches_its_bound(bench: Bench) -> None:
    """Continuous recording into a store with a limit of about 1.5 MB.

    The oldest recordings are deleted with all their sidecars and reported, never the open segment. The limit
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
    # One more segment for a moment: it is finished before space is freed.
    holds(size <= 2 * BOUND_BYTES, f"{size} bytes are kept")
    # A slow machine may still be opening its devices when the first short segment ends.
    first = next(place for place, one in enumerate(recordings) if one["type"] == "finished")
    failed = [one for one in recordings[first:] if one["type"] == "failed"]
    holds(not failed, f"recordings failed: {json.dumps(failed)}")
    holds(bench.state_of("recording") == "ok", "health is ok")


@fault()
def disk_full(bench: Bench) -> float:
    """Another program fills the recordings' disk (8 MB) to the last byte, and frees it again.

    Analysis continues, `health` reports a full disk, recording resumes, and finished recordings play.
    """
    from faults.lifecycle import play

    bench.recordings.mkdir()
    bench.mount("-t", "tmpfs", "-o", "size=8m", "tmpfs", at=bench.recordings)
    _record_on(bench, recording__min_free_bytes=500_000)
    ballast = bench.recordings / "ballast"
    fill(ballast)
    # Retention may free space first; the ballast takes that as well.
    until(_and(lambda: fill(ballast), lambda: "full" in _reason(bench)), "health reports it", NOTICED_S)
    bench.goes_on("emotion", "analysis continues")
    ballast.unlink()
    took_s = _resumes(bench)
    for path in bench.segments():
        holds(play(path) > 0, f"{path.name} plays")
    return took_s


@fault()
def start_on_a_full_disk(bench: Bench) -> float:
    """The daemon is started while the recordings' disk is full; it is freed later.

    It starts, analyses and publishes; `health` reports a full disk; recording begins automatically.
    """
    bench.recordings.mkdir()
    bench.mount("-t", "tmpfs", "-o", "size=8m", "tmpfs", at=bench.recordings)
    ballast = bench.recordings / "ballast"
    fill(ballast)
    bench.start_all(recording__mode="continuous", recording__max_segment_s=SEGMENT_S,
                    recording__min_free_bytes=500_000)  # fmt: skip
    until(lambda: "full" in _reason(bench), "health reports it", NOTICED_S)
    bench.goes_on("emotion", "analysis continues")
    ballast.unlink()
    return _resumes(bench)


@fault()
def unsynchronised_clock_deletes_nothing_by_age(bench: Bench) -> None:
    """A recording is two years old, retention is one day, and the clock is not synchronised.

    The recording stays: nothing is deleted on the authority of an unsynchronised clock.
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
    # Housekeeping runs at the start and whenever a segment is finished.
    until(lambda: bench.control("recording_mode"), "the daemon is back", START_S)
    bench.wait_working("face")
    bench.command("record", "2")
    until(lambda: len(bench.segments()) == 2, "another recording is finished", RESUMES_S)
    time.sleep(3)
    holds(media.exists(), "the old recording is still there")
    holds(not [one for one in bench.payloads("recording") if one["type"] == "deleted"], "nothing was deleted")


def _give(folder: Path, user: int, mode: int) -> None:
    """Set owner and mode of a directory and of its subdirectories."""
    for path in (folder, *(one for one in folder.rglob("*") if one.is_dir())):
        os.chown(path, user, user)
        path.chmod(mode)


def _deleted(bench: Bench) -> list[dict[str, Any]]:
    return [one for one in bench.payloads("recording") if one["type"] == "deleted"]


def _record_on(bench: Bench, within: tuple[str, ...] = (), /, **settings: object) -> None:
    """Start continuous recording and wait for the first finished segment."""
    bench.start_all(
        within,
        recording__mode="continuous",
        recording__max_segment_s=SEGMENT_S,
        recording__pre_roll_s=1,
        **settings,
    )
    until(bench.segments, "a first segment is finished", START_S)
    until(lambda: bench.state_of("recording") == "ok", "recording is ok")


def _resumes(bench: Bench) -> float:
    """Wait until a new segment is finished after the fault."""
    before = set(bench.segments())
    begun_s = time.monotonic()
    until(lambda: set(bench.segments()) - before, "a new segment is finished", RESUMES_S)
    took_s = time.monotonic() - begun_s
    until(lambda: bench.state_of("recording") == "ok", "health is ok again", RESUMES_S)
    bench.check_alive()
    return took_s


def _reason(bench: Bench) -> str:
    return str(bench.part("recording").get("reason", ""))


def _told(bench: Bench) -> bool:
    failed = any(one["type"] == "failed" for one in bench.payloads("recording"))
    return failed or bench.state_of("recording") == "degraded"


def fill(path: Path) -> None:
    """Fill all remaining space of a disk."""
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
    """The oldest recording of a full store is immutable (`chattr +i`), and a folder is named like a segment.

    The next oldest are deleted instead, recording continues, and `health` counts the file and names it with
    its owner and the remedy.
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
        bench.goes_on("emotion", "analysis continues")
    finally:
        subprocess.run(["chattr", "-i", str(fixed)], check=True)


@fault()
def recordings_without_inodes(bench: Bench) -> None:
    """The recordings' disk has free space but no free inodes, because of older segments.

    The oldest are deleted, and recording begins.
    """
    bench.recordings.mkdir()
    bench.mount("-t", "tmpfs", "-o", "size=200m,nr_inodes=48", "tmpfs", at=bench.recordings)
    ids = _older_segments(bench, 8)
    _record_on(bench)
    until(bench.segments, "a segment is finished", RESUMES_S)
    gone = [str(one["id"]) for one in _deleted(bench)]
    holds(bool(gone) and gone == ids[: len(gone)], f"the oldest went: {gone}")
    holds(bench.state_of("recording") == "ok", "health is ok")


def _older_segments(bench: Bench, count: int) -> list[str]:
    """Write the files of earlier finished segments of 300 kB each, oldest first."""
    ids = [f"2026010{day + 1}T120000Z-0000000{day}" for day in range(count)]
    folder = bench.recordings / "2026-01-01"
    folder.mkdir(parents=True)
    for segment_id in ids:
        details = {"id": segment_id, "started": "2026-01-01T12:00:00Z", "clock_synced": False}
        (folder / f"{segment_id}.json").write_text(json.dumps(details))
        for suffix in (".mp4", ".jsonl", ".vtt", ".jpg"):
            (folder / f"{segment_id}{suffix}").write_bytes(bytes(75_000))
    return ids
