"""Settings over the API."""

from __future__ import annotations

import json
import sys

import pytest

from tests.web.conftest import start_console, stop

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

pytestmark = pytest.mark.timeout(600)


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


def test_settings_are_described_in_the_readers_language(console):
    said = {}
    for language in ("es", "en"):
        with console.client(console.key, headers={"Accept-Language": language}) as client:
            schema = client.get("/api/settings").json()["schema"]
        said[language] = schema["$defs"]["CameraSettings"]["properties"]["fps"]["description"]
    assert said["en"].startswith("Requested frame rate")
    assert said["es"].startswith("Imágenes por segundo")
