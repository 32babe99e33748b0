"""Origin of a result: version, model digests and the settings that may be shown."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from emoedge.config import Settings
from emoedge.config.section import SECRET_NAMES
from emoedge.errors import ModelError
from emoedge.files import sha256_of
from emoedge.model_store.manifest import SHIPPED
from emoedge.model_store.places import resolve
from emoedge.redact import public_address
from emoedge.version import __version__

SECTIONS: Final = (
    "camera",
    "microphone",
    "face",
    "voice",
    "speech",
    "fusion",
    "events",
    "performance",
)
"""Sections that shape a result. The broker's is left out: it holds the credentials."""


def describe(settings: Settings) -> dict[str, Any]:
    """Version, models and public configuration of a recording, JSON-ready."""
    return {
        "emoedge": __version__,
        "device": settings.device_id,
        "models": {name: model_digest(name, settings) for name in (*SHIPPED, settings.speech.model)},
        "configuration": public_configuration(settings, "recording", "language"),
    }


def public_configuration(settings: Settings, *also: str) -> dict[str, Any]:
    """The settings that shape a result, and those of `also`, without passwords and addresses; JSON-ready."""
    values = settings.model_dump(mode="json", include={"device_id", *SECTIONS, *also})
    for source in ("camera", "microphone"):
        values[source]["source"] = public_address(values[source]["source"])
    for secret in SECRET_NAMES:
        values["camera"].pop(secret, None)
    return values


def model_digest(name: str, settings: Settings) -> str | None:
    """`sha256:…` of a model's file or folder, or None where it is missing."""
    try:
        path = resolve(name, settings.paths.models)
    except ModelError:
        return None
    return _digest(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=32)
def _digest(path: Path, _modified_ns: int) -> str:
    return f"sha256:{sha256_of(path)}"
