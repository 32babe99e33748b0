"""Snapshots: whole, bounded, gone after a purge."""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone

import cv2
import numpy as np
import pytest

from emoedge.clock import MediaClock
from emoedge.errors import RecordingError
from emoedge.frames import Frame
from emoedge.record import snapshots
from emoedge.record.housekeeping import Housekeeping
from emoedge.record.snapshots import Snapshots
from emoedge.record.store import Store

NOW = datetime(2026, 5, 1, tzinfo=timezone.utc)


class SyncedClock(MediaClock):
    """One that may be believed, or not."""

    believed = True

    def synchronized(self) -> bool:
        return self.believed


def red_frame():
    data = np.zeros((48, 64, 3), np.uint8)
    data[..., 2] = 255
    return Frame(0.0, data, "bgr", 64, 48)


def test_keeps_the_picture_with_its_colours(tmp_path):
    path = Snapshots(tmp_path / "new", 30).keep(red_frame(), NOW, clock_synced=True)
    picture = cv2.imread(str(path))
    assert picture.shape == (48, 64, 3)
    assert picture[..., 2].mean() > 240
    assert picture[..., 0].mean() < 15
    assert path.stat().st_mode & 0o777 == 0o640


def test_bounded_in_number(tmp_path, monkeypatch):
    monkeypatch.setattr(snapshots, "MAX_KEPT", 3)
    store = Snapshots(tmp_path, 0)
    kept = [store.keep(red_frame(), NOW + timedelta(seconds=i), clock_synced=True) for i in range(5)]
    assert sorted((tmp_path / "snapshots").iterdir()) == sorted(kept[2:])


def test_old_ones_go_only_while_the_clock_can_be_believed(tmp_path):
    store = Snapshots(tmp_path, 30)
    old = store.keep(red_frame(), NOW, clock_synced=True)
    long_ago = (NOW - timedelta(days=31)).timestamp()
    os.utime(old, (long_ago, long_ago))
    store.keep(red_frame(), NOW, clock_synced=False)
    assert old.exists()
    store.keep(red_frame(), NOW, clock_synced=True)
    assert not old.exists()


def test_the_newest_stays_whatever_the_clocks_say(tmp_path):
    store = Snapshots(tmp_path, 30)
    # The file system's clock is behind by a year.
    path = store.keep(red_frame(), datetime.now(timezone.utc) + timedelta(days=365), clock_synced=True)
    assert path.exists()


def test_purge_leaves_nothing(tmp_path):
    store = Snapshots(tmp_path, 30)
    store.keep(red_frame(), NOW, clock_synced=True)
    Store(tmp_path).purge()
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_a_clear_error(tmp_path):
    (tmp_path / "snapshots").write_text("in the way")
    with pytest.raises(RecordingError, match="not a folder"):
        Snapshots(tmp_path, 30).keep(red_frame(), NOW, clock_synced=True)


def test_old_ones_go_without_a_new_one(tmp_path, settings):
    """They went only when another one was made: the last one stayed for ever."""
    store = Snapshots(settings.dir, 30)
    old, young = (store.keep(red_frame(), NOW, clock_synced=False) for _ in range(2))
    long_ago = (NOW - timedelta(days=31)).timestamp()
    os.utime(old, (long_ago, long_ago))
    os.utime(young, (NOW.timestamp(), NOW.timestamp()))
    clock = SyncedClock(NOW)
    housekeeping = Housekeeping(
        Store(settings.dir), settings.model_copy(update={"keep_days": 30.0}), clock, "es", print
    )
    clock.believed = False
    housekeeping._sweep()
    assert old.exists(), "a clock that cannot be believed deletes nothing"
    clock.believed = True
    housekeeping._sweep()
    assert (old.exists(), young.exists()) == (False, True)


def test_one_from_a_time_without_a_clock_is_dated_by_the_first_that_can_be_believed(tmp_path):
    store = Snapshots(tmp_path, 30)
    path = store.keep(red_frame(), NOW, clock_synced=False)
    os.utime(path, (3600.0, 3600.0))
    store.sweep(NOW)
    assert path.stat().st_mtime == NOW.timestamp()
    store.sweep(NOW + timedelta(days=31))
    assert not path.exists()
