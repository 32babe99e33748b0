"""The rule of the original system: a weighted sum of face and voice; in doubt the text decides.

p = w * face + (1 - w) * voice            one modality alone counts fully
leader = argmax p
candidates = classes with p[leader] - p[class] < margin, and the leader
two candidates or more, and a text with an opinion: the candidate that the text ranks first wins
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from emoedge.emotions import EMOTIONS, Emotion, Probabilities, as_probabilities

DecidedBy = Literal["face", "voice", "text", "fusion"]


@dataclass(frozen=True, slots=True, eq=False)
class Decision:
    """What the rule says.

    Attributes:
        probabilities: the fused posterior, or None when no modality has an opinion.
        emotion: the decision, or None.
        candidates: classes in doubt, the leader first, then by falling probability.
        decided_by: "text" where the text chose among candidates or stood alone, "fusion" for face and
            voice together, else the modality that stood alone; None without a decision.
    """

    probabilities: Probabilities | None
    emotion: Emotion | None
    candidates: tuple[Emotion, ...]
    decided_by: DecidedBy | None

    @property
    def confidence(self) -> float:
        """Fused probability of the decision, 0 without one."""
        if self.probabilities is None or self.emotion is None:
            return 0.0
        return float(self.probabilities[EMOTIONS.index(self.emotion)])


NO_DECISION = Decision(None, None, (), None)


def fuse_weighted(
    face: Probabilities | None,
    voice: Probabilities | None,
    text: Probabilities | None,
    *,
    face_weight: float = 0.6,
    margin: float = 0.2,
) -> Decision:
    """Apply the rule.

    Args:
        face: posterior, float32 (7,), or None for no opinion.
        voice: as `face`.
        text: as `face`.
        face_weight: weight of the face, 0..1; the voice has the rest.
        margin: how close to the leader a class must be to be in doubt, 0..1. With 0 nothing is ever in doubt.

    Returns:
        The decision; a text without face and voice stands alone and counts fully.

    Raises:
        ValueError: weight or margin outside 0..1.
    """
    for name, value in (("face_weight", face_weight), ("margin", margin)):
        if not 0.0 <= value <= 1.0:
            raise ValueError(f"{name} must be between 0 and 1, got {value}")
    if face is not None and voice is not None:
        pairs = zip(face.tolist(), voice.tolist(), strict=True)
        mixture = [face_weight * seen + (1.0 - face_weight) * heard for seen, heard in pairs]
        return decide(as_probabilities(mixture), text, margin, "fusion")
    if face is not None:
        return decide(face, text, margin, "face")
    if voice is not None:
        return decide(voice, text, margin, "voice")
    if text is not None:
        return decide(text, None, margin, "text")
    return NO_DECISION


def decide(fused: Probabilities, text: Probabilities | None, margin: float, alone: DecidedBy) -> Decision:
    """Steps 2 and 3 of the rule, on a fused posterior; `alone` names who decides without the text."""
    # Seven numbers, for every picture: Python is faster than arrays. Equal ones keep the order of EMOTIONS.
    values = fused.tolist()
    first = max(values)
    leader = values.index(first)
    close = [i for i, value in enumerate(values) if i != leader and first - value < margin]
    in_doubt = [leader, *sorted(close, key=values.__getitem__, reverse=True)]
    candidates = tuple(EMOTIONS[i] for i in in_doubt)
    if text is None or not close:
        return Decision(fused, candidates[0], candidates, alone)
    chosen = max(in_doubt, key=text.tolist().__getitem__)
    return Decision(fused, EMOTIONS[chosen], candidates, "text")
