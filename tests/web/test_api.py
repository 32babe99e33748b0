"""The API on a running console with real recordings."""

from __future__ import annotations

import io
import json
import sys
import zipfile

import pytest

from tests.report.helpers import make_segment
from tests.web.conftest import start_console, stop

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def segment(console):
    return make_segment(console.recordings)


@pytest.fixture
def segment_id(console, segment, full):
    return full.get("/api/recordings").json()["items"][0]["id"]


def test_list(full, segment_id):
    answer = full.get("/api/recordings").json()
    item = answer["items"][0]
    assert answer["next"] is None
    assert item["duration_s"] == pytest.approx(30, abs=1)
    assert item["keep"] is False
    assert item["labels"] == 0
    assert set(item["emotions"]) == {"neutral", "happiness", "surprise", "sadness", "anger"}
    assert item["emotions"]["happiness"] == pytest.approx(7, abs=0.6)
    assert item["peak"]["emotion"] in item["emotions"]
    assert 0 <= item["peak"]["at_s"] <= 30
    assert full.get("/api/recordings?emotion=fear").json()["items"] == []
    assert len(full.get("/api/recordings?emotion=anger&from=2026-11-22&to=2026-11-24").json()["items"]) == 1
    assert full.get("/api/recordings?to=2026-11-21").json()["items"] == []
    assert full.get("/api/recordings", params={"from": "2026-11-23T00:00:00+01:00"}).json()["items"] == []
    assert full.get(f"/api/recordings?cursor={segment_id}").json()["items"] == []


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=201", "limit=x", "emotion=x", "cursor=../x", "from=yesterday", "to=9999-99-99"],
)
def test_bad_parameters(full, query):
    answer = full.get(f"/api/recordings?{query}")
    assert (answer.status_code, answer.json()["error"]) == (400, "parameter")
    assert query.split("=")[0] in answer.json()["reason"]


def test_show(full, segment_id):
    shown = full.get(f"/api/recordings/{segment_id}").json()
    assert shown["id"] == segment_id
    assert shown["details"]["id"] == segment_id
    assert {"fused", "face"} <= set(shown["curves"])
    for rows in shown["curves"].values():
        assert len(rows) == len(shown["named"]) <= 2000
        assert all(row is None or (len(row) == 7 and abs(sum(row) - 1) < 0.01) for row in rows)
    assert [one["emotion"] for one in shown["episodes"]] == ["happiness", "surprise", "sadness", "anger"]
    assert shown["words"] == [], "not without web.transcript"


def test_video_in_parts(full, segment, segment_id):
    path = f"/api/recordings/{segment_id}/video"
    whole = full.get(path)
    assert whole.status_code == 200
    assert whole.headers["accept-ranges"] == "bytes"
    size = len(whole.content)
    part = full.get(path, headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, whole.content[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{size}"
    assert full.get(path, headers={"Range": "bytes=-10"}).content == whole.content[-10:]
    assert full.get(path, headers={"Range": f"bytes={size - 5}-"}).content == whole.content[-5:]
    beyond = full.get(path, headers={"Range": f"bytes={size}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{size}")
    for odd in ("bytes=5-1", "bytes=0-1,4-5", "lines=1-2", "bytes=x-", "bytes=-"):
        assert full.get(path, headers={"Range": odd}).status_code == 200
    stale = full.get(path, headers={"Range": "bytes=0-1", "If-Range": '"other"'})
    assert stale.status_code == 200
    head = full.head(path)
    assert (head.headers["content-length"], head.content) == (str(size), b"")
    saved = full.get(path + "?download")
    assert saved.headers["content-disposition"] == f'attachment; filename="{segment_id}.mp4"'


def test_other_files(full, segment_id):
    base = f"/api/recordings/{segment_id}"
    assert full.get(f"{base}/thumbnail").headers["content-type"] == "image/jpeg"
    assert full.get(f"{base}/subtitles").text.startswith("WEBVTT")
    assert full.get(f"{base}/csv").text.startswith("time_s,")
    page = full.get(f"{base}/report")
    assert "video" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert len(full.get(f"{base}/report?download").content) > len(page.content) * 1.2, "the video is in it"
    assert full.get(f"{base}/json").status_code == 404
    assert full.get("/api/recordings/20261122T091000Z-1a2b3c4d/video").status_code == 404


def test_words_stay_away_without_web_transcript(full, segment_id, console, tmp_path):
    base = f"/api/recordings/{segment_id}"
    for name in ("", "/timeline", "/report", "/csv", "/subtitles"):
        assert "hermana" not in full.get(base + name).text
    timeline = [json.loads(line) for line in full.get(f"{base}/timeline").text.splitlines()]
    assert {"state", "event"} <= {row["topic"] for row in timeline}
    other = start_console(tmp_path, "transcript = true\n")
    try:
        make_segment(other.recordings)
        with other.client(other.key) as client:
            found = client.get("/api/recordings").json()["items"][0]["id"]
            for name in ("", "/timeline", "/report"):
                assert "hermana" in client.get(f"/api/recordings/{found}{name}").text
    finally:
        stop(other)


def test_settings(full, console):
    shown = full.get("/api/settings").json()
    assert set(shown) == {"etag", "schema", "values", "sources", "secrets", "restart"}
    assert shown["values"]["device_id"] == "salon"
    assert shown["sources"]["device_id"] == "file"
    assert shown["sources"]["fusion.margin"] == "default"
    assert "mqtt.host" in shown["restart"]
    assert shown["schema"]["$defs"]["FusionSettings"]["properties"]["margin"]["maximum"] == 1
    owner = (console.folder / "emoedge.toml").read_text()
    changes = {
        "fusion.margin": 0.3,
        "mqtt.host": "broker.lan",
        "mqtt.username": "u",
        "mqtt.password": "geheim-42",
    }
    saved = full.patch("/api/settings", json=changes, headers={"If-Match": shown["etag"]})
    assert saved.json()["restart"] is True
    after = full.get("/api/settings")
    assert "geheim-42" not in after.text
    after = after.json()
    assert after["etag"] == saved.json()["etag"] != shown["etag"]
    assert after["values"]["fusion.margin"] == 0.3
    assert after["sources"]["fusion.margin"] == "console"
    assert (
        set(after["secrets"]) == {"mqtt.username", "mqtt.password"} & {*after["sources"]} or after["secrets"]
    )
    assert (console.folder / "emoedge.toml").read_text() == owner
    written = console.folder / "conf.d" / "50-console.toml"
    assert tomllib.loads(written.read_text())["mqtt"]["password"] == "geheim-42"
    assert written.stat().st_mode & 0o007 == 0
    old = full.patch("/api/settings", json={"fusion.margin": 0.1}, headers={"If-Match": shown["etag"]})
    assert (old.status_code, old.json()["error"]) == (409, "changed")
    back = full.patch("/api/settings", json=dict.fromkeys(changes))
    assert back.status_code == 200
    assert full.get("/api/settings").json()["values"]["fusion.margin"] == 0.2


def test_a_password_in_an_address_is_not_sent(full):
    source = "rtsp://admin:cl4ve@192.168.7.31/cam?token=ZZtoken"
    assert full.patch("/api/settings", json={"camera.source": source}).status_code == 200
    shown = full.get("/api/settings")
    assert "cl4ve" not in shown.text
    assert "ZZtoken" not in shown.text
    assert "camera.source" in shown.json()["secrets"]
    assert full.patch("/api/settings", json={"camera.source": None}).status_code == 200
    assert full.get("/api/settings").json()["values"]["camera.source"] == "none"


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"mqtt.port": 70_000}, "mqtt.port"),
        ({"mqtt.port": True}, "mqtt.port"),
        ({"nothing.at_all": 1}, "nothing.at_all"),
        ({"mqtt": {"host": "x"}}, "mqtt"),
        ({"mqtt.password": "alone"}, "mqtt.password"),
        ({"events.end_confidence": 0.9}, "events.end_confidence"),
        ({"camera.source": "nonsense"}, "camera.source"),
        ({"camera.source": ["a"]}, "camera.source"),
        ({"face.ignore": [[0, 0, 2, 2]]}, "face.ignore.0"),
        ({"web.login": "proxy"}, "web.login"),
        ({"web.hosts": ["evil.example"]}, "web.hosts"),
        ({"paths.state": "/tmp"}, "paths.state"),
        ({"fusion.margin": float("inf")}, "fusion.margin"),
    ],
)
def test_settings_that_are_refused(full, changes, key):
    before = full.get("/api/settings").json()["etag"]
    answer = full.patch("/api/settings", content=json.dumps(changes))
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["key"].startswith(key.rpartition(".0")[0] or key)
    assert answer.json()["errors"][0]["reason"]
    assert full.get("/api/settings").json()["etag"] == before


def test_what_the_environment_sets_cannot_be_changed(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("hidden-password\n")
    console = start_console(
        tmp_path,
        EMOEDGE_FUSION__MARGIN="0.4",
        EMOEDGE_MQTT__USERNAME="u",
        EMOEDGE_MQTT__PASSWORD_FILE=str(secret),
    )
    try:
        with console.client(console.key) as client:
            answer = client.patch("/api/settings", json={"fusion.margin": 0.1})
            assert answer.status_code == 422
            assert "EMOEDGE_FUSION__MARGIN" in answer.json()["errors"][0]["reason"]
            shown = client.get("/api/settings")
            assert shown.json()["sources"]["fusion.margin"] == "environment"
            assert shown.json()["secrets"] == ["mqtt.username", "mqtt.password"]
            assert "hidden-password" not in shown.text
    finally:
        stop(console)


def test_devices_and_models(full):
    assert set(full.get("/api/devices").json()) == {"cameras", "microphones"}
    names = {one["name"] for one in full.get("/api/models").json()["models"]}
    assert "face_emotion" in names


def test_history(full):
    shown = full.get("/api/history?bucket=hour").json()
    assert shown["schema"] == 1
    assert shown["device"] == "salon"
    span = full.get(
        "/api/history", params={"from": "2026-11-22T10:00:00+01:00", "to": "2026-11-22T12:00:00Z"}
    ).json()
    assert len(span["buckets"]) in (3, 4)
    for query in ("bucket=year", "from=x"):
        assert full.get(f"/api/history?{query}").status_code == 400


@pytest.mark.slow
def test_doctor_and_support(full, console):
    doctor = full.get("/api/doctor").json()
    assert {one["name"] for one in doctor["checks"]} >= {"camera", "console"}
    answer = full.get("/api/support")
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert {"version.json", "configuration.json", "doctor.json", "log.txt"} <= set(archive.namelist())
        assert "salon" not in "".join(archive.read(name).decode() for name in archive.namelist())


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


def test_a_device_that_nobody_has_set_up_says_so_until_it_is(tmp_path):
    def setup(client) -> bool:
        return client.get("/api/state").json()["setup"]

    (tmp_path / "emoedge.toml").write_text(
        f'[recording]\ndir = "{tmp_path / "recordings"}"\n[web]\nbind = "127.0.0.1:0"\n'
        f'[paths]\nstate = "{tmp_path / "daemon"}"\n'
    )
    console = start_console(tmp_path)
    try:
        with console.client(console.key) as client, console.client(console.view_key) as viewer:
            assert setup(client)
            assert client.patch("/api/settings", json={"language": "en"}).status_code == 200
            assert setup(client), "it goes on where it was left"
            assert viewer.post("/api/setup", json={"finished": True}).status_code == 403
            assert client.post("/api/setup", json={"finished": False}).status_code == 400
            assert client.post("/api/setup", json={"finished": True}).status_code == 204
            assert not setup(client)
    finally:
        stop(console)
    again = start_console(tmp_path)
    try:
        with again.client(again.key) as client:
            assert not setup(client), "also after the console was started again"
    finally:
        stop(again)


def test_a_device_set_up_by_hand_needs_no_first_steps(full):
    assert full.get("/api/state").json()["setup"] is False


def test_settings_are_described_in_the_readers_language(console):
    said = {}
    for language in ("es", "en"):
        with console.client(console.key, headers={"Accept-Language": language}) as client:
            schema = client.get("/api/settings").json()["schema"]
        said[language] = schema["$defs"]["CameraSettings"]["properties"]["fps"]["description"]
    assert said["en"].startswith("Requested frame rate")
    assert said["es"].startswith("Imágenes por segundo")
