"""Checks of the folders of recordings and state: writable, with free space; the encoder; secrets."""

from __future__ import annotations

import itertools
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from emoedge.config import Settings, default_paths, drop_ins
from emoedge.doctor.result import CheckResult, failed, ok, warning
from emoedge.errors import RecordingError
from emoedge.text_encoding import EncodingError, decode_text
from emoedge.translation import joined, tr

if TYPE_CHECKING:
    from emoedge.record.encoders import EncoderChoice

# Room for the spool, the settings changed while running, and a minute of recording.
LEAST_FREE_BYTES: Final = 50_000_000


def check_storage(settings: Settings) -> Iterator[CheckResult]:
    """The folders for recordings and state."""
    if settings.recording.mode == "off":
        yield ok("recordings", tr("off (recording.mode = off)"))
    else:
        yield _folder(
            "recordings", "recording.dir", settings.recording.dir, settings.recording.min_free_bytes
        )
    yield _folder("state", "paths.state", settings.paths.state, 0)


def _folder(name: str, key: str, folder: Path, wanted_free: int) -> CheckResult:
    existing = folder
    while not existing.exists() and existing != existing.parent:
        if existing.is_symlink():
            where = existing.readlink()
            return failed(
                name,
                tr("{existing} is a link to {where}, which does not exist", existing=existing, where=where),
                tr("mount the disk it is on"),
            )
        existing = existing.parent
    remedy = tr("make it writable for this user, or set {key} to another folder", key=key)
    try:
        # os.access is wrong on a read-only disk, and for root on a network disk.
        with tempfile.TemporaryFile(dir=existing) as file:
            file.write(b"\0")
            file.flush()
        free = shutil.disk_usage(existing).free
    except OSError as error:
        return failed(name, joined((str(existing), error.strerror or str(error)), ": "), remedy)
    detail = tr("{folder}, {free:.1f} GB free", folder=folder, free=free / 1e9)
    if existing != folder:
        detail = tr("{folder}, {free:.1f} GB free (will be created)", folder=folder, free=free / 1e9)
    if free < LEAST_FREE_BYTES:
        return failed(name, detail, tr("free some space: emoedge recordings purge"))
    if free < wanted_free:
        told = tr(
            "{detail}, less than recording.min_free_bytes: the oldest segments are deleted first",
            detail=detail,
        )
        return warning(name, told, tr("free some space, or lower recording.min_free_bytes"))
    return ok(name, detail)


def check_encoder(settings: Settings) -> Iterator[CheckResult]:
    """Check whether pictures can be encoded for a recording."""
    if settings.recording.mode == "off":
        return
    from emoedge.record.encoders import choose_encoder

    camera = settings.camera
    try:
        encoder = choose_encoder(settings.recording.encoder, camera.width, camera.height, camera.fps)
    except RecordingError as error:
        yield failed("encoder", error.message, error.remedy or tr('set recording.encoder = "auto"'))
    else:
        yield ok("encoder", _described(encoder))


def _described(encoder: EncoderChoice) -> str:
    """Return which encoder it is, and why not the other kind."""
    if encoder.node is not None:
        return tr("{name}, in hardware ({node})", name=encoder.name, node=encoder.node)
    if not encoder.why_software:
        return encoder.name
    return tr("{name}, on the processor: {why}", name=encoder.name, why=encoder.why_software)


def check_secrets(settings: Settings, paths: Iterable[Path] | None = None) -> Iterator[CheckResult]:
    """Check for a password in a world-readable configuration."""
    passwords = [
        (owner, secret.get_secret_value())
        for owner, secret in (("broker", settings.mqtt.password), ("camera", settings.camera.password))
        if secret is not None
    ]
    files = [one for path in default_paths() for one in (path, *drop_ins(path))] if paths is None else paths
    for path, (owner, password) in itertools.product(files, passwords):
        try:
            readable = stat.S_IMODE(path.stat().st_mode) & stat.S_IROTH
            holds_password = password in decode_text(path.read_bytes())
        except (OSError, EncodingError):
            continue
        if readable and holds_password:
            yield warning(
                "secrets",
                tr("{path} contains the {owner} password and is world-readable", path=path, owner=owner),
                tr("run: sudo chmod 640 {path} && sudo chgrp emoedge {path}", path=path),
            )
