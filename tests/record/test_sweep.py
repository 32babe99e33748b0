"""Sidecars without an MP4, and what retention passes over."""

from __future__ import annotations

from datetime import timedelta

from emoedge.files import partial_of
from emoedge.record import sweep
from emoedge.record.retention import Limits
from emoedge.record.store import Store

from .test_folder import media_of
from .test_store import NOW, put


def test_sidecars_without_a_video_are_deleted_by_retention_when_nothing_copies_them(tmp_path, monkeypatch):
    segment_id = put(tmp_path, NOW)
    media_of(tmp_path, segment_id).unlink()
    store = Store(tmp_path)
    swept = store.enforce(Limits(0, 0, 0), now=NOW, clock_synced=True)
    assert (swept.orphans, swept.waiting) == (0, 1), "a copy may be under way"
    assert store.usage()[1] > 0, "their bytes count"
    monkeypatch.setattr(sweep, "ORPHAN_AGE_S", -1.0)
    swept = store.enforce(Limits(0, 0, 0), now=NOW, clock_synced=True)
    assert (swept.orphans, swept.waiting) == (1, 0)
    assert list(tmp_path.iterdir()) == []


def test_what_belongs_to_a_partial_is_no_orphan(tmp_path, monkeypatch):
    monkeypatch.setattr(sweep, "ORPHAN_AGE_S", -1.0)
    segment_id = put(tmp_path, NOW)
    media = media_of(tmp_path, segment_id)
    media.rename(partial_of(media))
    Store(tmp_path).enforce(Limits(1, 1, 0), now=NOW + timedelta(days=9), clock_synced=True)
    assert len(list(media.parent.iterdir())) == 5


def test_sidecars_that_rsync_has_copied_before_the_video_stay_for_an_hour(tmp_path, monkeypatch):
    monkeypatch.setattr(sweep, "ORPHAN_AGE_S", -1.0)
    media = media_of(tmp_path, put(tmp_path, NOW))
    hidden = media.rename(media.with_name(f".{media.name}.Ab12Cd"))
    Store(tmp_path).enforce(Limits(0, 0, 0), now=NOW, clock_synced=True)
    assert len(list(media.parent.iterdir())) == 5
    monkeypatch.setattr(sweep, "COPY_AGE_S", -1.0)
    Store(tmp_path).enforce(Limits(0, 0, 0), now=NOW, clock_synced=True)
    assert not hidden.exists()
