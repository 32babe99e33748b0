"""A segment or clip for other programs: CSV, JSON, subtitles, SVG, PNG, ELAN and EmotionML. Pure."""

from __future__ import annotations

import csv
import io
import json
import math
import mimetypes
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, Final, Literal
from urllib.parse import quote
from xml.etree import ElementTree as ET

import numpy as np

from emoedge.clock import parse_rfc3339, rfc3339
from emoedge.emotions import EMOTIONS, Language, display_name
from emoedge.outcomes import FusedState
from emoedge.record.timeline import Cue, emotion_cues, subrip, webvtt
from emoedge.report.chart import stretches
from emoedge.report.data import CHANNELS, Channel, Curve, Episode, ReportData, runs, summarize
from emoedge.report.picture import raster, vector

Format = Literal["html", "png", "svg", "csv", "json", "elan", "emotionml", "vtt", "srt"]
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
}

EMOTIONML_NAMESPACE: Final = "http://www.w3.org/2009/10/emotionml"
XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
VOCABULARY_ID: Final = "emoedge-seven"
DIGITS: Final = 3
FIRST_YEAR: Final = 1970
LAST_YEAR: Final = 9000
"""Years that the start of a segment may be in: another one is damage."""


def export(data: ReportData, name: str, kind: Format, language: Language, media: str | None = None) -> bytes:
    """A segment in one of the formats but "html", which `page.write_page` makes.

    Args:
        data: of the segment.
        name: of the segment, such as its id.
        kind: the format.
        language: of what is meant for people; labels stay as they are.
        media: what ELAN and EmotionML refer to, relative to the file that is made; `<name>.mp4` by default,
            "" for none.
    """
    media = f"{name}.mp4" if media is None else media
    makers: dict[str, Callable[[], bytes]] = {
        "csv": lambda: to_csv(data).encode(),
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


def to_csv(data: ReportData) -> str:
    """One line a moment: time, decision, and seven columns a channel; empty where there is no opinion."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = [f"{channel}_{emotion}" for channel in CHANNELS for emotion in EMOTIONS]
    writer.writerow(["time_s", "time", "emotion", "confidence", "face_quality", *columns])
    started = started_of(data)
    for index, moment in enumerate(data.times):
        values = [value for channel in CHANNELS for value in _row(data.curves.get(channel), index)]
        wall = "" if started is None else rfc3339(started + timedelta(seconds=float(moment)))
        emotion = data.emotions[index] or ""
        trust = [_trust(data.curves.get(channel), index) for channel in ("fused", "face")]
        writer.writerow([f"{moment:.3f}", wall, emotion, *trust, *values])
    return text.getvalue()


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
        "curves": {
            channel: {
                "probabilities": [
                    _row(curve, index) if curve.known[index] else None for index in range(len(data.emotions))
                ],
                "trust": [_number(value) for value in curve.trust.tolist()],
            }
            for channel, curve in data.curves.items()
        },
        "events": [_episode(event) for event in data.events],
        "words": [
            {"text": word.text, "start": word.start_s, "end": word.end_s, "confidence": word.confidence}
            for word in data.words
        ],
        "summary": {
            "seconds": {emotion: round(seconds, DIGITS) for emotion, seconds in summary.seconds.items()},
            "none": round(summary.none_s, DIGITS),
            "transitions": [{"from": a, "to": b, "count": count} for a, b, count in summary.transitions],
            "longest": [_episode(episode) for episode in summary.longest],
        },
    }
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


def to_elan(data: ReportData, media: str, language: Language) -> bytes:
    """An ELAN annotation file (EAF 2.8): tiers for events, decisions and words; `media` as in `export`.

    The values are the machine-readable labels, in a controlled vocabulary that carries both languages.
    Format: https://www.mpi.nl/tools/elan/EAFv2.8.xsd
    """
    tiers: list[tuple[str, str, list[tuple[float, float, str]]]] = [
        ("events", "emotion", [(event.start_s, event.end_s, event.emotion) for event in data.events]),
        ("emotion", "emotion", [(run.start_s, run.end_s, run.emotion) for run in runs(data)]),
        ("words", "words", [(word.start_s, word.end_s, word.text) for word in _without_overlap(data)]),
    ]
    started = started_of(data) or datetime(1970, 1, 1, tzinfo=timezone.utc)
    root = ET.Element(
        "ANNOTATION_DOCUMENT",
        {
            "AUTHOR": "emoedge",
            "DATE": started.isoformat(),
            "FORMAT": "2.8",
            "VERSION": "2.8",
            f"{{{XSI}}}noNamespaceSchemaLocation": "http://www.mpi.nl/tools/elan/EAFv2.8.xsd",
        },
    )
    header = ET.SubElement(root, "HEADER", {"MEDIA_FILE": "", "TIME_UNITS": "milliseconds"})
    if media:
        kind = mimetypes.guess_type(media)[0] or "unknown"
        place = {"MEDIA_URL": media, "RELATIVE_MEDIA_URL": f"./{media}", "MIME_TYPE": kind}
        ET.SubElement(header, "MEDIA_DESCRIPTOR", place)
    order = ET.SubElement(root, "TIME_ORDER")
    moments = sorted(
        {round(1000 * t) for _, _, spans in tiers for start, end, _ in spans for t in (start, end)}
    )
    slots = {moment: f"ts{index + 1}" for index, moment in enumerate(moments)}
    for moment, slot in slots.items():
        ET.SubElement(order, "TIME_SLOT", {"TIME_SLOT_ID": slot, "TIME_VALUE": str(moment)})
    count = 0
    for tier_id, kind, spans in tiers:
        tier = ET.SubElement(root, "TIER", {"LINGUISTIC_TYPE_REF": kind, "TIER_ID": tier_id})
        for start, end, value in spans:
            first, last = round(1000 * start), round(1000 * end)
            if last <= first:
                continue
            count += 1
            where = {
                "ANNOTATION_ID": f"a{count}",
                "TIME_SLOT_REF1": slots[first],
                "TIME_SLOT_REF2": slots[last],
            }
            annotation = ET.SubElement(ET.SubElement(tier, "ANNOTATION"), "ALIGNABLE_ANNOTATION", where)
            ET.SubElement(annotation, "ANNOTATION_VALUE").text = value
    _elan_types(root, language)
    return _xml(root)


def to_emotionml(data: ReportData, media: str) -> bytes:
    """An EmotionML 1.0 document (W3C, https://www.w3.org/TR/emotionml/); `media` as in `export`.

    Events carry their category and confidence; every stretch of every channel carries seven traces. Times are
    absolute where the device knew the time, else relative to the medium.
    """
    ET.register_namespace("", EMOTIONML_NAMESPACE)
    root = _element(None, "emotionml", {"version": "1.0", "category-set": f"#{VOCABULARY_ID}"})
    vocabulary = _element(root, "vocabulary", {"type": "category", "id": VOCABULARY_ID})
    for emotion in EMOTIONS:
        _element(vocabulary, "item", {"name": emotion})
    started = started_of(data)
    for event in data.events:
        element = _emotion(root, started, media, event.start_s, event.end_s)
        confidence = {} if event.confidence is None else {"confidence": f"{event.confidence:.3f}"}
        _element(element, "category", {"name": event.emotion, **confidence})
        _reference(element, media, event.start_s, event.end_s)
    through: dict[Channel, str] = {
        "fused": "face voice text",
        "face": "face",
        "voice": "voice",
        "text": "text",
    }
    for channel, curve in data.curves.items():
        for first, last in stretches(curve.known):
            start_s, end_s = first * data.step_s, min(last * data.step_s, data.duration_s)
            element = _emotion(root, started, media, start_s, end_s)
            element.set("expressed-through", through[channel])
            for index, emotion in enumerate(EMOTIONS):
                category = _element(element, "category", {"name": emotion})
                samples = " ".join(f"{value:.3f}" for value in curve.values[first:last, index].clip(0, 1))
                _element(category, "trace", {"freq": f"{1 / data.step_s:g}Hz", "samples": samples})
            _reference(element, media, start_s, end_s)
    return _xml(root)


def started_of(data: ReportData) -> datetime | None:
    """When the segment was started, on the device's clock."""
    started = parse_rfc3339(data.details.get("started"))
    # At the ends of the calendar a time zone or a second more is an error.
    return started if started is not None and FIRST_YEAR <= started.year <= LAST_YEAR else None


def _elan_types(root: ET.Element, language: Language) -> None:
    emotions = {"LINGUISTIC_TYPE_ID": "emotion", "TIME_ALIGNABLE": "true", "GRAPHIC_REFERENCES": "false"}
    ET.SubElement(root, "LINGUISTIC_TYPE", {**emotions, "CONTROLLED_VOCABULARY_REF": "emotions"})
    ET.SubElement(root, "LINGUISTIC_TYPE", {**emotions, "LINGUISTIC_TYPE_ID": "words"})
    # ELAN shows a vocabulary's first language first: the labels themselves, as the annotations hold them.
    languages = (("mul", "labels"), (("spa", "español") if language == "es" else ("eng", "English")))
    for code, label in languages:
        definition = f"http://cdb.iso.org/lg/CDB-00130975-001/{code}"
        ET.SubElement(root, "LANGUAGE", {"LANG_ID": code, "LANG_DEF": definition, "LANG_LABEL": label})
    vocabulary = ET.SubElement(root, "CONTROLLED_VOCABULARY", {"CV_ID": "emotions"})
    for code, _ in languages:
        ET.SubElement(vocabulary, "DESCRIPTION", {"LANG_REF": code})
    for emotion in EMOTIONS:
        entry = ET.SubElement(vocabulary, "CV_ENTRY_ML", {"CVE_ID": f"cve_{emotion}"})
        for code, _ in languages:
            value = ET.SubElement(entry, "CVE_VALUE", {"LANG_REF": code, "DESCRIPTION": ""})
            value.text = emotion if code == "mul" else display_name(emotion, language)


def _without_overlap(data: ReportData) -> Iterable[Any]:
    """Words in order; annotations of one ELAN tier may not overlap."""
    at = 0.0
    for word in sorted(data.words, key=lambda word: word.start_s):
        if word.start_s >= at:
            at = word.end_s
            yield word


def _emotion(
    root: ET.Element, started: datetime | None, media: str, start_s: float, end_s: float
) -> ET.Element:
    """An `emotion` with its times in milliseconds: since 1970, or from the start of the medium (2.4.2)."""
    if started is not None:
        zero = started.timestamp()
        times = {"start": str(round(1000 * (zero + start_s))), "end": str(round(1000 * (zero + end_s)))}
    else:
        first, last = round(1000 * start_s), round(1000 * end_s)
        times = {"time-ref-uri": quote(media)} if media else {}
        times |= {"offset-to-start": str(first), "duration": str(last - first)}
    return _element(root, "emotion", times)


def _reference(element: ET.Element, media: str, start_s: float, end_s: float) -> None:
    """Where in the media it is expressed (W3C media fragment)."""
    if media:
        uri = f"{quote(media)}#t={start_s:.3f},{end_s:.3f}"
        _element(element, "reference", {"uri": uri, "role": "expressedBy"})


def _element(parent: ET.Element | None, tag: str, attributes: dict[str, str]) -> ET.Element:
    qualified = f"{{{EMOTIONML_NAMESPACE}}}{tag}"
    return (
        ET.Element(qualified, attributes) if parent is None else ET.SubElement(parent, qualified, attributes)
    )


def _xml(root: ET.Element) -> bytes:
    ET.indent(root, " ")
    return bytes(ET.tostring(root, encoding="UTF-8", xml_declaration=True)) + b"\n"


def _row(curve: Curve | None, index: int) -> list[Any]:
    """Seven rounded values, or seven empty ones for a CSV."""
    if curve is None or not curve.known[index]:
        return [""] * len(EMOTIONS)
    return [round(float(value), DIGITS) for value in curve.values[index]]


def _trust(curve: Curve | None, index: int) -> Any:
    value = math.nan if curve is None else float(curve.trust[index])
    return "" if math.isnan(value) else round(value, DIGITS)


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
