"""A segment or clip for other programs: tables, JSON, subtitles, SVG, PNG, ELAN and EmotionML. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

import numpy as np

from emoedge.emotions import EMOTION_COUNT, EMOTIONS, Language
from emoedge.outcomes import FusedState
from emoedge.record.timeline import Cue, emotion_cues, subrip, webvtt
from emoedge.report.data import Curve, Episode, ReportData, summarize
from emoedge.report.elan import to_elan
from emoedge.report.emotionml import to_emotionml
from emoedge.report.picture import raster, vector
from emoedge.report.table import AFFECT, DIGITS, Sampling, posterior, to_csv, to_parquet

Format = Literal["html", "png", "svg", "csv", "json", "elan", "emotionml", "vtt", "srt", "parquet"]
SUFFIXES: Final[dict[Format, str]] = {
    "html": ".html",
    "png": ".png",
    "svg": ".svg",
    "csv": ".csv",
    "json": ".report.json",
    "elan": ".eaf",
    "emotionml": ".emotionml",
    "vtt": ".vtt",
    "srt": ".srt",
    "parquet": ".parquet",
}


def export(
    data: ReportData,
    name: str,
    kind: Format,
    language: Language,
    media: str | None = None,
    sampling: Sampling | None = None,
) -> bytes:
    """A segment in one of the formats but "html", which `page.write_page` makes.

    Args:
        data: of the segment.
        name: of the segment, such as its id.
        kind: the format.
        language: of what is meant for people; labels stay as they are.
        media: what ELAN and EmotionML refer to, relative to the file that is made; `<name>.mp4` by default,
            "" for none.
        sampling: rows of CSV and Parquet, see `table.table`.

    Raises:
        EmoedgeError: what the format needs is not installed.
    """
    media = f"{name}.mp4" if media is None else media
    makers: dict[str, Callable[[], bytes]] = {
        "csv": lambda: to_csv(data, sampling).encode(),
        "parquet": lambda: to_parquet(data, sampling),
        "json": lambda: to_json(data, name).encode(errors="replace"),
        "svg": lambda: vector(data, name, language).encode(),
        "png": lambda: raster(data, name, language),
        "elan": lambda: to_elan(data, media, language),
        "emotionml": lambda: to_emotionml(data, media),
        "vtt": lambda: webvtt(cues(data, language)).encode(),
        "srt": lambda: subrip(cues(data, language)).encode(),
    }
    return makers[kind]()


def cues(data: ReportData, language: Language) -> list[Cue]:
    """Subtitles such as "alegría 82 %"."""
    fused = data.curves["fused"]
    confidences = np.nan_to_num(fused.trust).tolist()
    states = [
        FusedState(moment, None, emotion, confidence, None)
        for moment, emotion, confidence in zip(data.times.tolist(), data.emotions, confidences, strict=True)
    ]
    return emotion_cues(states, data.duration_s, language)


def to_json(data: ReportData, name: str) -> str:
    """Everything that the page shows."""
    summary = summarize(data)
    value = {
        "schema": 1,
        "id": name,
        "details": _plain(data.details),
        "duration": round(data.duration_s, DIGITS),
        "step": round(data.step_s, 6),
        "labels": list(EMOTIONS),
        "emotions": list(data.emotions),
        "curves": {channel: _curve(curve) for channel, curve in data.curves.items()},
        "events": [_episode(event) for event in data.events],
        "words": [
            {"text": word.text, "start": word.start_s, "end": word.end_s, "confidence": word.confidence}
            for word in data.words
        ],
        "speakers": [
            {"start": round(one.start_s, DIGITS), "end": round(one.end_s, DIGITS), "speaker": one.speaker}
            for one in data.spoken
        ],
        "summary": {
            "seconds": {emotion: round(seconds, DIGITS) for emotion, seconds in summary.seconds.items()},
            "none": round(summary.none_s, DIGITS),
            "transitions": [{"from": a, "to": b, "count": count} for a, b, count in summary.transitions],
            "longest": [_episode(episode) for episode in summary.longest],
        },
    }
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


def _curve(curve: Curve) -> dict[str, Any]:
    known = curve.known.tolist()
    rows = [posterior(curve.at(index)) if known[index] else None for index in range(len(known))]
    affects = {
        name: [None if row is None else row[EMOTION_COUNT + index] for row in rows]
        for index, name in enumerate(AFFECT)
    }
    return {
        "probabilities": [None if row is None else row[:EMOTION_COUNT] for row in rows],
        **affects,
        "trust": [_number(value) for value in curve.trust.tolist()],
    }


def _plain(value: Any) -> Any:
    """A value of the details without numbers that JSON has not."""
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, DIGITS)


def _episode(episode: Episode) -> dict[str, Any]:
    return {
        "emotion": episode.emotion,
        "start": round(episode.start_s, DIGITS),
        "end": round(episode.end_s, DIGITS),
        "peak_confidence": episode.confidence,
    }
