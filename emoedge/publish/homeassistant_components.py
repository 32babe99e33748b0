"""Components of the device in Home Assistant: what each reads, shows and commands.

Everything of the state reads `summary`, so that the recorder of Home Assistant has little to keep; what must
not miss a moment uses the event entity or the triggers.
"""

from __future__ import annotations

from typing import Any, Final

from emoedge.config import Settings
from emoedge.emotions import EMOTIONS, Emotion, display_name
from emoedge.publish.control import PRESS, RECORDING_MODES
from emoedge.reasons import labels

Component = dict[str, Any]

PART_STATE_TOPICS: Final = {"": "summary", "_values": "summary", "_diagnostics": "health"}
"""Topic that most components of a part read, below the base; stated once in the body of its message."""
MISSED_SUMMARIES: Final = 3
"""Number of summaries that may be missed before a value is unavailable."""
EXPIRY_MARGIN_S: Final = 10

_NAMES: Final[dict[str, tuple[str, str]]] = {
    "emotion": ("Emoción", "Emotion"),
    "emotion_text": ("Emoción en palabras", "Emotion in words"),
    "confidence": ("Seguridad", "Confidence"),
    "event": ("Episodio", "Episode"),
    "presence": ("Presencia", "Presence"),
    "speaking": ("Habla", "Speaking"),
    "privacy": ("Privacidad", "Privacy"),
    "record": ("Grabar", "Record"),
    "snapshot": ("Instantánea", "Snapshot"),
    "valence": ("Valencia", "Valence"),
    "arousal": ("Activación", "Arousal"),
    "trouble": ("Problema", "Trouble"),
    "health": ("Estado", "Health"),
    "people": ("Personas", "People"),
    "started": ("En marcha desde", "Started"),
    "latency": ("Latencia", "Latency"),
    "spool": ("Mensajes en espera", "Messages waiting"),
    "recording_mode": ("Modo de grabación", "Recording mode"),
    "face_weight": ("Peso de la cara", "Face weight"),
    "margin": ("Margen de duda", "Margin of doubt"),
    "image": ("Última imagen", "Last picture"),
}
"""Names of the components: Spanish, English."""

_IS_LATE: Final = "value_json.late|default(false)"
"""True for what waited for the broker: it is for databases, not for lamps."""
_IS_BAD: Final = "in ('degraded', 'failed')"
_FLAG: Final = "{{{{ {{true:'ON',false:'OFF'}}.get(value_json.{0}) }}}}"
_PERCENT: Final = "{{{{ (100*value_json.{0})|round|int if value_json.{1} is not none else None }}}}"


def components_by_part(settings: Settings) -> dict[str, dict[str, Component]]:
    """Return the components of each message, without their ids: part -> key -> configuration."""
    parts = {
        "": _main(settings),
        "_values": _values(settings),
        "_diagnostics": _diagnostics(settings),
        "_more": _more(settings),
    }
    spanish = settings.language == "es"
    return {
        part: {
            key: {"name": _NAMES[key][0 if spanish else 1]} | component if key in _NAMES else component
            for key, component in components.items()
        }
        for part, components in parts.items()
    }


def _main(settings: Settings) -> dict[str, Component]:
    base, expiry = settings.topic_base, _expiry(settings)
    return {
        "emotion": {
            "platform": "sensor",
            "device_class": "enum",
            "options": list(EMOTIONS),
            # Null becomes "None", which the MQTT sensor interprets as "unknown".
            "value_template": "{{ value_json.emotion }}",
            "json_attributes_topic": f"{base}/summary",
            # No values that change with every message: each change of an attribute is a row in the recorder.
            "json_attributes_template": "{{ dict("
            + _fields("since", "certain", "candidates", "decided_by", "reason")
            + ")|tojson }}",
            "icon": "mdi:emoticon-outline",
        }
        | expiry,
        "emotion_text": {
            "platform": "sensor",
            "device_class": "enum",
            "options": list(labels(settings.language, EMOTIONS)),
            "value_template": "{{ value_json.label }}",
        }
        | expiry,
        "confidence": _percent("confidence", "confidence", "mdi:check-decagram-outline") | expiry,
        "event": _event(base),
        "presence": _flag("present", "occupancy") | expiry,
        "speaking": _flag("speaking", "sound") | expiry,
        "privacy": _switch(base, "privacy", "mdi:eye-off")
        | {
            "json_attributes_topic": f"{base}/control/privacy/until",
            "json_attributes_template": "{{ {'until': value or None} | tojson }}",
        },
        "record": _switch(base, "record", "mdi:record"),
        "snapshot": {
            "platform": "button",
            "command_topic": f"{base}/control/snapshot/set",
            "payload_press": PRESS,
            "icon": "mdi:camera",
        },
    }


def _values(settings: Settings) -> dict[str, Component]:
    expiry = _expiry(settings)
    components = {}
    for emotion in EMOTIONS:
        name = display_name(emotion, settings.language)
        value = _percent(f"probabilities.{emotion}", "probabilities", "mdi:percent")
        components[f"probability_{emotion}"] = {"name": name[:1].upper() + name[1:]} | value | expiry
    for key in ("valence", "arousal"):
        value = _measurement(f"{{{{ value_json.{key} }}}}", 2)
        components[key] = value | {"enabled_by_default": False} | expiry
    return components


def _diagnostics(settings: Settings) -> dict[str, Component]:
    base, expiry = settings.topic_base, _expiry(settings)
    diagnostic = {"entity_category": "diagnostic"}
    hidden = diagnostic | {"enabled_by_default": False}
    summary = {"state_topic": f"{base}/summary"} | expiry
    return {
        "trouble": diagnostic
        | {
            "platform": "binary_sensor",
            "device_class": "problem",
            "value_template": "{{ 'ON' if value_json.state " + _IS_BAD + " else 'OFF' }}",
            "json_attributes_topic": f"{base}/health",
            "json_attributes_template": "{% set ns = namespace(bad={}) %}"
            "{% for name, part in value_json.parts.items() if part.state " + _IS_BAD + " %}"
            "{% set ns.bad = dict(ns.bad, **{name: part.reason_text | default(part.reason)}) %}"
            "{% endfor %}{{ {'reasons': ns.bad} | tojson }}",
        },
        "health": diagnostic
        | {
            "platform": "sensor",
            "device_class": "enum",
            "options": ["ok", "degraded", "failed", "off"],
            "value_template": "{{ value_json.state }}",
            "icon": "mdi:heart-pulse",
        },
        "people": _measurement("{{ value_json.people }}", 0)
        | hidden
        | summary
        | {"icon": "mdi:account-group"},
        "started": diagnostic
        | {
            "platform": "sensor",
            "device_class": "timestamp",
            "value_template": "{{ value_json.started }}",
        },
        "latency": _measurement("{{ value_json.latency_ms }}", 0)
        | {"device_class": "duration", "unit_of_measurement": "ms"}
        | hidden
        | summary,
        "spool": _measurement(
            "{{ value_json.parts.spool.figures.depth if 'spool' in value_json.parts else None }}", 0
        )
        | hidden
        | {"icon": "mdi:tray-full"},
    }


def _more(settings: Settings) -> dict[str, Component]:
    base = settings.topic_base
    mode = _control(base, "recording_mode") | {"platform": "select", "options": list(RECORDING_MODES)}
    components: dict[str, Component] = {
        "recording_mode": mode | {"entity_category": "config", "icon": "mdi:record-rec"},
        "face_weight": _fraction(base, "face_weight", "mdi:scale-balance"),
        "margin": _fraction(base, "margin", "mdi:arrow-expand-horizontal"),
    }
    begun = [one for one in EMOTIONS if one != "neutral" or settings.events.neutral]
    components |= {f"begins_{emotion}": _trigger(base, emotion) for emotion in begun}
    if settings.publish.image:
        image = {"platform": "image", "image_topic": f"{base}/image", "content_type": "image/jpeg"}
        components["image"] = image
    return components


def _fields(*names: str) -> str:
    """Return a template's expression for these fields of a payload; an announcement must be small."""
    quoted = ",".join(f"'{name}'" for name in names)
    return f"value_json|items|selectattr(0,'in',[{quoted}])"


def _expiry(settings: Settings) -> Component:
    return {"expire_after": round(MISSED_SUMMARIES * settings.publish.summary_interval) + EXPIRY_MARGIN_S}


def _measurement(template: str, digits: int) -> Component:
    return {
        "platform": "sensor",
        "state_class": "measurement",
        "suggested_display_precision": digits,
        "value_template": template,
    }


def _percent(field: str, unless_null: str, icon: str) -> Component:
    return _measurement(_PERCENT.format(field, unless_null), 0) | {"unit_of_measurement": "%", "icon": icon}


def _flag(field: str, device_class: str) -> Component:
    return {
        "platform": "binary_sensor",
        "device_class": device_class,
        "value_template": _FLAG.format(field),
    }


def _event(base: str) -> Component:
    return {
        "platform": "event",
        "state_topic": f"{base}/event",
        "event_types": [*EMOTIONS, "end"],
        # Empty for late messages, which Home Assistant then ignores.
        "value_template": "{% if not "
        + _IS_LATE
        + " %}{{ dict("
        + _fields("emotion", "id", "started", "ended", "peak_confidence", "recording")
        + ",event_type=value_json.emotion if value_json.type=='begin' else 'end')|tojson }}{% endif %}",
        "icon": "mdi:emoticon-excited-outline",
    }


def _trigger(base: str, emotion: Emotion) -> Component:
    # An automation refers to a trigger by type and subtype, which are the same in every language.
    return {
        "platform": "device_automation",
        "automation_type": "trigger",
        "topic": f"{base}/event",
        "type": "begins",
        "subtype": emotion,
        "payload": f"begin {emotion}",
        "value_template": "{{ ('' if " + _IS_LATE + " else value_json.type) ~ ' ' ~ value_json.emotion }}",
    }


def _control(base: str, name: str) -> Component:
    return {"state_topic": f"{base}/control/{name}", "command_topic": f"{base}/control/{name}/set"}


def _switch(base: str, name: str, icon: str) -> Component:
    return {"platform": "switch", **_control(base, name), "icon": icon}


def _fraction(base: str, name: str, icon: str) -> Component:
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
