"""Cameras behind TLS: real servers, an authority of our own, impostors and redirects."""

from __future__ import annotations

import hashlib
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from emoedge.capture.factory import open_camera
from emoedge.config import CameraSettings
from emoedge.errors import DeviceError

from .clips import read_items
from .mjpeg_server import mjpeg_camera

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl program")
LOGIN = "viewer:hush"
USER = {"username": "viewer", "password": "hush"}


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority, a camera with its certificate, and a camera that has made its own."""
    folder = tmp_path_factory.mktemp("keys")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl(
        "req", "-x509", *new, "-keyout", "ca.key", "-out", "ca.pem", "-days", "30", "-subj", "/CN=authority"
    )
    openssl("req", *new, "-keyout", "signed.key", "-out", "signed.csr", "-subj", "/CN=cam")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1")
    openssl("x509", "-req", "-in", "signed.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-out", "signed.pem", "-days", "30", "-extfile", "names")  # fmt: skip
    openssl(
        "req", "-x509", *new, "-keyout", "own.key", "-out", "own.pem", "-days", "30", "-subj", "/CN=ipcam-07"
    )
    return folder


def context(keys: Path, name: str) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(keys / f"{name}.pem", keys / f"{name}.key")
    return made


def fingerprint(keys: Path, name: str) -> str:
    certificate = ssl.PEM_cert_to_DER_cert((keys / f"{name}.pem").read_text())
    return ":".join(f"{byte:02X}" for byte in hashlib.sha256(certificate).digest())


def settings(port: int, scheme: str = "https", **more: object) -> CameraSettings:
    return CameraSettings(source=f"{scheme}://127.0.0.1:{port}/cam", **USER, **more)


def refusal(camera: CameraSettings) -> DeviceError:
    with pytest.raises(DeviceError) as caught:
        open_camera(camera).open()
    assert caught.value.remedy
    assert "hush" not in str(caught.value)
    return caught.value


def test_a_camera_with_an_authority(keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with mjpeg_camera(LOGIN, context=context(keys, "signed")) as server:
        with open_camera(settings(server.port, ca_file=keys / "ca.pem")) as camera:
            assert read_items(camera, 2)[0].width == 320
        monkeypatch.setenv("SSL_CERT_FILE", str(keys / "ca.pem"))  # the system's authorities
        with open_camera(settings(server.port)) as camera:
            assert read_items(camera, 2)


@pytest.mark.parametrize("name", ["signed", "own"])
def test_an_impostor_gets_neither_user_nor_password(keys: Path, name: str) -> None:
    with mjpeg_camera(LOGIN, context=context(keys, name)) as server:
        error = refusal(settings(server.port))
        assert "not trusted" in error.message
        assert fingerprint(keys, name).replace(":", "").lower() in error.message, "what to compare and pin"
        assert "tls_fingerprint" in error.remedy
        assert server.requests == []


def test_a_certificate_for_another_name(keys: Path) -> None:
    with mjpeg_camera(LOGIN, context=context(keys, "signed")) as server:
        camera = CameraSettings(source=f"https://localhost:{server.port}/x", ca_file=keys / "ca.pem", **USER)
        assert "not trusted" in refusal(camera).message
        assert server.requests == []


@pytest.mark.parametrize("name", ["signed", "own"])
def test_a_pinned_certificate(keys: Path, name: str) -> None:
    other = "own" if name == "signed" else "signed"
    with mjpeg_camera(LOGIN, context=context(keys, name)) as server:
        with open_camera(settings(server.port, tls_fingerprint=fingerprint(keys, name))) as camera:
            assert read_items(camera, 2)
        server.requests.clear()
        pinned = settings(server.port, tls_fingerprint=fingerprint(keys, other), tls_verify=False)
        assert "is not camera.tls_fingerprint" in refusal(pinned).message
        assert server.requests == []


def test_verification_can_be_switched_off(keys: Path) -> None:
    with (
        mjpeg_camera(LOGIN, context=context(keys, "own")) as server,
        open_camera(settings(server.port, tls_verify=False)) as camera,
    ):
        assert read_items(camera, 2)


@pytest.mark.parametrize("verified", [True, False])
def test_no_redirect_from_tls_to_plain(keys: Path, verified: bool) -> None:
    with (
        mjpeg_camera() as plain,
        mjpeg_camera(redirect=f"http://127.0.0.1:{plain.port}/x", context=context(keys, "signed")) as server,
    ):
        refusal(settings(server.port, ca_file=keys / "ca.pem", tls_verify=verified))
        assert server.requests
        assert plain.requests == []


@contextmanager
def rtsp(answer: str, made: ssl.SSLContext | None = None) -> Iterator[tuple[int, list[bytes]]]:
    """A server that gives every request one answer, and keeps what arrives."""
    heard: list[bytes] = []

    def serve() -> None:
        while True:
            try:
                accepted = listener.accept()[0]
            except OSError:
                return
            try:
                with made.wrap_socket(accepted, server_side=True) if made else accepted as connection:
                    while data := connection.recv(4096):
                        heard.append(data)
                        number = data.split(b"CSeq: ")[1].split(b"\r\n")[0] if b"CSeq" in data else b"1"
                        connection.sendall(answer.encode() + b"\r\nCSeq: " + number + b"\r\n\r\n")
            except OSError:
                continue

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1], heard
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_rtsps(keys: Path) -> None:
    missing = "RTSP/1.0 404 Not Found"
    with rtsp(missing, context(keys, "own")) as (port, heard):
        assert "not trusted" in refusal(settings(port, "rtsps")).message
        assert heard == []
        pinned = settings(port, "rtsps", tls_fingerprint=fingerprint(keys, "own"))
        assert "not trusted" not in refusal(pinned).message
        assert heard, "the pinned one is spoken to"
    with (
        rtsp(missing) as (plain_port, plain_heard),
        rtsp(f"RTSP/1.0 302 Moved\r\nLocation: rtsp://127.0.0.1:{plain_port}/x", context(keys, "signed")) as (
            port,
            heard,
        ),
    ):
        refusal(settings(port, "rtsps", ca_file=keys / "ca.pem"))
        assert heard
        assert not [data for data in plain_heard if b"RTSP" in data], "no redirect from TLS to plain"


def test_what_makes_no_sense_is_refused() -> None:
    for bad in ("12", "x" * 64, "a" * 63):
        with pytest.raises(ValueError, match="SHA-256"):
            CameraSettings(source="https://cam/1", tls_fingerprint=bad)
    for more in ({"tls_fingerprint": "a" * 64}, {"ca_file": "/etc/ca.pem"}):
        with pytest.raises(ValueError, match="https://"):
            CameraSettings(source="rtsp://cam/1", **more)
    pinned = CameraSettings(source="https://cam/1", tls_fingerprint="SHA256:" + "AB:" * 31 + "AB")
    assert pinned.tls_fingerprint == "ab" * 32


def test_an_authority_that_is_not_there(tmp_path: Path) -> None:
    error = refusal(settings(1, ca_file=tmp_path / "missing.pem"))
    assert "camera.ca_file" in error.message
