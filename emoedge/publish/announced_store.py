"""Record on disk of the announcements to Home Assistant, so that they can be withdrawn later."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final, TypeAlias

from emoedge.files import read_json, write_json

Announced: TypeAlias = dict[str, dict[str, str]]
"""Per discovery topic: component id -> platform, as last acknowledged by the broker."""

ANNOUNCED_FILE: Final = "discovery.json"
"""In the state directory: the announced entities, to be withdrawn later."""

_CONFIG_TOPIC: Final = re.compile(
    r"[^+#$\x00-\x20\x7f-\x9f\ud800-\udfff]{1,1000}/device/[A-Za-z0-9_-]{1,200}/config"
)
_NAME: Final = re.compile(r"[a-z_]{1,64}")


class AnnouncedStore:
    """Announcements, in `discovery.json` of the state directory."""

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
