"""Names of segments, from outside too."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoedge.errors import RecordingError
from emoedge.files import partial_of
from emoedge.record.names import (
    is_segment_id,
    make_folder,
    remove_unfinished,
    remux_of,
    segment_files,
    started_of_id,
)
from emoedge.record.store import Store

from .test_store import NOW, put


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "/etc/passwd", "", ".", "20260101T000000Z-0123abcd/../x", "x" * 5000, "a\x00b", "*"],
)
def test_names_from_outside_cannot_leave_the_store(tmp_path, name):
    put(tmp_path, NOW)
    with pytest.raises(RecordingError, match="no segment"):
        Store(tmp_path).find(name)


@given(st.text())
def test_an_id_is_one_plain_file_name(name):
    if is_segment_id(name):
        assert Path(name).name == name
        assert name.isascii()


@pytest.mark.parametrize(
    ("segment_id", "started_s"),
    [
        ("20260101T000000Z-0123abcd", 1767225600.0),
        ("20260101T000001Z-0123abcd", 1767225601.0),
        ("20260230T000000Z-0123abcd", 0.0),
        ("20260101T250000Z-0123abcd", 0.0),
        ("19691231T235959Z-0123abcd", 0.0),
        ("x", 0.0),
    ],
)
def test_the_start_that_an_id_names(segment_id, started_s):
    assert started_of_id(segment_id) == started_s


@pytest.mark.parametrize("finished", [False, True])
def test_what_is_unfinished_goes_and_a_finished_segment_stays(tmp_path, finished):
    media = tmp_path / "segment.mp4"
    files = segment_files(media)
    for path in (*files, *map(partial_of, files), remux_of(media)):
        path.write_text("x")
    if not finished:
        media.unlink()
    remove_unfinished(media)
    assert set(tmp_path.iterdir()) == (set(files) if finished else set())


def test_a_file_that_cannot_be_removed_does_not_keep_the_others(tmp_path):
    media = tmp_path / "segment.mp4"
    remux_of(media).mkdir()
    partial_of(media).write_text("x")
    with pytest.raises(OSError, match="segment"):
        remove_unfinished(media)
    assert list(tmp_path.iterdir()) == [remux_of(media)]


def test_a_folder_of_the_store_is_neither_a_link_nor_a_file(tmp_path):
    make_folder(tmp_path / "store" / "2026-01-01")
    assert (tmp_path / "store" / "2026-01-01").is_dir()
    (tmp_path / "link").symlink_to(tmp_path / "store")
    with pytest.raises(RecordingError, match="is a link"):
        make_folder(tmp_path / "link")
    make_folder(tmp_path / "link", follow=True)
    (tmp_path / "file").write_text("x")
    with pytest.raises(RecordingError, match="is not a folder"):
        make_folder(tmp_path / "file")
