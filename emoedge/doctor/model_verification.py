"""Whether the installed models are whole and really load."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emoedge.errors import EmoedgeError, ModelError
from emoedge.files import sha256_of
from emoedge.model_store.fetch import read_receipt
from emoedge.model_store.manifest import Kind, Manifest, ModelEntry, ModelFile, package_models_dir
from emoedge.model_store.places import location


@dataclass(frozen=True, slots=True)
class Finding:
    """What verification says about one model.

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
    """Verify one model."""
    path = location(entry, models_dir, package_dir)
    if path is None:
        if entry.optional:
            return Finding(entry.name, ok=True, detail="not installed (optional)")
        return Finding(
            entry.name,
            ok=False,
            detail="missing",
            remedy="install emoedge again" if entry.shipped else "run: emoedge models fetch",
        )
    try:
        told = _compare(entry, models_dir, package_dir, path)
        load_once(entry.kind, path)
    except EmoedgeError as error:
        return Finding(entry.name, ok=False, detail=error.message, remedy=error.remedy)
    return Finding(entry.name, ok=True, detail=f"{told}, loads and runs")


def load_once(kind: Kind, path: Path) -> None:
    """Load a model and put something through it.

    Raises:
        ModelError: it does not load, or does not run.
    """
    if kind == "tflite":
        _run_tflite(path)
    elif kind == "vosk":
        _run_vosk(path)
    elif kind == "text":
        _run_text(path)
    elif kind == "fusion":
        from emoedge.fusion.learned import LearnedFusion

        LearnedFusion.load(path)
    elif kind == "confidence":
        from emoedge.fusion.confidence import Confidence

        Confidence.load(path)
    elif kind == "whisper":
        from emoedge.speech.whisper_engine import load_model

        load_model(path, threads=1)


def _compare(entry: ModelEntry, models_dir: Path, package_dir: Path, path: Path) -> str:
    """Compare files with the manifest (shipped) or the receipt (fetched)."""
    if entry.shipped:
        _same(entry.files, package_dir, "install emoedge again")
        return "digests as released"
    receipt = read_receipt(models_dir, entry.name) if path.parent == models_dir else None
    if receipt is None:
        return "no digest known (put there by hand)"
    _same(receipt.files, path, "run: emoedge models fetch")
    known = any(source.sha256 for source in entry.sources)
    return "digests as published" if known else f"as first fetched on {receipt.fetched[:10]}"


def _same(files: tuple[ModelFile, ...], folder: Path, remedy: str) -> None:
    for file in files:
        path = folder / file.path
        if not path.is_file():
            raise ModelError(f"{file.path} is missing", remedy)
        if path.stat().st_size != file.bytes or sha256_of(path) != file.sha256:
            raise ModelError(f"{file.path} is damaged: its SHA-256 is not the recorded one", remedy)


def _run_tflite(path: Path) -> None:
    from emoedge.inference import Interpreter

    interpreter = Interpreter(path)
    shape = tuple(max(1, size) for size in interpreter.input_shape)
    interpreter.run(np.zeros(shape, np.float32))


def _run_vosk(path: Path) -> None:
    from emoedge.speech.vosk_engine import VoskRecogniser

    recogniser = VoskRecogniser(path)
    recogniser.accept(np.zeros(8000, np.int16))
    recogniser.finish()


def _run_text(path: Path) -> None:
    from emoedge.text.model import TextEmotionModel

    TextEmotionModel.load(path).classify("estoy muy contenta")
