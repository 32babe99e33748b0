"""Settings from environment variables, secret files and systemd credentials."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from emoedge.characters import visible
from emoedge.config.read import read_secret
from emoedge.config.section import SECRET_NAMES, Section
from emoedge.config.settings import Settings

logger = logging.getLogger(__name__)

ENVIRONMENT_PREFIX: Final = "EMOEDGE_"
SECRET_KEYS: Final = frozenset(
    (section, key)
    for section, field in Settings.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, Section)
    for key in SECRET_NAMES & set(field.annotation.model_fields)
)
"""Keys that may also come from a file (`…_FILE`) and from a credential."""
_NOT_SETTINGS: Final = frozenset({"EMOEDGE_SHARED"})
"""Environment variables with the prefix that are not settings."""


def apply_environment(values: dict[str, Any], environ: Mapping[str, str]) -> dict[tuple[str, ...], str]:
    """Override values in place; return which key came from which variable, for the messages.

    White space at the ends of a variable is taken off, and an empty one counts as not set: env files from
    Windows have a carriage return at the end of each line, compose files hand over empty values.

    Raises:
        ConfigError: a secret file cannot be read.
    """
    sources: dict[tuple[str, ...], str] = {}
    for section, key in sorted(SECRET_KEYS):
        credential = Path(environ.get("CREDENTIALS_DIRECTORY", "/nonexistent")) / f"{section}_{key}"
        if credential.is_file():
            sources[section, key] = f"credential {section}_{key}"
            _set(values, (section, key), read_secret(credential, sources[section, key]))
    for name, raw in sorted(environ.items()):
        value = raw.strip()
        if not name.startswith(ENVIRONMENT_PREFIX) or name in _NOT_SETTINGS or not value:
            continue
        keys = tuple(name.removeprefix(ENVIRONMENT_PREFIX).lower().split("__"))
        if len(keys) == 1 and keys[0] not in Settings.model_fields:
            _warn_of_foreign(name)
            continue
        if keys[-1].endswith("_file") and (*keys[:-1], keys[-1][:-5]) in SECRET_KEYS:
            keys, value = (*keys[:-1], keys[-1][:-5]), read_secret(Path(value), name)
        _set(values, keys, value)
        sources[keys] = name
    return sources


@cache
def _warn_of_foreign(name: str) -> None:
    """Say once that a variable is not a setting: Kubernetes sets some for a service of the same name."""
    known = [
        ENVIRONMENT_PREFIX + "__".join(keys).upper()
        for section, field in Settings.model_fields.items()
        for keys in (
            [(section, key) for key in field.annotation.model_fields]
            if isinstance(field.annotation, type) and issubclass(field.annotation, Section)
            else [(section,)]
        )
    ]
    nearest = difflib.get_close_matches(name[:100], known, 1, 0.0)[0]
    logger.warning("%s is not a setting and is ignored; the nearest is %s", visible(name), nearest)


def _set(values: dict[str, Any], keys: tuple[str, ...], value: Any) -> None:
    for key in keys[:-1]:
        inner = values.setdefault(key, {})
        if not isinstance(inner, dict):
            inner = values[key] = {}
        values = inner
    values[keys[-1]] = value
