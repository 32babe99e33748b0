"""Withdraw a removed service's retained messages from the broker, with its former configuration."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Final

from emoedge.config import load_settings
from emoedge.publish.withdrawal import all_topics, empty_retained
from emoedge.service.instances import configuration_of
from emoedge.service.plan import Machine

ENVIRONMENT: Final = "environment"
"""The unit's EnvironmentFile beside its configuration, in which the broker's password may be."""
PREFIX: Final = "EMOEDGE_"


def withdraw(machine: Machine, config_path: Path | None, name: str = "") -> None:
    """Empty all topics that the broker retains of this device, the announcement to Home Assistant included.

    Args:
        machine: where.
        config_path: of the configuration; None for that of the service.
        name: of an instance, whose configuration it then is.

    Raises:
        EmoedgeError: the configuration is wrong, or the broker cannot be reached or refuses.
    """
    own = machine.path(configuration_of(name))
    environment = {**os.environ, **read_environment(own.with_name(ENVIRONMENT))}
    settings = load_settings(own if name else config_path, environment)
    if settings.mqtt.enabled:
        empty_retained(settings, all_topics(settings))


def read_environment(path: Path) -> dict[str, str]:
    """The variables of emoedge in an EnvironmentFile (systemd.exec(5)); none where it cannot be read."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return {}
    found = {}
    for line in lines:
        name, equals, value = line.strip().partition("=")
        if equals and name.startswith(PREFIX):
            try:
                words = shlex.split(value)
            except ValueError:
                continue
            found[name] = words[0] if words else ""
    return found
