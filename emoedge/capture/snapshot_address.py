"""Cameras that answer each HTTP request with one picture, fetched repeatedly over one connection."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import Any, Final
from urllib.parse import unquote, urljoin, urlsplit
from urllib.request import AbstractDigestAuthHandler as DigestAuthorization
from urllib.request import HTTPPasswordMgrWithDefaultRealm, Request

import numpy as np
from numpy.typing import NDArray

from emoedge.capture.camera_certificate import client_context
from emoedge.capture.media import MAX_IMAGE_BYTES, decode_image
from emoedge.capture.source import MAX_PER_S
from emoedge.config.capture_settings import CameraSettings
from emoedge.errors import DeviceError, MediaError
from emoedge.translation import tr

TIMEOUT_S: Final = 10.0
"""Cameras that sleep take several seconds to answer."""
MAX_REDIRECTS: Final = 5
_SINGLE: Final = ("image2", "image2pipe")
_PAGE_STARTS: Final = (b"<!doctype", b"<html", b"<head", b"<?xml", b"<script")
_REMEDY: Final = tr("check address, network and password")


def is_single_picture(url: str, container: Any) -> bool:
    """Return whether FFmpeg has opened a picture over HTTP and not a stream; reads up to two packets."""
    import av

    name = container.format.name
    if not url.startswith("http") or not (name in _SINGLE or name.endswith("_pipe")):
        return False
    try:
        return sum(bool(packet.size) for packet in islice(container.demux(video=0), 2)) < 2
    except (av.error.FFmpegError, OSError):
        return False


class SnapshotAddress:
    """One connection to an HTTP server that sends one picture for each request.

    Args:
        url: http or https, with user and password where needed.
        settings: which certificates are trusted.
        shown: its name in errors.
    """

    def __init__(self, url: str, settings: CameraSettings, shown: str) -> None:
        self._shown = shown
        self._settings = settings
        self._url = url
        self._user = urlsplit(url).username
        self._password = unquote(urlsplit(url).password or "")
        self._connection: http.client.HTTPConnection | None = None
        self._place: tuple[str, str] = ("", "")
        self._challenge = ""

    def pictures(self, per_second: float) -> Iterator[tuple[float, NDArray[np.uint8]]]:
        """Yield pictures for as long as they come, at most `MAX_PER_S` a second.

        Yields:
            The time.monotonic() of the request, seconds, and the picture, uint8 (height, width, 3) BGR.

        Raises:
            DeviceError: the server does not answer, refuses, or sends something else.
        """
        period_s = 1.0 / min(per_second, MAX_PER_S)
        while True:
            start_s = time.monotonic()
            yield start_s, self.picture()
            time.sleep(max(0.0, start_s + period_s - time.monotonic()))

    def picture(self) -> NDArray[np.uint8]:
        """The picture at this moment, uint8 (height, width, 3), BGR.

        Raises:
            DeviceError: as `pictures`.
        """
        content, kind = self.fetch()
        try:
            return decode_image(content, self._shown)
        except MediaError as error:
            raise DeviceError(described(self._shown, content, kind), tr("check the address")) from error

    def fetch(self, limit: int = MAX_IMAGE_BYTES) -> tuple[bytes, str]:
        """Return at most `limit` bytes of the server's answer, and its content type.

        Raises:
            DeviceError: the server does not answer, or refuses.
        """
        url = self._url
        for _ in range(MAX_REDIRECTS):
            response = self._answer(url)
            if response.status in (301, 302, 303, 307, 308):
                url = urljoin(url, response.headers.get("Location", ""))
                response.read()
                continue
            if response.status == 401 and self._user is not None and not self._challenge:
                self._challenge = response.headers.get("WWW-Authenticate", "Basic")
                response.read()
                continue
            if response.status == 401:
                raise DeviceError(
                    tr("{shown}: wrong user name or password", shown=self._shown),
                    tr("set both for the camera"),
                )
            if response.status != 200:
                raise DeviceError(f"{self._shown}: {response.status} {response.reason}", _REMEDY)
            try:
                content = response.read(limit)
            except (http.client.HTTPException, OSError) as error:
                raise DeviceError(
                    tr("{shown}: lost: {error}", shown=self._shown, error=_reason(error)), _REMEDY
                ) from error
            return content, response.headers.get_content_type()
        raise DeviceError(tr("{shown}: it redirects endlessly", shown=self._shown), tr("check the address"))

    def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def abort(self) -> None:
        """From another thread: end a request that is under way."""
        connection = self._connection
        if connection is not None and connection.sock is not None:
            with suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)

    def _answer(self, url: str) -> http.client.HTTPResponse:
        """The response to a request; a connection that the server has closed meanwhile is opened again."""
        parts = urlsplit(url)
        place = (parts.scheme, parts.netloc.rpartition("@")[2])
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            if place != self._place:
                self.close()
            for last in (False, True):
                fresh = self._connection is None
                if self._connection is None:
                    self._connection = self._connect(url, parts.hostname or "", parts.port)
                    self._place = place
                try:
                    self._connection.request("GET", target, headers=self._headers(target))
                    return self._connection.getresponse()
                except (http.client.HTTPException, ConnectionError):
                    self.close()
                    if fresh or last:
                        raise
        except (http.client.HTTPException, OSError, ValueError) as error:
            self.close()
            raise DeviceError(f"{self._shown}: {_reason(error)}", _REMEDY) from error
        raise AssertionError("unreachable")

    def _connect(self, url: str, host: str, port: int | None) -> http.client.HTTPConnection:
        if url.startswith("https:"):
            context = client_context(url, self._settings, self._shown)
            return http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=context)
        if self._url.startswith("https:"):
            raise DeviceError(
                tr("{shown}: it redirects from TLS to plain HTTP", shown=self._shown), tr("check the address")
            )
        return http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)

    def _headers(self, target: str) -> dict[str, str]:
        headers = {"Accept": "image/jpeg, */*", "Connection": "keep-alive"}
        if self._user is not None and self._challenge:
            headers["Authorization"] = authorization(
                self._challenge, target, unquote(self._user), self._password
            )
        return headers


def authorization(challenge: str, target: str, user: str, password: str) -> str:
    """The header field that answers a challenge, Basic or Digest (RFC 7617, RFC 7616)."""
    scheme, _, rest = challenge.partition(" ")
    if scheme.lower() != "digest":
        from base64 import b64encode

        return "Basic " + b64encode(f"{user}:{password}".encode()).decode()
    from urllib.request import parse_http_list, parse_keqv_list

    passwords = HTTPPasswordMgrWithDefaultRealm()
    base = "http://camera"
    passwords.add_password(None, base, user, password)
    fields = parse_keqv_list(parse_http_list(rest))
    digest = DigestAuthorization(passwords).get_authorization(Request(base + target), fields)  # noqa: S310
    return f"Digest {digest}"


def described(shown: str, content: bytes, kind: str) -> str:
    """Return a description, for an error, of an answer that is not a picture."""
    if kind in ("text/html", "application/xhtml+xml") or content.lstrip()[:9].lower().startswith(
        _PAGE_STARTS
    ):
        return tr("{shown}: a web page, not a picture or a stream", shown=shown)
    return tr("{shown}: {kind}, not a picture or a stream", shown=shown, kind=kind)


def _reason(error: Exception) -> str:
    """Return the cause of an error without the address, which may contain a password."""
    return str(getattr(error, "strerror", None) or type(error).__name__)
