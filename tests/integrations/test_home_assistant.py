"""The discovery messages before Home Assistant's own schemas, where it is installed.

Home Assistant needs a newer Python than the oldest that emoedge runs on, and is not a dependency: name a
command that starts its Python in EMOEDGE_HOME_ASSISTANT_PYTHON, such as `/srv/homeassistant/bin/python`.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from emoedge.config import Settings
from emoedge.publish.homeassistant import config_topic, discovery_messages, withdrawals

VARIABLE = "EMOEDGE_HOME_ASSISTANT_PYTHON"
SCRIPT = Path(__file__).with_name("home_assistant_schemas.py")
CONFIGURATIONS = {
    "spanish": {"device_id": "livingroom"},
    "english": {"device_id": "livingroom", "language": "en"},
    "everything": {
        "device_id": "salón",
        "events": {"neutral": True},
        "publish": {"summary_interval": 5, "image": True},
    },
}


@pytest.fixture(scope="module")
def python() -> list[str]:
    """The command that starts the Python of Home Assistant."""
    if command := os.environ.get(VARIABLE):
        return shlex.split(command)
    if importlib.util.find_spec("homeassistant"):
        return [sys.executable]
    pytest.skip(f"Home Assistant is not installed; name its Python in {VARIABLE}")


def faults(python: list[str], messages: dict) -> list[str]:
    result = subprocess.run(
        [*python, "-c", SCRIPT.read_text(encoding="utf-8")],
        input=json.dumps(list(messages.items())),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


@pytest.mark.parametrize("values", CONFIGURATIONS.values(), ids=CONFIGURATIONS)
def test_home_assistant_accepts_every_message(python, values):
    settings = Settings.model_validate(values)
    messages = discovery_messages(settings)
    singles = discovery_messages(settings, 1_000)
    gone = withdrawals(messages, {config_topic(settings): {"uptime": "sensor", "old": "binary_sensor"}})
    assert len(singles) > len(messages)
    assert gone
    assert faults(python, messages) == faults(python, singles) == faults(python, gone) == []


def test_home_assistant_refuses_what_is_wrong(python):
    settings = Settings(device_id="livingroom")
    topic = config_topic(settings)
    message = discovery_messages(settings)[topic]
    message["cmps"]["emotion"]["stat_cla"] = "measurement"  # not for words
    message["cmps"]["presence"]["made_up"] = 1
    found = faults(python, {topic: message})
    assert len(found) == 2
    assert any("emotion" in fault for fault in found)
    assert any("made_up" in fault for fault in found)
