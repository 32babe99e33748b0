"""Room is more than free bytes: inodes, a quota, a disk that became read-only."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from emoedge.backoff import Backoff
from emoedge.record import disk_fault
from emoedge.record import housekeeping as housekeeping_module
from emoedge.record import recorder as recorder_module
from emoedge.record.disk import room_of
from emoedge.record.retention import MIN_FREE_FILES, UNCOUNTED

from .helpers import wait_for
from .test_recorder import Rig
from .test_store import NOW, put


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mount a small file system with options; needs the right to."""
    path = tmp_path / "disk"
    path.mkdir()

    def mount(options: str) -> Path:
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", path]
        if os.geteuid() or subprocess.run(command, check=False, capture_output=True).returncode:
            pytest.skip("cannot mount a small file system here")
        return path

    yield mount
    subprocess.run(["umount", "-l", path], check=False, capture_output=True)


@pytest.fixture
def rig(settings, notices, monkeypatch):
    monkeypatch.setattr(disk_fault, "RETRY", Backoff(first_s=0.1, longest_s=0.5, jitter=0.0))
    monkeypatch.setattr(recorder_module, "DISK_CHECK_S", 0.05)
    monkeypatch.setattr(housekeeping_module, "FAULTY_SWEEP_S", 0.1)
    made = []

    def make(**kwargs):
        made.append(Rig(settings.model_copy(update=kwargs), notices))
        return made[-1]

    yield make
    for one in made:
        one.recorder.stop()


def play_until(one: Rig, condition: Callable[[], bool]) -> None:
    """Offer picture and sound until something is so."""

    def go_on() -> bool:
        one.play(one.clock.time_s + 1.0)
        return condition()

    wait_for(go_on)


def test_without_inodes_the_oldest_go_and_recording_goes_on(rig, notices, mounted):
    root = mounted("size=200m,nr_inodes=48") / "recordings"
    ids = []
    while room_of(root).files >= 6:
        ids.append(put(root, NOW - timedelta(hours=20 - len(ids))))
    assert len(ids) >= 7
    one = rig(mode="continuous", dir=root)
    play_until(one, lambda: bool(notices.of("started")))
    one.recorder.set_mode("manual")
    play_until(one, lambda: bool(notices.of("finished")))
    deleted = [notice.segment_id for notice in notices.of("deleted")]
    assert deleted == ids[: len(deleted)] != []
    assert notices.of("failed") == []
    assert room_of(root).files >= MIN_FREE_FILES - 10


def test_a_file_system_that_does_not_count_inodes_has_enough(tmp_path, monkeypatch):
    real = os.statvfs(tmp_path)
    fields = list(real)
    fields[5:8] = [0, 0, 0]  # f_files, f_ffree, f_favail, as on Btrfs
    monkeypatch.setattr(os, "statvfs", lambda _path: os.statvfs_result([*fields, real.f_fsid]))
    assert room_of(tmp_path).files == UNCOUNTED


@pytest.mark.parametrize("error", [errno.EDQUOT, errno.ENOSPC])
def test_a_disk_that_says_it_is_full_is_full_whatever_its_figures(rig, settings, notices, monkeypatch, error):
    """A quota: the disk has room, and this user has not."""
    ids = [put(settings.dir, NOW - timedelta(hours=9 - hour)) for hour in range(3)]
    write = os.write
    blocked = True

    def limited(descriptor: int, data) -> int:
        if blocked and Path(f"/proc/self/fd/{descriptor}").readlink().suffix == ".partial":
            raise OSError(error, os.strerror(error))
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", limited)
    one = rig(mode="continuous")
    play_until(one, lambda: len(notices.of("deleted")) == 2)
    assert [notice.segment_id for notice in notices.of("deleted")] == ids[:2], "the newest one stays"
    assert one.recorder.health().state == "degraded"
    blocked = False
    play_until(one, lambda: one.recorder.health().state == "ok")
    one.recorder.set_mode("manual")
    play_until(one, lambda: bool(notices.of("finished")))


@pytest.mark.parametrize("error", [errno.EIO, errno.EROFS])
def test_a_fault_is_over_when_something_was_written_and_synced(rig, notices, monkeypatch, error):
    """`os.access` and a look at the free space said that all was well, seconds after each failure."""
    broken = True

    def sync(_descriptor: int) -> None:
        if broken:
            raise OSError(error, os.strerror(error))

    monkeypatch.setattr(os, "fdatasync", sync)
    monkeypatch.setattr(os, "fsync", sync)
    one = rig(mode="manual")
    one.play(1.0)
    one.recorder.record(True)
    play_until(one, lambda: bool(notices.of("failed")))
    one.recorder.record(False)
    for _ in range(10):
        one.play(one.clock.time_s + 1.0)
        assert one.recorder.health().state == "degraded"
    broken = False
    wait_for(lambda: one.recorder.health().state == "ok")


def test_a_disk_that_becomes_read_only_is_told_until_it_can_be_written(rig, notices, mounted):
    path = mounted("size=50m")
    one = rig(mode="manual", dir=path / "recordings")
    one.play(2.0)
    subprocess.run(["mount", "-o", "remount,ro", path], check=True)
    one.recorder.record(True)
    play_until(one, lambda: bool(notices.of("failed")))
    one.recorder.record(False)
    for _ in range(10):
        one.play(one.clock.time_s + 1.0)
        assert "ead-only" in one.recorder.health().reason
    subprocess.run(["mount", "-o", "remount,rw", path], check=True)
    wait_for(lambda: one.recorder.health().state == "ok")


def test_the_recorder_never_deletes_itself(rig, settings, notices, monkeypatch):
    """With 6,000 segments and too little disk it hung for minutes: frames went lost, the process ended."""
    import threading

    from emoedge.record.store import Store

    for hour in range(3):
        put(settings.dir, NOW - timedelta(hours=hour))
    threads = set()
    enforce = Store.enforce

    def noted(self, *args, **kwargs):
        threads.add(threading.current_thread().name)
        return enforce(self, *args, **kwargs)

    monkeypatch.setattr(Store, "enforce", noted)
    one = rig(mode="continuous", min_free_bytes=10**18)
    play_until(one, lambda: bool(notices.of("failed")))
    assert len(notices.of("deleted")) == 3
    assert threads == {"housekeeping"}
