"""Whether a model is what was released or fetched, found out before native code reads it.

A flipped bit in a model can end the process, at every start again. Digests are compared, or, where none is
known, the model is tried elsewhere first. What was found is kept with inode, size and time of every file, and
counts unless a process that had loaded the model ended without taking its leave.
"""

from __future__ import annotations

import atexit
import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from emoedge.errors import ModelError
from emoedge.files import cache_folder, read_json, sha256_of, write_json
from emoedge.model_store.manifest import ModelFile, load_manifest, package_models_dir
from emoedge.model_store.receipt import read_receipt
from emoedge.translation import tr

_RECORD: Final = "models.json"
"""In the cache folder: path of a model to the state of its files when it was found sound."""
_IN_USE: Final = "model-in-use-"
"""Prefix of a file with the number of the process that has loaded a model; gone after an orderly end."""
_faults: dict[str, ModelError] = {}
"""State of a model's files to what was wrong with them: not looked at again until they change."""


def ensure_sound(
    path: Path, models_dir: Path, trial: Callable[[Path], None], folder: Path | None = None
) -> None:
    """Look at a model before it is loaded into this process.

    Args:
        path: its file or folder.
        models_dir: `paths.models` of the configuration.
        trial: loads it elsewhere; called where no digest is known. Raises ModelError.
        folder: where what was found is kept; the cache folder by default.

    Raises:
        ModelError: a digest is not the recorded one, or the trial failed.
    """
    path = path.absolute()
    folder = folder or cache_folder()
    state = _state(path)
    in_use = folder / f"{_IN_USE}{hashlib.sha256(str(path).encode(errors='replace')).hexdigest()[:16]}"
    if fault := _faults.get(state):
        raise ModelError(fault.message, fault.remedy)
    record = _read(folder / _RECORD)
    if record.get(str(path)) != state or _was_left_behind(in_use):
        try:
            if check_digests(path, models_dir) is None:
                trial(path)
        except ModelError as fault:
            _faults[state] = fault
            raise
        with suppress(OSError):  # without a cache it is looked at again
            write_json(folder / _RECORD, record | {str(path): state})
    with suppress(OSError):
        in_use.write_text(str(os.getpid()), encoding="ascii")
        atexit.register(in_use.unlink, missing_ok=True)


def check_digests(path: Path, models_dir: Path, package_dir: Path | None = None) -> str | None:
    """Compare a model with its recorded digests.

    Returns:
        What they are, such as "digests as released"; None where none is known.

    Raises:
        ModelError: a file is missing or damaged.
    """
    package_dir = package_dir or package_models_dir()
    if path.parent == package_dir.absolute() or path.parent == package_dir:
        shipped = [one for one in load_manifest(package_dir).entries if one.shipped]
        entries = [one for one in shipped if _is_of(one.files, path)]
        for entry in entries:
            _same(entry.files, package_dir, tr("install emoedge again"))
        return tr("digests as released") if entries else None
    receipt = read_receipt(models_dir, path.name) if path.parent == models_dir.absolute() else None
    if receipt is None:
        return None
    _same(receipt.files, path, tr("run: emoedge models fetch"))
    known = [one for one in load_manifest(package_dir).entries if one.name == path.name]
    published = any(source.sha256 for entry in known for source in entry.sources)
    return (
        tr("digests as published")
        if published
        else tr("as first fetched on {fetched}", fetched=receipt.fetched[:10])
    )


def _is_of(files: tuple[ModelFile, ...], path: Path) -> bool:
    return any(file.path.split("/")[0] == path.name for file in files)


def _same(files: tuple[ModelFile, ...], folder: Path, remedy: str) -> None:
    for file in files:
        path = folder / file.path
        if not path.is_file():
            raise ModelError(tr("{path} is missing", path=file.path), remedy)
        if path.stat().st_size != file.bytes or sha256_of(path) != file.sha256:
            raise ModelError(
                tr("{path} is damaged: its SHA-256 is not the recorded one", path=file.path), remedy
            )


def _state(path: Path) -> str:
    """Changes with inode, size or time of a file of the model."""
    files = sorted(item for item in path.rglob("*") if item.is_file()) if path.is_dir() else [path]
    lines = [
        f"{file.relative_to(path)} {state.st_ino} {state.st_size} {state.st_mtime_ns}"
        for file in files
        for state in [file.stat()]
    ]
    return hashlib.sha256("\n".join([str(path), *lines]).encode(errors="replace")).hexdigest()


def _read(path: Path) -> dict[str, Any]:
    try:
        record = read_json(path)
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _was_left_behind(in_use: Path) -> bool:
    """Return whether a process that had the model loaded was ended by a signal, or by the power."""
    try:
        process = int(in_use.read_text(encoding="ascii"))
        os.kill(process, 0)
    except FileNotFoundError:
        return False
    except PermissionError:
        return False  # it lives, and is another user's
    except (OSError, ValueError):
        return True
    return False
