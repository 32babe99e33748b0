"""The timeline of a segment (`<id>.jsonl`) and the subtitles made of it. The functions are pure.

One JSON object a line: `{"t": seconds from the start of the segment, "topic": …, "payload": …}`.
`topic` is the last part of the MQTT topic for published messages; "state" is the fused state at a few
hertz and "transcript" the words with their times: both stay on the device.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from emoedge.emotions import EMOTIONS, Emotion, Language, display_name

STATE_TOPICS: Final = ("state", "emotion")
MIN_CUE_S: Final = 0.6
"""Nobody reads a subtitle that flickers past faster."""
HOLD_S: Final = 15.0
"""A state nobody renewed for so long says nothing any more (the slowest stream is one in ten seconds)."""


@dataclass(frozen=True, slots=True)
class Cue:
    """One subtitle: seconds from the start of the segment."""

    start_s: float
    end_s: float
    text: str


def timeline_row(t: float, topic: str, payload: Any) -> str:
    """One line of the timeline, with its line feed."""
    return json.dumps({"t": round(t, 3), "topic": topic, "payload": payload}, ensure_ascii=False) + "\n"


def read_timeline(text: str) -> list[dict[str, Any]]:
    """The rows of a timeline in order; lines that a power cut left unfinished are passed over."""
    rows = []
    for line in text.splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if (
            isinstance(row, dict)
            and isinstance(row.get("t"), (int, float))
            and isinstance(row.get("topic"), str)
        ):
            rows.append(row)
    rows.sort(key=lambda row: row["t"])
    return rows


def emotion_cues(rows: Iterable[Mapping[str, Any]], duration_s: float, language: Language) -> list[Cue]:
    """Subtitles such as "alegría 82 %" for a segment of `duration_s`; none where there is no emotion.

    Args:
        rows: of the timeline, in order of time.
        duration_s: length of the segment.
        language: of the names.
    """
    return [
        Cue(start, end, f"{display_name(emotion, language)} {round(100 * confidence)} %")
        for start, end, emotion, confidence in _steady(_runs(rows, duration_s))
        if emotion is not None and end > start
    ]


def webvtt(cues: Iterable[Cue]) -> str:
    """The cues as a WebVTT file (W3C, https://www.w3.org/TR/webvtt1/)."""
    blocks = [f"{_stamp(cue.start_s)} --> {_stamp(cue.end_s)}\n{cue.text}\n" for cue in cues]
    return "\n".join(["WEBVTT\n", *blocks])


def subrip(cues: Iterable[Cue]) -> str:
    """The cues as a SubRip file, which every player reads."""
    blocks = [
        f"{number}\n{_stamp(cue.start_s, ',')} --> {_stamp(cue.end_s, ',')}\n{cue.text}\n"
        for number, cue in enumerate(cues, 1)
    ]
    return "\n".join(blocks)


_Run = tuple[float, float, Emotion | None, float]


def _runs(rows: Iterable[Mapping[str, Any]], duration_s: float) -> list[_Run]:
    """Stretches of one emotion with its mean confidence: start, end, emotion, confidence."""
    points: list[tuple[float, Emotion | None, float]] = []
    for row in rows:
        payload = row.get("payload")
        if row["topic"] not in STATE_TOPICS or not isinstance(payload, Mapping):
            continue
        emotion = payload.get("emotion")
        known = emotion if emotion in EMOTIONS else None
        points.append((min(max(row["t"], 0.0), duration_s), known, float(payload.get("confidence") or 0.0)))
    runs: list[_Run] = []
    weights: list[int] = []
    for index, (start, emotion, confidence) in enumerate(points):
        following = points[index + 1][0] if index + 1 < len(points) else duration_s
        end = min(following, start + HOLD_S)
        if runs and runs[-1][2] == emotion and runs[-1][1] == start:
            first, _, _, mean = runs[-1]
            weights[-1] += 1
            runs[-1] = (first, end, emotion, mean + (confidence - mean) / weights[-1])
        else:
            runs.append((start, end, emotion, confidence))
            weights.append(1)
    return runs


def _steady(runs: list[_Run]) -> list[_Run]:
    """The runs without those too short to read: the one before goes on in their place."""
    steady: list[_Run] = []
    for run in runs:
        start, end, emotion, confidence = run
        joins = bool(steady) and steady[-1][1] == start
        if joins and (end - start < MIN_CUE_S or steady[-1][2] == emotion):
            first, _, before, mean = steady[-1]
            steady[-1] = (first, end, before, mean)
        else:
            steady.append((start, end, emotion, confidence))
    return steady


def _stamp(seconds: float, point: str = ".") -> str:
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}{point}{rest % 1000:03}"
