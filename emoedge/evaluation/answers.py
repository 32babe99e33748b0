"""One answer a clip from each modality, from both fusions, and from the daemon's rule over time."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from emoedge.config import FusionSettings
from emoedge.emotions import Emotion, as_probabilities, from_mapping, leader
from emoedge.fusion.confidence import Confidence, Method
from emoedge.fusion.fuser import snr_reliability
from emoedge.fusion.learned import MODALITIES, LearnedFusion
from emoedge.fusion.rule import Decision, fuse_weighted
from emoedge.observations import Modality
from emoedge.outcomes import ModalityOpinion

METHODS: Final = (*MODALITIES, "weighted", "learned", "replay")
"""Who answers: a modality alone, the fusions of the modalities' means over the clip, and the emotion that
`emoedge replay` named longest."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer of one method to a clip: `emotion` is None without an answer; `confidence` 0 to 1."""

    emotion: Emotion | None
    confidence: float


NO_ANSWER: Final = Answer(None, 0.0)


def answers_of(
    lines: Iterable[str],
    duration_s: float,
    settings: FusionSettings,
    learned: LearnedFusion,
    confidence: Confidence,
) -> dict[str, Answer]:
    """The answer of each method to a clip.

    The posterior of a modality is its mean over the clip: of the primary face weighted by quality, of the
    voice and of the text by seconds of speech.

    Args:
        lines: JSON lines of `emoedge replay`.
        duration_s: length of the clip.
        settings: weight and margin of the rule.
        learned: the pool.
        confidence: what the fused probabilities are worth.
    """
    messages: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in lines:
        message = json.loads(line)
        messages[message["topic"].rpartition("/")[2]].append(message["payload"])
    opinions = opinions_in(messages)
    answers: dict[str, Answer] = {
        name: _leading(opinions[name]) if name in opinions else NO_ANSWER for name in MODALITIES
    }
    posteriors = (opinions[name].probabilities if name in opinions else None for name in MODALITIES)
    rule = fuse_weighted(*posteriors, face_weight=settings.face_weight, margin=settings.margin)
    pool = learned.decide(tuple(opinions.values()), 0.0, settings.margin)
    decisions: dict[Method, Decision] = {"weighted": rule, "learned": pool}
    for method, decision in decisions.items():
        answers[method] = _decided(decision, confidence, method, opinions)
    answers["replay"] = _named_longest(messages["emotion"], duration_s)
    return answers


def opinions_in(messages: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[Modality, ModalityOpinion]:
    """The mean opinion of each modality that has one, from the messages of a clip by topic."""
    faces = [face for message in messages.get("face", ()) for face in message["faces"] if face["primary"]]
    # Opinions during continued speech are part of the final one.
    voices = [message for message in messages.get("voice", ()) if message["final"]]
    parts = {
        "face": [(face, face["quality"], face["quality"]) for face in faces],
        "voice": [(voice, voice["duration"], snr_reliability(voice["snr_db"])) for voice in voices],
        "text": [(text, text["duration"], 1.0) for text in messages.get("text", ())],
    }
    return {name: opinion for name in MODALITIES if (opinion := _mean(name, parts[name])) is not None}


def _mean(
    modality: Modality, parts: Sequence[tuple[Mapping[str, Any], float, float]]
) -> ModalityOpinion | None:
    """The mean of (payload, weight, reliability) with an opinion; None where there is none."""
    given = [part for part in parts if part[0]["probabilities"] is not None]
    weights = np.array([weight for _, weight, _ in given])
    if not weights.sum() > 0:
        return None
    posteriors = np.stack([from_mapping(payload["probabilities"]) for payload, _, _ in given])
    reliability = np.average([reliability for _, _, reliability in given], weights=weights)
    mean = as_probabilities(np.average(posteriors, axis=0, weights=weights))
    return ModalityOpinion(modality, 0.0, mean, float(reliability))


def _leading(opinion: ModalityOpinion) -> Answer:
    return Answer(leader(opinion.probabilities), float(opinion.probabilities.max()))


def _decided(
    decision: Decision, confidence: Confidence, method: Method, modalities: Iterable[Modality]
) -> Answer:
    if decision.emotion is None:
        return NO_ANSWER
    return Answer(decision.emotion, confidence.chance(method, modalities, decision))


def _named_longest(states: Sequence[Mapping[str, Any]], duration_s: float) -> Answer:
    """The emotion that was named for the longest time, with its mean confidence while it was named."""
    spent: dict[Emotion, float] = defaultdict(float)
    sure: dict[Emotion, float] = defaultdict(float)
    ends = [*(state["time_s"] for state in states[1:]), duration_s]
    for state, end_s in zip(states, ends, strict=False):
        if state["emotion"] is not None:
            seconds = max(0.0, end_s - state["time_s"])
            spent[state["emotion"]] += seconds
            sure[state["emotion"]] += seconds * state["confidence"]
    longest = max(spent, key=spent.__getitem__, default=None)
    if longest is None or spent[longest] <= 0:
        return NO_ANSWER
    return Answer(longest, sure[longest] / spent[longest])
