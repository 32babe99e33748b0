"""The models that the configuration needs: whole, loaded, and run once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from emoedge.config import Settings
from emoedge.doctor.result import CheckResult, failed, ok, warning
from emoedge.errors import ModelError
from emoedge.model_store.manifest import (
    CONFIDENCE,
    FACE_CLASSIFIER,
    FACE_DETECTOR,
    LEARNED_FUSION,
    TEXT_MODEL,
    VOICE_CLASSIFIER,
)
from emoedge.translation import tr

if TYPE_CHECKING:
    from emoedge.model_store import ModelEntry


def check_models(settings: Settings) -> Iterator[CheckResult]:
    """The TFLite runtime, then every model that an enabled modality needs."""
    from emoedge.inference import load_runtime
    from emoedge.model_store import load_manifest

    try:
        runtime, _ = load_runtime()
    except ModelError as error:
        yield failed("inference", error.message, error.remedy)
    else:
        yield ok("inference", runtime.partition(".")[0])
    entries = {entry.name: entry for entry in load_manifest().entries}
    for name in needed_models(settings):
        yield _check(name, entries.get(name), settings)
    if _hears_words(settings):
        yield _check_speech(entries.get(settings.speech.model), settings)


def missing_models(settings: Settings) -> Iterator[CheckResult]:
    """A warning for each model that the configuration needs and that is not there; none is loaded."""
    from emoedge.model_store import package_models_dir, resolve

    names = [(name, package_models_dir()) for name in needed_models(settings)]
    if _hears_words(settings):
        names.append((settings.speech.model, settings.paths.models))
    for name, folder in names:
        try:
            resolve(name, folder)
        except ModelError as error:
            yield warning(f"model {name}", error.message, error.remedy)


def needed_models(settings: Settings) -> tuple[str, ...]:
    """Names of the shipped models that will be loaded, which also takes a device."""
    names: list[str] = []
    if settings.face.enabled and settings.camera.source != "none":
        names += [FACE_DETECTOR, FACE_CLASSIFIER]
    if settings.voice.enabled and settings.microphone.source != "none":
        names.append(VOICE_CLASSIFIER)
    if _hears_words(settings):
        names.append(TEXT_MODEL)
    names.append(CONFIDENCE)
    if settings.fusion.method == "learned":
        names.append(LEARNED_FUSION)
    return tuple(Path(name).stem for name in names)


def _hears_words(settings: Settings) -> bool:
    """Return whether speech will be recognised; without a microphone no model is loaded for it."""
    return settings.speech.enabled and settings.microphone.source != "none"


def _check(name: str, entry: ModelEntry | None, settings: Settings) -> CheckResult:
    from emoedge.doctor.model_verification import check
    from emoedge.model_store import package_models_dir

    if entry is None:
        return failed(f"model {name}", tr("not in the list of models"), tr("install emoedge again"))
    found = check(entry, settings.paths.models, package_models_dir())
    if found.ok and not found.detail.startswith("not installed"):
        return ok(f"model {name}", found.detail)
    return failed(
        f"model {name}", found.detail, found.remedy or tr("run: emoedge models fetch {name}", name=name)
    )


def _check_speech(entry: ModelEntry | None, settings: Settings) -> CheckResult:
    """A known model by its digests, any other by loading it."""
    speech = settings.speech
    if entry is not None:
        return _check(speech.model, entry, settings)
    from emoedge.model_store import resolve
    from emoedge.pipeline.model_trial import try_model

    name = f"model {speech.model}"
    try:
        path = resolve(speech.model, settings.paths.models)
        try_model(speech.engine, path)
    except ModelError as error:
        return failed(name, error.message, error.remedy or tr("run: emoedge models fetch"))
    return ok(name, tr("{path} loads and runs", path=path))
