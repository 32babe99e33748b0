"""A certificate for the local network, made by openssl(1): browsers ask once whether it is trusted."""

from __future__ import annotations

import ipaddress
import re
import socket
import subprocess
from pathlib import Path
from typing import Final

from emoedge.errors import EmoedgeError
from emoedge.files import write_atomically
from emoedge.translation import tr
from emoedge.web.access import give_to_owner

DAYS: Final = 825
"""Validity that browsers accept, about two years."""
CERTIFICATE: Final = "web.crt"
KEY: Final = "web.key"
DROP_IN: Final = "45-certificate.toml"
OPENSSL_S: Final = 60.0


def make_certificate(folder: Path, names: list[str]) -> str:
    """Write key and certificate.

    Args:
        folder: where `web.key` and `web.crt` are written.
        names: host names and addresses of the device, at least one.

    Returns:
        Its SHA-256 fingerprint, to be compared with what the browser shows.

    Raises:
        EmoedgeError: openssl is not there, or fails.
        OSError: the folder cannot be written to.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    alternatives = ",".join(f"{'IP' if _is_address(name) else 'DNS'}:{name}" for name in names)
    text = _openssl(
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-batch",
        "-days", str(DAYS), "-subj", "/CN=emoedge", "-addext", f"subjectAltName={alternatives}",
        "-addext", "extendedKeyUsage=serverAuth", "-keyout", "-", "-out", "-",
    )  # fmt: skip
    key = re.search(r"-----BEGIN PRIVATE KEY-----.*?-----END PRIVATE KEY-----\n", text, re.DOTALL)
    certificate = re.search(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", text, re.DOTALL)
    if key is None or certificate is None:
        raise EmoedgeError(
            tr("openssl: no key and certificate in its answer"), tr("update the package openssl")
        )
    for name, content in ((KEY, key[0]), (CERTIFICATE, certificate[0])):
        write_atomically(folder / name, content, mode=0o600, prepare=give_to_owner)
    shown = _openssl("x509", "-noout", "-fingerprint", "-sha256", "-in", str(folder / CERTIFICATE))
    return shown.strip().rpartition("=")[2]


def names_of_this_machine() -> list[str]:
    """Names and addresses under which browsers may reach it."""
    name = socket.gethostname().partition(".")[0].lower()
    found = [name, f"{name}.local", "localhost", "127.0.0.1", "::1"]
    for info in socket.getaddrinfo(socket.gethostname(), None, type=socket.SOCK_STREAM):
        address = str(info[4][0]).partition("%")[0]
        if address not in found and not ipaddress.ip_address(address).is_loopback:
            found.append(address)
    return found


def _is_address(name: str) -> bool:
    try:
        return bool(ipaddress.ip_address(name))
    except ValueError:
        return False


def _openssl(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ("openssl", *arguments), check=False, capture_output=True, text=True, timeout=OPENSSL_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EmoedgeError(f"openssl: {error}", tr("run: sudo apt install openssl")) from error
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        raise EmoedgeError(
            f"openssl: {lines[-1] if lines else done.returncode}", tr("update the package openssl")
        )
    return done.stdout
