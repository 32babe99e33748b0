"""What Home Assistant's own code says of discovery messages. Runs in the Python that Home Assistant is in.

Standard input: a JSON list of [topic, payload]. Standard output: a JSON list of faults, empty when all is
well. Standard library and `homeassistant` only: emoedge is not installed there.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
import tempfile
from typing import Any


def faults_of(topic: str, payload: dict[str, Any]) -> list[str]:
    """Faults of one message for a device, in the steps of `homeassistant.components.mqtt.discovery`."""
    from homeassistant.components.mqtt import discovery  # type: ignore[import-not-found]

    message = discovery.MQTTDiscoveryPayload(payload)
    discovery._replace_all_abbreviations(message)
    try:
        discovery.DEVICE_DISCOVERY_SCHEMA(message)
    except Exception as error:  # noqa: BLE001 - every fault of a message is reported
        return [f"{topic}: {error}"]
    found = []
    for name, part in message["components"].items():
        if part.keys() == {"platform"}:  # taken back
            continue
        component = discovery.MQTTDiscoveryPayload(part)
        component["device"], component["origin"] = message["device"], message["origin"]
        discovery._merge_common_device_options(component, message)
        platform = component.pop("platform")
        trigger = platform == "device_automation"
        module = importlib.import_module(
            "homeassistant.components.mqtt." + ("device_trigger" if trigger else platform)
        )
        schema = module.TRIGGER_DISCOVERY_SCHEMA if trigger else module.DISCOVERY_SCHEMA
        # A schema drops what it does not know: what is dropped was written in vain.
        inherited = {"state_topic", "availability", "device", "origin", "platform"}
        try:
            checked = schema(component)
        except Exception as error:  # noqa: BLE001
            found.append(f"{topic}: {name}: {error}")
            continue
        found += [f"{topic}: {name}: {key} is not known" for key in part.keys() - checked.keys() - inherited]
    return found


async def check(messages: list[tuple[str, dict[str, Any]]]) -> list[str]:
    """Faults of all messages; templates are checked in the event loop of a Home Assistant."""
    from homeassistant.core import HomeAssistant  # type: ignore[import-not-found]

    with tempfile.TemporaryDirectory() as folder:
        HomeAssistant(folder)
        return [fault for topic, payload in messages for fault in faults_of(topic, payload)]


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(check(json.load(sys.stdin)))) + "\n")
