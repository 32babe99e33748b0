"""Passages in which face, voice and text disagree, and why the rule decided as it did. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np

from emoedge.emotions import EMOTIONS, Emotion, Language, display_name, leader, percent
from emoedge.observations import Modality
from emoedge.outcomes import FusedState
from emoedge.report.data import ReportData
from emoedge.report.language import enumeration, sentence
from emoedge.report.texts import TEXTS

MIN_S: Final = 1.0
"""Minimum length of a passage in seconds: a shorter one is a change under way."""
MOST_SHOWN: Final = 8
"""The longest passages."""
MARGIN: Final = 0.2
FACE_WEIGHT: Final = 0.6
"""Defaults of the fusion, for a segment whose details do not say."""

Cause = Literal["text", "doubt", "clear", "alone", "unsure", "held", "learned"]


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage in which two modalities have different emotions in front.

    Attributes:
        start_s, end_s: from when to when.
        opinions: emotion in front and its mean probability, by modality.
        emotion: what was named, None without an emotion.
        candidates: emotions in doubt, the leader first.
        cause: what settled it: the text among the candidates; nothing ("doubt"); a clear lead of face and
            voice together, or of one of them alone; the least confidence ("unsure"); what was named before
            and is held; the learned pool.
        decided_by: as in `FusedState`.
    """

    start_s: float
    end_s: float
    opinions: Mapping[Modality, tuple[Emotion, float]]
    emotion: Emotion | None
    candidates: tuple[Emotion, ...]
    cause: Cause
    decided_by: str | None


def passages(data: ReportData) -> list[Passage]:
    """The longest passages in which the modalities disagree, in order of time."""
    states = data.timeline.states
    fusion = fusion_of(data)
    found = []
    ends = [*(state.time_s for state in states[1:]), data.duration_s][: len(states)]
    spans = (
        (state.time_s, min(end_s, state.time_s + data.timeline.hold_s), state)
        for state, end_s in zip(states, ends, strict=True)
    )
    for _key, group in itertools.groupby(spans, key=lambda span: _key_of(span[2], fusion)):
        passage = _passage(list(group), fusion)
        if passage is not None and passage.end_s - passage.start_s >= MIN_S:
            found.append(passage)
    found.sort(key=lambda one: one.start_s - one.end_s)
    return sorted(found[:MOST_SHOWN], key=lambda one: one.start_s)


def words_of(passage: Passage, data: ReportData, language: Language) -> tuple[str, str]:
    """Return what each modality found, and what the rule did and why, as two sentences."""
    texts = TEXTS[language]
    fusion = fusion_of(data)
    said = [
        texts[f"says_{modality}"].format(emotion=display_name(emotion, language), sure=percent(probability))
        for modality, (emotion, probability) in passage.opinions.items()
    ]
    in_doubt = [display_name(emotion, language) for emotion in passage.candidates]
    why = texts[f"why_{passage.cause}"].format(
        emotion=display_name(passage.emotion, language),
        candidates=enumeration(in_doubt, language),
        margin=round(100 * fusion["margin"]),
        weight=percent(fusion["face_weight"]),
        least=percent(fusion["min_confidence"]),
        modality=texts.get(f"the_{passage.decided_by}", ""),
    )
    only_in_doubt = passage.cause in ("clear", "alone") and "text" in passage.opinions
    return sentence(enumeration(said, language)), why + (f" {texts['why_no_text']}" if only_in_doubt else "")


def fusion_of(data: ReportData) -> dict[str, Any]:
    """The fusion's settings in the details, checked: the details may be damaged."""
    configuration = data.details.get("configuration")
    section = configuration.get("fusion") if isinstance(configuration, Mapping) else None
    section = section if isinstance(section, Mapping) else {}

    def share(name: str, otherwise: float) -> float:
        value = section.get(name)
        return float(value) if isinstance(value, int | float) and 0 <= value <= 1 else otherwise

    return {
        "learned": section.get("method") == "learned",
        "margin": share("margin", MARGIN),
        "face_weight": share("face_weight", FACE_WEIGHT),
        "min_confidence": share("min_confidence", 0.0),
    }


def _leaders(state: FusedState) -> dict[Modality, Emotion]:
    return {opinion.modality: leader(opinion.probabilities) for opinion in state.opinions}


def _key_of(state: FusedState, fusion: Mapping[str, Any]) -> Any:
    """Equal for states of one passage."""
    leaders = _leaders(state)
    if len(set(leaders.values())) < 2:
        return None
    return leaders, state.emotion, _cause(state, fusion)


def _cause(state: FusedState, fusion: Mapping[str, Any]) -> Cause:
    emotion, p = state.emotion, state.probabilities
    if emotion is None or p is None:
        return "unsure"
    if fusion["learned"]:
        return "learned"
    if float(p.max() - p[EMOTIONS.index(emotion)]) >= max(fusion["margin"], 1e-3):
        return "held"
    if len(state.candidates) > 1:
        if state.decided_by == "text":
            return "text"
        return "held" if _is_kept(state) else "doubt"
    return "clear" if state.decided_by == "fusion" else "alone"


def _is_kept(state: FusedState) -> bool:
    """Return whether the rule would name another candidate at this moment."""
    candidates = [one for one in state.candidates if one in EMOTIONS]  # a timeline may be damaged
    if not candidates:
        return False
    firsts = {}
    for opinion in state.opinions:
        share, first = max((float(opinion.probabilities[EMOTIONS.index(one)]), one) for one in candidates)
        firsts[opinion.modality] = first
        if opinion.modality == "text" and len(state.opinions) > 1 and share >= 1 / len(EMOTIONS):
            return first != state.emotion
    return next((one for one in candidates if one in firsts.values()), state.emotion) != state.emotion


def _passage(spans: Iterable[tuple[float, float, FusedState]], fusion: Mapping[str, Any]) -> Passage | None:
    spans = list(spans)
    first = spans[0][2]
    if _key_of(first, fusion) is None:
        return None
    opinions = {}
    for modality, emotion in _leaders(first).items():
        index = EMOTIONS.index(emotion)
        shares = [
            float(one.probabilities[index])
            for _, _, state in spans
            for one in state.opinions
            if one.modality == modality
        ]
        opinions[modality] = (emotion, float(np.mean(shares)))
    # The state in the middle: at the ends one doubt gives way to another.
    middle = spans[len(spans) // 2][2]
    known = tuple(emotion for emotion in middle.candidates if emotion in EMOTIONS)
    return Passage(
        spans[0][0], spans[-1][1], opinions, first.emotion, known, _cause(first, fusion), first.decided_by
    )
