"""Accuracy of face, voice, text and their fusion on a folder of labelled clips."""

from emoedge.evaluation.folder import Evaluation, LabelledClips, evaluate
from emoedge.evaluation.table import as_json, as_text

__all__ = ["Evaluation", "LabelledClips", "as_json", "as_text", "evaluate"]
