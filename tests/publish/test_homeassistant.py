"""Home Assistant discovery against the rules it documents, and the templates against real payloads.

The rules are written down here from https://www.home-assistant.io/integrations/mqtt/ and the pages of each
platform. `tests/integrations/test_home_assistant.py` asks Home Assistant itself where it is installed.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoedge.config import Settings
from emoedge.config.web_settings import WebSettings
from emoedge.emotions import DISPLAY_NAMES, EMOTIONS
from emoedge.health import Health
from emoedge.outcomes import HealthReport
from emoedge.publish import homeassistant
from emoedge.publish.announced_store import AnnouncedStore
from emoedge.publish.control import CONTROL_NAMES, Command, parse_command
from emoedge.publish.homeassistant import (
    abbreviate,
    config_topic,
    discovery_messages,
    discovery_payloads,
    object_id,
    platforms,
    withdrawals,
)
from emoedge.publish.messages import to_json
from emoedge.translation import localized
from emoedge.version import __version__

from .samples import BEGIN, END, HEALTH, NO_MODEL, NOBODY, PRIVATE, SUMMARY, builder

COMMON = {
    "availability",
    "enabled_by_default",
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
            "expire_after",
            "options",
            "state_class",
            "suggested_display_precision",
            "unit_of_measurement",
            "value_template",
        },
    ),
    "binary_sensor": ({"state_topic"}, {"device_class", "expire_after", "value_template"}),
    "event": ({"state_topic", "event_types"}, {"device_class", "value_template"}),
    "switch": ({"command_topic"}, {"state_topic", "payload_on", "payload_off"}),
    "number": ({"command_topic"}, {"state_topic", "min", "max", "step", "mode"}),
    "select": ({"command_topic", "options"}, {"state_topic"}),
    "button": ({"command_topic"}, {"payload_press"}),
    "image": ({"image_topic"}, {"content_type"}),
}
TRIGGER = {"platform", "automation_type", "topic", "type", "subtype", "payload", "value_template", "qos"}
TRIGGERS = [f"begins_{emotion}" for emotion in EMOTIONS]
STATES = {"sensor", "binary_sensor"}
MISSABLE = {*STATES, "image"}
"""They come again: the loss of one message is of no matter."""
PARTS = {
    "": [
        "emotion",
        "emotion_text",
        "confidence",
        "event",
        "presence",
        "speaking",
        "privacy",
        "record",
        "snapshot",
    ],
    "_values": [*(f"probability_{emotion}" for emotion in EMOTIONS), "valence", "arousal"],
    "_diagnostics": ["trouble", "health", "people", "started", "latency", "spool"],
    "_more": ["recording_mode", "face_weight", "margin", *TRIGGERS[:-1]],
}
"""Components by message, as the interface lists them."""
STAYED = {
    "emotion": "sensor",
    **{f"probability_{emotion}": "sensor" for emotion in EMOTIONS},
    "event": "event",
    "privacy": "switch",
    "record": "switch",
    "recording_mode": "select",
    "face_weight": "number",
    "margin": "number",
    "snapshot": "button",
    "health": "sensor",
    "spool": "sensor",
    "latency": "sensor",
}
"""Entities of earlier versions: their ids never change."""
UNITS = {"duration": {"d", "h", "min", "s", "ms"}}
TOPIC = re.compile(r"[^+#\x00]+")


def make_settings(language: str = "es", device_id: str = "living-room", **mqtt) -> Settings:
    return Settings.model_validate({"device_id": device_id, "language": language, "mqtt": mqtt})


def components(settings: Settings) -> dict[str, dict]:
    """All components, with the topic that their message states once."""
    return {
        name: {"state_topic": payload["state_topic"]} | part if part["platform"] in STATES else part
        for payload in discovery_payloads(settings).values()
        for name, part in payload["components"].items()
    }


def check_component(name: str, part: dict) -> None:
    if part["platform"] == "device_automation":
        assert part.keys() == TRIGGER, name
        assert (part["automation_type"], part["qos"]) == ("trigger", 1)
        return
    required, allowed = RULES[part["platform"]]
    assert required | {"unique_id", "name"} <= part.keys(), name
    assert part.keys() <= COMMON | required | allowed, name
    assert part.get("qos", 0) == (0 if part["platform"] in MISSABLE else 1)
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


@pytest.mark.parametrize(
    ("web", "url"),
    [
        ({}, None),
        ({"url": "https://salon.example/emoedge"}, "https://salon.example/emoedge/"),
        ({"bind": "192.168.1.4:8099"}, "http://192.168.1.4:8099/"),
        ({"bind": "unix:/run/emoedge-web/web.sock"}, None),
    ],
)
def test_the_device_links_to_its_console(web, url):
    settings = make_settings("es").model_copy(update={"web": WebSettings(**web)})
    for message, payload in discovery_payloads(settings, "").items():
        expected = url if message == "_diagnostics" else None
        assert payload["device"].get("configuration_url") == expected


@pytest.mark.parametrize("language", ["es", "en"])
def test_rules_of_device_discovery(language):
    settings = make_settings(language)
    for message, payload in discovery_payloads(settings, "Raspberry Pi 5 Model B Rev 1.0").items():
        assert {"device", "origin", "availability", "components"} <= payload.keys()
        assert payload["device"]["identifiers"] == ["emoedge_living-room"]
        assert payload["device"]["model"] == "Raspberry Pi 5 Model B Rev 1.0"
        assert payload["origin"]["name"] == "emoedge"
        assert payload["availability"] == [{"topic": "emoedge/living-room/status"}]
        assert list(payload["components"]) == PARTS[message]
        json.dumps(payload, allow_nan=False)
    parts = components(settings)
    for name, part in parts.items():
        check_component(name, part)
    entities = [part for part in parts.values() if part["platform"] != "device_automation"]
    for key in ("unique_id", "default_entity_id", "name"):
        assert len({part[key] for part in entities}) == len(entities)


def test_everything_the_contract_names_is_there():
    parts = components(make_settings())
    assert parts["emotion"]["options"] == list(EMOTIONS)
    assert parts["event"]["event_types"] == [*EMOTIONS, "end"]
    for name in CONTROL_NAMES:
        assert parts[name]["command_topic"] == f"emoedge/living-room/control/{name}/set"
    assert {part["platform"] for part in parts.values()} == {*RULES, "device_automation"} - {"image"}
    hidden = {name for name, part in parts.items() if part.get("enabled_by_default") is False}
    assert hidden == {"valence", "arousal", "people", "latency", "spool"}
    diagnostic = {name for name, part in parts.items() if part.get("entity_category") == "diagnostic"}
    assert diagnostic == set(PARTS["_diagnostics"])
    config = {name for name, part in parts.items() if part.get("entity_category") == "config"}
    assert config == {"recording_mode", "face_weight", "margin"}


def test_no_component_reads_the_topic_emotion():
    """Each of its messages was a dozen rows in the recorder."""
    assert "living-room/emotion" not in json.dumps(discovery_payloads(make_settings()))


@pytest.mark.parametrize(("interval", "expiry"), [(30, 100), (5, 25), (300, 910)])
def test_what_reads_the_summary_expires(interval, expiry):
    values = {"device_id": "living-room", "publish": {"summary_interval": interval}}
    settings = Settings.model_validate(values)
    for name, part in components(settings).items():
        reads_summary = part.get("state_topic") == "emoedge/living-room/summary"
        assert part.get("expire_after") == (expiry if reads_summary else None), name


def test_a_picture_is_offered_only_where_it_is_sent():
    settings = Settings.model_validate({"device_id": "a", "publish": {"image": True}})
    part = components(settings)["image"]
    check_component("image", part)
    assert part["image_topic"] == "emoedge/a/image"
    assert "image" not in components(make_settings())


def test_neutral_has_a_trigger_where_it_has_episodes():
    settings = Settings.model_validate({"device_id": "a", "events": {"neutral": True}})
    assert TRIGGERS[-1] in components(settings)
    assert TRIGGERS[-1] not in components(make_settings())


def test_names_are_for_people_and_words_for_machines():
    spanish, english = components(make_settings("es")), components(make_settings("en"))
    assert (spanish["emotion"]["name"], english["emotion"]["name"]) == ("Emoción", "Emotion")
    assert (
        spanish["probability_happiness"]["name"].lower()
        == DISPLAY_NAMES["es"][EMOTIONS.index("happiness")]
        == "alegría"
    )
    people = {"name": "", "options": ""}
    for name, part in spanish.items():
        changed = people if name == "emotion_text" else {"name": ""}
        assert {**part, **changed} == {**english[name], **changed}
    assert spanish["emotion_text"]["options"] == [*DISPLAY_NAMES["es"], "sin opinión", "nadie", "privado"]
    assert english["emotion_text"]["options"] == [*DISPLAY_NAMES["en"], "no opinion", "nobody", "private"]


@pytest.mark.parametrize("name", CONTROL_NAMES)
def test_what_home_assistant_sends_is_accepted(name):
    part = components(make_settings())[name]
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


SUMMARIES = [
    SUMMARY,
    replace(SUMMARY, state=NOBODY, label="nadie", present=False, people=0, speaking=False),
    PRIVATE,
]


@pytest.mark.parametrize("summary", SUMMARIES, ids=["happiness", "nobody", "privacy"])
def test_templates_of_the_summary(summary):
    parts, payload = components(make_settings()), builder().outcome(summary).payload

    def shown(name: str) -> str:
        return render(parts[name]["value_template"], payload)

    # "None" is what Home Assistant takes for "unknown".
    assert shown("emotion") == str(payload["emotion"])
    assert shown("emotion_text") == payload["label"]
    assert shown("emotion_text") in parts["emotion_text"]["options"]
    attributes = json.loads(render(parts["emotion"]["json_attributes_template"], payload))
    names = ("since", "certain", "candidates", "decided_by", "reason")
    assert attributes == {name: payload[name] for name in names}, "and no number"
    for emotion in EMOTIONS:
        chance = payload["probabilities"] and payload["probabilities"][emotion]
        assert shown(f"probability_{emotion}") == ("None" if chance is None else str(round(100 * chance)))
    confidence = payload["confidence"]
    assert shown("confidence") == ("None" if confidence is None else str(round(100 * confidence)))
    flags = {True: "ON", False: "OFF", None: "None"}
    assert shown("presence") == flags[payload["present"]]
    assert shown("speaking") == flags[payload["speaking"]]
    for name, field in (("people", "people"), ("latency", "latency_ms"), ("valence", "valence")):
        assert shown(name) == str(payload[field])


@pytest.mark.parametrize("event", [BEGIN, END])
def test_template_of_the_event(event):
    part = components(make_settings())["event"]
    payload = builder().outcome(replace(event, recording="segment")).payload
    shown = json.loads(render(part["value_template"], payload))
    kind = shown.pop("event_type")
    assert kind in part["event_types"]
    assert kind == ("happiness" if event is BEGIN else "end")
    names = ("emotion", "id", "started", "ended", "peak_confidence", "recording")
    assert shown == {name: payload[name] for name in names}


def test_a_trigger_fires_for_the_beginning_of_its_emotion_alone():
    parts = components(make_settings())
    begin, end = (builder().outcome(event).payload for event in (BEGIN, END))
    for name in TRIGGERS[:-1]:
        part = parts[name]
        assert (part["type"], f"begins_{part['subtype']}") == ("begins", name)
        assert (render(part["value_template"], begin) == part["payload"]) == (name == "begins_happiness")
        assert render(part["value_template"], end) != part["payload"]


def test_an_episode_that_waited_for_the_broker_switches_no_lamp():
    parts = components(make_settings())
    payload = builder().outcome(BEGIN).payload
    late = payload | {"late": True}
    # As an earlier version left it on the disk.
    old = {key: payload[key] for key in payload if key != "late"}
    event, trigger = (parts[name] for name in ("event", "begins_happiness"))
    for one, counts in ((payload, True), (late, False), (old, True)):
        assert bool(render(event["value_template"], one)) is counts
        assert (render(trigger["value_template"], one) == trigger["payload"]) is counts


def test_templates_of_health():
    parts = components(make_settings())
    without = builder().outcome(HealthReport(30.0, 29.5, HEALTH)).payload
    spool = Health("spool", "ok", figures={"depth": 3})
    payload = builder().outcome(HealthReport(30.0, 29.5, (*HEALTH, spool))).payload
    assert render(parts["health"]["value_template"], payload) in parts["health"]["options"]
    assert "json_attributes_template" not in parts["health"]
    assert render(parts["trouble"]["value_template"], payload) == "ON"
    template = parts["trouble"]["json_attributes_template"]
    assert json.loads(render(template, payload)) == {"reasons": {"text": localized(str(NO_MODEL), "es")}}
    spanish = json.loads(json.dumps(payload))
    spanish["parts"]["text"]["reason_text"] = "falta el modelo"
    assert json.loads(render(template, spanish)) == {"reasons": {"text": "falta el modelo"}}
    well = builder().outcome(HealthReport(30.0, 29.5, HEALTH[:1])).payload
    assert render(parts["trouble"]["value_template"], well) == "OFF"
    assert json.loads(render(template, well)) == {"reasons": {}}
    assert render(parts["spool"]["value_template"], payload) == "3"
    assert render(parts["spool"]["value_template"], without) == "None"
    assert render(parts["started"]["value_template"], payload) == payload["started"]


def test_the_switch_says_until_when_privacy_lasts():
    part = components(make_settings())["privacy"]
    assert part["json_attributes_topic"] == "emoedge/living-room/control/privacy/until"
    template = part["json_attributes_template"]
    for value, wanted in (("2026-11-22T10:10:12.560Z", "2026-11-22T10:10:12.560Z"), ("", None)):
        assert json.loads(render(template, value)) == {"until": wanted}


LONGEST_ID = "a-device-with-a-name-of-32-chars"


def sizes(messages: dict) -> list[int]:
    return [len(to_json(payload).encode()) for payload in messages.values()]


LARGEST = {
    "events": {"neutral": True},
    "publish": {"summary_interval": 300, "image": True},
    "web": {"url": f"https://{'console.' * 8}example/emoedge"},
}
BOARD = "NVIDIA Jetson Nano Developer Kit"


@pytest.mark.parametrize("language", ["es", "en"])
def test_every_message_is_small_enough_for_brokers_with_little_memory(language):
    settings = Settings.model_validate({"device_id": LONGEST_ID, "language": language, **LARGEST})
    messages = discovery_messages(settings, board=BOARD)
    ends = [topic.removeprefix(config_topic(settings)[: -len("/config")]) for topic in messages]
    assert sorted(ends) == ["/config", "_diagnostics/config", "_more/config", "_values/config"]
    assert max(sizes(messages)) <= 4_000
    # Also what takes back all that an earlier version announced in one message.
    assert max(sizes(withdrawals(messages, {config_topic(settings): STAYED | {"uptime": "sensor"}}))) <= 4_000


@pytest.mark.parametrize("limit", [4_000, 1_200])
def test_the_messages_together_offer_the_same_entities(limit):
    settings = make_settings()
    messages = discovery_messages(settings, limit)
    assert max(sizes(messages)) <= limit
    together, wanted = {}, {}
    for payload in discovery_payloads(settings).values():
        wanted |= abbreviate(payload)["cmps"]
    for payload in messages.values():
        assert (payload["dev"]["ids"], payload["o"]["name"]) == (["emoedge_living-room"], "emoedge")
        assert payload["avty"] == [{"t": "emoedge/living-room/status"}]
        for part in payload["cmps"].values():
            if part["p"] in STATES:
                assert {"stat_t"} & (payload.keys() | part.keys())
        assert not together.keys() & payload["cmps"].keys()
        together |= payload["cmps"]
    assert together == wanted


def test_abbreviated_keys_are_those_of_home_assistant():
    payload = discovery_messages(make_settings())[config_topic(make_settings())]
    assert payload["dev"] == {
        "ids": ["emoedge_living-room"],
        "name": "living-room",
        "mf": "emoedge",
        "mdl": "emoedge",
        "sw": __version__,
    }
    assert payload["avty"] == [{"t": "emoedge/living-room/status"}]
    assert payload["stat_t"] == "emoedge/living-room/summary"
    assert payload["cmps"]["emotion"]["uniq_id"] == "emoedge_living-room_emotion"
    for message in discovery_messages(make_settings()).values():
        assert not {key for part in message["cmps"].values() for key in part} & set(homeassistant._SHORT)


def test_what_is_no_longer_offered_is_named_with_its_platform_alone():
    settings = make_settings()
    messages, topic = discovery_messages(settings), config_topic(settings)
    assert withdrawals(messages, {}) == {}
    assert withdrawals(messages, {topic: {"emotion": "sensor"}, "elsewhere": {"a": "sensor"}}) == {}
    gone = withdrawals(messages, {topic: {"emotion": "sensor", "old_thing": "binary_sensor"}})
    assert gone.keys() == {topic}
    assert gone[topic]["cmps"] == {"emotion": {"p": "sensor"}, "old_thing": {"p": "binary_sensor"}}
    assert platforms(gone[topic]) == {}
    assert platforms(messages[topic])["emotion"] == "sensor"


@pytest.mark.parametrize("device_id", ["living-room", "salón", "Pi4"])
def test_the_ids_of_entities_that_stay_do_not_change(device_id):
    """Automations and history hang on them."""
    settings = make_settings(device_id=device_id)
    uid = object_id(device_id)
    for name, platform in STAYED.items():
        part = components(settings)[name]
        assert part["platform"] == platform
        assert part["unique_id"] == f"{uid}_{name}"
        assert part["default_entity_id"] == f"{platform}.{uid}_{name}".lower().replace("-", "_")


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
