"""An error of the disk at every call that writes: nothing ends, nothing that was safe is lost, nothing stays.

The calls of the kernel that change a disk are counted in a whole life of the store (a segment is recorded,
finished, kept, limits are applied); then the same life is lived once for each call and each error.
"""

from __future__ import annotations

import builtins
import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from emoedge.backoff import Backoff
from emoedge.clock import MediaClock
from emoedge.files import PARTIAL
from emoedge.frames import AudioBlock
from emoedge.outcomes import FusedState
from emoedge.record import disk_fault
from emoedge.record import housekeeping as housekeeping_module
from emoedge.record import recorder as recorder_module
from emoedge.record import segment as segment_module
from emoedge.record import sweep as sweep_module
from emoedge.record.recorder import Recorder
from emoedge.record.retention import Limits

from .helpers import FPS, Notices, clip
from .test_store import NOW, put

CALLS = ["open", "write", "fsync", "fdatasync", "replace", "rename", "unlink"]
CALLS += ["mkdir", "rmdir", "fchmod", "truncate"]
ERRORS = (errno.ENOSPC, errno.EIO, errno.EACCES)
SECONDS = 1.5


class Faults:
    """Lets one of the calls that write below a folder fail."""

    def __init__(self, root: Path) -> None:
        self._root = str(root)
        self.count = 0
        self.at = -1
        self.last = -1
        self.error = 0
        self.name = ""

    def hit(self, name: str, *about: object) -> None:
        if not any(self._is_below(one) for one in about):
            return
        if self.at <= self.count <= self.last:
            self.name = name
            self.count += 1
            raise OSError(self.error, os.strerror(self.error))
        self.count += 1

    def _is_below(self, about: object) -> bool:
        if isinstance(about, int) and not isinstance(about, bool):
            try:
                return str(Path(f"/proc/self/fd/{about}").readlink()).startswith(self._root)
            except OSError:
                return False
        return isinstance(about, (str, os.PathLike)) and str(about).startswith(self._root)


@contextmanager
def faults_below(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Faults]:
    faults = Faults(root)

    def failing(name: str, original: Callable) -> Callable:
        def call(*args, **kwargs):
            is_reading = name == "open" and not args[1] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            if not is_reading:
                faults.hit(name, args[0], kwargs.get("dir_fd"), kwargs.get("src_dir_fd"))
            # What is synced for real takes most of the time, and no power is cut here.
            return None if name in ("fsync", "fdatasync") else original(*args, **kwargs)

        return call

    class Written:
        """The timeline, whose writes do not go through `os`."""

        def __init__(self, file) -> None:
            self._file = file

        def write(self, text: str) -> int:
            faults.hit("timeline.write", self._file.name)
            return self._file.write(text)

        def flush(self) -> None:
            faults.hit("timeline.flush", self._file.name)
            self._file.flush()

        def close(self) -> None:
            self._file.close()
            faults.hit("timeline.close", self._file.name)

        def fileno(self) -> int:
            return self._file.fileno()

    def opened(*args, **kwargs) -> Written:
        return Written(builtins.open(*args, **kwargs))  # noqa: PTH123 - it is the segment's

    with monkeypatch.context() as patched:
        for name in CALLS:
            patched.setattr(os, name, failing(name, getattr(os, name)))
        patched.setattr(segment_module, "open", opened, raising=False)
        patched.setattr(disk_fault, "RETRY", Backoff(first_s=1e-9, longest_s=1e-9, jitter=0.0))
        patched.setattr(recorder_module, "DISK_CHECK_S", 0.0)
        patched.setattr(segment_module, "TIMELINE_SYNC_S", 0.0)
        patched.setattr(housekeeping_module, "ROOM_WAIT_S", 0.0)
        yield faults


class Life:
    """A recorder and its housekeeping without their threads, in a store with an older segment."""

    def __init__(self, settings, notices) -> None:
        self.root = settings.dir
        self.old = put(settings.dir, NOW)
        # A disk that says that it is full has the oldest deleted: not this one.
        (settings.dir / "2026-11-22" / f"{self.old}.keep").touch()
        self.older = {path: path.read_bytes() for path in self.root.rglob("*") if path.is_file()}
        put(settings.dir, NOW.replace(month=2))
        self.clock = MediaClock(NOW)
        self.notices = notices
        self.recorder = Recorder(settings, clock=self.clock, fps=FPS, on_change=notices, expects_video=False)
        self.housekeeping = self.recorder._housekeeping

    def live(self) -> None:
        self.housekeeping._sweep()
        self.play(1.0)
        self.recorder.record(True)
        self.play(1.0 + SECONDS)
        self.recorder.record(False)
        self.play(2.0 + SECONDS)
        store = self.recorder.store
        for segment in store.segments():
            if not segment.is_kept:
                with suppress(OSError):  # the command says so
                    store.keep(segment)
                    store.keep(segment, False)
        self.housekeeping._sweep()
        store.enforce(Limits(30, 0, 0), now=NOW, clock_synced=True)
        store.save_index()

    def play(self, until_s: float) -> None:
        at_s = self.clock.time_s
        items = [item for item in clip(at_s, until_s - at_s) if isinstance(item, AudioBlock)]
        for start in range(0, len(items), 5):
            for item in items[start : start + 5]:
                self.recorder.offer_sound(item)
            self.clock.advance(items[min(start + 5, len(items)) - 1].time_s)
            self.recorder.offer_state(FusedState(self.clock.time_s, None, "happiness", 0.8, None))
            self.recorder._turn(self.recorder._input_queue.take(0), False)
            self.work()
        self.clock.advance(until_s)
        self.recorder._turn(self.recorder._input_queue.take(0), False)
        self.work()

    def work(self) -> None:
        """Do what waits for housekeeping."""
        while not self.housekeeping._jobs.empty():
            job = self.housekeeping._jobs.get_nowait()
            if isinstance(job, float):
                self.housekeeping._sweep()
            elif job is not None:
                job()

    def check(self) -> None:
        """The disk is well again: two sweeps later all is well and nothing is left of what failed."""
        recorder, store = self.recorder, self.recorder.store
        with pytest.MonkeyPatch.context() as patched:
            # Half a minute has passed, after which sidecars without a video are deleted.
            patched.setattr(sweep_module, "ORPHAN_AGE_S", 0.0)
            store.enforce(Limits(30, 0, 0), now=NOW, clock_synced=True)
            for _ in range(2):
                recorder._turn([], False)
                self.work()
                self.housekeeping._sweep()
        store.save_index()
        health = recorder.health()
        assert (health.state, health.reason) == ("ok", "")
        assert [path.name for path in self.root.rglob(f"*{PARTIAL}")] == []
        for path, data in self.older.items():
            assert path.read_bytes() == data, "an older segment is as it was"
        segments = {segment.segment_id: segment for segment in store.segments()}
        assert self.old in segments
        for name, segment in segments.items():
            if name != self.old:
                assert segment.media.with_suffix(".json").is_file(), "a segment has its details"
        listed = {path.name.split(".")[0] for path in self.root.glob("*/*")}
        assert listed == set(segments), "files of no segment are left"
        assert store.usage()[1] == sum(path.stat().st_size for path in self.root.glob("*/*")), (
            "the index fits the disk"
        )


@pytest.fixture
def life(settings, tmp_path) -> Callable[[], Life]:
    made = 0

    def make() -> Life:
        nonlocal made
        made += 1
        folder = tmp_path / f"life{made}"
        return Life(settings.model_copy(update={"dir": folder}), Notices())

    return make


def calls_of(life: Callable[[], Life], monkeypatch: pytest.MonkeyPatch) -> int:
    one = life()
    with faults_below(one.root, monkeypatch) as faults:
        one.live()
    one.check()
    assert len(one.notices.of("finished")) == 1
    assert faults.count > 50
    return faults.count


@pytest.mark.parametrize("share", [3, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("error", ERRORS, ids=[errno.errorcode[one] for one in ERRORS])
def test_an_error_at_every_call_that_writes(life, monkeypatch, error, share):
    """The quick run has each call fail with one of the errors, the slow one with all of them."""
    for at in range(ERRORS.index(error) % share, calls_of(life, monkeypatch), share):
        one = life()
        with faults_below(one.root, monkeypatch) as faults:
            faults.at = faults.last = at
            faults.error = error
            one.live()
        try:
            one.check()
        except AssertionError as fault:
            raise AssertionError(f"{errno.errorcode[error]} at call {at}, {faults.name}: {fault}") from fault


@pytest.mark.parametrize("error", ERRORS, ids=[errno.errorcode[one] for one in ERRORS])
def test_a_disk_that_fails_for_a_while(life, monkeypatch, error):
    count = calls_of(life, monkeypatch)
    for at in range(0, count, 7):
        one = life()
        with faults_below(one.root, monkeypatch) as faults:
            faults.at, faults.last = at, at + 30
            faults.error = error
            one.live()
        try:
            one.check()
        except AssertionError as fault:
            raise AssertionError(f"{errno.errorcode[error]} from call {at} on: {fault}") from fault
