"""What people said of a recording: kept beside it, read as foreign input."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from emoedge.errors import RecordingError
from emoedge.record import labels as module
from emoedge.record.labels import SegmentLabel, add_label, labels_file, prevailing_label, read_labels


def test_labels_are_kept_in_order_and_read_back(tmp_path: Path) -> None:
    media = tmp_path / "20261122T091000Z-1a2b3c4d.mp4"
    assert read_labels(media) == []
    first = SegmentLabel(0.0, 2.5, "sadness", "señal de que no", "2026-11-22T09:11:00.000Z")
    assert add_label(media, first) == 1
    assert add_label(media, SegmentLabel(3.0, 4.0, None)) == 2
    assert read_labels(media) == [first, SegmentLabel(3.0, 4.0, None)]
    assert labels_file(media).name == "20261122T091000Z-1a2b3c4d.labels.jsonl"
    assert labels_file(media).stat().st_mode & 0o777 == 0o640


def test_what_covers_most_prevails(tmp_path: Path) -> None:
    media = tmp_path / "a.mp4"
    assert prevailing_label(media) is None
    for label in (SegmentLabel(0, 9, None), SegmentLabel(0, 2, "anger"), SegmentLabel(2, 3, "fear"),
                  SegmentLabel(5, 7, "fear")):  # fmt: skip
        add_label(media, label)
    assert prevailing_label(media) == "fear"


@pytest.mark.parametrize(
    "value",
    [
        {},
        [],
        None,
        "x",
        {"from_s": 1, "to_s": 2},
        {"from_s": 2, "to_s": 1, "emotion": "anger"},
        {"from_s": -1, "to_s": 1, "emotion": "anger"},
        {"from_s": float("nan"), "to_s": 1, "emotion": "anger"},
        {"from_s": True, "to_s": 1, "emotion": "anger"},
        {"from_s": 0, "to_s": 1e300, "emotion": "anger"},
        {"from_s": 0, "to_s": 1, "emotion": "joy"},
        {"from_s": 0, "to_s": 1, "emotion": "anger", "note": "x" * 501},
        {"from_s": 0, "to_s": 1, "emotion": "anger", "note": 7},
        {"from_s": 0, "to_s": 1, "emotion": []},
    ],
)
def test_what_is_wrong_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"from_s|emotion|note"):
        SegmentLabel.from_dict(value)


def test_a_damaged_file_costs_its_damaged_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    media = tmp_path / "a.mp4"
    add_label(media, SegmentLabel(0, 1, "anger"))
    with labels_file(media).open("ab") as file:
        file.write(b'\xff\n{"from_s"\n' + b"[" * 10_000 + b"\n")
    add_label(media, SegmentLabel(1, 2, "fear"))
    assert [label.emotion for label in read_labels(media)] == ["anger", "fear"]
    monkeypatch.setattr(module, "MAX_BYTES", 300)
    add_label(media, SegmentLabel(2, 3, "fear"))
    with pytest.raises(RecordingError, match="full"):
        add_label(media, SegmentLabel(3, 4, "fear", "x" * 200))
