"""An archive that helps others to help: versions, settings, checks and log, without anything personal."""

from __future__ import annotations

import dataclasses
import io
import json
import platform
import re
import socket
import subprocess
import zipfile
from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic import BaseModel, SecretStr

from emoedge.config import Settings
from emoedge.doctor.checks import run_checks
from emoedge.redact import HIDDEN
from emoedge.version import __version__

LOG_LINES: Final = 500
JOURNAL_S: Final = 20.0
"""Seconds that journalctl(1) may take."""
_SHORTEST: Final = 3
"""Values that are shorter are not looked for in the texts: they would hide parts of words."""
_KEPT_TEXTS: Final = frozenset(
    {
        *("language", "timezone", "fusion.method", "fusion.voice_of", "speech.engine", "speech.model"),
        *("recording.mode", "recording.encoder", "web.login", "camera.rotate"),
    }
)
"""Keys whose texts are choices; other texts may be names and addresses."""
_USUAL: Final = frozenset({"auto", "none", "localhost", "emoedge", "homeassistant", "127.0.0.1:8099"})
_ADDRESSES: Final = (
    re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s\"'<>]+", re.IGNORECASE),
    re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])"),
    re.compile(r"(?<![\w:])(?:[0-9a-f]{2}:){5}[0-9a-f]{2}(?![\w:])", re.IGNORECASE),
    re.compile(r"(?<![\w:.])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?:%\w+)?(?![\w:])", re.IGNORECASE),
)
"""Addresses of the web, of people, and of machines (IPv4, MAC, IPv6)."""
_PARTS: Final = re.compile(r"[\s/:@?&=]+")
_CLOCK: Final = re.compile(r"\d{1,2}:\d{2}(?::\d{2})?\Z")
_HOME: Final = re.compile(r"(/home/|/Users/)[^/\s]+")
_HOST_LIKE: Final = re.compile(
    r"\b(?:[a-z0-9-]+\.)+(?:local|lan|home|internal|example|com|net|org|es)\b", re.IGNORECASE
)
_QUOTED: Final = re.compile(
    r"(transcript|words?|text)(\"?\s*[:=]\s*)(\"(?:[^\"\\]|\\.)*\"|\[[^\]]*\])", re.IGNORECASE
)


class Scrubber:
    """Filter that removes identifiers of people and places from texts.

    Args:
        settings: whose names, addresses and secrets are looked for.
    """

    def __init__(self, settings: Settings) -> None:
        whole = {name for name in (socket.gethostname(), platform.node()) if name}
        parts: set[str] = set()
        for key, value in _leaves(settings):
            if isinstance(value, SecretStr):
                whole.add(value.get_secret_value())
            elif key not in _KEPT_TEXTS:
                texts = [
                    one for one in (value if isinstance(value, tuple) else (value,)) if isinstance(one, str)
                ]
                whole.update(texts)
                parts.update(part for text in texts for part in _PARTS.split(text))
        patterns = [re.escape(word) for word in _telling(whole)]
        patterns += [rf"(?<!\w){re.escape(word)}(?!\w)" for word in _telling(parts - whole)]
        self._words = re.compile("|".join(patterns), re.IGNORECASE) if patterns else None

    def text(self, text: str) -> str:
        """A text without names, addresses, words that were said, and secrets."""
        if self._words is not None:
            text = self._words.sub(HIDDEN, text)
        text = _QUOTED.sub(rf"\1\2{HIDDEN}", text)
        for pattern in _ADDRESSES:
            text = pattern.sub(_hide_unless_clock, text)
        text = _HOST_LIKE.sub(HIDDEN, text)
        return _HOME.sub(rf"\1{HIDDEN}", text)

    def value(self, value: Any) -> Any:
        """The same for a JSON value."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {str(key): self.value(one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(one) for one in value]
        return value


def build_archive(
    settings: Settings, *, health: Mapping[str, Any] | None = None, log: Iterable[str] | None = None
) -> bytes:
    """The ZIP: version, configuration, doctor, last health, last log lines; takes some seconds.

    Args:
        settings: the configuration.
        health: the last health message, where the daemon could be asked.
        log: the daemon's last lines; the journal's by default.
    """
    scrubber = Scrubber(settings)
    checks = [dataclasses.asdict(result) for result in run_checks(settings)]
    lines = list(journal() if log is None else log)[-LOG_LINES:]
    files = {
        "version.json": _json(about()),
        "configuration.json": _json(shown_configuration(settings)),
        "doctor.json": _json(scrubber.value(checks)),
        "health.json": _json(scrubber.value(health)),
        "log.txt": "".join(scrubber.text(line) + "\n" for line in lines),
    }
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target.getvalue()


def about() -> dict[str, str]:
    """Version, Python and machine."""
    return {
        "emoedge": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
    }


def shown_configuration(settings: Settings) -> dict[str, Any]:
    """Numbers, switches and choices as they are; of other texts only whether they are the usual ones."""
    usual = dict(_leaves(Settings()))
    shown: dict[str, Any] = {}
    for key, value in _leaves(settings):
        if value is None or isinstance(value, bool | int | float) or _is_choice(key, value):
            shown[key] = value
        elif isinstance(value, SecretStr):
            shown[key] = HIDDEN
        elif key != "device_id" and value == usual.get(key):
            shown[key] = "default"
        else:
            kind = str(value).partition(":")[0] if key.endswith(".source") else ""
            shown[key] = (
                f"{kind}:{HIDDEN}" if kind in ("rtsp", "rtsps", "http", "https", "file", "gst") else HIDDEN
            )
    return shown


def journal() -> list[str]:
    """The service's last lines from the journal; empty where there is none or it is closed to this user."""
    argv = (
        "journalctl",
        "--unit=emoedge",
        f"--lines={LOG_LINES}",
        "--no-pager",
        "--quiet",
        "--output=short-iso",
    )
    try:
        done = subprocess.run(argv, check=False, capture_output=True, timeout=JOURNAL_S)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return done.stdout.decode(errors="replace").splitlines()


def _leaves(settings: Settings) -> Iterable[tuple[str, Any]]:
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if isinstance(value, BaseModel):
            for inner in type(value).model_fields:
                yield f"{name}.{inner}", getattr(value, inner)
        else:
            yield name, value


def _telling(words: Iterable[str]) -> list[str]:
    """Words that are long and rare enough to be looked for, the longest first."""
    found = {word for word in words if len(word) >= _SHORTEST and word.lower() not in _USUAL}
    return sorted(found, key=lambda word: (-len(word), word))


def _is_choice(key: str, value: Any) -> bool:
    return key in _KEPT_TEXTS and "/" not in str(value)


def _hide_unless_clock(match: re.Match[str]) -> str:
    return match[0] if _CLOCK.match(match[0]) else HIDDEN


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1, default=str) + "\n"
