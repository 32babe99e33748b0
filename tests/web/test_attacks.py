"""The attacks on the console, each tried on a running one."""

from __future__ import annotations

import contextlib
import json
import socket
import time

import httpx
import pytest

from emoedge.record.names import new_segment_id
from tests.web.conftest import Console, start_console, stop

pytestmark = pytest.mark.timeout(600)

READS = ("/api/recordings", "/api/settings", "/api/models", "/api/devices", "/api/doctor", "/api/support")


@pytest.mark.parametrize("path", READS)
def test_no_key(console: Console, path: str) -> None:
    with console.client() as client:
        answer = client.get(path)
        assert answer.status_code == 401
        assert answer.json()["error"] == "login"
        assert "emoedge web key" in answer.json()["remedy"]


def test_every_path_of_the_api_needs_a_login_but_two(console: Console) -> None:
    from emoedge.web import (
        app,
        commands_api,
        live_api,
        login_api,
        picture_api,
        recordings_api,
        settings_api,
    )

    assert app.build_app
    paths = {
        (route.path.format(segment_id="x", name="x"), method)
        for module in (commands_api, live_api, login_api, picture_api, recordings_api, settings_api)
        for route in module.ROUTES
        for method in route.methods - {"HEAD"}
    }
    with console.client() as client:
        open_ones = {
            (path, method) for path, method in paths if client.request(method, path).status_code != 401
        }
    assert open_ones == {("/api/alive", "GET"), ("/api/login", "POST")}


@pytest.mark.parametrize("key", ["x", "0" * 22, "ñ", "A" * 5000])
def test_wrong_key(console: Console, key: str) -> None:
    with console.client() as client:
        answer = client.get("/api/settings", headers={"Authorization": f"Bearer {key}".encode()})
        assert answer.status_code == 401
        assert answer.json()["error"] == "wrong"
        assert client.post("/api/login", json={"key": key}).status_code == 401


def test_the_old_key_and_its_sessions_end_with_a_new_one(tmp_path) -> None:
    console = start_console(tmp_path)
    try:
        with console.client() as client:
            assert client.post("/api/login", json={"key": console.key}).status_code == 204
            assert client.get("/api/settings").status_code == 200
            new = console.store.make_key()
            assert client.get("/api/settings").status_code == 401
        with console.client(console.key) as client:
            assert client.get("/api/settings").status_code == 401
        with console.client(new) as client:
            assert client.get("/api/settings").status_code == 200
        assert new not in (tmp_path / "state" / "web.json").read_text()
        assert (tmp_path / "state" / "web.json").stat().st_mode & 0o777 == 0o600
    finally:
        log = stop(console)
    assert new not in log
    assert console.process.returncode == 0


def test_guessed_password(console: Console) -> None:
    console.store.set_password("una contraseña larga")
    with console.client() as client:
        for guess in ("1234567890", "password", "x" * 2000, "", "una contraseña"):
            assert client.post("/api/login", json={"password": guess}).status_code == 401
        answer = client.post("/api/login", json={"password": "una contraseña larga"})
        assert answer.status_code == 429, "five a minute"
        assert 0 < int(answer.headers["Retry-After"]) <= 60
        assert answer.json()["error"] == "attempts"
    with console.client() as another:
        assert another.post("/api/login", json={"password": "una contraseña larga"}).status_code == 204
        cookie = another.cookies.jar
        assert [one.name for one in cookie] == ["emoedge_session"]


def test_the_cookie_is_closed_to_scripts_and_other_pages(console: Console) -> None:
    with console.client() as client:
        answer = client.post("/api/login", json={"key": console.key})
        cookie = answer.headers["set-cookie"].lower()
        for part in ("httponly", "samesite=strict", "path=/"):
            assert part in cookie
        assert "secure" not in cookie, "not over TLS"
        assert client.post("/api/logout", headers={"Origin": console.url}).status_code == 204
        assert client.get("/api/settings").status_code == 401


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PATCH", "/api/settings"),
        ("GET", "/api/support"),
        ("POST", "/api/picture"),
        ("GET", "/api/picture/stream"),
        ("DELETE", "/api/recordings/x"),
        ("PUT", "/api/controls/margin"),
        ("POST", "/api/restart"),
        ("POST", "/api/models/vosk/fetch"),
    ],
)
def test_the_view_key_reads_only(console: Console, method: str, path: str) -> None:
    with console.client(console.view_key) as client:
        answer = client.request(method, path, json={"mqtt.host": "evil", "value": "x"})
        assert answer.status_code == 403
        assert answer.json()["error"] == "view"
    with console.client() as client:
        assert client.post("/api/login", json={"key": console.view_key}).status_code == 204
        headers = {"Origin": console.url}
        assert client.request(method, path, json={}, headers=headers).status_code == 403
        assert client.get("/api/recordings").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://127.0.0.1:1"},
    ],
)
def test_foreign_origin(console: Console, headers: dict[str, str]) -> None:
    with console.client() as client:
        assert client.post("/api/login", json={"key": console.key}).status_code == 204
        answer = client.patch("/api/settings", json={"fusion.margin": 0.1}, headers=headers)
        assert answer.status_code == 403
        assert answer.json()["error"] == "origin"
        assert "access-control-allow-origin" not in answer.headers
        own = client.patch("/api/settings", json={}, headers={"Origin": console.url})
        assert own.status_code == 200
        assert (
            client.patch("/api/settings", json={}, headers={"Sec-Fetch-Site": "same-origin"}).status_code
            == 200
        )


def test_a_foreign_page_cannot_log_in(console: Console) -> None:
    with console.client(headers={"Origin": "http://evil.example"}) as client:
        assert client.post("/api/login", json={"key": console.key}).status_code == 403


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "10.0.0.1", "localhost.evil", "x:80"]
)
def test_rebinding(console: Console, host: str) -> None:
    with console.client(console.key) as client:
        for path in ("/", "/api/alive", "/api/settings", "/static/x"):
            answer = client.get(path, headers={"Host": host})
            assert answer.status_code == 421
            assert answer.json()["error"] == "host"
            assert client.get(path, headers={"Host": "x", "X-Forwarded-Host": "127.0.0.1"}).status_code == 421


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:99", "[::1]:1", socket.gethostname().upper()])
def test_own_names(console: Console, host: str) -> None:
    with console.client() as client:
        assert client.get("/api/alive", headers={"Host": host}).status_code == 200


LAST = b"GET /api/alive HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def raw(console: Console, data: bytes) -> bytes:
    with console.connect() as one:
        one.sendall(data)
        return read_all(one)


def read_all(one: socket.socket) -> bytes:
    found = b""
    try:
        while part := one.recv(65536):
            found += part
    except ConnectionError:
        pass
    return found


@pytest.mark.parametrize(
    "path",
    [
        "/static/../access.py",
        "/static/..%2f..%2f..%2fetc%2fpasswd",
        "/static/%2e%2e/%2e%2e/access.py",
        "/static//etc/passwd",
        "/api/recordings/../../../etc/passwd",
        "/api/recordings/..%2f..%2f..%2fetc%2fpasswd/video",
        "/api/recordings/20261122T091000Z-1a2b3c4d%2f..%2f..%2fx/video",
        "/api/recordings/20261122T091000Z-1a2b3c4d/../x",
        "/api/recordings/20261122T091000Z-1a2b3c4d%00/video",
    ],
)
def test_traversal(console: Console, path: str) -> None:
    lines = (f"GET {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {console.key}")
    answer = raw(console, "\r\n".join([*lines, "Connection: close", "", ""]).encode())
    assert answer.startswith(b"HTTP/1.1 404")
    assert b"root:" not in answer
    assert b"import" not in answer


def test_links_in_the_store_are_not_followed(console: Console, full) -> None:
    from datetime import datetime, timezone

    (console.folder / "secret").write_text("secret")
    segment_id = new_segment_id(datetime.now(timezone.utc))
    day = console.recordings / "2026-11-30"
    day.mkdir()
    (day / f"{segment_id}.mp4").write_bytes(b"video")
    (day / f"{segment_id}.jpg").symlink_to(console.folder / "secret")
    assert full.get(f"/api/recordings/{segment_id}/video").content == b"video"
    assert full.get(f"/api/recordings/{segment_id}/thumbnail").status_code == 404


def test_oversized(console: Console) -> None:
    with console.client() as client:
        answer = client.post("/api/login", content=b'{"key":"' + b"x" * 64_000 + b'"}')
        assert answer.status_code == 413
        assert answer.json()["error"] == "large"

        def endless():
            for _ in range(100):
                yield b"x" * 10_000

        with contextlib.suppress(httpx.TransportError):  # the server closes while it is still sent
            assert client.post("/api/login", content=endless()).status_code == 413
    head = b"GET /api/alive HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 40_000
    assert not raw(console, head).startswith(b"HTTP/1.1 200")


@pytest.mark.slow
@pytest.mark.parametrize(
    "begin",
    [
        b"",
        b"GET /api/alive HTTP/1.1\r\nHost: loc",
        b"POST /api/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{",
        b"POST /api/login HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{",
    ],
)
def test_slow_client(console: Console, begin: bytes) -> None:
    """A request that does not arrive is ended, however its bytes trickle in."""
    with console.connect() as one:
        one.sendall(begin)
        one.settimeout(0.5)
        ended = False
        deadline = time.monotonic() + 120
        while not ended and time.monotonic() < deadline:
            try:
                ended = one.recv(1000) == b""
            except TimeoutError:
                try:
                    one.sendall(b"1\r\nx\r\n" if b"chunked" in begin else b"x" if begin else b"")
                except ConnectionError:
                    ended = True
            except ConnectionError:
                ended = True
        assert ended


def test_a_thousand_bad_requests(console: Console) -> None:
    with console.client("wrong key") as client:
        codes = [client.get("/api/settings").status_code for _ in range(1000)]
    assert set(codes) <= {401, 429}
    assert codes.count(401) <= 5, "failed logins of an address"
    assert console.process.poll() is None
    with console.client(console.key) as client:
        assert client.get("/api/settings").status_code == 200


def test_twenty_requests_a_second(console: Console) -> None:
    answers = raw(console, b"GET /api/alive HTTP/1.1\r\nHost: localhost\r\n\r\n" * 1000 + LAST)
    assert answers.count(b"HTTP/1.1 200") >= 60, "a burst"
    assert b"HTTP/1.1 429" in answers
    assert b"retry-after: 1" in answers
    assert b'"error":"rate"' in answers


def test_garbage(console: Console) -> None:
    for data in (
        b"\x16\x03\x01" + bytes(100),
        b"\r\n" * 50,
        b"GET\r\n\r\n",
        b"\xff" * 3000,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ):
        assert not raw(console, data + b"\r\n\r\n").startswith(b"HTTP/1.1 2")
    with console.client() as client:
        assert client.get("/api/alive").status_code == 200


def test_two_hundred_idle_connections(console: Console) -> None:
    idle = []
    try:
        idle.extend(console.connect() for _ in range(220))
        with console.client(console.key) as client:
            assert client.get("/api/settings").status_code == 200
    finally:
        for one in idle:
            one.close()


def test_bodies_that_are_not_json(console: Console, full) -> None:
    for body in (b"", b"[]", b"{", b"[" * 30_000, b"\xff", b"null", json.dumps("x").encode()):
        answer = full.patch("/api/settings", content=body)
        assert (answer.status_code, answer.json()["error"]) == (400, "body")


def test_headers_of_every_answer(console: Console, full) -> None:
    for path in ("/api/alive", "/api/settings", "/nothing", "/static/nothing", "/api/recordings/x"):
        headers = full.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "server" not in headers
        if path.startswith("/api"):
            assert headers["cache-control"] == "no-store"


def test_language_of_refusals(console: Console) -> None:
    with console.client() as client:
        reasons = {
            language: client.get("/api/settings", headers={"Accept-Language": language}).json()["reason"]
            for language in ("es", "en-GB, es;q=0.5", "fr", "")
        }
    assert reasons["es"] == reasons["fr"] == reasons[""] == "hace falta iniciar sesión"
    assert reasons["en-GB, es;q=0.5"] == "a login is needed"
