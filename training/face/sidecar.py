"""JSON beside the face model: settings of the classifier, and measured figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from emoedge.emotions import EMOTION_COUNT, EMOTIONS


def write_sidecar(path: Path, content: dict[str, Any]) -> None:
    """Write the JSON beside the model."""
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def neutral(*, mirror: bool = True) -> dict[str, Any]:
    """Return the part of the sidecar that the classifier reads, without fitted values."""
    return {
        "labels": EMOTIONS,
        "temperature": 1.0,
        "bias": [0.0] * EMOTION_COUNT,
        "mirror": mirror,
        "baseline": {"neutral": [0.0] * EMOTION_COUNT, "strength": 0.0, "pseudo_count": 1.0},
    }
