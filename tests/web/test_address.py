"""Addresses of the console, for people."""

from __future__ import annotations

from emoedge.config.web_settings import WebSettings
from emoedge.web.address import address_of, tunnel_command


def test_the_address_names_host_port_and_scheme():
    assert address_of(WebSettings(bind="127.0.0.1:8099")) == "http://127.0.0.1:8099/"
    assert address_of(WebSettings(bind="[::1]:8099")) == "http://[::1]:8099/"


def test_a_public_address_takes_precedence():
    assert address_of(WebSettings(url="https://home.example/emoedge/")) == "https://home.example/emoedge/"


def test_a_tunnel_ends_at_the_port_of_the_console():
    assert tunnel_command(WebSettings(bind="127.0.0.1:8123")).startswith("ssh -L 8123:127.0.0.1:8123 ")
