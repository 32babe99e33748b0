"""TLS to the broker: the context, and explanations of its errors.

The server's certificate and its name are always verified; there is no switch for it.
"""

from __future__ import annotations

import ssl
import stat
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Final

from emoedge.clock import parse_rfc3339
from emoedge.config import MqttSettings
from emoedge.errors import EmoedgeError
from emoedge.tls_context import verifying_context
from emoedge.translation import tr
from emoedge.version import RELEASED

_VERSION: Final = 0xA0
"""Tag of the version of a certificate, which the first one leaves out."""
_NOT_YET_VALID: Final = 9  # X509_V_ERR_CERT_NOT_YET_VALID
_EXPIRED: Final = 10  # X509_V_ERR_CERT_HAS_EXPIRED

_ALERTS: Final[dict[str, tuple[str, str]]] = {
    "CERTIFICATE_REQUIRED": (
        tr("the broker requires a client certificate (certificate required)"),
        tr("set mqtt.cert_file and mqtt.key_file"),
    ),
    "HANDSHAKE_FAILURE": (
        tr("the broker ends the handshake (handshake failure)"),
        tr(
            "set mqtt.cert_file and mqtt.key_file if it requires a client certificate; see the log of "
            "the broker"
        ),
    ),
    "UNKNOWN_CA": (
        tr("the broker does not know the authority of the client certificate (unknown ca)"),
        tr("use a mqtt.cert_file signed by an authority that the broker trusts"),
    ),
    "CERTIFICATE_EXPIRED": (
        tr("the broker reports that the client certificate has expired (certificate expired)"),
        tr("renew mqtt.cert_file, and check the clocks of this machine and of the broker"),
    ),
    "CERTIFICATE_REVOKED": (
        tr("the client certificate has been revoked (certificate revoked)"),
        tr("renew mqtt.cert_file and mqtt.key_file"),
    ),
    "BAD_CERTIFICATE": (
        tr("the broker does not accept the client certificate (bad certificate)"),
        tr("set mqtt.cert_file to a certificate that the broker accepts; see the log of the broker"),
    ),
    "CERTIFICATE_UNKNOWN": (
        tr("the broker does not accept the client certificate (certificate unknown)"),
        tr("set mqtt.cert_file to a certificate that the broker accepts; see the log of the broker"),
    ),
    "ACCESS_DENIED": (
        tr("the broker does not admit the client certificate (access denied)"),
        tr("allow this certificate in the access rules of the broker"),
    ),
    "WRONG_VERSION_NUMBER": (
        tr("there is no TLS on this port (wrong version number)"),
        tr("set mqtt.port to the port with TLS, usually 8883, or set mqtt.tls to false"),
    ),
}
"""By the end of OpenSSL's name of the reason: what it means, and the remedy."""


TLS_REMEDY: Final = tr("check mqtt.ca_file, mqtt.port and that mqtt.host is the name in the certificate")
"""Remedy for all other errors."""


class TlsFileError(EmoedgeError):
    """A file that TLS needs cannot be used: missing, unreadable, empty, or not what it should be."""


def make_context(settings: MqttSettings) -> ssl.SSLContext:
    """Build the context of a connection to the broker.

    Raises:
        TlsFileError: mqtt.ca_file, mqtt.cert_file or mqtt.key_file cannot be used.
    """
    context = verifying_context()
    if settings.ca_file is not None:
        _check_file("mqtt.ca_file", settings.ca_file)
        try:
            context = verifying_context(settings.ca_file)
        except (ssl.SSLError, OSError) as error:
            raise TlsFileError(
                tr(
                    "mqtt.ca_file: {ca_file} does not contain a certificate: {error}",
                    ca_file=settings.ca_file,
                    error=_words(error),
                ),
                tr("set mqtt.ca_file to the PEM file of the certificate authority"),
            ) from error
    if settings.cert_file is not None:
        _load_client_certificate(context, settings, settings.cert_file)
    return context


def _load_client_certificate(context: ssl.SSLContext, settings: MqttSettings, certificate: Path) -> None:
    key = settings.key_file or certificate
    _check_file("mqtt.cert_file", certificate)
    _check_file("mqtt.key_file", key)
    try:
        ssl.PEM_cert_to_DER_cert(_first_certificate(certificate))
    except (ValueError, OSError) as error:
        raise TlsFileError(
            tr("mqtt.cert_file: {certificate} does not contain a certificate", certificate=certificate),
            tr("set mqtt.cert_file to the PEM file of the client certificate"),
        ) from error
    password = "" if settings.key_password is None else settings.key_password.get_secret_value()
    try:
        # Without a password, OpenSSL would ask for one on the terminal.
        context.load_cert_chain(certificate, key, password=password)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise TlsFileError(
                tr(
                    "mqtt.key_file: the key in {key} does not belong to the certificate in {certificate}",
                    key=key,
                    certificate=certificate,
                ),
                tr("set mqtt.cert_file and mqtt.key_file to the two files of one pair"),
            ) from error
        if "ENCRYPTED" in _text(key):
            raise TlsFileError(
                tr("mqtt.key_password: the password does not open the key in {key}", key=key)
                if password
                else tr("mqtt.key_password: a password is needed for the key in {key}", key=key),
                tr("correct EMOEDGE_MQTT__KEY_PASSWORD_FILE or the systemd credential mqtt_key_password"),
            ) from error
        raise TlsFileError(
            tr("mqtt.key_file: {key} does not contain a private key", key=key),
            tr("set mqtt.key_file to the PEM file of the key"),
        ) from error
    except OSError as error:
        raise TlsFileError(
            tr("mqtt.key_file: {key}: {error}", key=key, error=_words(error)),
            tr("make it readable for this user"),
        ) from error


def _check_file(key: str, path: Path) -> None:
    """Raise TlsFileError where a path cannot be read as a file."""
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            what = "a folder" if stat.S_ISDIR(mode) else "not a file"
            raise TlsFileError(
                tr("{key}: {path} is {what}", key=key, path=path, what=what),
                tr("set {key} to a PEM file", key=key),
            )
        if path.stat().st_size > MAX_FILE_BYTES:
            raise TlsFileError(
                tr("{key}: {path} is too large for certificates", key=key, path=path),
                tr("set {key} to a PEM file", key=key),
            )
        if not _text(path).strip():
            raise TlsFileError(
                tr("{key}: {path} is empty", key=key, path=path), tr("set {key} to a PEM file", key=key)
            )
    except FileNotFoundError as error:
        raise TlsFileError(
            tr("{key}: no such file: {path}", key=key, path=path), tr("correct {key}", key=key)
        ) from error
    except OSError as error:
        raise TlsFileError(f"{key}: {path}: {_words(error)}", tr("make it readable for this user")) from error


MAX_FILE_BYTES: Final = 1_000_000
"""More than any bundle of certificates."""


def _text(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(MAX_FILE_BYTES).decode("ascii", "replace")


def _first_certificate(path: Path) -> str:
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    _, found, rest = _text(path).partition(begin)
    if not found or end not in rest:
        raise ValueError("not a PEM certificate")
    return begin + rest.partition(end)[0] + end


def certificate_period(path: Path) -> tuple[datetime, datetime]:
    """Return from when until when the first certificate of a PEM file is valid, UTC.

    Raises:
        ValueError: not a certificate.
        OSError: the file cannot be read.
    """
    der = ssl.PEM_cert_to_DER_cert(_first_certificate(path))
    # RFC 5280, section 4.1: Certificate > TBSCertificate > [version], serial, signature, issuer, validity.
    try:
        certificate = _children(_children(der)[0][1])
        tbs = _children(certificate[0][1])
        validity = tbs[4 if tbs[0][0] == _VERSION else 3]
        first, last = (_moment(*one) for one in _children(validity[1]))
    except IndexError:
        raise ValueError("not a certificate") from None
    return first, last


def _children(data: bytes) -> list[tuple[int, bytes]]:
    """Tags and contents of the DER values in a row."""
    found = []
    while data:
        if len(data) < 2:
            raise ValueError("not DER")
        tag, length, start = data[0], data[1], 2
        if length & 0x80:
            digits = length & 0x7F
            start = 2 + digits
            length = int.from_bytes(data[2:start], "big")
        if start + length > len(data):
            raise ValueError("not DER")
        found.append((tag, data[start : start + length]))
        data = data[start + length :]
    return found


def _moment(tag: int, text: bytes) -> datetime:
    utc_time = 0x17  # years 1950 to 2049 in two digits; GeneralizedTime otherwise
    form = "%y%m%d%H%M%SZ" if tag == utc_time else "%Y%m%d%H%M%SZ"
    return datetime.strptime(text.decode("ascii"), form).replace(tzinfo=timezone.utc)


def is_refusal(error: Exception | None) -> bool:
    """Return whether TLS itself says what is wrong; the mere end of a connection does not."""
    ends = ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError
    return isinstance(error, ssl.SSLError) and not isinstance(error, ends)


def explain(error: ssl.SSLError, settings: MqttSettings, now_s: float | None = None) -> tuple[str, str]:
    """Return what a failed handshake means, and the remedy; empty where the usual one fits.

    Args:
        error: of the handshake, or of the first reading after it.
        settings: where to connect.
        now_s: the wall clock, seconds since 1970; the machine's by default.
    """
    verify = getattr(error, "verify_message", "")
    code = getattr(error, "verify_code", 0)
    if code in (_NOT_YET_VALID, _EXPIRED):
        return _explain_period(verify, code, time.time() if now_s is None else now_s)
    reason = error.reason or ""
    for name, (detail, remedy) in _ALERTS.items():
        if reason.endswith(name):
            if settings.cert_file is None and remedy.startswith(("have mqtt.cert", "renew")):
                break
            return detail, remedy
    return verify or reason.replace("_", " ").lower() or str(error), ""


def is_clock_wrong(now_s: float) -> bool:
    """Return whether a wall clock says a time before this version was made."""
    released = parse_rfc3339(f"{RELEASED}T00:00:00Z")
    assert released is not None
    return now_s < released.timestamp()


def _explain_period(verify: str, code: int, now_s: float) -> tuple[str, str]:
    clock = datetime.fromtimestamp(now_s, tz=timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    if is_clock_wrong(now_s):
        return (
            tr(
                "{verify}: the clock is wrong: it shows {clock}, which is before the release of this "
                "version ({released})",
                verify=verify,
                clock=clock,
                released=RELEASED,
            ),
            tr("wait until the clock is set from the network, or set it with: sudo timedatectl set-time"),
        )
    if code == _NOT_YET_VALID:
        return (
            tr("{verify}: the clock of this machine shows {clock}", verify=verify, clock=clock),
            tr(
                "compare it with the right time (run: timedatectl), and with the beginning of the certificate"
            ),
        )
    return (
        tr("{verify}: the clock of this machine shows {clock}", verify=verify, clock=clock),
        tr("renew the certificate of the broker, or correct the clock (run: timedatectl)"),
    )


def _words(error: OSError) -> str:
    return error.strerror or str(error)
