"""One file over HTTP: resumed where it stopped, checked, and in place only when whole."""

from __future__ import annotations

import http.client
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import IO, Final

from emoedge.backoff import Backoff
from emoedge.errors import ModelError
from emoedge.files import put_in_place, read_json, sha256_of, write_json
from emoedge.translation import tr
from emoedge.version import __version__

Progress = Callable[[int, int | None], None]
"""Called with (bytes so far, bytes in all or None)."""

CHUNK: Final = 1 << 18
TIMEOUT_S: Final = 30.0
"""Without a byte for this long the connection counts as lost."""

ATTEMPTS: Final = 4
"""Connections in one call; each goes on where the last one stopped."""

BACKOFF: Final = Backoff(first_s=1.0, jitter=0.0)
"""Waits between the attempts."""

MAX_BYTES: Final = 4 << 30
"""Maximum size of a model: a server that never ends must not fill the disk."""

SPARE_BYTES: Final = 64 << 20
"""Free disk space that is left alone."""

REMEDY: Final = tr(
    "check the connection and run it again to resume; or download the file elsewhere and use --from FILE"
)


class _Incomplete(Exception):  # noqa: N818 - internal: the next attempt follows
    """The connection ended early."""


def download(
    url: str,
    target: Path,
    *,
    sha256: str | None = None,
    progress: Progress | None = None,
    backoff: Backoff = BACKOFF,
) -> str:
    """Fetch `url` to `target` and return the file's SHA-256.

    What has arrived waits in `target` + ".part" (with the server's version of the file beside it),
    so that a call after a failure goes on from there.

    Args:
        url: http or https.
        target: final path; its folder exists.
        sha256: what the digest must be, when known.
        progress: told of every chunk.
        backoff: waits between attempts.

    Raises:
        ModelError: no connection, refused, incomplete, too large, no space, or another digest.
    """
    if not url.startswith(("https://", "http://")):
        raise ModelError(tr("not an address to download from: {url}", url=url), tr("use http or https"))
    part = target.with_name(target.name + ".part")
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(backoff.delay_s(attempt))
        try:
            _attempt(url, part, progress)
            break
        except urllib.error.HTTPError as error:
            raise ModelError(
                tr("{url} answers {code} {reason}", url=url, code=error.code, reason=error.reason), REMEDY
            ) from error
        except (_Incomplete, OSError, http.client.HTTPException) as error:
            problem: Exception = error
    else:
        raise ModelError(
            tr("cannot download {url}: {problem}", url=url, problem=problem), REMEDY
        ) from problem
    digest = sha256_of(part)
    if sha256 is not None and digest != sha256.lower():
        _forget(part)
        raise ModelError(
            tr(
                "{url} has SHA-256 {digest}, expected {sha256}: damaged or changed",
                url=url,
                digest=digest,
                sha256=sha256,
            ),
            tr("run it again"),
        )
    put_in_place((part, target))
    _forget(part)
    return digest


def check_space(folder: Path, needed: int) -> None:
    """Raise ModelError unless `folder` has room for `needed` bytes and a little more."""
    free = shutil.disk_usage(folder).free
    if free < needed + SPARE_BYTES:
        raise ModelError(
            tr(
                "{folder} has {free} MB free, {needed} MB are needed",
                folder=folder,
                free=free >> 20,
                needed=needed + SPARE_BYTES >> 20,
            ),
            tr("free some space, or set paths.models to another disk"),
        )


def _attempt(url: str, part: Path, progress: Progress | None) -> None:
    """One connection; returns when the file is whole."""
    have, version = _state(part)
    request = urllib.request.Request(url, headers={"User-Agent": f"emoedge/{__version__}"})  # noqa: S310 - checked above
    if have and version:
        request.add_header("Range", f"bytes={have}-")
        # If-Range: another version of the file is sent completely instead of being appended to the old part.
        request.add_header("If-Range", version)
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT_S)  # noqa: S310 - checked above
    except urllib.error.HTTPError as error:
        if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            _forget(part)
            raise _Incomplete(tr("the kept part does not fit the file")) from error
        if error.code >= http.client.INTERNAL_SERVER_ERROR:
            raise _Incomplete(f"{error.code} {error.reason}") from error
        raise
    with response:
        resumed = response.status == http.client.PARTIAL_CONTENT
        if resumed and not str(response.headers.get("Content-Range", "")).startswith(f"bytes {have}-"):
            _forget(part)
            raise _Incomplete(tr("the server resumed at the wrong place"))
        done = have if resumed else 0
        length = response.headers.get("Content-Length")
        total = done + int(length) if length and length.isdigit() else None
        if total is not None and total > MAX_BYTES:
            raise ModelError(
                tr("{url} is {total} MB: too large to be a model", url=url, total=total >> 20),
                tr("correct the address"),
            )
        check_space(part.parent, (total or 0) - done)
        _note_version(part, response.headers.get("ETag") or response.headers.get("Last-Modified"))
        with part.open("ab" if resumed else "wb") as file:
            done = _copy(response, file, done, total, progress)
    if total is not None and done != total:
        raise _Incomplete(tr("the connection ended after {done} of {total} bytes", done=done, total=total))


def _copy(source: IO[bytes], file: IO[bytes], done: int, total: int | None, progress: Progress | None) -> int:
    while chunk := source.read(CHUNK):
        file.write(chunk)
        done += len(chunk)
        if done > MAX_BYTES:
            raise ModelError(
                tr("the download is larger than the limit of {max_bytes} MB", max_bytes=MAX_BYTES // 1000000),
                tr("correct the address"),
            )
        if progress:
            progress(done, total)
    return done


def _version_file(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _state(part: Path) -> tuple[int, str | None]:
    """Bytes kept from before and the version they belong to."""
    try:
        version = read_json(_version_file(part))["version"]
        return part.stat().st_size, version
    except (OSError, ValueError, KeyError, TypeError):
        return 0, None


def _note_version(part: Path, version: str | None) -> None:
    # A weak ETag may not be used with If-Range (RFC 9110, 13.1.5).
    if version and version.startswith("W/"):
        version = None
    write_json(_version_file(part), {"version": version})


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    _version_file(part).unlink(missing_ok=True)
