"""Whether the installed models are whole and really load."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from emoedge.errors import EmoedgeError, ModelError
from emoedge.model_store.manifest import SPEECH_ACTIVITY, Manifest, ModelEntry, package_models_dir
from emoedge.model_store.places import location, resolve
from emoedge.model_store.soundness import check_digests
from emoedge.pipeline.model_trial import load_once, try_model
from emoedge.translation import tr


@dataclass(frozen=True, slots=True)
class Finding:
    """Result of the verification of one model.

    Attributes:
        name: of the model.
        ok: whether the daemon can use it (True too for an optional one that is not installed).
        detail: what was found, one line.
        remedy: what to do, "" when ok.
    """

    name: str
    ok: bool
    detail: str
    remedy: str = ""


def verify(
    manifest: Manifest,
    models_dir: Path,
    package_dir: Path | None = None,
    progress: Callable[[str], None] | None = None,
) -> list[Finding]:
    """Compare digests, load every installed model and run it once; one finding a model, in order."""
    findings = []
    for entry in manifest.entries:
        if progress:
            progress(entry.name)
        findings.append(check(entry, models_dir, package_dir or package_models_dir()))
    return findings


def check(entry: ModelEntry, models_dir: Path, package_dir: Path) -> Finding:
    """Verify one model: the file that the daemon would take."""
    path = _taken(entry, models_dir, package_dir)
    if path is None:
        if entry.optional:
            return Finding(entry.name, ok=True, detail="not installed (optional)")
        return Finding(
            entry.name,
            ok=False,
            detail="missing",
            remedy=tr("install emoedge again") if entry.shipped else tr("run: emoedge models fetch"),
        )
    replaced = entry.shipped and path.parent != package_dir
    try:
        known = check_digests(path, models_dir, package_dir)
        if known:
            load_once(entry.kind, path)
        else:
            try_model(entry.kind, path)
    except EmoedgeError as error:
        remedy = tr("delete {path}: emoedge brings its own", path=path) if replaced else error.remedy
        return Finding(entry.name, ok=False, detail=error.message, remedy=remedy)
    if replaced:
        return Finding(
            entry.name, ok=True, detail=tr("{path} loads and runs, instead of emoedge's own", path=path)
        )
    told = known or tr("no digest known (put there by hand)")
    return Finding(entry.name, ok=True, detail=tr("{told}, loads and runs", told=told))


def _taken(entry: ModelEntry, models_dir: Path, package_dir: Path) -> Path | None:
    """Return the model that the daemon would load; a downloaded file overrides the built-in one."""
    if entry.name == Path(SPEECH_ACTIVITY).stem:
        return location(entry, package_dir, package_dir)
    suffix = {"tflite": ".tflite", "fusion": ".json", "confidence": ".json"}.get(entry.kind, "")
    try:
        return resolve(f"{entry.name}{suffix}", models_dir, package_dir)
    except ModelError:
        return None
