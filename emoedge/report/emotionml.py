"""A segment or clip as an EmotionML document. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from urllib.parse import quote
from xml.etree import ElementTree as ET

import numpy as np
from numpy.typing import NDArray

from emoedge.circumplex import Affect, affect
from emoedge.emotions import EMOTIONS
from emoedge.report.chart import stretches
from emoedge.report.data import Channel, ReportData, started_of

EMOTIONML_NAMESPACE: Final = "http://www.w3.org/2009/10/emotionml"
VOCABULARY_ID: Final = "emoedge-seven"
DIMENSIONS_ID: Final = "emoedge-affect"


def to_emotionml(data: ReportData, media: str) -> bytes:
    """An EmotionML 1.0 document (W3C, https://www.w3.org/TR/emotionml/); `media` as in `export`.

    Events carry their category and confidence; every stretch of every channel carries seven traces, and those
    of valence and arousal, from 0 (-1) to 1. Times are absolute where the device knew the time, else relative
    to the medium.
    """
    ET.register_namespace("", EMOTIONML_NAMESPACE)
    sets = {"category-set": f"#{VOCABULARY_ID}", "dimension-set": f"#{DIMENSIONS_ID}"}
    root = _element(None, "emotionml", {"version": "1.0", **sets})
    vocabularies = (("category", VOCABULARY_ID, EMOTIONS), ("dimension", DIMENSIONS_ID, Affect._fields))
    for kind, identifier, names in vocabularies:
        vocabulary = _element(root, "vocabulary", {"type": kind, "id": identifier})
        for name in names:
            _element(vocabulary, "item", {"name": name})
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
                _trace(element, "category", emotion, curve.values[first:last, index], data)
            affects = np.array([affect(values) for values in curve.values[first:last]])
            for index, name in enumerate(Affect._fields):
                _trace(element, "dimension", name, (affects[:, index] + 1) / 2, data)
            _reference(element, media, start_s, end_s)
    return xml_bytes(root)


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


def _trace(element: ET.Element, kind: str, name: str, values: NDArray[np.floating], data: ReportData) -> None:
    """A probability, or a dimension from 0 to 1, over time."""
    samples = " ".join(f"{value:.3f}" for value in values.clip(0, 1))
    described = _element(element, kind, {"name": name})
    _element(described, "trace", {"freq": f"{1 / data.step_s:g}Hz", "samples": samples})


def _reference(element: ET.Element, media: str, start_s: float, end_s: float) -> None:
    """Add the place in the media (W3C media fragment)."""
    if media:
        uri = f"{quote(media)}#t={start_s:.3f},{end_s:.3f}"
        _element(element, "reference", {"uri": uri, "role": "expressedBy"})


def _element(parent: ET.Element | None, tag: str, attributes: dict[str, str]) -> ET.Element:
    qualified = f"{{{EMOTIONML_NAMESPACE}}}{tag}"
    return (
        ET.Element(qualified, attributes) if parent is None else ET.SubElement(parent, qualified, attributes)
    )


def xml_bytes(root: ET.Element) -> bytes:
    """A document with its declaration, indented, UTF-8."""
    ET.indent(root, " ")
    return bytes(ET.tostring(root, encoding="UTF-8", xml_declaration=True)) + b"\n"
