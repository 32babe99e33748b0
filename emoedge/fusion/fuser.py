"""Remembers the latest opinion of each modality, drops the stale ones and applies the chosen method."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

from emoedge.config import FusionSettings
from emoedge.emotions import INDEX, Emotion, Probabilities, as_probabilities
from emoedge.fusion.confidence import Confidence
from emoedge.fusion.learned import LearnedFusion
from emoedge.fusion.rule import NO_DECISION, DecidedBy, Decision, fuse_weighted
from emoedge.observations import STILL, FacesObservation, Modality, TextObservation, VoiceObservation
from emoedge.outcomes import FusedState, ModalityOpinion

# The posterior of a single frame jitters; this time constant smooths it without hiding a real change.
FACE_SMOOTHING_S: Final = 0.2


class Fuser:
    """The state of the fusion; pure: observations and times in, states out.

    Args:
        settings: method, weight, margin and ages; the weight and the margin may be changed while it runs.
        learned: the trained combination, needed for method "learned".
        confidence: what fused probabilities are worth; without it the confidence is the fused probability.
    """

    def __init__(
        self,
        settings: FusionSettings,
        learned: LearnedFusion | None = None,
        confidence: Confidence | None = None,
    ) -> None:
        self.settings = settings
        self.face_weight = settings.face_weight
        self.margin = settings.margin
        self._learned = learned if settings.method == "learned" else None
        self._confidence = confidence
        self._opinions: dict[Modality, ModalityOpinion] = {}
        self._track_id: int | None = None
        self._absent = ""
        self._moved = True

    def on_faces(self, observation: FacesObservation) -> None:
        """Take in the faces of a frame; only the primary face counts."""
        primary = observation.primary
        if primary is None:
            self._opinions.pop("face", None)
            self._track_id = None
            self._absent = STILL if observation.faces else "nobody"
            return
        self._absent = ""
        self._moved = primary.moved
        if primary.track_id != self._track_id:
            self._opinions.pop("face", None)
            self._track_id = primary.track_id
        if primary.probabilities is None:
            return
        self._opinions["face"] = ModalityOpinion(
            "face",
            observation.time_s,
            self._steadied(primary.probabilities, observation.time_s),
            primary.quality,
        )

    def on_voice(self, observation: VoiceObservation) -> None:
        """Take in how a stretch of speech was said."""
        if observation.probabilities is not None:
            reliability = snr_reliability(observation.snr_db)
            self._opinions["voice"] = ModalityOpinion(
                "voice", observation.end_s, observation.probabilities, reliability
            )

    def on_text(self, observation: TextObservation) -> None:
        """Take in what was said; an utterance without an opinion takes the place of an older one."""
        if observation.probabilities is None:
            self._opinions.pop("text", None)
        else:
            self._opinions["text"] = ModalityOpinion("text", observation.end_s, observation.probabilities)

    @property
    def is_somebody(self) -> bool:
        """Whether the face that counts, if there is one, has moved: before that it may be a photograph."""
        return self._moved or self._track_id is None

    @property
    def person(self) -> int | None:
        """Number of the face that counts, or None."""
        return self._track_id

    def forget(self, modality: Modality) -> None:
        """Drop the opinion of a modality whose source was lost or switched off."""
        self._opinions.pop(modality, None)
        if modality == "face":
            self._track_id, self._absent = None, ""

    def state(self, now_s: float) -> FusedState:
        """The fused state at a moment, from the opinions that are not too old for it."""
        fresh = self._fresh(now_s)
        decision = self._decide(fresh, now_s)
        emotion: Emotion | None = decision.emotion
        reason = "" if fresh else self._absent or "no_opinion"
        chance = self._chance(decision, fresh)
        if emotion is not None and chance < self.settings.min_confidence:
            emotion, reason = None, "unsure"
        return FusedState(
            time_s=now_s,
            probabilities=decision.probabilities,
            emotion=emotion,
            confidence=chance if emotion is not None else 0.0,
            decided_by=decision.decided_by if emotion is not None else None,
            certain=decision.certain and emotion is not None,
            candidates=decision.candidates,
            opinions=tuple(fresh.values()),
            observed_s=max((opinion.time_s for opinion in fresh.values()), default=now_s),
            reason=reason,
        )

    def kept(self, state: FusedState, named: Emotion | None) -> FusedState | None:
        """Return the state of a moment if what was named stays named, in doubt.

        Args:
            state: of the moment, as `state` returned it.
            named: what was named.

        Returns:
            The state with `named`; None where that is named anyway, is not a candidate, is ranked first among
            the candidates by no modality, or is right with too small a chance.
        """
        if named is None or named == state.emotion or named not in state.candidates:
            return None
        candidates = [INDEX[emotion] for emotion in state.candidates]
        ranked = {max(candidates, key=one.probabilities.tolist().__getitem__) for one in state.opinions}
        if INDEX[named] not in ranked:
            return None
        present: dict[Modality, ModalityOpinion] = {one.modality: one for one in state.opinions}
        voters = [name for name in present if name != "text"] if self._learned is None else [*present]
        alone: DecidedBy = "fusion" if len(voters) > 1 else (voters or [*present])[0]
        decision = Decision(state.probabilities, named, state.candidates, alone, certain=False)
        chance = self._chance(decision, present)
        if chance < self.settings.min_confidence:
            return None
        return replace(state, emotion=named, confidence=chance, decided_by=alone, certain=False, reason="")

    def _fresh(self, now_s: float) -> dict[Modality, ModalityOpinion]:
        limits: dict[Modality, float] = {
            "face": self.settings.face_max_age_s,
            "voice": self.settings.voice_max_age_s,
            "text": self.settings.text_max_age_s,
        }
        return {
            modality: self._opinions[modality]
            for modality, limit in limits.items()
            if modality in self._opinions and now_s - self._opinions[modality].time_s <= limit
        }

    def _decide(self, fresh: dict[Modality, ModalityOpinion], now_s: float) -> Decision:
        if not fresh:
            return NO_DECISION
        if self._learned is not None:
            return self._learned.decide(tuple(fresh.values()), now_s, self.margin)
        face, voice, text = (fresh.get(name) for name in ("face", "voice", "text"))
        return fuse_weighted(
            face.probabilities if face else None,
            voice.probabilities if voice else None,
            text.probabilities if text else None,
            face_weight=self.face_weight,
            margin=self.margin,
        )

    def _chance(self, decision: Decision, fresh: dict[Modality, ModalityOpinion]) -> float:
        """The chance that the decision is right."""
        if self._confidence is None:
            return decision.confidence
        return self._confidence.chance(self.settings.method, fresh, decision)

    def _steadied(self, probabilities: Probabilities, time_s: float) -> Probabilities:
        previous = self._opinions.get("face")
        if previous is None or time_s <= previous.time_s:
            return probabilities
        keep = math.exp(-(time_s - previous.time_s) / FACE_SMOOTHING_S)
        pairs = zip(previous.probabilities.tolist(), probabilities.tolist(), strict=True)
        return as_probabilities([keep * old + (1.0 - keep) * new for old, new in pairs])


def snr_reliability(snr_db: float) -> float:
    """Return the reliability of a voice, 0 to 1: half at 5 dB, nearly all at 15 dB (logistic)."""
    return 1.0 / (1.0 + math.exp(-(max(min(snr_db, 60.0), -60.0) - 5.0) / 3.0))
