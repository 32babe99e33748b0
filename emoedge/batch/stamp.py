"""Whether a result is still that of its file: what it was made of is written beside it."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from emoedge.batch.plan import Job
    from emoedge.config import Settings

SCHEMA: Final = 1
CHUNK: Final = 1024 * 1024
SECTIONS: Final = (
    "device_id",
    "camera",
    "microphone",
    "face",
    "voice",
    "speech",
    "fusion",
    "events",
    "publish",
    "performance",
)
"""The settings that shape the lines of a replay; broker, recordings and language do not."""


def making_of(settings: Settings) -> dict[str, Any]:
    """What shapes every result but the file itself: version, configuration, digests of the models."""
    from emoedge.model_store import resolve
    from emoedge.provenance import describe, digest
    from emoedge.record.describe import public_address

    about = describe(settings)
    models: dict[str, str | None] = dict(about["models"])
    for name in [name for name in models if name.endswith(".tflite")]:
        # Scales, thresholds and calibration of a network lie beside it.
        models |= _digest(name.replace(".tflite", ".json"), settings, resolve, digest)
    if settings.fusion.method == "learned":
        models |= _digest("fusion.json", settings, resolve, digest)
    configuration = settings.model_dump(mode="json", include=set(SECTIONS))
    for source in ("camera", "microphone"):
        configuration[source]["source"] = public_address(configuration[source]["source"])
    return {
        "emoedge": about["emoedge"],
        "topic_base": settings.topic_base,
        "models": models,
        "configuration": configuration,
    }


def _digest(name: str, settings: Settings, resolve: Any, digest: Any) -> dict[str, str | None]:
    from emoedge.errors import ModelError

    try:
        path = resolve(name, settings.paths.models)
    except ModelError:
        return {}
    return {name: digest(path, path.stat().st_mtime_ns)}


def fingerprint(making: dict[str, Any]) -> str:
    """A short name for a making."""
    return hashlib.sha256(json.dumps(making, sort_keys=True).encode()).hexdigest()[:16]


def media_facts(media: Path) -> dict[str, Any]:
    """Size, time of change and digest of a file; raises OSError."""
    about = media.stat()
    return {"bytes": about.st_size, "modified_ns": about.st_mtime_ns, "sha256": sha256_of(media)}


def sha256_of(path: Path) -> str:
    """Digest of a file, hexadecimal; raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def read_stamp(job: Job) -> dict[str, Any] | None:
    """What was written beside a result, None where there is nothing readable."""
    try:
        value = json.loads(job.stamp.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) and value.get("schema") == SCHEMA else None


def is_current(job: Job, stamp: dict[str, Any] | None, name_of_making: str) -> bool:
    """Whether the result is there, whole, and made of this file with this configuration and these models.

    A file whose size and time of change are as before counts as unchanged; where only the time differs
    (a copy), its content decides.
    """
    if stamp is None or stamp.get("making") != name_of_making or not isinstance(stamp.get("media"), dict):
        return False
    known = stamp["media"]
    try:
        about = job.media.stat()
        if job.result.stat().st_size != stamp.get("result_bytes") or about.st_size != known.get("bytes"):
            return False
        return about.st_mtime_ns == known.get("modified_ns") or sha256_of(job.media) == known.get("sha256")
    except OSError:
        return False


def write_atomically(path: Path, text: str) -> None:
    """Write a file that is there whole or not at all; raises OSError."""
    partial = path.with_name(path.name + ".partial")
    # A file name need not be UTF-8; in JSON such a byte becomes a valid escape.
    with partial.open("w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
