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


@pytest.mark.parametrize(
    ("bind", "host", "port"),
    [
        ("127.0.0.1:8099", "127.0.0.1", 8099),
        ("[::]:80", "::", 80),
        ("[fe80::1%eth0]:1", "fe80::1%eth0", 1),
        (":0", "", 0),
        ("unix:/run/x.sock", "", 0),
    ],
)
def test_host_and_port_of_the_address_to_listen_on(bind, host, port):
    settings = WebSettings(bind=bind)
    assert (settings.host, settings.port) == (host, port)


@pytest.mark.parametrize(
    ("bind", "loopback"),
    [
        ("127.0.0.1:8099", True),
        ("127.9.9.9:8099", True),
        ("[::1]:8099", True),
        ("localhost:8099", True),
        ("unix:/run/x.sock", True),
        ("0.0.0.0:8099", False),
        ("[::]:8099", False),
        (":8099", False),
        ("192.168.1.20:8099", False),
        ("sensor.lan:8099", False),
        ("localhost.lan:8099", False),
    ],
)
def test_only_this_machine_can_connect_to_loopback(bind, loopback):
    settings = WebSettings(bind=bind)
    assert settings.is_loopback is loopback
    assert (settings.public_url is None) is loopback


@pytest.mark.parametrize(
    ("values", "address"),
    [
        ({"bind": "0.0.0.0:8099"}, "http://parlour.local:8099/"),
        ({"bind": "[::]:80"}, "http://parlour.local:80/"),
        ({"bind": ":8099", "tls_certificate": "/c", "tls_key": "/k"}, "https://parlour.local:8099/"),
        ({"bind": "192.168.1.20:8099"}, "http://192.168.1.20:8099/"),
        ({"bind": "[2001:db8::1]:8099"}, "http://[2001:db8::1]:8099/"),
        ({"bind": "unix:/run/x.sock", "url": "https://home.example/sensor/"}, "https://home.example/sensor/"),
        ({"bind": "0.0.0.0:8099", "url": "https://home.example"}, "https://home.example/"),
    ],
)
def test_the_address_for_other_machines(monkeypatch, values, address):
    monkeypatch.setattr("socket.gethostname", lambda: "Parlour.home.arpa")
    assert WebSettings(**values).public_url == address


def test_names_networks_and_passwords_that_are_accepted():
    settings = WebSettings(
        hosts=["Sensor.LAN", "[::1]"],
        proxies=["172.30.32.2", "10.0.0.5/8", "fd00::/8"],
        login="proxy",
        password="x" * 10,
    )
    assert settings.hosts == ("sensor.lan", "[::1]")
    assert settings.proxies == ("172.30.32.2", "10.0.0.5/8", "fd00::/8")
    assert settings.password is not None
    assert "xxx" not in repr(settings)
    assert WebSettings(bind="unix:/run/x.sock", login="proxy").proxies == ()
