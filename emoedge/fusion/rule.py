"""The rule of the original system: a weighted sum of face and voice; in doubt the text decides.

p = w * face + (1 - w) * voice            one modality alone counts fully
leader = argmax p
candidates = classes with p[leader] - p[class] < margin, and the leader
two candidates or more, and a text that gives one of them TEXT_SAYS: the one that the text ranks first wins
otherwise the leader, in doubt; or, where no modality ranks it first among the candidates, the most probable
candidate that one does
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from emoedge.emotions import EMOTION_COUNT, EMOTIONS, Emotion, Probabilities, as_probabilities

DecidedBy = Literal["face", "voice", "text", "fusion"]
TEXT_SAYS: Final = 1 / EMOTION_COUNT
"""A text that gives every candidate less than chance has nothing to say about the doubt."""


@dataclass(frozen=True, slots=True, eq=False)
class Decision:
    """Result of the rule.

    Attributes:
        probabilities: the fused posterior, or None when no modality has an opinion.
        emotion: the decision, or None.
        candidates: classes in doubt, the leader first, then by falling probability.
        certain: one candidate is left, or the text settled it.
        decided_by: "text" where the text chose among candidates or stood alone, "fusion" for face and
            voice together, else the modality that stood alone; None without a decision.
    """

    probabilities: Probabilities | None
    emotion: Emotion | None
    candidates: tuple[Emotion, ...]
    decided_by: DecidedBy | None
    certain: bool

    @property
    def confidence(self) -> float:
        """Fused probability of the decision, 0 without one."""
        if self.probabilities is None or self.emotion is None:
            return 0.0
        return float(self.probabilities[EMOTIONS.index(self.emotion)])


NO_DECISION = Decision(None, None, (), None, certain=False)


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
    present = [opinion for opinion in (face, voice, text) if opinion is not None]
    if not present:
        return NO_DECISION
    if face is not None and voice is not None:
        pairs = zip(face.tolist(), voice.tolist(), strict=True)
        mixture = [face_weight * seen + (1.0 - face_weight) * heard for seen, heard in pairs]
        return decide(as_probabilities(mixture), present, margin, "fusion", text)
    alone: DecidedBy = "face" if face is not None else "voice" if voice is not None else "text"
    return decide(present[0], present, margin, alone, None if alone == "text" else text)


def decide(
    fused: Probabilities,
    opinions: Sequence[Probabilities],
    margin: float,
    alone: DecidedBy,
    text: Probabilities | None = None,
) -> Decision:
    """Steps 2 and 3 of the rule.

    Args:
        fused: the fused posterior, float32 (7,).
        opinions: the posteriors behind it and that of the text; one of them must rank first what is named.
        margin: as in `fuse_weighted`.
        alone: who decides where the text does not.
        text: the posterior that may choose among the candidates.
    """
    # For seven numbers per frame Python is faster than arrays. Equal ones keep the order of EMOTIONS.
    values = fused.tolist()
    first = max(values)
    leader = values.index(first)
    close = [i for i, value in enumerate(values) if i != leader and first - value < margin]
    in_doubt = [leader, *sorted(close, key=values.__getitem__, reverse=True)]
    candidates = tuple(EMOTIONS[i] for i in in_doubt)
    if not close:
        return Decision(fused, candidates[0], candidates, alone, certain=True)
    if text is not None:
        said = text.tolist()
        chosen = max(in_doubt, key=said.__getitem__)
        if said[chosen] >= TEXT_SAYS:
            return Decision(fused, EMOTIONS[chosen], candidates, "text", certain=True)
    led = {max(in_doubt, key=opinion.tolist().__getitem__) for opinion in opinions}
    chosen = next(i for i in in_doubt if i in led)
    return Decision(fused, EMOTIONS[chosen], candidates, alone, certain=False)
