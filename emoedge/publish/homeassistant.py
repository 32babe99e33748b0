"""What Home Assistant is told: the discovery messages of one device, pure.

Rules: https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload. States stay the machine's
words (`happiness`, `events`), so that automations do not depend on the language; names are for people.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

from emoedge.config import Settings
from emoedge.emotions import EMOTIONS, Language, display_name
from emoedge.files import read_json, write_json
from emoedge.publish.control import PRESS, RECORDING_MODES
from emoedge.publish.messages import to_json
from emoedge.version import __version__

Announced: TypeAlias = dict[str, dict[str, str]]
"""Per discovery topic: component id -> platform, as last acknowledged by the broker."""

BIRTH_DELAY_S: Final = (0.5, 5.0)
"""After Home Assistant's birth message a device answers at a random moment within this, not all at once."""

_OBJECT_ID: Final = re.compile(r"[A-Za-z0-9_-]+")

MAX_MESSAGE_BYTES: Final = 4_000
"""Brokers on small machines are often limited to packets of 4,096 bytes."""

ANNOUNCED_FILE: Final = "discovery.json"
"""In the state directory: the announced entities, to be withdrawn later."""

_NAMES: Final[dict[str, tuple[str, str]]] = {
    # component id: (Spanish, English)
    "emotion": ("Emoción", "Emotion"),
    "event": ("Episodio", "Episode"),
    "privacy": ("Privacidad", "Privacy"),
    "record": ("Grabar", "Record"),
    "recording_mode": ("Modo de grabación", "Recording mode"),
    "face_weight": ("Peso de la cara", "Face weight"),
    "margin": ("Margen de duda", "Margin of doubt"),
    "snapshot": ("Instantánea", "Snapshot"),
    "health": ("Estado", "Health"),
    "latency": ("Latencia", "Latency"),
    "spool": ("Mensajes en espera", "Messages waiting"),
    "uptime": ("En marcha desde hace", "Uptime"),
}


_PART: Final = {"probability": "_values"}
_PART_OF: Final = dict.fromkeys(("health", "uptime", "spool", "latency"), "_diagnostics") | dict.fromkeys(
    ("recording_mode", "face_weight", "margin"), "_more"
)
"""Part of the announcement by component; the others are in the one without a name."""

_SHORT: Final = {
    "availability": "avty",
    "command_topic": "cmd_t",
    "components": "cmps",
    "default_entity_id": "def_ent_id",
    "device": "dev",
    "device_class": "dev_cla",
    "entity_category": "ent_cat",
    "event_types": "evt_typ",
    "icon": "ic",
    "json_attributes_template": "json_attr_tpl",
    "json_attributes_topic": "json_attr_t",
    "options": "ops",
    "origin": "o",
    "payload_press": "pl_prs",
    "platform": "p",
    "state_class": "stat_cla",
    "state_topic": "stat_t",
    "suggested_display_precision": "sug_dsp_prc",
    "unique_id": "uniq_id",
    "unit_of_measurement": "unit_of_meas",
    "value_template": "val_tpl",
}
_SHORT_DEVICE: Final = {"identifiers": "ids", "manufacturer": "mf", "model": "mdl", "sw_version": "sw"}
"""Home Assistant's abbreviations (homeassistant/components/mqtt/abbreviations.py)."""

_CONFIG_TOPIC: Final = re.compile(
    r"[^+#$\x00-\x20\x7f-\x9f\ud800-\udfff]{1,1000}/device/[A-Za-z0-9_-]{1,200}/config"
)
_NAME: Final = re.compile(r"[a-z_]{1,64}")


def config_topic(settings: Settings, part: str = "") -> str:
    """`<prefix>/device/<object id><part>/config`."""
    return f"{settings.mqtt.discovery_prefix}/device/{object_id(settings.device_id)}{part}/config"


def birth_topic(settings: Settings) -> str:
    """Where Home Assistant says that it has started."""
    return f"{settings.mqtt.discovery_prefix}/status"


def object_id(device_id: str) -> str:
    """The device id in the characters that a discovery topic may have, distinct for distinct ids."""
    name = f"emoedge_{device_id}"
    if _OBJECT_ID.fullmatch(name):
        return name
    digest = hashlib.sha256(device_id.encode()).hexdigest()[:8]
    return re.sub(r"[^A-Za-z0-9_-]+", "_", name) + "_" + digest


def discovery_payload(settings: Settings) -> dict[str, Any]:
    """Everything that is announced, in one payload with the long keys."""
    base = settings.topic_base
    uid = object_id(settings.device_id)
    components = {
        name: {
            "unique_id": f"{uid}_{name}",
            "default_entity_id": _entity_id(part["platform"], uid, name),
            # Home Assistant does not hand a common quality of service down to the parts.
            "qos": 1,
        }
        | part
        for name, part in _components(settings).items()
    }
    return {
        "device": {
            "identifiers": [uid],
            "name": settings.device_id,
            "manufacturer": "emoedge",
            "model": "emoedge",
            "sw_version": __version__,
        },
        "origin": {"name": "emoedge", "sw_version": __version__},
        "availability": [{"topic": f"{base}/status"}],
        "components": components,
    }


def discovery_messages(
    settings: Settings, previous: Announced, max_bytes: int = MAX_MESSAGE_BYTES
) -> dict[str, dict[str, Any]]:
    """The device's components in messages of a size that brokers take: topic -> payload, abbreviated.

    Args:
        settings: as for `discovery_payload`.
        previous: what was announced before; what a topic no longer offers is named there with its platform
            alone.
        max_bytes: largest payload; where the usual parts are larger, each component gets its own message.
    """
    whole = discovery_payload(settings)
    components: dict[str, Any] = whole["components"]
    parts = _split(whole, {name: _PART.get(name.partition("_")[0], "") for name in components} | _PART_OF)
    messages = _messages(settings, parts, previous)
    if all(len(to_json(one).encode()) <= max_bytes for one in messages.values()):
        return messages
    return _messages(settings, _split(whole, {name: f"_{name}" for name in components}), previous)


def _split(whole: Mapping[str, Any], part_of: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Part -> payload with the components of that part."""
    parts: dict[str, dict[str, Any]] = {}
    for name, component in whole["components"].items():
        part = parts.setdefault(part_of[name], {**whole, "components": {}})
        part["components"][name] = component
    return parts


def _messages(
    settings: Settings, parts: Mapping[str, Mapping[str, Any]], previous: Announced
) -> dict[str, dict[str, Any]]:
    messages = {}
    for part, payload in parts.items():
        topic = config_topic(settings, part)
        gone = {name: {"platform": platform} for name, platform in previous.get(topic, {}).items()}
        messages[topic] = abbreviate({**payload, "components": gone | payload["components"]})
    return messages


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


class AnnouncedStore:
    """What was announced, in `discovery.json` of the state directory."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / ANNOUNCED_FILE

    def load(self) -> Announced:
        """As last saved; empty where there is nothing readable."""
        try:
            raw = read_json(self._path)
        except (OSError, ValueError):
            return {}
        if not isinstance(raw, dict):
            return {}
        return {topic: parts for topic, parts in raw.items() if _was_announced(topic, parts)}

    def save(self, announced: Announced) -> None:
        """Keep; raises OSError."""
        write_json(self._path, announced)


def _was_announced(topic: str, parts: Any) -> bool:
    """Return whether an entry of the record can be one of ours: its topic is going to be published to."""
    return (
        _CONFIG_TOPIC.fullmatch(topic) is not None
        and isinstance(parts, dict)
        and all(isinstance(one, str) and _NAME.fullmatch(one) for item in parts.items() for one in item)
    )


def _components(settings: Settings) -> dict[str, dict[str, Any]]:
    """Component id -> configuration without the ids."""
    base, language = settings.topic_base, settings.language
    parts: dict[str, dict[str, Any]] = {"emotion": _emotion(base)}
    parts |= {f"probability_{emotion}": _probability(base, emotion, language) for emotion in EMOTIONS}
    parts["event"] = _event(base)
    parts |= {name: _switch(base, name, icon) for name, icon in _SWITCHES}
    parts["privacy"] |= {
        "json_attributes_topic": f"{base}/control/privacy/until",
        "json_attributes_template": "{{ {'until': value or None} | tojson }}",
    }
    parts["recording_mode"] = {
        "platform": "select",
        **_control(base, "recording_mode"),
        "options": list(RECORDING_MODES),
        "entity_category": "config",
        "icon": "mdi:record-rec",
    }
    parts |= {name: _fraction(base, name, icon) for name, icon in _FRACTIONS}
    parts["snapshot"] = {
        "platform": "button",
        "command_topic": f"{base}/control/snapshot/set",
        "payload_press": PRESS,
        "icon": "mdi:camera",
    }
    parts |= _diagnostics(base)
    spanish = language == "es"
    return {
        name: {"name": _NAMES[name][0 if spanish else 1]} | part if name in _NAMES else part
        for name, part in parts.items()
    }


_SWITCHES: Final = (("privacy", "mdi:eye-off"), ("record", "mdi:record"))
_FRACTIONS: Final = (("face_weight", "mdi:scale-balance"), ("margin", "mdi:arrow-expand-horizontal"))


def _emotion(base: str) -> dict[str, Any]:
    return {
        "platform": "sensor",
        "device_class": "enum",
        "options": list(EMOTIONS),
        "state_topic": f"{base}/emotion",
        # Null becomes "None", which the MQTT sensor takes for "unknown".
        "value_template": "{{ value_json.emotion }}",
        "json_attributes_topic": f"{base}/emotion",
        "json_attributes_template": "{{ {'confidence': value_json.confidence, 'since': value_json.since, "
        "'decided_by': value_json.decided_by, 'reason': value_json.reason} | tojson }}",
        "icon": "mdi:emoticon-outline",
    }


def _probability(base: str, emotion: str, language: Language) -> dict[str, Any]:
    name = display_name(emotion, language)  # type: ignore[arg-type]
    return {
        "name": name[:1].upper() + name[1:],
        "platform": "sensor",
        "state_topic": f"{base}/emotion",
        "value_template": "{{ (100 * value_json.probabilities." + emotion + ") | round(1) "
        "if value_json.probabilities else None }}",
        "unit_of_measurement": "%",
        "state_class": "measurement",
        "suggested_display_precision": 0,
        "icon": "mdi:percent",
    }


def _event(base: str) -> dict[str, Any]:
    return {
        "platform": "event",
        "state_topic": f"{base}/event",
        "event_types": ["begin", "end"],
        # Nothing for what waited for the broker, which Home Assistant ignores: a lamp must not follow it.
        "value_template": "{% if not value_json.late | default(false) %}"
        "{{ {'event_type': value_json.type, 'id': value_json.id, "
        "'emotion': value_json.emotion, 'started': value_json.started, 'ended': value_json.ended, "
        "'peak_confidence': value_json.peak_confidence, 'recording': value_json.recording} | tojson }}"
        "{% endif %}",
        "icon": "mdi:emoticon-excited-outline",
    }


def _control(base: str, name: str) -> dict[str, Any]:
    return {"state_topic": f"{base}/control/{name}", "command_topic": f"{base}/control/{name}/set"}


def _switch(base: str, name: str, icon: str) -> dict[str, Any]:
    return {"platform": "switch", **_control(base, name), "icon": icon}


def _fraction(base: str, name: str, icon: str) -> dict[str, Any]:
    return {
        "platform": "number",
        **_control(base, name),
        "min": 0,
        "max": 1,
        "step": 0.05,
        "mode": "slider",
        "entity_category": "config",
        "icon": icon,
    }


def _diagnostics(base: str) -> dict[str, dict[str, Any]]:
    health = {"platform": "sensor", "state_topic": f"{base}/health", "entity_category": "diagnostic"}
    return {
        "health": health
        | {
            "device_class": "enum",
            "options": ["ok", "degraded", "failed", "off"],
            "value_template": "{{ value_json.state }}",
            "json_attributes_topic": f"{base}/health",
            "json_attributes_template": "{% set ns = namespace(parts={}) %}"
            "{% for name, part in value_json.parts.items() %}"
            "{% set ns.parts = dict(ns.parts, **{name: (part.state ~ ' ' ~ part.reason) | trim}) %}"
            "{% endfor %}{{ ns.parts | tojson }}",
            "icon": "mdi:heart-pulse",
        },
        "uptime": health
        | {
            "device_class": "duration",
            "unit_of_measurement": "s",
            "value_template": "{{ value_json.uptime_s | int }}",
        },
        "spool": health
        | {
            "state_class": "measurement",
            "value_template": "{{ value_json.parts.spool.figures.depth "
            "if 'spool' in value_json.parts else None }}",
            "icon": "mdi:tray-full",
        },
        "latency": {
            "platform": "sensor",
            "state_topic": f"{base}/emotion",
            "entity_category": "diagnostic",
            "device_class": "duration",
            "unit_of_measurement": "ms",
            "state_class": "measurement",
            "value_template": "{{ value_json.latency_ms }}",
        },
    }
