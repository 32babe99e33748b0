"""Faults of the disk: analysis goes on, the fault is told, recording comes back by itself."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import threading
import time

import pytest

from emoedge.backoff import Backoff
from emoedge.clock import MediaClock
from emoedge.files import partial_of
from emoedge.record import disk_fault
from emoedge.record import housekeeping as housekeeping_module
from emoedge.record import recorder as recorder_module
from emoedge.record.recorder import Recorder

from .helpers import FPS, clip, media_facts, wait_for
from .test_recorder import Rig


@pytest.fixture
def quick_retry(monkeypatch):
    monkeypatch.setattr(disk_fault, "RETRY", Backoff(first_s=0.1, longest_s=60.0, jitter=0.0))
    monkeypatch.setattr(recorder_module, "DISK_CHECK_S", 0.05)
    monkeypatch.setattr(housekeeping_module, "FAULTY_SWEEP_S", 0.1)


@pytest.fixture
def rig(settings, notices, quick_retry):
    made = []

    def make(**kwargs):
        made.append(Rig(settings.model_copy(update=kwargs), notices))
        return made[-1]

    yield make
    for one in made:
        one.recorder.stop()


def test_vanished_directory_is_made_again(rig, settings, notices):
    one = rig(mode="continuous")
    one.play(2.0)
    notices.wait("started")
    shutil.rmtree(settings.dir)
    one.recorder.set_mode("manual")
    one.play(3.0)
    assert "could not" in one.recorder.health().reason or notices.wait("failed")
    one.recorder.record(True)
    one.play(5.0)
    one.recorder.record(False)
    one.play(6.0)
    done = notices.wait("finished")[-1]
    assert len(media_facts(done.path)["video"]) > 20


def test_a_moved_directory_is_noticed_while_the_segment_is_written(rig, settings, notices, tmp_path):
    """Words said until the end of the segment went into a file that was never finished."""
    one = rig(mode="continuous")
    one.play(2.0)
    notices.wait("started")
    settings.dir.rename(tmp_path / "moved")
    one.play(4.0)
    assert "moved or deleted" in notices.wait("failed")[0].reason
    wait_for(lambda: list(settings.dir.rglob("*.mp4.partial")))
    one.play(6.0)
    one.recorder.set_mode("manual")
    one.play(8.0)
    assert notices.wait("finished")[-1].path.is_relative_to(settings.dir)


def test_unwritable_directory_degrades_and_recovers(rig, settings, notices, tmp_path):
    """A file where the directory should be: not even root can write there."""
    settings.dir.parent.mkdir(exist_ok=True)
    settings.dir.write_text("in the way")
    one = rig(mode="continuous")
    one.play(1.0)
    failed = notices.wait("failed")[0]
    assert failed.reason
    assert one.recorder.health().state == "degraded"
    one.play(2.0)
    settings.dir.unlink()
    wait_for(lambda: one.recorder._segment is not None)
    one.play(5.0)
    one.recorder.set_mode("off")
    one.play(6.0)
    done = notices.wait("finished")[0]
    assert done.duration_s > 3.0
    assert len(notices.of("failed")) == 1, "the same fault is told once"


def test_too_little_free_space_is_refused_with_a_remedy(rig, notices):
    one = rig(mode="manual", min_free_bytes=10**18)
    one.recorder.record(True)
    one.play(1.0)
    reason = notices.wait("failed")[0].reason
    assert "disk full" in reason
    assert "min_free_bytes" in reason
    health = one.recorder.health()
    assert (health.state, health.reason) == ("degraded", reason)
    assert notices.of("started") == []


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 1 MB; needs the right to mount."""
    path = tmp_path / "small"
    path.mkdir()
    if (
        os.geteuid()
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", path], check=False).returncode
    ):
        pytest.skip("cannot mount a small file system here")
    yield path
    subprocess.run(["umount", "-l", path], check=True)


def test_disk_that_fills_up_keeps_what_was_written_and_goes_on_later(rig, notices, small_disk):
    ballast = small_disk / "ballast"
    one = rig(mode="continuous", dir=small_disk / "recordings")
    one.play(4.0)
    notices.wait("started")
    free = shutil.disk_usage(small_disk).free
    ballast.write_bytes(bytes(free - 8192))
    one.play(12.0)
    failed = notices.wait("failed")[0]
    assert "No space left" in failed.reason
    assert one.recorder.health().state == "degraded"
    first = notices.wait("finished")[0]
    assert first.duration_s > 2.0
    assert len(media_facts(first.path)["video"]) > 25
    ballast.unlink()
    wait_for(lambda: one.recorder._segment is not None)
    one.play(15.0)
    one.recorder.set_mode("off")
    one.play(16.0)
    last = notices.wait("finished", 2)[-1]
    assert last.segment_id != first.segment_id
    assert len(media_facts(last.path)["video"]) > 15
    wait_for(lambda: one.recorder.health().state == "off")
    assert not list(small_disk.glob("recordings/*/*.partial"))


def test_start_on_a_full_disk(settings, notices, small_disk, quick_retry):
    (small_disk / "ballast").write_bytes(bytes(shutil.disk_usage(small_disk).free))
    one = Rig(settings.model_copy(update={"mode": "continuous", "dir": small_disk / "recordings"}), notices)
    one.play(1.0)
    notices.wait("failed")
    assert one.recorder.thread.is_alive
    assert one.recorder.stop()


def test_partials_of_a_crash_are_recovered_at_start_and_empty_ones_removed(settings, notices):
    first = Recorder(settings, clock=MediaClock(), fps=FPS, on_change=notices)
    day = settings.dir / "1970-01-01"
    day.mkdir(parents=True)
    empty = day / "19700101T000000Z-00000000.mp4"
    partial_of(empty).write_bytes(b"")
    partial_of(empty.with_suffix(".json")).write_text("{")
    garbage = day / "19700101T000000Z-11111111.mp4"
    partial_of(garbage).write_bytes(os.urandom(5000))
    cut = day / "19700101T000000Z-22222222.mp4"
    from emoedge.record.mux import SegmentWriter, VideoFormat

    from .helpers import HEIGHT, WIDTH

    writer = SegmentWriter(partial_of(cut), 0.0, VideoFormat(WIDTH, HEIGHT, FPS), sound=False)
    for item in clip(0.0, 4.0):
        if hasattr(item, "layout"):
            writer.write_frame(item)
    written = partial_of(cut).read_bytes()
    writer.close()
    partial_of(cut).write_bytes(written[:-100])
    first.start()
    done = notices.wait("finished")
    assert first.stop()
    assert [notice.segment_id for notice in done] == [cut.stem]
    assert done[0].reason == "recovered"
    assert done[0].duration_s > 1.5
    left = {path.name for path in day.iterdir()}
    assert left == {cut.stem + suffix for suffix in (".mp4", ".json", ".vtt", ".jpg")}


def test_a_disk_that_stays_full_is_told_once_and_tried_ever_more_seldom(rig, notices, small_disk):
    one = rig(mode="continuous", dir=small_disk / "recordings")
    one.play(3.0)
    notices.wait("started")
    (small_disk / "ballast").write_bytes(bytes(shutil.disk_usage(small_disk).free - 4096))
    one.play(8.0)
    notices.wait("failed")
    for second in range(9, 30):
        one.play(float(second))
        time.sleep(0.03)
        assert one.recorder.health().state == "degraded"
    # A second segment may still have got its first bytes onto the disk.
    assert len([change for change in notices.of("failed") if "No space" in change.reason]) <= 3


def test_the_mode_of_a_directory_that_exists_is_left_alone(rig, settings, notices):
    """The installer lets the folder hand its group on; recording must not undo that."""
    settings.dir.mkdir(parents=True)
    settings.dir.chmod(0o2770)
    one = rig(mode="continuous")
    one.play(2.0)
    one.recorder.set_mode("off")
    one.play(3.0)
    done = notices.wait("finished")[0]
    assert stat.S_IMODE(settings.dir.stat().st_mode) == 0o2770
    assert stat.S_IMODE(done.path.parent.stat().st_mode) == 0o2750


def test_a_fault_ends_in_health_when_nothing_is_in_the_way_any_more(rig, settings, notices):
    settings.dir.parent.mkdir(exist_ok=True)
    settings.dir.write_text("in the way")
    one = rig()
    one.recorder.record(True)
    one.play(1.0)
    notices.wait("failed")
    one.recorder.record(False)
    one.play(2.0)
    assert one.recorder.health().state == "degraded"
    settings.dir.unlink()
    settings.dir.mkdir()
    wait_for(lambda: one.recorder._fault.reason == "")


def test_a_fault_nobody_thought_of_does_not_end_housekeeping(rig, notices, monkeypatch):
    """A `keep_days` beyond the calendar ended its thread: no segment was finished, `health` was ok."""
    from emoedge.record.store import Store

    def stumble(*_args, **_kwargs):
        raise OverflowError("nobody thought of it")

    with monkeypatch.context() as broken:
        broken.setattr(Store, "enforce", stumble)
        one = rig(mode="manual")
        wait_for(lambda: one.recorder.health().state == "degraded")
        assert "nobody thought of it" in one.recorder.health().reason
    one.play(2.0)
    one.recorder.record(True)
    one.play(4.0)
    one.recorder.record(False)
    one.play(5.0)
    notices.wait("finished")


@pytest.mark.parametrize(
    ("there", "said"), [("link", "is a link to .*, which does not exist"), ("file", "not a folder")]
)
def test_what_is_no_folder_is_named_as_it_is(rig, settings, notices, tmp_path, there, said):
    """A link to a disk that is not mounted: `health` said ok after "File exists"."""
    settings.dir.parent.mkdir(exist_ok=True)
    elsewhere = tmp_path / "disk"
    if there == "link":
        settings.dir.symlink_to(elsewhere)
    else:
        settings.dir.write_text("no folder")
    one = rig(mode="manual")
    one.play(2.0)
    one.recorder.record(True)
    one.play(4.0)
    assert re.search(said, notices.wait("failed")[-1].reason)
    time.sleep(0.3)
    assert one.recorder.health().state == "degraded"
    settings.dir.unlink()
    one.recorder.record(False)
    wait_for(lambda: one.recorder.health().state == "ok")


def test_recovery_leaves_a_segment_alone_that_is_being_begun(rig, settings, notices, monkeypatch):
    """In six hours it was deleted once, in the moment between its file being made and being locked."""
    from emoedge.record import segment as segment_module
    from emoedge.record.names import share_with_group as share
    from emoedge.record.recover import recover

    made, go_on = threading.Event(), threading.Event()

    def slowly(path):
        made.set()
        go_on.wait(60)
        share(path)

    monkeypatch.setattr(segment_module, "share_with_group", slowly)
    one = rig(mode="continuous")
    playing = threading.Thread(target=one.play, args=(2.0,))
    playing.start()
    assert made.wait(60)
    looking = threading.Thread(target=lambda: list(recover(one.recorder.store, "es")))
    looking.start()
    looking.join(0.5)
    go_on.set()
    looking.join(60)
    playing.join(60)
    one.recorder.set_mode("manual")
    one.play(6.0)
    notices.wait("finished")
    assert notices.of("failed") == []
