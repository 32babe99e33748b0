"""Whether a result is still that of its file: what it was made of is written beside it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from emoedge.files import read_json, sha256_of

if TYPE_CHECKING:
    from emoedge.batch.plan import Job
    from emoedge.config import Settings

SCHEMA: Final = 1


def making_of(settings: Settings) -> dict[str, Any]:
    """Everything that shapes a result besides the file: version, configuration, digests of the models."""
    from emoedge.model_store.manifest import LEARNED_FUSION
    from emoedge.provenance import describe, model_digest, public_configuration

    about = describe(settings)
    models: dict[str, str | None] = dict(about["models"])
    # Scales, thresholds and calibration of a network are beside it.
    beside = [name.replace(".tflite", ".json") for name in models if name.endswith(".tflite")]
    if settings.fusion.method == "learned":
        beside.append(LEARNED_FUSION)
    models |= {name: digest for name in beside if (digest := model_digest(name, settings))}
    return {
        "emoedge": about["emoedge"],
        "topic_base": settings.topic_base,
        "models": models,
        # Broker, recordings and language do not shape the lines of a replay.
        "configuration": public_configuration(settings, "publish"),
    }


def fingerprint(making: dict[str, Any]) -> str:
    """A short name for a making."""
    return hashlib.sha256(json.dumps(making, sort_keys=True).encode()).hexdigest()[:16]


def media_facts(media: Path) -> dict[str, Any]:
    """Size, time of change and digest of a file; raises OSError."""
    about = media.stat()
    return {"bytes": about.st_size, "modified_ns": about.st_mtime_ns, "sha256": sha256_of(media)}


def read_stamp(job: Job) -> dict[str, Any] | None:
    """Return the stamp written beside a result; None if there is no readable one."""
    try:
        value = read_json(job.stamp)
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) and value.get("schema") == SCHEMA else None


def is_current(job: Job, stamp: dict[str, Any] | None, name_of_making: str) -> bool:
    """Return whether the result is complete, and of this file, configuration and models.

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
