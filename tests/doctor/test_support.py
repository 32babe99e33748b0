"""Nothing personal is in the archive: planted secrets, names, words and addresses are not found in it."""

from __future__ import annotations

import io
import json
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoedge.config import Settings
from emoedge.doctor.support import Scrubber, build_archive, shown_configuration

SECRETS = {
    "device_id": "cuarto-de-lucia",
    "mqtt": {
        "host": "broker.garcia.lan",
        "username": "pepito",
        "password": "MqTT-s3cret",
        "base": "casa/garcia",
    },
    "camera": {"source": "rtsp://admin:cl4ve@192.168.7.31:554/cam?token=ZZtokenZZ", "name": "Cuna de Lucia"},
    "microphone": {"source": "Micro de Pepa"},
    "recording": {"dir": "/home/pepa/grabaciones", "mode": "off"},
    "speech": {"enabled": False},
    "face": {"enabled": False},
    "voice": {"enabled": False},
    "web": {"hosts": ["salon-garcia.lan"], "password": "web-contraseña-1"},
}
PLANTED = (
    *(
        "cuarto-de-lucia",
        "broker.garcia.lan",
        "pepito",
        "MqTT-s3cret",
        "casa/garcia",
        "cl4ve",
        "192.168.7.31",
    ),
    *("ZZtokenZZ", "Cuna de Lucia", "Micro de Pepa", "pepa", "salon-garcia", "web-contraseña-1", "10.9.8.7"),
    *("fe80::1234", "aa:bb:cc:dd:ee:01", "mamá te quiero", "lucia@example.org"),
)
LOG = [
    "2026-11-30T20:00:01+0000 cuarto-de-lucia emoedge[1]: cannot reach broker.garcia.lan:1883 as pepito",
    "from 10.9.8.7, [fe80::1234%eth0] and aa:bb:cc:dd:ee:01",
    "to rtsp://admin:cl4ve@192.168.7.31:554/cam?token=ZZtokenZZ",
    'said {"transcript": "mamá te quiero", "emotion": "happiness"}',
    "cannot write /home/pepa/grabaciones/2026-11-30/x.mp4 for lucia@example.org of casa/garcia: MqTT-s3cret",
    "opened Micro de Pepa and Cuna de Lucia at 20:15:59",
]


@pytest.fixture(scope="module")
def settings(tmp_path_factory) -> Settings:
    state = tmp_path_factory.mktemp("state")
    return Settings.model_validate(SECRETS | {"paths": {"state": str(state), "models": str(state)}})


@pytest.mark.timeout(600)
def test_planted_secrets_are_not_in_it(settings):
    health = {
        "parts": [{"name": "broker", "reason": "broker.garcia.lan refuses pepito"}],
        "path": "/home/pepa/x",
    }
    data = build_archive(settings, health=health, log=LOG)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files = {name: archive.read(name).decode() for name in archive.namelist()}
    everything = "".join(files.values()).lower()
    assert [one for one in PLANTED if one.lower() in everything] == []
    assert "20:15:59" in files["log.txt"]
    assert "happiness" in files["log.txt"], "what helps is still there"
    assert "cannot write" in files["log.txt"]
    assert {one["name"] for one in json.loads(files["doctor.json"])} >= {"camera", "broker"}
    assert json.loads(files["configuration.json"])["mqtt.port"] == 1883
    assert json.loads(files["version.json"])["emoedge"]


def test_configuration_says_what_helps(settings):
    shown = shown_configuration(settings)
    assert shown["camera.source"].startswith("rtsp:")
    assert shown["camera.width"] == 640
    assert shown["fusion.method"] == "weighted"
    assert shown["mqtt.discovery_prefix"] == "default"
    assert shown["mqtt.base"] == shown["device_id"] == "…"


@given(st.text(min_size=3, max_size=40), st.text(max_size=30), st.text(max_size=30))
def test_a_password_is_found_wherever_it_stands(password, before, after):
    values = {"mqtt": {"username": "somebody", "password": password}}
    try:
        settings = Settings.model_validate(values)
    except ValueError:
        return
    assert password not in Scrubber(settings).text(before + password + after) or password == "…"
