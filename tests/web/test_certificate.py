"""A certificate for the local network."""

from __future__ import annotations

import pytest


def test_certificate(tmp_path):
    import hashlib
    import shutil
    import ssl

    if shutil.which("openssl") is None:
        pytest.skip("no openssl here (apt-get install openssl)")
    from emoedge.web.certificate import make_certificate, names_of_this_machine

    fingerprint = make_certificate(tmp_path, [*names_of_this_machine(), "salon.lan", "10.0.0.9"])
    text = (tmp_path / "web.crt").read_text()
    assert fingerprint.replace(":", "").lower() == hashlib.sha256(ssl.PEM_cert_to_DER_cert(text)).hexdigest()
    assert (tmp_path / "web.key").stat().st_mode & 0o777 == 0o600
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "web.crt", tmp_path / "web.key")
