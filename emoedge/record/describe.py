"""What the JSON sidecar says of the configuration: everything that shaped the result, and no secret."""

from __future__ import annotations

import re
from typing import Any, Final

from emoedge.config.settings import Settings

SECTIONS: Final = (
    "camera",
    "microphone",
    "face",
    "voice",
    "speech",
    "fusion",
    "events",
    "recording",
    "performance",
)
"""The broker's section is left out: it says nothing about the segment, and holds the credentials."""
_CREDENTIALS: Final = re.compile(r"(?<=://)[^/\s@]*@")
_QUERY: Final = re.compile(r"\?\S*")


def public_configuration(settings: Settings) -> dict[str, Any]:
    """The settings used, JSON-ready, without broker, passwords, and what is secret in addresses."""
    values = settings.model_dump(mode="json", include=set(SECTIONS) | {"device_id", "language"})
    for source in ("camera", "microphone"):
        values[source]["source"] = public_address(values[source]["source"])
    return values


def public_address(source: str) -> str:
    """A source without user, password and query: `rtsp://me:secret@cam/1?key=x` becomes `rtsp://cam/1`."""
    return _QUERY.sub("", _CREDENTIALS.sub("", source)) if "://" in source else source
