"""Home Assistant discovery messages of one device. Pure.

Rules: https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload. States stay the machine's
words (`happiness`, `events`), so that automations do not depend on the language; names are for people.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final

from emoedge.config import Settings
from emoedge.publish.announced_store import Announced
from emoedge.publish.homeassistant_components import PART_STATE_TOPICS, components_by_part
from emoedge.publish.messages import to_json
from emoedge.version import __version__

BIRTH_DELAY_S: Final = (0.5, 5.0)
"""After Home Assistant's birth message a device answers at a random moment within this, not all at once."""

_OBJECT_ID: Final = re.compile(r"[A-Za-z0-9_-]+")

MAX_MESSAGE_BYTES: Final = 4_000
"""Brokers on small machines are often limited to packets of 4,096 bytes."""

_SHORT: Final = {
    "automation_type": "atype",
    "availability": "avty",
    "command_topic": "cmd_t",
    "content_type": "cont_type",
    "components": "cmps",
    "default_entity_id": "def_ent_id",
    "device": "dev",
    "device_class": "dev_cla",
    "enabled_by_default": "en",
    "entity_category": "ent_cat",
    "event_types": "evt_typ",
    "expire_after": "exp_aft",
    "icon": "ic",
    "image_topic": "img_t",
    "json_attributes_template": "json_attr_tpl",
    "json_attributes_topic": "json_attr_t",
    "options": "ops",
    "origin": "o",
    "payload": "pl",
    "payload_press": "pl_prs",
    "platform": "p",
    "state_class": "stat_cla",
    "state_topic": "stat_t",
    "subtype": "stype",
    "suggested_display_precision": "sug_dsp_prc",
    "topic": "t",
    "unique_id": "uniq_id",
    "unit_of_measurement": "unit_of_meas",
    "value_template": "val_tpl",
}
_SHORT_DEVICE: Final = {
    "identifiers": "ids",
    "manufacturer": "mf",
    "model": "mdl",
    "sw_version": "sw",
    "configuration_url": "cu",
}
"""Home Assistant's abbreviations (homeassistant/components/mqtt/abbreviations.py)."""


def config_topic(settings: Settings, part: str = "") -> str:
    """`<prefix>/device/<object id><part>/config`."""
    return f"{settings.mqtt.discovery_prefix}/device/{object_id(settings.device_id)}{part}/config"


def birth_topic(settings: Settings) -> str:
    """Topic on which Home Assistant reports that it has started."""
    return f"{settings.mqtt.discovery_prefix}/status"


def object_id(device_id: str) -> str:
    """The device id in the characters that a discovery topic may have, distinct for distinct ids."""
    name = f"emoedge_{device_id}"
    if _OBJECT_ID.fullmatch(name):
        return name
    digest = hashlib.sha256(device_id.encode()).hexdigest()[:8]
    return re.sub(r"[^A-Za-z0-9_-]+", "_", name) + "_" + digest


def discovery_payloads(settings: Settings, board: str = "") -> dict[str, dict[str, Any]]:
    """Everything that is announced, with the long keys: part -> payload.

    Args:
        settings: names, topics, language and what is on.
        board: name of the machine, for the page of the device.
    """
    uid = object_id(settings.device_id)
    device = {
        "identifiers": [uid],
        "name": settings.device_id,
        "manufacturer": "emoedge",
        "model": board or "emoedge",
        "sw_version": __version__,
    }
    body = {
        "device": device,
        "origin": {"name": "emoedge", "sw_version": __version__},
        "availability": [{"topic": f"{settings.topic_base}/status"}],
    }
    payloads = {}
    for part, components in components_by_part(settings).items():
        topic = PART_STATE_TOPICS.get(part)
        shared = {} if topic is None else {"state_topic": f"{settings.topic_base}/{topic}"}
        identified = {name: _identify(uid, name, one) for name, one in components.items()}
        payloads[part] = body | shared | {"components": identified}
    if url := settings.web.public_url:
        # Once is enough, and the other messages have no room for a long address.
        payloads["_diagnostics"]["device"] = device | {"configuration_url": url}
    return payloads


def _identify(uid: str, name: str, component: dict[str, Any]) -> dict[str, Any]:
    """Return a component with its ids, and the quality of service, which is not inherited.

    States are retained and come again: only what is told once, and what is commanded, must not be lost. A
    trigger has no ids: its type and subtype are what it is known by.
    """
    if component["platform"] == "device_automation":
        return {"qos": 1} | component
    ids = {"unique_id": f"{uid}_{name}", "default_entity_id": _entity_id(component["platform"], uid, name)}
    is_state = component["platform"] in ("sensor", "binary_sensor", "image")
    return ids | ({} if is_state else {"qos": 1}) | component


def discovery_messages(
    settings: Settings, max_bytes: int = MAX_MESSAGE_BYTES, board: str = ""
) -> dict[str, dict[str, Any]]:
    """The device's components in messages of a size that brokers take: topic -> payload, abbreviated.

    Args:
        settings: as for `discovery_payloads`.
        max_bytes: largest payload; where the usual parts are larger, each component gets its own message.
        board: as for `discovery_payloads`.
    """
    parts = discovery_payloads(settings, board)
    messages = _messages(settings, parts)
    if all(len(to_json(one).encode()) <= max_bytes for one in messages.values()):
        return messages
    singles = {
        f"_{name}": payload | {"components": {name: component}}
        for payload in parts.values()
        for name, component in payload["components"].items()
    }
    return _messages(settings, singles)


def _messages(settings: Settings, parts: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    return {config_topic(settings, part): abbreviate(payload) for part, payload in parts.items()}


def withdrawals(messages: Mapping[str, dict[str, Any]], previous: Announced) -> dict[str, dict[str, Any]]:
    """Return the messages that withdraw components no longer offered: topic -> payload, abbreviated.

    Home Assistant keeps what a message leaves out; it removes what is named by its platform alone. All of a
    message go, and come again: one that changes in place would keep attributes that it no longer has.

    Args:
        messages: what is offered from now on.
        previous: what was announced before.
    """
    found = {}
    for topic, payload in messages.items():
        before = previous.get(topic, {})
        if before.keys() - payload["cmps"].keys():
            taken_back = {name: {"p": platform} for name, platform in before.items()}
            found[topic] = payload | {"cmps": taken_back}
    return found


def abbreviate(payload: Mapping[str, Any]) -> dict[str, Any]:
    """The payload with Home Assistant's short keys."""
    short = {_SHORT.get(key, key): value for key, value in payload.items()}
    short["dev"] = {_SHORT_DEVICE.get(key, key): value for key, value in payload["device"].items()}
    short["o"] = {_SHORT_DEVICE.get(key, key): value for key, value in payload["origin"].items()}
    short["avty"] = [{"t": one["topic"]} for one in payload["availability"]]
    short["cmps"] = {
        name: {_SHORT.get(key, key): value for key, value in part.items()}
        for name, part in payload["components"].items()
    }
    return short


def platforms(payload: Mapping[str, Any]) -> dict[str, str]:
    """Component id -> platform of what a discovery message offers, abbreviated or not."""
    short = "cmps" in payload
    components = payload["cmps" if short else "components"]
    key = "p" if short else "platform"
    return {name: part[key] for name, part in components.items() if part.keys() != {key}}


def _entity_id(platform: str, uid: str, name: str) -> str:
    """The same in every language; versions before 2025.10 ignore it and take the name."""
    return f"{platform}.{uid}_{name}".lower().replace("-", "_")
