"""TLS: client certificates and clocks, against a real Mosquitto with real certificates."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest

from emoedge.config import MqttSettings
from emoedge.errors import BrokerError
from emoedge.publish.publisher import Publisher
from emoedge.publish.tls import TlsFileError, certificate_period, explain, make_context
from emoedge.version import RELEASED
from emoedge.watch.subscription import Subscription
from faults.certificates import Authority

from .conftest import PATIENCE_S, Mosquitto, until
from .samples import builder
from .test_publisher import make_settings

PASSWORD = "geheim"
NEXT_DAY_S = datetime.fromisoformat(f"{RELEASED}T12:00:00+00:00").timestamp()


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    made = Authority(tmp_path_factory.mktemp("tls"))
    for name in ("broker", "client"):
        made.sign(name)
    made.sign("locked", password=PASSWORD)
    made.sign("old", begin="20200101000000Z", end="20210101000000Z")
    made.sign("new", begin="20900101000000Z", end="20950101000000Z")
    Authority(made.folder, "other").sign("stranger")
    return made


def require(authority: Authority, *more: str, server: str = "broker") -> str:
    folder = authority.folder
    lines = ("allow_anonymous true", f"cafile {folder}/ca.crt", f"certfile {folder}/{server}.crt")
    return "\n".join((*lines, f"keyfile {folder}/{server}.key", *more, ""))


@pytest.fixture
def demanding(make_mosquitto, authority) -> Mosquitto:
    """A broker that asks for a client certificate."""
    return make_mosquitto(require(authority, "require_certificate true"))


def mqtt(authority: Authority, port: int, cert: str = "", key: str = "", **more) -> dict:
    folder = authority.folder
    files = {"cert_file": folder / cert if cert else None, "key_file": folder / key if key else None}
    return {"host": "127.0.0.1", "port": port, "tls": True, "ca_file": authority.certificate, **files, **more}


@pytest.fixture
def start(tmp_path) -> Iterator:
    publishers: list[Publisher] = []

    def make(settings: dict) -> Publisher:
        port = settings.pop("port")
        publisher = Publisher(make_settings(port, tmp_path / "state", **settings), builder())
        publisher.start()
        publishers.append(publisher)
        return publisher

    yield make
    for publisher in publishers:
        publisher.stop(1.0)


@pytest.mark.parametrize(
    ("cert", "key", "password"), [("client.crt", "client.key", None), ("locked.crt", "locked.key", PASSWORD)]
)
def test_a_broker_that_asks_for_a_certificate(demanding, authority, start, cert, key, password):
    settings = mqtt(authority, demanding.port, cert, key, key_password=password)
    assert start(dict(settings)).wait_connected(PATIENCE_S)
    with Subscription(MqttSettings(**settings), "+"):
        pass


def test_certificate_and_key_in_one_file(demanding, authority, start, tmp_path):
    both = tmp_path / "both.pem"
    both.write_bytes(b"".join((authority.folder / f"client.{end}").read_bytes() for end in ("key", "crt")))
    assert start(mqtt(authority, demanding.port) | {"cert_file": both}).wait_connected(PATIENCE_S)


@pytest.mark.parametrize("version", ["", "tls_version tlsv1.2"])
@pytest.mark.parametrize(
    ("cert", "key", "said"),
    [
        ("", "", ("mqtt.cert_file", "client certificate")),
        ("stranger.crt", "stranger.key", ("mqtt.cert_file", "unknown ca")),
        ("old.crt", "old.key", ("mqtt.cert_file", "certificate expired")),
    ],
)
def test_the_alert_of_the_broker_is_named(make_mosquitto, authority, start, version, cert, key, said):
    """It asked whether TLS was set, which it was."""
    broker = make_mosquitto(require(authority, "require_certificate true", version))
    settings = mqtt(authority, broker.port, cert, key)
    publisher = start(dict(settings))
    until(lambda: publisher.health()[0].state == "failed", "failed")
    with pytest.raises(BrokerError) as caught, Subscription(MqttSettings(**settings), "+"):
        pass
    for text in (publisher.health()[0].reason, str(caught.value)):
        for word in said:
            assert word in text
        assert "mqtt.ca_file" not in text
        assert "set mqtt.tls" not in text


def test_the_alert_certificate_required_is_named(demanding, authority, start):
    publisher = start(mqtt(authority, demanding.port))
    until(lambda: "certificate required" in publisher.health()[0].reason, "named")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ca_file": "empty"}, ("mqtt.ca_file", "is empty")),
        ({"ca_file": "."}, ("mqtt.ca_file", "is a folder")),
        ({"ca_file": "/dev/zero"}, ("mqtt.ca_file", "is not a file")),
        ({"ca_file": "pipe"}, ("mqtt.ca_file", "is not a file")),
        ({"ca_file": "video"}, ("mqtt.ca_file", "is too large")),
        ({"ca_file": "client.key"}, ("mqtt.ca_file", "does not contain a certificate")),
        ({"ca_file": "nowhere"}, ("mqtt.ca_file", "no such file")),
        ({"cert_file": "empty"}, ("mqtt.cert_file", "is empty")),
        ({"cert_file": "."}, ("mqtt.cert_file", "is a folder")),
        ({"cert_file": "client.key"}, ("mqtt.cert_file", "does not contain a certificate")),
        ({"cert_file": "rubbish"}, ("mqtt.cert_file", "does not contain a certificate")),
        ({"key_file": "broker.key"}, ("mqtt.key_file", "does not belong to the certificate")),
        ({"key_file": "client.crt"}, ("mqtt.key_file", "does not contain a private key")),
        ({"key_file": "empty"}, ("mqtt.key_file", "is empty")),
        ({"key_file": "."}, ("mqtt.key_file", "is a folder")),
        ({"key_file": "nowhere"}, ("mqtt.key_file", "no such file")),
        ({"cert_file": "locked.crt", "key_file": "locked.key"}, ("mqtt.key_password", "is needed")),
        (
            {"cert_file": "locked.crt", "key_file": "locked.key", "key_password": "hush-hush"},
            ("mqtt.key_password", "does not open"),
        ),
    ],
)
def test_files_that_cannot_be_used_are_named_with_their_key(authority, changes, words):
    folder = authority.folder
    (folder / "empty").write_text("")
    if not (folder / "pipe").exists():
        os.mkfifo(folder / "pipe")
        with (folder / "video").open("wb") as video:
            video.truncate(2_000_000_000)
    (folder / "rubbish").write_bytes(bytes(range(256)))
    settings = mqtt(authority, 8883, "client.crt", "client.key")
    settings |= {key: folder / value if key.endswith("file") else value for key, value in changes.items()}
    with pytest.raises(TlsFileError) as caught:
        make_context(MqttSettings(**settings))
    for word in words:
        assert word in str(caught.value)
    assert caught.value.remedy
    assert "hush-hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "begin", "end"),
    [("old", "2020-01-01", "2021-01-01"), ("new", "2090-01-01", "2095-01-01")],
)
def test_the_dates_of_a_certificate(authority, name, begin, end):
    first, last = certificate_period(authority.folder / f"{name}.crt")
    assert [f"{one:%Y-%m-%d %H:%M:%S}" for one in (first, last)] == [f"{begin} 00:00:00", f"{end} 00:00:00"]


def test_damaged_certificates_have_no_dates(authority, tmp_path):
    pem = (authority.folder / "client.crt").read_text()
    der = bytearray(ssl.PEM_cert_to_DER_cert(pem))
    for place in range(0, len(der), 3):
        damaged = bytearray(der)
        damaged[place] ^= 0x55
        path = tmp_path / "damaged.crt"
        path.write_text(ssl.DER_cert_to_PEM_cert(bytes(damaged)))
        try:
            certificate_period(path)
        except ValueError:
            continue


def verify_error(code: int, message: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, message)
    error.verify_code, error.verify_message, error.reason = code, message, "CERTIFICATE_VERIFY_FAILED"
    return error


@pytest.mark.parametrize(
    ("code", "message"), [(9, "certificate is not yet valid"), (10, "certificate has expired")]
)
@pytest.mark.parametrize("now_s", [0.0, 946_684_800.0, NEXT_DAY_S])
def test_dates_are_compared_with_the_clock_and_the_day_of_this_version(code, message, now_s):
    """Three wrong remedies were named."""
    detail, remedy = explain(verify_error(code, message), MqttSettings(), now_s)
    assert message in detail
    assert datetime.fromtimestamp(now_s, tz=timezone.utc).strftime("%Y-%m-%d") in detail
    assert ("the clock is wrong" in detail) == (now_s < NEXT_DAY_S)
    assert "timedatectl" in remedy
    assert "mqtt." not in remedy
    assert ("renew" in remedy) == (code == 10 and now_s == NEXT_DAY_S)


CHILD = """
import sys, threading
from pathlib import Path
sys.path[:0] = [{root!r}]
from tests.publish.samples import builder
from tests.publish.test_publisher import make_settings
from emoedge.backoff import Backoff
from emoedge.publish import retry
from emoedge.publish.publisher import Publisher
retry._REFUSED = Backoff(3600.0, longest_s=3600.0)
settings = dict(tls=True, ca_file={ca!r})
publisher = Publisher(make_settings({port}, Path({state!r}), **settings), builder())
publisher.start()
while True:
    print(publisher.health()[0].reason or publisher.health()[0].state, flush=True)
    threading.Event().wait(0.1)  # time.sleep() fails under libfaketime
"""


def test_a_board_without_a_clock_is_connected_soon_after_it_is_set(make_mosquitto, authority, tmp_path):
    """It took 52 s."""
    library = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
    if library is None:
        pytest.skip("faketime is not installed (apt install faketime)")
    broker = make_mosquitto(require(authority))
    clock = tmp_path / "clock"
    clock.write_text("@2000-01-01 00:00:00\n")
    environment = os.environ | {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    code = CHILD.format(
        root=str(Path(__file__).parents[2]),
        port=broker.port,
        ca=str(authority.certificate),
        state=str(tmp_path / "state"),
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        lines = iter(child.stdout.readline, "")
        wrong = next(line for line in lines if "not yet valid" in line)
        assert "the clock is wrong: it shows 2000-01-01" in wrong
        assert "mqtt." not in wrong
        clock.write_text("+0\n")
        # The next attempt would be in an hour.
        assert next(line for line in lines if line == "ok\n")
        child.kill()
