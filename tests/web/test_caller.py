"""Whose headers are believed."""

from __future__ import annotations

import pytest

from emoedge.config.web_settings import WebSettings
from emoedge.web.caller import caller_of, is_own_host, own_names


def scope(client="10.0.0.5", scheme="http"):
    return {"client": (client, 1) if client else None, "scheme": scheme, "server": ("10.0.0.9", 8099)}


FORWARDED = {
    "host": "127.0.0.1:8099", "x-forwarded-for": "6.6.6.6, 192.0.2.7", "x-forwarded-proto": "https",
    "x-forwarded-host": "ha.example", "x-ingress-path": "/api/hassio_ingress/abc",
}  # fmt: skip


def test_headers_of_proxies_count_from_proxies_alone():
    stranger = caller_of(scope(), FORWARDED, WebSettings())
    assert (stranger.address, stranger.scheme, stranger.host, stranger.prefix) == (
        "10.0.0.5", "http", "127.0.0.1:8099", "",
    )  # fmt: skip
    proxy = caller_of(scope(), FORWARDED, WebSettings(proxies=["10.0.0.0/24"]))
    assert proxy.by_proxy
    assert (proxy.address, proxy.origin) == ("192.0.2.7", "https://ha.example")
    assert proxy.prefix == "/api/hassio_ingress/abc"
    assert caller_of(scope(None), FORWARDED, WebSettings()).by_proxy, "the Unix socket"
    mapped = caller_of(scope("::ffff:10.0.0.5"), FORWARDED, WebSettings(proxies=["10.0.0.5"]))
    assert mapped.by_proxy


@pytest.mark.parametrize("prefix", ["//evil.example", "/a/../b", "/a;b", '/a"', "x", "/" + "a" * 300])
def test_prefixes_that_are_none(prefix):
    headers = FORWARDED | {"x-ingress-path": prefix}
    assert caller_of(scope(), headers, WebSettings(proxies=["10.0.0.5"])).prefix == ""


@pytest.mark.parametrize(
    ("host", "is_own"),
    [
        ("localhost:1", True), ("127.0.0.1", True), ("[::1]:8099", True), ("salon.example", True),
        ("10.0.0.9:8099", True), ("10.0.0.8", False), ("[::ffff:10.0.0.9]", False), ("evil.example", False),
        ("", False), ("casa.lan", True), ("casa.lan.", True),
    ],
)  # fmt: skip
def test_own_hosts(host, is_own):
    names = own_names(WebSettings(url="https://salon.example/emoedge", hosts=["Casa.lan"]))
    assert is_own_host(host, names, ("10.0.0.9", 8099)) is is_own


def test_the_address_with_url_has_its_scheme():
    web = WebSettings(url="https://salon.example/emoedge")
    caller = caller_of(scope(), {"host": "salon.example"}, web)
    assert (caller.origin, caller.prefix) == ("https://salon.example", "/emoedge")
