"""Locations of models: the configured directory for fetched ones, the package for shipped ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from emoedge.errors import ModelError
from emoedge.model_store.manifest import FETCH_REMEDY, Manifest, ModelEntry, package_models_dir
from emoedge.translation import joined, tr

MODEL_SUFFIXES: Final = ("", ".tflite", ".npz", ".json")
"""A name may stand for a folder or for a file without its suffix."""
VOSK_FILES: Final = ("am/final.mdl", "conf/mfcc.conf")
"""Without these libvosk crashes or refuses; older models keep them at the top level."""


@dataclass(frozen=True, slots=True)
class Installed:
    """Whether a model is there: `path` is its file or folder, None when missing; `bytes` its size."""

    entry: ModelEntry
    path: Path | None
    bytes: int


def resolve(name: str | Path, models_dir: Path, package_dir: Path | None = None) -> Path:
    """The file or folder of a model.

    Args:
        name: an absolute path, a path with a separator (relative to the working directory), or a
            name: first under `models_dir`, then among the models that come with emoedge.
        models_dir: `paths.models` of the configuration.
        package_dir: for tests; the package's own models by default.

    Raises:
        ModelError: nothing there, with the places that were looked at.
    """
    text = str(name)
    if "/" in text or text.startswith("~"):
        path = Path(text).expanduser()
        if path.exists():
            return path
        raise ModelError(
            tr("no model at {path}", path=path),
            tr("correct the path or {fetch_remedy}", fetch_remedy=FETCH_REMEDY),
        )
    folders = (models_dir, package_dir or package_models_dir())
    for folder in folders:
        for suffix in MODEL_SUFFIXES:
            candidate = folder / f"{text}{suffix}"
            if text not in {"", ".", ".."} and candidate.exists():
                return candidate
    raise ModelError(
        tr("model {text} is missing in {folders}", text=text, folders=joined(map(str, folders))),
        FETCH_REMEDY,
    )


def card_of(entry: ModelEntry) -> str:
    """Return the card of a model: an existing file, or an address."""
    path = package_models_dir() / entry.card.removeprefix("models/")
    return str(path) if path.is_file() else entry.card


def location(entry: ModelEntry, models_dir: Path, package_dir: Path | None = None) -> Path | None:
    """Return the location of a known model, or None."""
    try:
        if entry.shipped:
            own = package_dir or package_models_dir()
            return resolve(entry.name, own, own)
        return resolve(entry.name, models_dir, package_dir)
    except ModelError:
        return None


def installed(manifest: Manifest, models_dir: Path, package_dir: Path | None = None) -> list[Installed]:
    """The state of every known model."""
    found = []
    for entry in manifest.entries:
        path = location(entry, models_dir, package_dir)
        found.append(Installed(entry, path, size_of(path) if path else 0))
    return found


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    files = [path] if path.is_file() else [item for item in path.rglob("*") if item.is_file()]
    return sum(item.stat().st_size for item in files)


def check_vosk_folder(folder: Path) -> None:
    """Raise ModelError unless `folder` looks like a Vosk model (libvosk's own message is bare)."""
    if not folder.is_dir():
        raise ModelError(tr("no speech model at {folder}", folder=folder), FETCH_REMEDY)
    flat = (folder / "final.mdl").is_file() and (folder / "mfcc.conf").is_file()
    if not flat and not all((folder / name).is_file() for name in VOSK_FILES):
        raise ModelError(
            tr("{folder} is not a Vosk model: am/final.mdl or conf/mfcc.conf is missing", folder=folder),
            FETCH_REMEDY,
        )
