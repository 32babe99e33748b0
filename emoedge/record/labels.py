"""Labels that people gave to a recording: `<id>.labels.jsonl` beside it, one JSON object a line."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from emoedge.emotions import EMOTIONS, Emotion
from emoedge.errors import RecordingError
from emoedge.files import parse_json, read_small
from emoedge.record.names import LABELS_SUFFIX
from emoedge.record.sidecar import write_sidecar
from emoedge.translation import tr

MAX_BYTES: Final = 1_000_000
"""Largest file that is read or written: some thousand labels."""
MAX_NOTE: Final = 500
"""Characters of a note."""


@dataclass(frozen=True, slots=True)
class SegmentLabel:
    """One remark.

    Attributes:
        from_s, to_s: the part of the recording, seconds from its start, `from_s` <= `to_s`.
        emotion: what it was; None for "not what was named", or nothing that can be said.
        note: a remark in words, may be empty.
        time: when it was made, RFC 3339.
    """

    from_s: float
    to_s: float
    emotion: Emotion | None
    note: str = ""
    time: str = ""

    @classmethod
    def from_dict(cls, value: Any) -> SegmentLabel:
        """Read one; raises ValueError."""
        try:
            from_s, to_s, emotion, note = (
                value["from_s"],
                value["to_s"],
                value["emotion"],
                value.get("note", ""),
            )
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError("from_s, to_s and emotion are needed") from error
        for moment in (from_s, to_s):
            if isinstance(moment, bool) or not isinstance(moment, int | float) or not 0 <= moment < 1e6:
                raise ValueError("from_s and to_s are seconds from the start of the recording")
        if from_s > to_s:
            raise ValueError("from_s is after to_s")
        if emotion is not None and emotion not in EMOTIONS:
            raise ValueError(f"emotion is none of {', '.join(EMOTIONS)}")
        if not isinstance(note, str) or len(note) > MAX_NOTE:
            raise ValueError(f"note is not a text of at most {MAX_NOTE} characters")
        return cls(float(from_s), float(to_s), emotion, note, str(value.get("time", ""))[:40])

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready fields."""
        return {
            "time": self.time,
            "from_s": self.from_s,
            "to_s": self.to_s,
            "emotion": self.emotion,
            "note": self.note,
        }


def labels_file(media: Path) -> Path:
    """Return the path of the labels of a recording."""
    return media.with_suffix(LABELS_SUFFIX)


def read_labels(media: Path) -> list[SegmentLabel]:
    """The labels of a recording, oldest first; what cannot be understood is left out. Raises OSError."""
    try:
        text = read_small(labels_file(media), MAX_BYTES)
    except FileNotFoundError:
        return []
    except ValueError:
        return []  # too large, or not a file
    found = []
    for line in text.splitlines():
        try:
            found.append(SegmentLabel.from_dict(parse_json(line)))
        except ValueError:
            continue
    return found


def add_label(media: Path, label: SegmentLabel) -> int:
    """Add a label to those of a recording and return how many there are; raises RecordingError, OSError."""
    labels = [*read_labels(media), label]
    lines = [json.dumps(one.to_dict(), ensure_ascii=False) for one in labels]
    data = "".join(f"{line}\n" for line in lines).encode()
    if len(data) > MAX_BYTES:
        raise RecordingError(
            tr("{name} is full", name=labels_file(media).name), tr("delete it, or the recording")
        )
    write_sidecar(labels_file(media), data)
    return len(labels)


def prevailing_label(media: Path) -> Emotion | None:
    """The emotion that people gave to most of a recording; None where they gave none."""
    seconds: dict[Emotion, float] = {}
    try:
        labels = read_labels(media)
    except OSError:
        return None
    for label in labels:
        if label.emotion is not None:
            seconds[label.emotion] = seconds.get(label.emotion, 0.0) + label.to_s - label.from_s
    return max(seconds, key=lambda emotion: seconds[emotion], default=None)
