"""emoedge recordings."""

from __future__ import annotations

import pytest

from .program import emoedge, lines_of


def test_recordings_are_listed_with_their_length(tmp_path):
    """The sidecar's key had another name than the list asked for: "? s"."""
    folder = tmp_path / "2026-11-22"
    folder.mkdir()
    (folder / "20261122T091000Z-1a2b3c4d.mp4").write_bytes(b"media")
    (folder / "20261122T091000Z-1a2b3c4d.json").write_text('{"duration": 12.34}', encoding="utf-8")
    there = {"EMOEDGE_RECORDING__DIR": str(tmp_path)}
    header, line = emoedge("recordings", "list", **there).stdout.splitlines()
    assert header.split() == ["TIME", "ID", "LENGTH", "EMOTION", "SIZE"]
    assert " 12.3 s " in line
    assert len(line) <= 80
    assert lines_of(emoedge("recordings", "list", "--json", **there))[0]["duration"] == 12.34


def test_the_list_has_emotion_local_time_snapshots_and_what_is_being_written(tmp_path):
    folder, snapshots = tmp_path / "2026-11-22", tmp_path / "snapshots"
    folder.mkdir()
    snapshots.mkdir()
    (folder / "20261122T091000Z-1a2b3c4d.mp4").write_bytes(b"media")
    (folder / "20261122T091000Z-1a2b3c4d.json").write_text('{"duration": 12.34, "emotion": "sadness"}')
    (folder / "20261122T092000Z-1a2b3c4d.mp4.partial").write_bytes(b"media")
    (snapshots / "20261122T093000Z-1a2b3c4d.jpg").write_bytes(b"picture")
    there = {"EMOEDGE_RECORDING__DIR": str(tmp_path), "TZ": "America/Bogota", "EMOEDGE_LANGUAGE": "en"}
    lines = emoedge("recordings", "list", **there).stdout.splitlines()
    assert "sadness" in lines[1]
    assert lines[1].startswith("2026-11-22 04:10")
    assert lines[2].endswith("writing")
    assert "picture" in lines[3]
    rows = lines_of(emoedge("recordings", "list", "--json", **there))
    assert [row["type"] for row in rows] == ["segment", "segment", "snapshot"]
    assert [row.get("state") for row in rows] == ["finished", "writing", None]
    assert rows[0]["emotion"] == "sadness"
    assert rows[0]["time"] == "2026-11-22T04:10:00-05:00"
    assert rows[1]["path"].endswith(".mp4.partial")


@pytest.mark.parametrize("day", ["mañana", "2026-02-30", "20261122", "", "22/11/2026"])
@pytest.mark.parametrize("command", [("recordings", "list"), ("report",)])
def test_what_is_not_a_day_is_refused(command, day, tmp_path):
    result = emoedge(*command, "--day", day, EMOEDGE_RECORDING__DIR=str(tmp_path))
    assert result.returncode == 2
    assert "is not a day" in result.stderr
    assert result.stdout == ""
