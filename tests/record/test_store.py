"""The store: finding, deleting, names from outside."""

from __future__ import annotations

import json
import os
import threading
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from emoedge.errors import RecordingError
from emoedge.record.disk import probe, room_of
from emoedge.record.names import ALL_SUFFIXES, DELETED_SUFFIX, UNDO_S, new_segment_id
from emoedge.record.retention import Limits
from emoedge.record.store import Store

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=timezone.utc)
NO_LIMITS = Limits(keep_days=0, max_bytes=0, min_free_bytes=0)


def put(root: Path, started: datetime, size: int = 1000, *, synced: bool = True) -> str:
    """A segment of some bytes; its files say when it was recorded."""
    segment_id = new_segment_id(started)
    folder = root / started.strftime("%Y-%m-%d")
    folder.mkdir(parents=True, exist_ok=True)
    for suffix in ALL_SUFFIXES:
        (folder / f"{segment_id}{suffix}").write_bytes(b"x" * (size // len(ALL_SUFFIXES)))
    details = {"id": segment_id, "started": started.isoformat(), "clock_synced": synced}
    (folder / f"{segment_id}.json").write_text(json.dumps(details).ljust(size // len(ALL_SUFFIXES)))
    return segment_id


def test_list_and_find(tmp_path):
    ids = [put(tmp_path, NOW - timedelta(hours=hours)) for hours in (30, 2, 1)]
    store = Store(tmp_path)
    assert [segment.segment_id for segment in store.segments()] == ids
    assert [segment.segment_id for segment in store.segments("2026-11-22")] == ids[1:]
    assert store.find(ids[0]).media.parent.name == "2026-11-21"
    assert store.usage() == (3, 3000)


def test_the_newest_come_first_from_any_place_on(tmp_path):
    ids = [put(tmp_path, NOW - timedelta(days=days)) for days in (2, 1, 0)]
    store = Store(tmp_path)
    assert [segment.segment_id for segment in store.newest_first()] == ids[::-1]
    assert [segment.segment_id for segment in store.newest_first(ids[2])] == [ids[1], ids[0]]
    assert list(store.newest_first(ids[0])) == []
    store.find(ids[1]).media.unlink()
    assert [segment.segment_id for segment in store.newest_first(ids[1])] == [ids[0]]


def test_a_store_that_does_not_exist_is_empty(tmp_path):
    store = Store(tmp_path / "nowhere")
    assert store.segments() == []
    assert store.purge() == []
    assert store.room().bytes > 0


def test_a_link_in_the_store_is_not_followed(tmp_path):
    outside = tmp_path / "outside"
    victim = put(outside, NOW)
    store_dir = tmp_path / "store"
    (store_dir / "2026-11-22").mkdir(parents=True)
    media = next(outside.rglob("*.mp4"))
    (store_dir / "2026-11-22" / media.name).symlink_to(media)
    (store_dir / "2026-11-21").symlink_to(media.parent)
    store = Store(store_dir)
    assert store.segments() == []
    with pytest.raises(RecordingError):
        store.find(victim)
    store.purge()
    assert media.exists()


def test_reports_beside_the_video_go_with_it_and_count(tmp_path):
    """A page carries the whole video: what deletes the segment must delete it too."""
    segment_id, other = put(tmp_path, NOW), put(tmp_path, NOW + timedelta(seconds=1))
    folder = tmp_path / "2026-11-22"
    for suffix in (".html", ".png", ".eaf", ".report.json"):
        (folder / f"{segment_id}{suffix}").write_bytes(b"y" * 100)
    store = Store(tmp_path)
    segment = store.find(segment_id)
    assert segment.bytes == 1400
    store.delete(segment)
    assert {path.name.split(".")[0] for path in folder.iterdir()} == {other}


def test_age_needs_a_clock_that_can_be_believed(tmp_path):
    put(tmp_path, NOW - timedelta(days=40))
    store = Store(tmp_path)
    limits = Limits(keep_days=30, max_bytes=0, min_free_bytes=0)
    store.enforce(limits, now=NOW, clock_synced=False)
    assert len(store.segments()) == 1
    store.enforce(limits, now=NOW, clock_synced=True)
    assert store.segments() == []
    assert list(tmp_path.iterdir()) == []


def test_a_segment_from_a_time_without_clock_ages_from_when_the_clock_came(tmp_path):
    put(tmp_path, datetime(1970, 1, 2, tzinfo=timezone.utc), synced=False)
    limits = Limits(keep_days=30, max_bytes=0, min_free_bytes=0)
    Store(tmp_path).enforce(limits, now=NOW, clock_synced=True)
    assert len(Store(tmp_path).segments()) == 1, "no massacre when the clock is set"
    later = Store(tmp_path)
    later.enforce(limits, now=NOW + timedelta(days=29), clock_synced=True)
    assert len(later.segments()) == 1
    later.enforce(limits, now=NOW + timedelta(days=31), clock_synced=True)
    assert later.segments() == []


def test_size_limit_deletes_the_oldest_with_sidecars_and_tells(tmp_path):
    ids = [put(tmp_path, NOW - timedelta(hours=hours)) for hours in (30, 2, 1)]
    told = []
    store = Store(tmp_path)
    store.enforce(
        Limits(0, 2500, 0),
        now=NOW,
        clock_synced=True,
        deleted=lambda segment, reason: told.append((segment.segment_id, reason)),
    )
    assert told == [(ids[0], "size")]
    assert not (tmp_path / "2026-11-21").exists()
    assert [segment.segment_id for segment in store.segments()] == ids[1:]


def test_damaged_details_are_no_reason_to_fail(tmp_path):
    segment_id = put(tmp_path, NOW)
    next(tmp_path.rglob("*.json")).write_text("{ broken")
    store = Store(tmp_path)
    assert store.find(segment_id).details() == {}
    store.enforce(NO_LIMITS, now=NOW, clock_synced=True)
    assert len(store.segments()) == 1


def test_two_that_make_room_at_once_tell_each_deletion_once_and_leave_nothing(tmp_path):
    for hours in range(40):
        put(tmp_path, NOW - timedelta(hours=hours), synced=hours % 2 == 0)
    store, told, failures = Store(tmp_path), [], []

    def make_room():
        try:
            store.enforce(
                Limits(30, 5000, 0),
                now=NOW,
                clock_synced=True,
                deleted=lambda segment, _: told.append(segment.segment_id),
            )
        except OSError as error:
            failures.append(error)

    threads = [threading.Thread(target=make_room) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(told) == len(set(told))
    left = {segment.segment_id for segment in store.segments()}
    assert {path.name.split(".")[0] for path in tmp_path.rglob("*") if path.is_file()} == left


def test_a_segment_that_goes_while_it_is_looked_at_gets_no_sidecar(tmp_path, monkeypatch):
    put(tmp_path, NOW, synced=False)
    store = Store(tmp_path)
    store.segments()
    Store(tmp_path).purge()
    tmp_path.joinpath("2026-11-22").mkdir()
    monkeypatch.setattr(store, "refresh", lambda: None)
    store.enforce(Limits(30, 0, 0), now=NOW, clock_synced=True)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_link_to_a_disk_that_is_not_mounted_is_no_place_to_write(tmp_path):
    (tmp_path / "recordings").symlink_to(tmp_path / "disk")
    store = Store(tmp_path / "recordings")
    for act in (probe, room_of):
        with pytest.raises(RecordingError, match="does not exist"):
            act(store.root)
    (tmp_path / "disk").mkdir()
    probe(store.root)
    assert store.room().bytes > 0
    assert list((tmp_path / "disk").iterdir()) == []


def test_a_deleted_segment_is_out_of_sight_and_comes_back_or_goes(tmp_path):
    first, second, third = (put(tmp_path, NOW - timedelta(hours=hours)) for hours in (3, 2, 1))
    store = Store(tmp_path)
    store.keep(store.find(second))
    for segment_id in (first, second):
        store.hide(store.find(segment_id))
        with pytest.raises(RecordingError):
            store.find(segment_id)
    assert [segment.segment_id for segment in Store(tmp_path).segments()] == [third]
    store.hide(store.find(first, deleted=True), False)
    store.enforce(NO_LIMITS, now=NOW, clock_synced=True)
    assert store.find(second, deleted=True).is_kept, "it can still be taken back"
    mark = store.find(second, deleted=True).media.with_suffix(DELETED_SUFFIX)
    os.utime(mark, (time.time() - UNDO_S - 1,) * 2)
    gone = []
    store.enforce(
        NO_LIMITS, now=NOW, clock_synced=True, deleted=lambda one, _why: gone.append(one.segment_id)
    )
    assert gone == [second]
    assert [segment.segment_id for segment in store.segments()] == [first, third]
    assert not [path for path in tmp_path.rglob("*") if second in path.name]
