"""What a recording says about its making: versions, models with digests, configuration without secrets."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from emoedge import __version__
from emoedge.config import Settings
from emoedge.errors import ModelError
from emoedge.model_store import resolve
from emoedge.record.describe import public_configuration

MODELS: Final = ("face_detector.tflite", "face_emotion.tflite", "voice_emotion.tflite", "text_emotion")


def describe(settings: Settings) -> dict[str, Any]:
    """JSON-ready, without secrets."""
    return {
        "emoedge": __version__,
        "device": settings.device_id,
        "models": {name: _digest_of(name, settings) for name in (*MODELS, settings.speech.model)},
        "configuration": public_configuration(settings),
    }


def _digest_of(name: str, settings: Settings) -> str | None:
    try:
        path = resolve(name, settings.paths.models)
    except ModelError:
        return None
    return digest(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=32)
def digest(path: Path, _modified_ns: int) -> str:
    """SHA-256 of a file, or of the names and contents of a folder's files in order."""
    total = hashlib.sha256()
    if path.is_file():
        total.update(path.read_bytes())
    else:
        for file in sorted(item for item in path.rglob("*") if item.is_file()):
            total.update(file.relative_to(path).as_posix().encode())
            total.update(file.read_bytes())
    return f"sha256:{total.hexdigest()}"
