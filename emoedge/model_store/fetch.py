"""Bring a model into the models directory: downloaded or from a file, checked, then in place at once."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Final

from emoedge.errors import ModelError
from emoedge.files import sha256_of
from emoedge.model_store.download import Progress, check_space, download
from emoedge.model_store.manifest import ModelEntry, ModelFile, Source
from emoedge.model_store.places import check_vosk_folder
from emoedge.model_store.receipt import Receipt, read_receipt, receipt_path, write_receipt
from emoedge.model_store.unpack import unpack
from emoedge.translation import tr

DOWNLOADS: Final = ".downloads"
"""Folder inside the models directory where unfinished downloads wait."""

MAX_FILES: Final = 10_000
"""Files and folders of a model given as a folder; that of Vosk has 20."""
MAX_BYTES: Final = 8 * 1024**3
"""Bytes of a model given as a folder; the largest that anyone uses has 3 GB."""


def fetch(
    entry: ModelEntry,
    models_dir: Path,
    *,
    source: Path | None = None,
    progress: Progress | None = None,
) -> Path:
    """Install one model and return its folder; an installed one is replaced only by a whole one.

    Args:
        entry: from the manifest.
        models_dir: `paths.models` of the configuration; made where missing.
        source: a zip archive or a folder that the user already has, instead of downloading.
        progress: told of the download.

    Raises:
        ModelError: cannot be downloaded or unpacked, is not this kind of model, or its digest is
            neither the manifest's nor the one recorded when it was first fetched; or the models
            directory cannot be written.
    """
    if entry.shipped:
        raise ModelError(
            tr("{name} comes with emoedge", name=entry.name),
            tr("nothing to fetch; see: emoedge models verify"),
        )
    if source is not None and not source.exists():
        raise ModelError(tr("no file at {source}", source=source), tr("use the zip archive of the model"))
    try:
        return _install(entry, models_dir, source, progress)
    except OSError as error:
        raise ModelError(
            tr(
                "cannot install {name} in {models_dir}: {strerror}",
                name=entry.name,
                models_dir=models_dir,
                strerror=error.strerror or error,
            ),
            tr("set paths.models to a folder that can be written, or run it with sudo"),
        ) from error


def _install(entry: ModelEntry, models_dir: Path, source: Path | None, progress: Progress | None) -> Path:
    waiting = models_dir / DOWNLOADS
    waiting.mkdir(parents=True, exist_ok=True)
    with _staging(models_dir, entry.name) as stage:
        if source is not None:
            digests, root = _from_source(entry, source, stage)
            origin = source.name
        else:
            digests, root = _from_network(entry, waiting, stage, progress)
            origin = entry.sources[0].url
        _check_known(entry, models_dir, digests, local=source is not None)
        check_structure(entry, root)
        target = models_dir / entry.name
        _put_in_place(root, target)
    write_receipt(models_dir, Receipt(entry.name, origin, digests, list_files(target), _now()))
    for one in entry.sources:
        (waiting / _file_name(entry, one)).unlink(missing_ok=True)
    return target


def list_files(folder: Path) -> tuple[ModelFile, ...]:
    """Every file under `folder` with its size and digest, sorted by path."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return tuple(
        ModelFile(path.relative_to(folder).as_posix(), path.stat().st_size, sha256_of(path)) for path in files
    )


def copy_folder(source: Path, target: Path) -> None:
    """Copy a folder of ordinary files and folders.

    A link is refused: run by root, a copy would hold what only root may read, and a link to a folder above
    never ends. So is anything else that is not a file.

    Args:
        source: the folder itself may be a link.
        target: made here.

    Raises:
        ModelError: there is a link or a device in it, or too much of everything.
        OSError: it cannot be read, or the copy not be written.
    """
    files = size = 0
    for place, folders, names, descriptor in os.fwalk(source, follow_symlinks=False, onerror=_raise):
        folder = target / Path(place).relative_to(source)
        folder.mkdir()
        for name in (*folders, *names):
            status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            files, size = files + 1, size + status.st_size
            if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
                raise ModelError(
                    tr("{place} is not a regular file", place=Path(place) / name),
                    tr("use a folder without links and devices"),
                )
            if files > MAX_FILES or size > MAX_BYTES:
                raise ModelError(
                    tr("{source} contains more than a model", source=source),
                    tr("use only the folder of the model"),
                )
        for name in names:
            opener = partial(_open_file, dir_fd=descriptor)
            with open(name, "rb", opener=opener) as file, (folder / name).open("xb") as copy:
                shutil.copyfileobj(file, copy)


def _raise(error: OSError) -> None:
    raise error


def _open_file(name: str, flags: int, dir_fd: int) -> int:
    return os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=dir_fd)


def check_structure(entry: ModelEntry, folder: Path) -> None:
    """Raise ModelError unless the folder has the files that this kind of model needs."""
    if entry.kind == "vosk":
        check_vosk_folder(folder)
        return
    missing = [one.path for one in entry.sources if not (folder / one.path).is_file()]
    if missing:
        raise ModelError(
            tr("{missing} missing in what was given for {name}", missing=", ".join(missing), name=entry.name),
            tr("pass all files"),
        )


@contextmanager
def _staging(models_dir: Path, name: str) -> Iterator[Path]:
    """A folder on the same file system, gone afterwards."""
    stage = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=models_dir))
    try:
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _from_network(
    entry: ModelEntry, waiting: Path, stage: Path, progress: Progress | None
) -> tuple[tuple[str, ...], Path]:
    if not entry.sources:
        raise ModelError(
            tr("no address is known for {name}", name=entry.name), tr("pass it with --from FILE")
        )
    digests = []
    root = stage
    for one in entry.sources:
        file = waiting / _file_name(entry, one)
        # A file that an earlier call has completed is not downloaded again.
        whole = one.sha256 is not None and file.is_file() and sha256_of(file) == one.sha256
        digests.append(
            one.sha256
            if whole and one.sha256
            else download(one.url, file, sha256=one.sha256, progress=progress)
        )
        if one.path:
            shutil.copyfile(file, stage / one.path)
        else:
            check_space(stage, 3 * file.stat().st_size)
            try:
                root = unpack(file, stage)
            except ModelError:
                file.unlink()  # a damaged archive must not be mistaken for a complete one next time
                raise
    return tuple(digests), root


def _from_source(entry: ModelEntry, source: Path, stage: Path) -> tuple[tuple[str, ...], Path]:
    if source.is_dir():
        check_structure(entry, source)
        root = stage / entry.name
        copy_folder(source, root)
        return (), root
    check_space(stage, 3 * source.stat().st_size)
    return (sha256_of(source),), unpack(source, stage)


def _check_known(entry: ModelEntry, models_dir: Path, digests: tuple[str, ...], *, local: bool) -> None:
    """Compare with the manifest, else with the first fetch (trust on first use)."""
    stated = tuple(one.sha256 for one in entry.sources)
    receipt = read_receipt(models_dir, entry.name)
    for index, digest in enumerate(digests):
        expected = stated[index] if index < len(stated) else None
        if expected is not None and digest != expected:
            raise ModelError(
                tr(
                    "{name}: SHA-256 is {digest}, expected {expected}",
                    name=entry.name,
                    digest=digest,
                    expected=expected,
                ),
                tr("fetch it again"),
            )
        first = receipt.sha256[index] if receipt and index < len(receipt.sha256) else None
        if expected is None and not local and first is not None and digest != first:
            raise ModelError(
                tr(
                    "{name}: SHA-256 is {digest}, but {first} when it was first fetched",
                    name=entry.name,
                    digest=digest,
                    first=first,
                ),
                tr(
                    "if the publisher has replaced it, delete {models_dir} and fetch it again",
                    models_dir=receipt_path(models_dir, entry.name),
                ),
            )


def _put_in_place(root: Path, target: Path) -> None:
    """Swap the new folder in; on a failure the old one is still there."""
    old = target.with_name(f".{target.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    # mkdtemp made the staging folder private; the service's group must be able to read the model.
    root.chmod(0o755)
    if target.exists():
        target.rename(old)
    try:
        root.rename(target)
    except OSError:
        if old.exists():
            old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _file_name(entry: ModelEntry, one: Source) -> str:
    return f"{entry.name}-{one.path}" if one.path else f"{entry.name}.zip"


def _now() -> str:
    return datetime.now(tz=timezone.utc).isoformat(timespec="seconds")
