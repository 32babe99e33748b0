"""Authorities made by hand are trusted when they are asked for, and nothing is verified less."""

from __future__ import annotations

import ssl

import pytest

from emoedge.tls_context import verifying_context


def test_certificate_and_name_are_verified_and_no_extension_is_asked_for():
    context = verifying_context()
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
    assert not context.verify_flags & ssl.VERIFY_X509_STRICT
    assert context.get_ca_certs() or ssl.get_default_verify_paths().capath


def test_a_file_without_a_certificate_is_refused(tmp_path):
    empty = tmp_path / "ca.pem"
    empty.write_text("")
    with pytest.raises(ssl.SSLError):
        verifying_context(str(empty))
    with pytest.raises(FileNotFoundError):
        verifying_context(str(tmp_path / "none.pem"))
