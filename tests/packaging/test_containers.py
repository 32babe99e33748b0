"""Image, compose file and add-on: what they name is what the tree has."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import get_args

import jsonschema
import pytest
import yaml

from emoedge.cli import cli
from emoedge.config import Settings, load_settings
from emoedge.config.recording_settings import RecordingMode
from emoedge.emotions import Language
from emoedge.service.console_plan import WEB_STATE
from emoedge.service.plan import ACCOUNT, WEB_ACCOUNT
from emoedge.version import __version__
from faults.surroundings import until
from tests.docs.test_commands import parse
from tests.service.test_unit import settings as unit_settings

BOOL = {"type": "boolean"}
TEXT = {"type": "string"}
TEXTS = {"type": "array", "items": TEXT}
ADD_ON = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name", "version", "slug", "description", "arch"],
    "properties": {
        **dict.fromkeys(("name", "version", "description", "homeassistant", "panel_title"), TEXT),
        **dict.fromkeys(
            ("ingress", "ingress_stream", "init", "panel_admin", "video", "audio", "tmpfs"), BOOL
        ),
        "slug": {"type": "string", "pattern": "^[-_.A-Za-z0-9]+$"},
        "arch": {"type": "array", "items": {"enum": ["aarch64", "amd64"]}},  # the others have no LiteRT
        "stage": {"enum": ["stable", "experimental", "deprecated"]},
        "startup": {"enum": ["initialize", "system", "services", "application", "once"]},
        "boot": {"enum": ["auto", "manual", "manual_only"]},
        "timeout": {"type": "integer", "minimum": 10, "maximum": 300},
        "ingress_port": {"type": "integer", "minimum": 0, "maximum": 65535},
        "panel_icon": {"type": "string", "pattern": "^mdi:"},
        "services": {"type": "array", "items": {"pattern": "^(mqtt|mysql):(provide|want|need)$"}},
        "backup_exclude": TEXTS,
        "options": {"type": "object"},
        "schema": {
            "type": "object",
            "additionalProperties": {"pattern": r"^(str|bool|port|match\(.*\)|list\(.+\))\??$"},
        },
    },
}
"""Keys of `config.yaml` that Home Assistant documents, as far as they are used here."""
DEADLINE_S = 120


@pytest.fixture
def containers(repository: Path) -> Path:
    return repository / "containers"


@pytest.fixture
def add_on(containers: Path) -> dict:
    return yaml.safe_load((containers / "home-assistant" / "config.yaml").read_text(encoding="utf-8"))


@pytest.fixture
def start(containers: Path) -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("add_on_start", containers / "home-assistant" / "start.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def instructions(path: Path) -> list[tuple[str, str]]:
    """Instructions of a Containerfile with their arguments."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [(line.split()[0], line.partition(" ")[2].strip()) for line in joined.splitlines() if line.strip()]


def made_accounts(path: Path) -> dict[str, str]:
    """Accounts that a Containerfile makes, with their numbers."""
    runs = [argument for name, argument in instructions(path) if name == "RUN"]
    calls = [call.split() for run in runs for call in run.split("&&")]
    return {call[-1]: call[call.index("--uid") + 1] for call in calls if call[0] == "useradd"}


def test_the_image_is_built_from_what_an_installation_needs(containers: Path, repository: Path) -> None:
    copied = {
        source.removeprefix("./")
        for name, argument in instructions(containers / "Containerfile")
        if name == "COPY"
        for source in argument.split()[:-1]
    }
    assert all((repository / source).exists() for source in copied)
    script = (repository / "scripts" / "lib.sh").read_text(encoding="utf-8")
    needed = re.search(r"-cf - \\\n(.*?) \\\n", script, re.DOTALL)[1].split()
    package = (repository / "scripts" / "package").read_text(encoding="utf-8")
    for pattern in re.findall(r"\S+\.md\b", re.search(r"printf '%s\\0' (.*\.md)$", package, re.MULTILINE)[1]):
        needed += [path.name for path in repository.glob(pattern)]
    assert copied == set(needed)


def test_accounts_are_those_of_the_units(containers: Path) -> None:
    image = made_accounts(containers / "Containerfile")
    assert set(image) == {ACCOUNT, WEB_ACCOUNT}
    assert made_accounts(containers / "home-assistant" / "Dockerfile") == image


def test_compose_gives_what_the_units_give(containers: Path, repository: Path) -> None:
    compose = yaml.safe_load((containers / "compose.yaml").read_text(encoding="utf-8"))
    volumes = json.loads(dict(instructions(containers / "Containerfile"))["VOLUME"])
    folders = [
        line.split()[1]
        for line in (repository / "systemd" / "tmpfiles.conf").read_text().splitlines()
        if line.startswith("d ")
    ]
    assert all(any(f"{folder}/".startswith(f"{volume}/") for volume in volumes) for folder in folders)
    for name, unit in (("daemon", "emoedge.service"), ("console", "emoedge-web.service")):
        service = compose["services"][name]
        values = unit_settings(repository / "systemd" / unit)
        assert service["user"] == f"{values['User'][0]}:{values['Group'][0]}"
        assert service.get("group_add", []) == values.get("SupplementaryGroups", [""])[0].split()
        assert service["cap_drop"] == ["ALL"]
        assert service["read_only"]
        assert (containers / service["build"]["context"] / service["build"]["dockerfile"]).is_file()
        places = [volume.split(":") for volume in service["volumes"]]
        assert {place[0] for place in places} <= set(compose["volumes"])
        assert {place[1] for place in places} <= set(volumes)
    assert "devices" not in compose["services"]["console"]
    assert compose["services"]["daemon"]["stop_grace_period"] == "30s"
    assert compose["services"]["console"]["environment"]["STATE_DIRECTORY"] == WEB_STATE


def test_commands_of_the_containers_are_taken(
    containers: Path, start: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emoedge.cli.options.set_up_logging", lambda _level: None)
    compose = yaml.safe_load((containers / "compose.yaml").read_text(encoding="utf-8"))
    image = json.loads(dict(instructions(containers / "Containerfile"))["CMD"])
    level = ["--config", "/data/emoedge.toml", "--log-level", "info"]
    calls = [
        image,
        compose["services"]["console"]["command"],
        ["emoedge", "run", *level],
        ["emoedge", "web", *level],
    ]
    for program, *words in calls:
        assert program == "emoedge"
        parse(cli, words, "emoedge")


def test_the_add_on_uses_documented_keys(add_on: dict, start: ModuleType) -> None:
    jsonschema.validate(add_on, ADD_ON)
    assert add_on["version"] == __version__
    assert add_on["ingress_port"] == start.PORT == int(Settings().web.bind.rpartition(":")[2])
    assert add_on["timeout"] > start.STOP_S


def test_the_add_on_passes_the_published_schema(add_on: dict, repository: Path) -> None:
    folder = Path(os.environ.get("XML_SCHEMAS", repository / ".cache" / "schemas"))
    path = folder / "home-assistant-add-on.schema.json"
    if not path.is_file():
        pytest.skip(f"no {path}: Home Assistant's schema of add-ons")
    jsonschema.validate(add_on, json.loads(path.read_text(encoding="utf-8")))


def test_options_fit_their_schema_and_have_words_in_both_languages(add_on: dict, containers: Path) -> None:
    assert set(add_on["options"]) == set(add_on["schema"])
    for name, rule in add_on["schema"].items():
        kind, _, inside = rule.rstrip(")").partition("(")
        value = add_on["options"][name]
        assert value in inside.split("|") if kind == "list" else re.match(inside, value)
    assert add_on["schema"]["recording"] == f"list({'|'.join(get_args(RecordingMode))})"
    assert set(add_on["schema"]["language"][5:-1].split("|")) == set(get_args(Language))
    for language in get_args(Language):
        path = containers / "home-assistant" / "translations" / f"{language}.yaml"
        words = yaml.safe_load(path.read_text(encoding="utf-8"))["configuration"]
        assert set(words) == set(add_on["options"])
        assert all(word["name"] and word["description"] for word in words.values())


def test_the_add_on_writes_a_configuration_that_is_valid(
    add_on: dict, start: ModuleType, tmp_path: Path
) -> None:
    path = tmp_path / "emoedge.toml"
    options = add_on["options"] | {"device_id": "sala-2", "language": "en", "recording": "manual"}
    path.write_text(start.configuration(options, Path("/data")), encoding="utf-8")
    settings = load_settings(path, {})
    assert (settings.device_id, settings.language, settings.recording.mode) == ("sala-2", "en", "manual")
    assert settings.web.login == "proxy"
    assert settings.web.proxies == (start.INGRESS,)
    assert settings.recording.dir == Path("/data", add_on["backup_exclude"][0])


class Supervisor(BaseHTTPRequestHandler):
    """The Supervisor's answer about the broker."""

    answers: dict[str, object] = {}  # noqa: RUF012 (shared on purpose: the server makes the handlers)

    def do_GET(self) -> None:
        allowed = self.headers["Authorization"] == "Bearer token" and self.path == "/services/mqtt"
        self.send_response(200 if allowed and self.answers else 400)
        self.end_headers()
        self.wfile.write(json.dumps({"result": "ok", "data": self.answers}).encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def supervisor() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Supervisor)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_broker_is_that_of_home_assistant(
    start: ModuleType, supervisor: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {"host": "core-mosquitto", "port": 8883, "username": "addons", "password": "s3cret", "ssl": True}
    monkeypatch.setattr(Supervisor, "answers", found)
    path = tmp_path / "emoedge.toml"
    path.write_text("", encoding="utf-8")
    mqtt = load_settings(path, start.broker(supervisor, "token")).mqtt
    assert (mqtt.host, mqtt.port, mqtt.username, mqtt.tls) == ("core-mosquitto", 8883, "addons", True)
    assert mqtt.password.get_secret_value() == "s3cret"


def test_without_a_broker_the_add_on_starts_all_the_same(
    start: ModuleType, supervisor: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Supervisor, "answers", {})
    assert start.broker(supervisor, "token") == {}
    assert start.broker("http://127.0.0.1:1", "token") == {}
    assert "set one in the console" in capsys.readouterr().err


def test_what_ends_is_started_again_until_the_add_on_stops(
    start: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start.os, "geteuid", lambda: 1000)  # accounts of the image are not here
    log = tmp_path / "log"
    ends = f"echo once >> {log}"
    stays = f"trap 'echo stopped >> {log}; exit' TERM; echo began >> {log}; while :; do sleep 0.1; done"
    services = [start.Service(("/bin/sh", "-c", text), "nobody", dict(os.environ)) for text in (ends, stays)]
    stop = threading.Event()
    thread = threading.Thread(target=start.keep_running, args=(services, stop, 0.05))
    thread.start()
    try:
        until(lambda: log.exists() and log.read_text().count("once") > 1, "started again", DEADLINE_S)
        until(lambda: "began" in log.read_text(), "the other one", DEADLINE_S)
    finally:
        stop.set()
        thread.join()
    assert log.read_text().splitlines().count("began") == 1
    assert log.read_text().splitlines()[-1] == "stopped"
