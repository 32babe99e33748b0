"""Certificates of network cameras: decide which are trusted, and explain why one is not.

FFmpeg checks it before user and password are sent. For a pinned certificate it gets exactly that one as its
only authority, and the name in it.
"""

from __future__ import annotations

import hashlib
import re
import socket
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from emoedge.config.capture_settings import CameraSettings
from emoedge.errors import DeviceError
from emoedge.tls_context import verifying_context
from emoedge.translation import tr

PROTOCOLS: Final = "rtsp,rtp,rtcp,udp,tcp,tls,crypto,http,https,httpproxy"
"""Protocols that a camera's answer may redirect to: never a file of this machine."""
SECURE_PROTOCOLS: Final = "rtsps,tcp,tls,crypto,https,httpproxy"
"""The same for a camera with a certificate: no redirect to an unencrypted protocol."""
PORTS: Final = {"https": 443, "rtsps": 322}
"""Schemes with a certificate, and their usual ports."""
TIMEOUT_S: Final = 10.0
"""Maximum seconds for opening a camera: one that sleeps takes several seconds to answer."""
_URL: Final = re.compile(r"(\w+):/*(?:[^/?#]*@)?(\[[^\]/?#]*\]|[^:/?#]*):?(\d*)")
"""Scheme, host and port as FFmpeg reads them."""
_REMEDY: Final = tr(
    "set camera.ca_file to its authority; or compare the fingerprint with the "
    "camera's own page and set camera.tls_fingerprint"
)


@contextmanager
def certificate_options(url: str, settings: CameraSettings, shown: str) -> Iterator[dict[str, str]]:
    """FFmpeg's options for opening an address; they hold while the context lasts.

    Args:
        url: of the camera.
        settings: `tls_verify`, `tls_fingerprint`, `ca_file`.
        shown: the camera's name for messages.

    Raises:
        DeviceError: the certificate is not the pinned one, or cannot be fetched.
    """
    place = _secure_place(url)
    secure = {"protocol_whitelist": SECURE_PROTOCOLS}
    if place is None:
        yield {"protocol_whitelist": PROTOCOLS}
    elif settings.tls_fingerprint is not None:
        with _pinned(place, settings.tls_fingerprint, shown) as options:
            yield secure | options
    elif settings.tls_verify:
        yield secure | {"tls_verify": "1", "ca_file": _authority(settings, shown)}
    else:
        yield secure | {"tls_verify": "0"}


def certificate_fault(url: str, settings: CameraSettings, shown: str) -> DeviceError | None:
    """Return why the certificate of a camera is not trusted; None if opening failed for another reason."""
    place = _secure_place(url)
    if place is None or settings.tls_fingerprint is not None or not settings.tls_verify:
        return None
    try:
        _handshake(place, verifying_context(_authority(settings, shown)))
    except ssl.SSLCertVerificationError as error:
        reason = error.verify_message
    except OSError:
        return None
    else:
        return None
    try:
        seen = f"; its SHA-256 is {_fingerprint(_fetch(place))}"
    except OSError:
        seen = ""
    return DeviceError(
        tr("{shown}: its certificate is not trusted: {reason}{seen}", shown=shown, reason=reason, seen=seen),
        _REMEDY,
    )


def client_context(url: str, settings: CameraSettings, shown: str) -> ssl.SSLContext:
    """The context of a connection of Python's own to an https address, with the same trust as FFmpeg's.

    Raises:
        DeviceError: as `certificate_options`.
    """
    place = _secure_place(url)
    assert place is not None, "not a secure address"
    if settings.tls_fingerprint is not None:
        with _pinned(place, settings.tls_fingerprint, shown) as options:
            context = verifying_context(options["ca_file"])
        context.check_hostname = False
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        return context
    context = verifying_context(_authority(settings, shown))
    if not settings.tls_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _secure_place(url: str) -> tuple[str, int] | None:
    """Host and port of an address with a certificate; None for another one."""
    match = _URL.match(url)
    if match is None or match[1] not in PORTS:
        return None
    return match[2].strip("[]"), int(match[3] or PORTS[match[1]])


def _authority(settings: CameraSettings, shown: str) -> str:
    """The file of the authorities; FFmpeg's own list may be that of another distribution.

    Raises:
        DeviceError: it is not there, or holds no certificate.
    """
    file = settings.ca_file or ssl.get_default_verify_paths().cafile
    try:
        verifying_context(file)
    except OSError as error:
        raise DeviceError(
            tr(
                "{shown}: camera.ca_file: {file}: {strerror}",
                shown=shown,
                file=file,
                strerror=error.strerror or error,
            ),
            tr("use a PEM file with certificates"),
        ) from error
    return str(file or "")


@contextmanager
def _pinned(place: tuple[str, int], fingerprint: str, shown: str) -> Iterator[dict[str, str]]:
    try:
        certificate = _fetch(place)
    except OSError as error:
        raise DeviceError(
            f"{shown}: {error.strerror or error}", tr("check address, network and camera")
        ) from error
    seen = _fingerprint(certificate)
    if seen != fingerprint:
        raise DeviceError(
            tr(
                "{shown}: its certificate has the SHA-256 {seen}, which is not camera.tls_fingerprint",
                shown=shown,
                seen=seen,
            ),
            tr("make sure that the camera itself answers, then update camera.tls_fingerprint"),
        )
    with tempfile.NamedTemporaryFile("w", suffix=".pem", encoding="ascii") as file:
        file.write(certificate)
        file.flush()
        try:
            name = _name(place, file.name)
        except OSError as error:
            reason = getattr(error, "verify_message", "") or error.strerror or error
            raise DeviceError(
                tr("{shown}: its certificate cannot be used: {reason}", shown=shown, reason=reason),
                tr("renew it in the camera"),
            ) from error
        yield {"tls_verify": "1", "ca_file": file.name, "verifyhost": name}


def _name(place: tuple[str, int], trusted: str) -> str:
    """A name in the pinned certificate: FFmpeg compares one, and cameras rarely know their address."""
    context = verifying_context(trusted)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    certificate = _handshake(place, context)
    names = [value for kind, value in certificate.get("subjectAltName", ()) if kind in ("DNS", "IP Address")]
    common = [value for part in certificate["subject"] for key, value in part if key == "commonName"]
    return next(iter([*names, *common]), place[0]).replace("*", "camera")


def _fetch(place: tuple[str, int]) -> str:
    """The certificate that the camera presents, PEM, trusted or not; raises OSError."""
    return ssl.get_server_certificate(place, timeout=TIMEOUT_S)


def _handshake(place: tuple[str, int], context: ssl.SSLContext) -> dict[str, Any]:
    with (
        socket.create_connection(place, timeout=TIMEOUT_S) as plain,
        context.wrap_socket(plain, server_hostname=place[0]) as secured,
    ):
        return dict(secured.getpeercert() or {})


def _fingerprint(certificate: str) -> str:
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate)).hexdigest()
