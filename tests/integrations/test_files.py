"""The ready-made files name only what a device announces; all of it is taken from the code."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from emoedge.config import Settings
from emoedge.emotions import COLORS, EMOTIONS
from emoedge.publish.control import CONTROL_NAMES, Command, parse_command
from emoedge.publish.homeassistant import discovery_payloads
from emoedge.publish.payloads import PAYLOADS

yaml = pytest.importorskip("yaml")

DEVICE = "livingroom"
TOPICS = {*PAYLOADS, "status"}
THEIRS = {"light.living_room", "person.me"}
"""Entities that the reader is told to replace."""
ENTITY = re.compile(
    r"\b(?:sensor|event|switch|number|select|button|binary_sensor|light|person|camera|image)\.[a-z0-9_]+\b"
)
ACTION = re.compile(r"\b(?:light|switch)\.turn_o(?:n|ff)\b")


@pytest.fixture(scope="module")
def folder(repository) -> Path:
    return repository / "docs" / "integrations"


@pytest.fixture(scope="module")
def announced() -> dict[str, dict[str, Any]]:
    """Entity id -> component."""
    return {
        part["default_entity_id"]: part
        for payload in discovery_payloads(Settings(device_id=DEVICE)).values()
        for part in payload["components"].values()
        if "default_entity_id" in part
    }


def entities_in(text: str) -> set[str]:
    return set(ENTITY.findall(ACTION.sub("", text)))


def cards(value: Any) -> list[dict[str, Any]]:
    """All cards of a dashboard, however deep."""
    if isinstance(value, list):
        return [card for item in value for card in cards(item)]
    if not isinstance(value, dict):
        return []
    return [value, *(card for item in value.values() for card in cards(item))]


def test_the_dashboard_shows_every_entity_that_is_enabled_and_no_other(folder, announced):
    text = (folder / "home-assistant" / "dashboard.yaml").read_text()
    enabled = {name for name, part in announced.items() if part.get("enabled_by_default", True)}
    assert entities_in(text) == enabled
    tiles = {
        card["entity"]: card for card in cards(yaml.safe_load(text)) if {"color", "entity"} <= card.keys()
    }
    colored = {entity: card["color"] for entity, card in tiles.items()}
    assert {entity: color for entity, color in colored.items() if "probability" in entity} == {
        f"sensor.emoedge_{DEVICE}_probability_{emotion}": COLORS[emotion] for emotion in EMOTIONS
    }


def test_the_dashboard_uses_cards_of_the_core_only(folder):
    dashboard = yaml.safe_load((folder / "home-assistant" / "dashboard.yaml").read_text())
    kinds = {card.get("type") for card in cards(dashboard["views"][0]["sections"])} - {None}
    assert kinds <= {
        *("grid", "heading", "tile", "markdown", "history-graph", "logbook", "entities"),
        *("bar-gauge", "toggle", "select-options", "entity", "numeric-input", "gauge"),
    }


def test_attributes_in_templates_are_those_that_are_announced(folder, announced):
    text = "".join(path.read_text() for path in (folder / "home-assistant").glob("*.yaml"))
    emotion = announced[f"sensor.emoedge_{DEVICE}_emotion"]["json_attributes_template"]
    for name in re.findall(r"state_attr\(emotion, '(\w+)'\)", text):
        assert f"'{name}'" in emotion, name
    assert set(re.findall(r"attribute: (\w+)", text)) == {"event_type"}
    event = announced[f"event.emoedge_{DEVICE}_event"]["value_template"]
    for name in re.findall(r"trigger\.to_state\.attributes\.(\w+)", text):
        assert name in ("event_type", "reasons") or f"'{name}'" in event, name
    assert "'reasons'" in announced[f"binary_sensor.emoedge_{DEVICE}_trouble"]["json_attributes_template"]


def test_automations_trigger_on_states_that_there_are(folder, announced):
    automations = yaml.safe_load((folder / "home-assistant" / "automations.yaml").read_text())
    ids = [automation["id"] for automation in automations]
    assert len(set(ids)) == len(ids)
    for automation in automations:
        assert {"alias", "triggers", "actions"} <= automation.keys()
        for trigger in automation["triggers"]:
            entity = trigger["entity_id"]
            assert entity in announced.keys() | THEIRS
            wanted = trigger.get("to", [])
            options = announced.get(entity, {}).get("options")
            for state in [wanted] if isinstance(wanted, str) else wanted:
                assert state in [*(options or []), "on", "unavailable"]
        for condition in automation.get("conditions", []):
            if condition.get("attribute") == "event_type":
                assert condition["state"] in announced[condition["entity_id"]]["event_types"]
    used = entities_in((folder / "home-assistant" / "automations.yaml").read_text())
    assert used <= announced.keys() | THEIRS


@dataclass(frozen=True)
class Input:
    """An input of a blueprint."""

    name: str


class _Loader(yaml.SafeLoader):  # type: ignore[name-defined]
    pass


_Loader.add_constructor("!input", lambda loader, node: Input(loader.construct_scalar(node)))


def inputs_of(value: Any) -> set[str]:
    """All inputs that a part of a blueprint takes."""
    if isinstance(value, Input):
        return {value.name}
    if isinstance(value, dict):
        value = list(value.values())
    return {name for item in value for name in inputs_of(item)} if isinstance(value, list) else set()


@pytest.mark.parametrize("name", ["light_by_mood", "notify_long_sadness", "privacy_by_presence"])
def test_a_blueprint_uses_every_input_and_no_other(folder, name):
    text = (folder / "home-assistant" / "blueprints" / f"{name}.yaml").read_text()
    blueprint = yaml.load(text, _Loader)
    head = blueprint.pop("blueprint")
    assert head["domain"] == "automation"
    declared = {}
    for key, one in head["input"].items():
        declared |= one.get("input", {key: one})
    assert all(one.keys() >= {"name", "selector"} for one in declared.values())
    assert inputs_of(blueprint) == set(declared)
    for word in re.findall(r"^ {6}- ([a-z]+)$", text, re.MULTILINE):
        assert word in EMOTIONS


@pytest.fixture(scope="module")
def flow(folder) -> list[dict[str, Any]]:
    return json.loads((folder / "node-red" / "flow.json").read_text())


def test_the_flow_listens_to_topics_that_there_are(flow):
    base = Settings(device_id=DEVICE).mqtt.base
    heard = {node["topic"] for node in flow if node["type"] == "mqtt in"}
    assert heard
    assert heard <= {f"{base}/+/{suffix}" for suffix in TOPICS}
    for node in flow:
        if node["type"] == "mqtt in":
            assert node["datatype"] == ("utf8" if node["topic"].endswith("/status") else "json")


def test_the_buttons_of_the_flow_are_commands_that_are_taken(flow):
    base = Settings(device_id=DEVICE).topic_base
    pressed = [node for node in flow if node["type"] == "inject"]
    assert pressed
    for node in pressed:
        name = re.fullmatch(rf"{base}/control/(\w+)/set", node["topic"]).group(1)
        assert name in CONTROL_NAMES
        assert isinstance(parse_command(name, node["payload"].encode()), Command)


def test_the_flow_is_whole(flow):
    ids = [node["id"] for node in flow]
    assert len(set(ids)) == len(ids)
    tab, broker = (
        next(node["id"] for node in flow if node["type"] == kind) for kind in ("tab", "mqtt-broker")
    )
    for node in flow:
        assert all(target in ids for wire in node.get("wires", []) for target in wire)
        assert node.get("z", tab) == tab
        assert node.get("broker") == broker or not node["type"].startswith("mqtt ")
    assert {node["type"] for node in flow} <= {
        *(
            "tab",
            "mqtt-broker",
            "mqtt in",
            "mqtt out",
            "change",
            "rbe",
            "switch",
            "template",
            "debug",
            "inject",
        ),
        "comment",
    }


def test_the_flow_reads_fields_that_the_payloads_have(flow, repository):
    from emoedge.publish.payloads import EventPayload, HealthPart, HealthPayload, SummaryPayload

    fields = {
        name
        for payload in (SummaryPayload, EventPayload, HealthPayload, HealthPart)
        for name in payload.model_fields
    }
    read = re.findall(r"payload\.(\w+)", json.dumps(flow))
    assert {"label", "confidence", "device", "type", "late", "state", "parts"} <= set(read)
    assert set(read) <= fields


def test_both_languages_show_the_same_pictures(repository):
    english = (repository / "docs" / "integrations" / "index.md").read_text()
    spanish = (repository / "docs" / "es" / "integrations.md").read_text()
    pictures = re.findall(r"\]\((\.\./images/[^)]+)\)", english)
    assert pictures == re.findall(r"\]\((\.\./images/[^)]+)\)", spanish)
    files = [repository / "docs" / "integrations" / path.partition("#")[0] for path in pictures]
    assert all(path.exists() for path in files)
