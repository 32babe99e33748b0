"""Purging: all of ours, and nothing else."""

from __future__ import annotations

from datetime import timedelta

from emoedge.files import partial_of
from emoedge.record.lock import hold
from emoedge.record.names import new_segment_id
from emoedge.record.store import Store

from .test_store import NOW, put


def test_purge_leaves_nothing_of_ours_and_everything_else(tmp_path):
    put(tmp_path, NOW)
    put(tmp_path, NOW - timedelta(days=3))
    folder = tmp_path / "2026-11-22"
    cut = folder / (new_segment_id(NOW) + ".mp4")
    partial_of(cut).write_bytes(b"cut off")
    (folder / f"{cut.stem}.mp4.remux.partial").write_bytes(b"half a copy")
    (folder / f"{new_segment_id(NOW)}.vtt").write_text("a stray sidecar")
    (folder / f"{new_segment_id(NOW)}.json.partial").write_text("another")
    (tmp_path / "2020-01-01").mkdir()
    (tmp_path / "notes.txt").write_text("the user's own")
    assert len(Store(tmp_path).purge()) == 3
    assert [path.name for path in tmp_path.rglob("*")] == ["notes.txt"]


def test_purge_leaves_the_segment_that_is_being_written(tmp_path):
    folder = tmp_path / "2026-11-22"
    folder.mkdir()
    media = folder / (new_segment_id(NOW) + ".mp4")
    partial_of(media).write_bytes(b"live")
    partial_of(media.with_suffix(".jsonl")).write_text("{}\n")
    with hold(partial_of(media)) as held:
        assert held
        assert Store(tmp_path).purge() == []
        assert len(list(folder.iterdir())) == 2
    assert Store(tmp_path).purge() == [media.stem]
    assert not folder.exists()


def test_purge_before_a_day(tmp_path):
    old, new = put(tmp_path, NOW - timedelta(days=3)), put(tmp_path, NOW)
    assert Store(tmp_path).purge(before=NOW - timedelta(days=1)) == [old]
    assert [segment.segment_id for segment in Store(tmp_path).segments()] == [new]
