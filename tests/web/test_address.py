"""The console's address as people type it."""

from __future__ import annotations

import os

import pytest

from emoedge.config.web_settings import WebSettings
from emoedge.web.address import address_of


@pytest.mark.parametrize(
    ("values", "address"),
    [
        ({}, "http://127.0.0.1:8099/"),
        ({"url": "https://salon.example/emoedge"}, "https://salon.example/emoedge/"),
        ({"bind": "192.168.1.4:80"}, "http://192.168.1.4:80/"),
        ({"bind": "[::1]:80"}, "http://[::1]:80/"),
    ],
)
def test_address(values, address):
    assert address_of(WebSettings(**values)) == address


def test_address_of_the_whole_network():
    found = address_of(WebSettings(bind="[::]:8099", tls_certificate="/x", tls_key="/y"))
    assert found == f"https://{os.uname().nodename.partition('.')[0].lower()}.local:8099/"
