"""Home Assistant discovery against the rules it documents, and the templates against real payloads.

The rules are written down here from https://www.home-assistant.io/integrations/mqtt/ and the pages of each
platform (sensor, event, switch, number, select, button). The message was also accepted by the schemas of Home
Assistant 2025.4.4 itself, which is too large to be installed for the tests.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoedge.config import Settings
from emoedge.emotions import DISPLAY_NAMES, EMOTIONS
from emoedge.health import Health
from emoedge.outcomes import HealthReport
from emoedge.publish import homeassistant
from emoedge.publish.control import CONTROL_NAMES, Command, parse_command
from emoedge.publish.homeassistant import (
    AnnouncedStore,
    abbreviate,
    config_topic,
    discovery_messages,
    discovery_payload,
    object_id,
    platforms,
)
from emoedge.publish.messages import to_json
from emoedge.version import __version__

from .samples import BEGIN, END, HEALTH, NOBODY, STATE, builder

COMMON = {
    "availability",
    "default_entity_id",
    "entity_category",
    "icon",
    "json_attributes_template",
    "json_attributes_topic",
    "name",
    "platform",
    "qos",
    "unique_id",
}
# platform: (required, further allowed)
RULES = {
    "sensor": (
        {"state_topic"},
        {
            "device_class",
            "options",
            "state_class",
            "suggested_display_precision",
            "unit_of_measurement",
            "value_template",
        },
    ),
    "event": ({"state_topic", "event_types"}, {"device_class", "value_template"}),
    "switch": ({"command_topic"}, {"state_topic", "payload_on", "payload_off"}),
    "number": ({"command_topic"}, {"state_topic", "min", "max", "step", "mode"}),
    "select": ({"command_topic", "options"}, {"state_topic"}),
    "button": ({"command_topic"}, {"payload_press"}),
}
UNITS = {"duration": {"d", "h", "min", "s", "ms"}}
TOPIC = re.compile(r"[^+#\x00]+")


def make_settings(language: str = "es", device_id: str = "living-room", **mqtt) -> Settings:
    return Settings.model_validate({"device_id": device_id, "language": language, "mqtt": mqtt})


def check_component(name: str, part: dict) -> None:
    required, allowed = RULES[part["platform"]]
    assert required | {"unique_id", "name"} <= part.keys(), name
    assert part.keys() <= COMMON | required | allowed, name
    assert part["qos"] in (0, 1, 2)
    assert part.get("entity_category") in (None, "config", "diagnostic")
    assert part["icon"].startswith("mdi:") if "icon" in part else True
    assert re.fullmatch(part["platform"] + r"\.[a-z0-9_]+", part["default_entity_id"])
    for key in part.keys() & {"state_topic", "command_topic", "json_attributes_topic"}:
        assert TOPIC.fullmatch(part[key])
    if part["platform"] == "sensor":
        # A sensor is read-only: Home Assistant refuses the category "config" for it.
        assert part.get("entity_category") != "config"
        if part.get("device_class") == "enum":
            assert part["options"]
            assert len(set(part["options"])) == len(part["options"])
            assert not {"state_class", "unit_of_measurement"} & part.keys()
        else:
            assert "options" not in part
        if part.get("device_class") in UNITS:
            assert part["unit_of_measurement"] in UNITS[part["device_class"]]
    if part["platform"] == "number":
        assert part["min"] < part["max"]
        assert part["step"] >= 0.001
        assert part["mode"] in ("auto", "box", "slider")


@pytest.mark.parametrize("language", ["es", "en"])
def test_rules_of_device_discovery(language):
    payload = discovery_payload(make_settings(language))
    assert payload.keys() == {"device", "origin", "availability", "components"}
    assert payload["device"]["identifiers"] == ["emoedge_living-room"]
    assert payload["origin"]["name"] == "emoedge"
    assert payload["availability"] == [{"topic": "emoedge/living-room/status"}]
    for name, part in payload["components"].items():
        check_component(name, part)
    parts = payload["components"].values()
    for key in ("unique_id", "default_entity_id", "name"):
        assert len({part[key] for part in parts}) == len(parts)
    json.dumps(payload, allow_nan=False)


def test_everything_the_contract_names_is_there():
    parts = discovery_payload(make_settings())["components"]
    assert parts["emotion"]["options"] == list(EMOTIONS)
    assert {f"probability_{emotion}" for emotion in EMOTIONS} <= parts.keys()
    assert parts["event"]["platform"] == "event"
    for name in CONTROL_NAMES:
        assert parts[name]["command_topic"] == f"emoedge/living-room/control/{name}/set"
    assert {part["platform"] for part in parts.values()} == set(RULES)
    assert parts["health"]["entity_category"] == "diagnostic"


def test_names_are_for_people_and_words_for_machines():
    spanish = discovery_payload(make_settings("es"))["components"]
    english = discovery_payload(make_settings("en"))["components"]
    assert (spanish["emotion"]["name"], english["emotion"]["name"]) == ("Emoción", "Emotion")
    assert (
        spanish["probability_happiness"]["name"].lower()
        == DISPLAY_NAMES["es"][EMOTIONS.index("happiness")]
        == "alegría"
    )
    for name, part in spanish.items():
        assert {**part, "name": ""} == {**english[name], "name": ""}


@pytest.mark.parametrize("name", CONTROL_NAMES)
def test_what_home_assistant_sends_is_accepted(name):
    part = discovery_payload(make_settings())["components"][name]
    sent = {
        "switch": ["ON", "OFF"],
        "number": ["0", "1", "0.05", "0.3", "0.95"],
        "select": part.get("options", []),
        "button": [part.get("payload_press")],
    }[part["platform"]]
    assert all(isinstance(parse_command(name, value.encode()), Command) for value in sent)


def render(template: str, payload: dict) -> str:
    jinja2 = pytest.importorskip("jinja2")
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, extensions=["jinja2.ext.loopcontrols"])
    return environment.from_string(template).render(value=payload, value_json=payload)


@pytest.mark.parametrize("message", [builder().outcome(STATE), builder().outcome(NOBODY)])
def test_templates_of_the_emotion(message):
    parts = discovery_payload(make_settings())["components"]
    payload = message.payload
    state = render(parts["emotion"]["value_template"], payload)
    # "None" is what the MQTT sensor takes for "unknown".
    assert state == str(payload["emotion"])
    assert state in (*EMOTIONS, "None")
    attributes = json.loads(render(parts["emotion"]["json_attributes_template"], payload))
    assert attributes["since"] == payload["since"]
    for emotion in EMOTIONS:
        shown = render(parts[f"probability_{emotion}"]["value_template"], payload)
        if payload["probabilities"] is None:
            assert shown == "None"
        else:
            assert float(shown) == pytest.approx(100 * payload["probabilities"][emotion], abs=0.051)
    assert render(parts["latency"]["value_template"], payload) == str(payload["latency_ms"])


@pytest.mark.parametrize("event", [BEGIN, END])
def test_template_of_the_event(event):
    part = discovery_payload(make_settings())["components"]["event"]
    payload = builder().outcome(replace(event, recording="segment")).payload
    shown = json.loads(render(part["value_template"], payload))
    assert shown.pop("event_type") in part["event_types"]
    assert shown == {key: payload[key] for key in shown}


def test_an_episode_that_waited_for_the_broker_switches_no_lamp():
    part = discovery_payload(make_settings())["components"]["event"]
    payload = builder().outcome(BEGIN).payload
    assert render(part["value_template"], payload | {"late": True}) == ""
    assert render(part["value_template"], payload)
    # As an earlier version left it on the disk.
    assert render(part["value_template"], {key: payload[key] for key in payload if key != "late"})


def test_templates_of_health():
    parts = discovery_payload(make_settings())["components"]
    without = builder().outcome(HealthReport(30.0, 29.5, HEALTH)).payload
    spool = Health("spool", "ok", figures={"depth": 3})
    payload = builder().outcome(HealthReport(30.0, 29.5, (*HEALTH, spool))).payload
    assert render(parts["health"]["value_template"], payload) in parts["health"]["options"]
    assert json.loads(render(parts["health"]["json_attributes_template"], payload)) == {
        "camera": "ok",
        "text": "failed model missing: run emoedge models fetch",
        "spool": "ok",
    }
    assert render(parts["spool"]["value_template"], payload) == "3"
    assert render(parts["spool"]["value_template"], without) == "None"
    assert render(parts["uptime"]["value_template"], payload) == "29"


def test_the_switch_says_until_when_privacy_lasts():
    part = discovery_payload(make_settings())["components"]["privacy"]
    assert part["json_attributes_topic"] == "emoedge/living-room/control/privacy/until"
    template = part["json_attributes_template"]
    for value, wanted in (("2026-11-22T10:10:12.560Z", "2026-11-22T10:10:12.560Z"), ("", None)):
        assert json.loads(render(template, value)) == {"until": wanted}


LONGEST_ID = "a-device-with-a-name-of-32-chars"


def sizes(messages: dict) -> list[int]:
    return [len(to_json(payload).encode()) for payload in messages.values()]


@pytest.mark.parametrize("language", ["es", "en"])
def test_every_message_is_small_enough_for_brokers_with_little_memory(language):
    settings = make_settings(language, LONGEST_ID)
    messages = discovery_messages(settings, {})
    ends = [topic.removeprefix(config_topic(settings)[: -len("/config")]) for topic in messages]
    assert sorted(ends) == ["/config", "_diagnostics/config", "_more/config", "_values/config"]
    assert max(sizes(messages)) <= 4_000
    # Also with all that an earlier version announced in one message.
    whole = platforms(discovery_payload(settings))
    assert max(sizes(discovery_messages(settings, {config_topic(settings): whole}))) <= 4_000


@pytest.mark.parametrize("limit", [4_000, 1_200])
def test_the_messages_together_offer_the_same_entities(limit):
    settings = make_settings()
    messages = discovery_messages(settings, {}, limit)
    assert max(sizes(messages)) <= limit
    whole = abbreviate(discovery_payload(settings))
    together = {}
    for payload in messages.values():
        assert {key: payload[key] for key in ("dev", "o", "avty")} == {
            key: whole[key] for key in ("dev", "o", "avty")
        }
        assert not together.keys() & payload["cmps"].keys()
        together |= payload["cmps"]
    assert together == whole["cmps"]


def test_abbreviated_keys_are_those_of_home_assistant():
    payload = abbreviate(discovery_payload(make_settings()))
    assert payload["dev"] == {
        "ids": ["emoedge_living-room"],
        "name": "living-room",
        "mf": "emoedge",
        "mdl": "emoedge",
        "sw": __version__,
    }
    assert payload["avty"] == [{"t": "emoedge/living-room/status"}]
    emotion = payload["cmps"]["emotion"]
    assert emotion["uniq_id"] == "emoedge_living-room_emotion"
    assert emotion["stat_t"] == "emoedge/living-room/emotion"
    assert not {key for part in payload["cmps"].values() for key in part} & set(homeassistant._SHORT)


def test_what_is_no_longer_offered_is_named_with_its_platform_alone():
    settings = make_settings()
    topic = config_topic(settings)
    messages = discovery_messages(settings, {topic: {"emotion": "sensor", "old_thing": "binary_sensor"}})
    assert messages[topic]["cmps"]["old_thing"] == {"p": "binary_sensor"}
    assert messages[topic]["cmps"]["emotion"]["dev_cla"] == "enum"
    offered = platforms(messages[topic])
    assert "old_thing" not in offered
    assert offered["emotion"] == "sensor"


@given(st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=20))
def test_object_id_is_allowed_and_distinct(device_id):
    assert re.fullmatch(r"[a-zA-Z0-9_-]+", object_id(device_id))
    assert object_id(device_id) != object_id(device_id + ".")


def test_topics_follow_the_prefix():
    assert config_topic(make_settings(discovery_prefix="ha")) == "ha/device/emoedge_living-room/config"
    assert config_topic(make_settings(device_id="salón")).startswith("homeassistant/device/emoedge_sal_n_")


GOOD_TOPIC = "homeassistant/device/emoedge_a/config"


@pytest.mark.parametrize(
    "content", [b"", b"[1]", b'{"topic": 3}', b"\xff", b"[" * 60_000, b'{"a/device/b/config": []}']
)
def test_damaged_store_is_an_empty_one(tmp_path, content):
    (tmp_path / "discovery.json").write_bytes(content)
    store = AnnouncedStore(tmp_path)
    assert store.load() == {}
    store.save({GOOD_TOPIC: {"a": "sensor"}})
    assert store.load() == {GOOD_TOPIC: {"a": "sensor"}}


def test_no_flipped_bit_of_the_record_gives_what_cannot_be_published(tmp_path):
    """A topic with "+" ended the process at every start."""
    store = AnnouncedStore(tmp_path)
    store.save({GOOD_TOPIC: {"emotion": "sensor", "margin": "number"}})
    path = tmp_path / "discovery.json"
    good = path.read_bytes()
    for bit in range(8 * len(good)):
        damaged = bytearray(good)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        for topic, parts in store.load().items():
            assert re.fullmatch(r"[^+#\x00-\x20\x7f-\x9f]+", topic)
            json.dumps(parts, ensure_ascii=False).encode()
