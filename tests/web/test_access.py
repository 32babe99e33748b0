"""Keys, password, sessions; limits; whose headers are believed."""

from __future__ import annotations

import json
import os

import pytest

from emoedge.config.web_settings import WebSettings
from emoedge.errors import EmoedgeError
from emoedge.web.access import MAX_SESSIONS, AccessStore
from emoedge.web.address import address_of
from emoedge.web.caller import caller_of, is_own_host, own_names
from emoedge.web.limits import LoginLimit, RequestLimit


class Wall:
    now_s = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def store(tmp_path, wall) -> AccessStore:
    return AccessStore(tmp_path / "state", session_days=30, now=wall)


def test_nothing_secret_is_kept(store):
    key, view = store.make_key(), store.make_key("view")
    store.set_password("correct horse battery")
    token = store.open_session("full", "127.0.0.1")
    text = store.path.read_text()
    for secret in (key, view, token, "correct horse battery"):
        assert secret not in text
    assert len(key) >= 22, "128 bits"
    assert store.path.stat().st_mode & 0o777 == 0o600
    assert (store.access_of_key(key), store.access_of_key(view)) == ("full", "view")


@pytest.mark.parametrize("wrong", ["", "x", " ", "\x00", "\udce9", "x" * 10_000])
def test_wrong_ones(store, wrong):
    assert store.access_of_key(wrong) is None
    assert not store.is_password(wrong)
    assert store.access_of_session(wrong) is None
    store.make_key()
    store.set_password("correct horse battery")
    assert store.access_of_key(wrong) is None
    assert not store.is_password(wrong)


def test_password(store):
    store.set_password("contraseña muy larga")
    assert store.is_password("contraseña muy larga")
    store.set_password(None)
    assert not store.is_password("contraseña muy larga")
    for bad in ("short", "x" * 2000):
        with pytest.raises(EmoedgeError, match="characters"):
            store.set_password(bad)


def test_a_password_of_the_configuration(tmp_path):
    store = AccessStore(tmp_path, password="from the credential")
    assert store.is_password("from the credential")
    assert not store.is_password("another password")


def test_sessions_end(store, wall):
    token = store.open_session("view", "10.0.0.7")
    assert store.access_of_session(token) == "view"
    wall.now_s += 29 * 86_400
    assert store.access_of_session(token) == "view", "used meanwhile"
    wall.now_s += 29 * 86_400
    assert store.access_of_session(token) == "view"
    assert [one.address for one in store.sessions()] == ["10.0.0.7"]
    wall.now_s += 31 * 86_400
    assert store.access_of_session(token) is None
    assert store.sessions() == []
    store.end_session(store.open_session("full", "x"))
    store.open_session("full", "x")
    assert store.end_sessions() == 1
    assert store.sessions() == []


def test_another_process_changes_the_file(store, tmp_path, wall):
    other = AccessStore(tmp_path / "state", now=wall)
    key = other.make_key()
    assert store.access_of_key(key) == "full"
    token = store.open_session("full", "x")
    assert other.access_of_session(token) == "full"
    new = other.make_key()
    assert store.access_of_session(token) is None
    assert (store.access_of_key(key), store.access_of_key(new)) == (None, "full")


def test_sessions_are_bounded(store, wall):
    tokens = []
    for _ in range(MAX_SESSIONS + 1):
        wall.now_s += 1
        tokens.append(store.open_session("full", "x"))
    assert len(store.sessions()) == MAX_SESSIONS
    assert store.access_of_session(tokens[0]) is None
    assert store.access_of_session(tokens[-1]) == "full"


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "\xff", '{"keys": 3}', '{"keys": {"full": []}, "sessions": 5}']
)
def test_a_damaged_file_lets_nobody_in(store, text):
    store.make_key()
    store.path.write_text(text)
    with pytest.raises(EmoedgeError) as caught:
        store.access_of_key("x")
    assert "emoedge web key" in caught.value.remedy
    with pytest.raises(EmoedgeError):
        store.access_of_session("x")
    with pytest.raises(EmoedgeError):
        store.is_password("")


def test_login_limit():
    limit = LoginLimit()
    for moment in range(5):
        assert limit.wait_s("10.0.0.1", moment) == 0
        limit.failed("10.0.0.1", moment)
    assert limit.wait_s("10.0.0.1", 5) == 55
    assert limit.wait_s("10.0.0.2", 5) == 0
    assert limit.wait_s("10.0.0.1", 60) == 0
    for moment in range(100, 1900, 60):
        limit.failed("10.0.0.1", moment)
    assert limit.wait_s("10.0.0.1", 1961) > 60, "thirty an hour"
    for number in range(100):
        limit.failed(f"10.0.1.{number}", 2000)
    assert limit.wait_s("10.9.9.9", 2000) > 60, "a hundred an hour in all"
    assert limit.wait_s("10.9.9.9", 5601) == 0


def test_an_ipv6_host_is_its_network():
    limit = LoginLimit()
    for number in range(5):
        limit.failed(f"2001:db8:1:2::{number}", 0)
    assert limit.wait_s("2001:db8:1:2:ffff::1", 1) > 0
    assert limit.wait_s("2001:db8:1:3::1", 1) == 0


def test_request_limit():
    limit = RequestLimit()
    assert [limit.take("a", 0.0) for _ in range(60)] == [0.0] * 60
    assert limit.take("a", 0.0) > 0
    assert limit.take("b", 0.0) == 0
    assert limit.take("a", 0.06) == 0
    assert sum(limit.take("a", 10.0) == 0 for _ in range(200)) == 60
    for number in range(10_000):
        limit.take(f"10.1.{number // 250}.{number % 250}", 1.0)
    assert len(limit._buckets) <= 4096


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
