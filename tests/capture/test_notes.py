"""Remarks about a medium."""

from __future__ import annotations

from emoedge.capture.notes import Notes


def test_a_remark_is_kept_and_logged_once(caplog):
    notes = Notes("clip.mp4")
    for text in ("one", "two", "one"):
        notes.add(text)
    assert notes.texts == ["one", "two"]
    assert [record.getMessage() for record in caplog.records] == ["clip.mp4: one", "clip.mp4: two"]
