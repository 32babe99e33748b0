"""Context of an outgoing TLS connection, to the broker or to a camera."""

from __future__ import annotations

import ssl
from pathlib import Path


def verifying_context(authorities: Path | str | None = None) -> ssl.SSLContext:
    """Return a context that verifies certificate and name.

    Python 3.13 asks for extensions that the authority of a home network may not have, made as the
    guides of brokers and cameras say. They are not asked for; all else is verified as Python does.

    Args:
        authorities: path of a PEM file; None is for the authorities of the system.

    Raises:
        OSError: the file cannot be read.
        ssl.SSLError: there is no certificate in it.
    """
    context = ssl.create_default_context(cafile=authorities)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context
