"""Where the console listens: behind a proxy, on a Unix socket, over TLS."""

from __future__ import annotations

import sys

import pytest

from tests.web.conftest import start_console, stop

pytestmark = pytest.mark.timeout(600)


def test_by_a_proxy(tmp_path):
    console = start_console(tmp_path, 'login = "proxy"\nproxies = ["127.0.0.1"]\n')
    try:
        import httpx

        headers = {
            "X-Ingress-Path": "/api/hassio_ingress/abc",
            "X-Forwarded-Host": "homeassistant.local:8123",
        }
        with httpx.Client(base_url=console.url, headers=headers, timeout=120, trust_env=False) as client:
            assert client.get("/api/recordings").status_code == 200
            answer = client.patch(
                "/api/settings", json={}, headers={"Origin": "http://homeassistant.local:8123"}
            )
            assert answer.status_code == 200
            assert (
                client.patch("/api/settings", json={}, headers={"Origin": "http://evil"}).status_code == 403
            )
            assert client.patch("/api/settings", json={}).status_code == 403
            policy = client.get("/api/alive").headers["content-security-policy"]
            assert "frame-ancestors 'self'" in policy
            login = client.post("/api/login", json={"key": console.key})
            assert "Path=/api/hassio_ingress/abc" in login.headers["set-cookie"]
        with console.client(headers=headers) as stranger:
            assert stranger.get("/api/recordings").status_code in (401, 421)
    finally:
        stop(console)


def test_on_a_unix_socket(tmp_path):
    import httpx

    path = tmp_path / "web.sock"
    (tmp_path / "emoedge.toml").write_text(f'[web]\nbind = "unix:{path}"\n')
    import os
    import subprocess

    from emoedge.web.access import AccessStore

    key = AccessStore(tmp_path / "state").make_key()
    process = subprocess.Popen(
        [sys.executable, "-m", "emoedge", "web", "--config", str(tmp_path / "emoedge.toml")],
        env=os.environ | {"STATE_DIRECTORY": str(tmp_path / "state")},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert "listens on" in process.stderr.readline()
        assert path.stat().st_mode & 0o777 == 0o660
        with httpx.Client(
            base_url="http://localhost", transport=httpx.HTTPTransport(uds=str(path)), timeout=120
        ) as one:
            assert one.get("/api/settings").status_code == 401
            assert one.get("/api/settings", headers={"Authorization": f"Bearer {key}"}).status_code == 200
    finally:
        process.terminate()
        process.wait(120)


def test_over_tls(tmp_path):
    import shutil
    import ssl

    import httpx

    if shutil.which("openssl") is None:
        pytest.skip("no openssl here (apt-get install openssl)")
    from emoedge.web.certificate import make_certificate

    make_certificate(tmp_path / "tls", ["127.0.0.1", "localhost"])
    files = f'tls_certificate = "{tmp_path}/tls/web.crt"\ntls_key = "{tmp_path}/tls/web.key"\n'
    console = start_console(tmp_path, files)
    try:
        context = ssl.create_default_context(cafile=tmp_path / "tls" / "web.crt")
        url = f"https://127.0.0.1:{console.port}"
        with httpx.Client(base_url=url, verify=context, timeout=120) as client:
            login = client.post("/api/login", json={"key": console.key})
            assert "secure" in login.headers["set-cookie"].lower()
            assert client.get("/api/recordings").status_code == 200
    finally:
        stop(console)
