"""The section [web]."""

from __future__ import annotations

import json

import pytest

from emoedge.config.web_settings import WebSettings


@pytest.mark.parametrize(
    "values",
    [
        {"bind": "8099"}, {"bind": "a:b"}, {"bind": "unix:relative"}, {"bind": "1.2.3.4:99999"}, {"url": "ftp://x"},
        {"url": "https://user:password@x"}, {"hosts": ["http://x"]}, {"proxies": ["name"]}, {"picture_s": 5},
        {"login": "proxy"}, {"tls_key": "/x"}, {"password": "short"}, {"picture_hz": 30},
    ],
)  # fmt: skip
def test_settings_that_are_refused(values):
    with pytest.raises(ValueError, match=next(iter(values))):
        WebSettings(**values)


def test_lists_from_the_environment():
    assert WebSettings(hosts="a.lan, b.lan").hosts == ("a.lan", "b.lan")
    assert WebSettings(hosts=json.dumps(["a"])).hosts == ("a",)
    assert WebSettings(bind="unix:/run/x.sock").socket_path == "/run/x.sock"
