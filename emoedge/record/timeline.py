"""The timeline of a segment (`<id>.jsonl`): outcomes to rows and back, and the subtitles made of them. Pure.

One JSON object a line: `{"t": seconds from the start of the segment, "topic": …, "payload": …}`. The payload
is that of the outcome, its moments (`…_s`) counted from the start of the segment. What was published has the
topic of the message. Three topics stay on the device: "state" is the fused state and "faces" the faces of a
frame, both at a few hertz, "transcript" an utterance with the times of its words.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from emoedge.emotions import (
    EMOTIONS,
    INDEX,
    Emotion,
    Language,
    Probabilities,
    display_name,
    from_mapping,
    percent,
)
from emoedge.files import parse_json
from emoedge.observations import (
    SECONDS_DIGITS,
    UNKNOWN,
    UNSEEN,
    Box,
    FaceObservation,
    FacesObservation,
    Modality,
    Speaker,
    TextObservation,
    VoiceObservation,
    Word,
)
from emoedge.outcomes import MOMENTS, EmotionEvent, FusedState, ModalityOpinion, Outcome

logger = logging.getLogger(__name__)

STATE_HOLD_S: Final = 2.0
"""Seconds for which a state is valid without another one, where all were kept."""
MESSAGE_HOLD_S: Final = 15.0
"""The same where only published states are known, of which there may be one in ten seconds."""
MIN_CUE_S: Final = 0.6
"""Minimum length of a subtitle in seconds; a shorter one cannot be read."""

MAX_TIMELINE_BYTES: Final = 64 * 1024 * 1024
"""Maximum size of a timeline that is read: an hour, the longest segment, with three faces has 30 MB."""
MAX_LINE: Final = 1024 * 1024
"""Characters of the longest line that is read."""
MAX_S: Final = 1e6
"""Moments beyond this (eleven days) are damage, seconds."""

_MODALITIES: Final[tuple[Modality, ...]] = ("face", "voice", "text")


@dataclass(frozen=True, slots=True, eq=False)
class TimelineEntry:
    """An outcome on its way into a timeline.

    Attributes:
        topic: the outcome's own as published, or "state", "faces", "transcript" for what stays on the device.
        outcome: with times on the pipeline's clock.
    """

    topic: str
    outcome: Outcome

    @property
    def time_s(self) -> float:
        """When it was true, on the pipeline's clock."""
        return self.outcome.time_s

    def row(self, start_s: float) -> str:
        """One line of the timeline of a segment that starts at `start_s`, with its line feed."""
        payload = self.outcome.to_payload()
        if self.topic == "text":
            del payload["words"]
            if not payload["transcript"]:
                del payload["transcript"]
        for fields in (payload, *payload.get("words", ())):
            for name in MOMENTS:
                if fields.get(name) is not None:
                    fields[name] = round(fields[name] - start_s, SECONDS_DIGITS)
        row = {"t": round(self.time_s - start_s, SECONDS_DIGITS), "topic": self.topic, "payload": payload}
        return json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n"


@dataclass(frozen=True, slots=True, eq=False)
class Timeline:
    """Outcomes of a segment or clip.

    Attributes:
        outcomes: in order of time, in seconds from its start.
        hold_s: how long a state is valid without another one, seconds.
    """

    outcomes: tuple[Outcome, ...] = ()
    hold_s: float = STATE_HOLD_S

    @property
    def states(self) -> tuple[FusedState, ...]:
        """The fused states."""
        return tuple(outcome for outcome in self.outcomes if isinstance(outcome, FusedState))

    @property
    def end_s(self) -> float:
        """Time of the last outcome, 0 without one."""
        return max((outcome.time_s for outcome in self.outcomes), default=0.0)


def read_timeline_text(path: Path) -> str:
    """Content of a timeline's file, at most `MAX_TIMELINE_BYTES` of it; raises OSError."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    with open(path, "rb", opener=lambda name, _flags: os.open(name, flags)) as file:
        data = file.read(MAX_TIMELINE_BYTES + 1)
    if len(data) > MAX_TIMELINE_BYTES:
        logger.warning("%s is larger than %d bytes; the rest is left out", path, MAX_TIMELINE_BYTES)
    return data[:MAX_TIMELINE_BYTES].decode("utf-8", errors="replace")


def read_timeline(text: str) -> Timeline:
    """The timeline of a segment; lines that a power cut left unfinished are skipped."""
    return _timeline((row.get("t"), row.get("topic"), row.get("payload")) for row in _objects(text))


def read_replay(text: str) -> Timeline:
    """The lines of `emoedge replay` as a timeline; lines that are not messages are skipped."""
    rows = ((row.get("topic"), row.get("payload")) for row in _objects(text))
    return _timeline(
        (payload.get("time_s"), topic.rpartition("/")[2], payload)
        for topic, payload in rows
        if isinstance(topic, str) and isinstance(payload, Mapping)
    )


@dataclass(frozen=True, slots=True)
class Cue:
    """One subtitle: seconds from the start of the segment."""

    start_s: float
    end_s: float
    text: str


def emotion_cues(states: Iterable[FusedState], duration_s: float, language: Language) -> list[Cue]:
    """Subtitles such as "alegría 82 %" for a segment of `duration_s`; none where there is no emotion.

    Args:
        states: in order of time, seconds from the start of the segment.
        duration_s: length of the segment.
        language: of the names.
    """
    return [
        Cue(start, end, f"{display_name(emotion, language)} {percent(confidence)}")
        for start, end, emotion, confidence in _steady(_runs(states, duration_s))
        if emotion is not None and end > start
    ]


def prevailing_emotion(states: Iterable[FusedState], duration_s: float) -> Emotion | None:
    """The emotion that was named for the longest time in a segment of `duration_s`; None where none was."""
    seconds: dict[Emotion, float] = {}
    for start, end, emotion, _confidence in _runs(states, duration_s):
        if emotion is not None:
            seconds[emotion] = seconds.get(emotion, 0.0) + end - start
    return max(seconds, key=lambda emotion: seconds[emotion], default=None)


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


def _runs(states: Iterable[FusedState], duration_s: float) -> list[_Run]:
    """Runs of one emotion with its mean confidence: start, end, emotion, confidence."""
    points = [(min(max(state.time_s, 0.0), duration_s), state.emotion, state.confidence) for state in states]
    runs: list[_Run] = []
    weights: list[int] = []
    for index, (start, emotion, confidence) in enumerate(points):
        following = points[index + 1][0] if index + 1 < len(points) else duration_s
        end = min(following, start + MESSAGE_HOLD_S)
        if runs and runs[-1][2] == emotion and runs[-1][1] == start:
            first, _, _, mean = runs[-1]
            weights[-1] += 1
            runs[-1] = (first, end, emotion, mean + (confidence - mean) / weights[-1])
        else:
            runs.append((start, end, emotion, confidence))
            weights.append(1)
    return runs


def _steady(runs: list[_Run]) -> list[_Run]:
    """The runs without those too short to read; the run before is extended over them."""
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


def _objects(text: str) -> Iterator[Mapping[str, Any]]:
    """The JSON objects among the lines."""
    # Not splitlines(): a line separator of Unicode within a word is no end of a line.
    for line in text.split("\n"):
        if len(line) > MAX_LINE:
            continue
        try:
            row = parse_json(line)
        except ValueError:
            continue
        if isinstance(row, dict):
            yield row


def _timeline(rows: Iterable[tuple[Any, Any, Any]]) -> Timeline:
    """Rows of time, topic and payload; what is published is left out where all was kept."""
    by_topic: dict[str, list[Outcome]] = {}
    for t, topic, payload in rows:
        if not isinstance(payload, Mapping) or not isinstance(topic, str):
            continue
        try:
            outcome = _outcome(topic, payload, _moment(t))
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
            continue
        if outcome is not None:
            by_topic.setdefault(topic, []).append(outcome)
    hold_s = STATE_HOLD_S if "state" in by_topic else MESSAGE_HOLD_S
    for kept, published in (("state", "emotion"), ("faces", "face"), ("transcript", "text")):
        if kept in by_topic:
            by_topic.pop(published, None)
    outcomes = [outcome for found in by_topic.values() for outcome in found]
    return Timeline(tuple(sorted(outcomes, key=lambda outcome: outcome.time_s)), hold_s)


def _outcome(topic: Any, payload: Mapping[str, Any], t: float) -> Outcome | None:
    """Outcome of a row, None for unused topics; raises KeyError, TypeError, ValueError, AttributeError."""
    if topic in ("state", "emotion"):
        return _state(payload, t)
    if topic in ("faces", "face"):
        return FacesObservation(t, tuple(_face(face) for face in payload["faces"]))
    if topic in ("transcript", "text"):
        return _text(payload, t)
    if topic == "voice":
        return _voice(payload, t)
    if topic == "event":
        started_s, ended_s = payload.get("started_s"), payload.get("ended_s")
        return EmotionEvent(
            "end" if payload.get("type") == "end" else "begin",
            clean_text(str(payload.get("id", t))),
            EMOTIONS[INDEX[payload["emotion"]]],
            t if started_s is None else _moment(started_s),
            None if ended_s is None else _moment(ended_s),
            _share(payload.get("peak_confidence") or 0.0),
        )
    return None


def _state(payload: Mapping[str, Any], t: float) -> FusedState:
    modalities: Mapping[str, Any] = payload.get("modalities") or {}
    opinions = [
        ModalityOpinion(name, t - _moment(part["age_ms"] / 1000), found, _share(part["reliability"]))
        for name in _MODALITIES
        if (part := modalities.get(name)) is not None and (found := _probabilities(part)) is not None
    ]
    return FusedState(
        t,
        _probabilities(payload),
        _emotion(payload.get("emotion")),
        _share(payload.get("confidence") or 0.0),
        payload.get("decided_by"),
        candidates=tuple(payload.get("candidates") or ()),
        opinions=tuple(opinions),
        reason=clean_text(str(payload.get("reason") or "")),
        since_s=_moment(payload.get("since_s") or 0.0),
        certain=bool(payload.get("certain")),
    )


def _face(face: Mapping[str, Any]) -> FaceObservation:
    box = face["box"]
    return FaceObservation(
        int(face["id"]),
        Box(*(_moment(box[side]) for side in ("x", "y", "width", "height"))),
        _probabilities(face),
        _share(face["quality"]),
        primary=bool(face["primary"]),
    )


def _text(payload: Mapping[str, Any], t: float) -> TextObservation:
    words = tuple(
        Word(
            clean_text(str(word["text"])),
            _moment(word["start_s"]),
            _moment(word["end_s"]),
            _share(word["confidence"]),
        )
        for word in payload.get("words") or ()
    )
    start_s = t - _moment(payload.get("duration") or 0.0)
    transcript = clean_text(str(payload.get("transcript") or ""))
    speaker = _speaker(payload.get("speaker"))
    return TextObservation(start_s, t, transcript, _probabilities(payload), words, speaker)


def _voice(payload: Mapping[str, Any], t: float) -> VoiceObservation:
    return VoiceObservation(
        t - _moment(payload.get("duration") or 0.0),
        t,
        _probabilities(payload),
        _moment(payload.get("snr_db") or 0.0),
        _moment(payload.get("level_dbfs") or 0.0),
        final=bool(payload.get("final")),
        speaker=_speaker(payload.get("speaker")),
    )


def _speaker(value: Any) -> Speaker:
    """Whose voice it was; unknown where it was not kept, or is damaged."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    return UNSEEN if value == UNSEEN else UNKNOWN


def _moment(value: Any) -> float:
    """A number of seconds (or a fraction of a frame); raises ValueError or TypeError for damage."""
    number = float(value)
    if not abs(number) <= MAX_S:
        raise ValueError(f"not a moment: {number}")
    return number


def _share(value: Any) -> float:
    """A number from 0 to 1; raises ValueError or TypeError for damage."""
    number = float(value)
    if not 0.0 <= number <= 1.0:
        raise ValueError(f"not a share: {number}")
    return number


def clean_text(text: str) -> str:
    """Text that every format can hold: without control characters and halves of surrogate pairs."""
    return "".join(mark if mark.isprintable() else " " for mark in text)


def _probabilities(payload: Mapping[str, Any]) -> Probabilities | None:
    mapping = payload.get("probabilities")
    return None if mapping is None else from_mapping(mapping)


def _emotion(name: Any) -> Emotion | None:
    return EMOTIONS[INDEX[name]] if name in INDEX else None
