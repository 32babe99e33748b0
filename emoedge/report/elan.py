"""A segment or clip as an ELAN annotation file. Pure."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Final
from xml.etree import ElementTree as ET

from emoedge.emotions import EMOTIONS, Language, display_name
from emoedge.observations import Word
from emoedge.report.data import CHANNELS, Episode, ReportData, leading_runs, runs, started_of
from emoedge.report.emotionml import xml_bytes

XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
Span = tuple[float, float, str]
"""Begin and end in seconds, and the value."""


def to_elan(data: ReportData, media: str, language: Language) -> bytes:
    """An ELAN annotation file (EAF 2.8); `media` as in `export`.

    Tiers: episodes, what is named, the emotion in front of each modality, how sure each of them is (0 to 1),
    whose voice is heard, and words.

    The values are the machine-readable labels, in a controlled vocabulary that carries both languages.
    Format: https://www.mpi.nl/tools/elan/EAFv2.8.xsd
    """
    tiers: list[tuple[str, str, list[Span]]] = []
    found = {"events": list(data.events), "emotion": runs(data)}
    found |= {name: leading_runs(data, data.curves[name]) for name in CHANNELS[1:] if name in data.curves}
    for name, episodes in found.items():
        tiers.append((name, "emotion", [(one.start_s, one.end_s, one.emotion) for one in episodes]))
        sure = "certainty" if name == "emotion" else f"{name}-certainty"
        tiers.append((sure, "number", [_number(one) for one in episodes if one.confidence is not None]))
    tiers.append(("speaker", "words", [(one.start_s, one.end_s, str(one.speaker)) for one in data.spoken]))
    words = [(word.start_s, word.end_s, word.text) for word in _without_overlap(data)]
    tiers.append(("words", "words", words))
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
    return xml_bytes(root)


def _elan_types(root: ET.Element, language: Language) -> None:
    emotions = {"LINGUISTIC_TYPE_ID": "emotion", "TIME_ALIGNABLE": "true", "GRAPHIC_REFERENCES": "false"}
    ET.SubElement(root, "LINGUISTIC_TYPE", {**emotions, "CONTROLLED_VOCABULARY_REF": "emotions"})
    for kind in ("number", "words"):
        ET.SubElement(root, "LINGUISTIC_TYPE", {**emotions, "LINGUISTIC_TYPE_ID": kind})
    # ELAN shows the first language of a vocabulary first: the labels as they are in the annotations.
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


def _number(episode: Episode) -> Span:
    return episode.start_s, episode.end_s, f"{episode.confidence:.2f}"


def _without_overlap(data: ReportData) -> Iterable[Word]:
    """Words in order; annotations of one ELAN tier may not overlap."""
    at = 0.0
    for word in sorted(data.words, key=lambda word: word.start_s):
        if word.start_s >= at:
            at = word.end_s
            yield word
