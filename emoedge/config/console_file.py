"""Settings as the console shows and changes them: `conf.d/50-console.toml` over the owner's file."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, SecretStr, ValidationError

from emoedge.config.environment import SECRET_KEYS
from emoedge.config.load import Document, Layers, read_layers, used_file
from emoedge.config.problems import fault_of
from emoedge.config.settings import Settings
from emoedge.config_files import DROP_INS, default_paths
from emoedge.errors import ConfigError
from emoedge.files import write_atomically
from emoedge.redact import public_address
from emoedge.translation import joined, tr

CONSOLE_FILE: Final = "50-console.toml"
_FILE_MODE: Final = 0o640
_HEAD: Final = "# Written by the console (emoedge web). What it sets takes precedence over emoedge.toml.\n"
NOT_FROM_THE_CONSOLE: Final = frozenset(
    {
        *(f"web.{name}" for name in ("bind", "url", "hosts", "proxies", "login", "password")),
        *("web.tls_certificate", "web.tls_key", "paths.models", "paths.state", "paths.socket"),
        *("recording.dir", "metrics.textfile"),
    }
)
"""Keys that decide who may log in and where files are: whoever has the key of the console, once, could
otherwise open the device to others for good."""


@dataclass(frozen=True, slots=True)
class KeyProblem:
    """Reason for which a key cannot be set.

    Attributes:
        key: such as "mqtt.host"; a section alone where its keys do not go together.
        reason: what is wrong.
    """

    key: str
    reason: str


class RefusedError(ConfigError):
    """Settings that cannot be saved.

    Args:
        problems: one or more.
    """

    def __init__(self, problems: list[KeyProblem]) -> None:
        told = joined((joined((one.key, one.reason), ": ") for one in problems), "; ")
        super().__init__(told, tr("correct the values"))
        self.problems = problems


class ChangedMeanwhileError(ConfigError):
    """The settings are no longer those that were read."""


class ConsoleFile:
    """The configuration with the console's own file in it.

    Args:
        path: configuration file; None for the one that applies.
        environ: environment variables; the process's own by default.
    """

    def __init__(self, path: Path | None = None, environ: Mapping[str, str] | None = None) -> None:
        self._environ = os.environ if environ is None else environ
        self._main = path if path is not None else used_file(self._environ)
        main = self._main or default_paths(self._environ)[-1]
        self.path = main.parent / DROP_INS / CONSOLE_FILE

    def read(self) -> dict[str, Any]:
        """Return the answer to `GET /api/settings`, without the schema; secrets are left out.

        Raises:
            ConfigError: a file is wrong.
        """
        layers = self._layers()
        settings = layers.settings()
        values: dict[str, Any] = {}
        secrets = []
        for key, (owner, name) in keys_of(settings).items():
            value = getattr(owner, name)
            if is_secret(key) or (key.endswith(".source") and public_address(value) != value):
                # An address may carry a password wherever a camera's maker likes.
                secrets += [key] if value else []
            else:
                values[key] = owner.model_dump(mode="json", include={name})[name]
        return {
            "etag": _etag(layers),
            "values": values,
            "sources": {key: self._source(key, layers) for key in keys_of(settings)},
            "secrets": secrets,
        }

    def change(self, changes: Mapping[str, Any], etag: str | None = None) -> str:
        """Set keys, or give them back to the owner's file (None), and write the console's file.

        Args:
            changes: such as `{"mqtt.host": "broker.local"}`.
            etag: of the settings that were read; None does not compare.

        Returns:
            The new etag.

        Raises:
            RefusedError: a value is wrong, or cannot be set here; nothing is written.
            ChangedMeanwhileError: the etag is another one.
            ConfigError: a file is wrong.
            OSError: the file cannot be written.
        """
        layers = self._layers()
        if etag is not None and etag != _etag(layers):
            raise ChangedMeanwhileError(tr("the settings have changed meanwhile"), tr("reload them"))
        known = keys_of(Settings())
        refused = [problem for key in changes if (problem := _refusal(key, known, layers))]
        if refused:
            raise RefusedError(refused)
        own = next((one.values for one in layers.documents if one.path == self.path), {})
        values = _changed(own, changes)
        after = read_layers(self._main, self._environ, instead=Document(self.path, "", values))
        try:
            Settings.model_validate(after.values)
        except ValidationError as error:
            raise RefusedError([_problem(one, changes) for one in error.errors()]) from None
        if outranked := [
            KeyProblem(key, tr("set in {name}, which is read after the console's file", name=after_path.name))
            for key in changes
            if (after_path := _outranking(key, after, self.path)) is not None
        ]:
            raise RefusedError(outranked)
        text = _HEAD + to_toml(values)
        write_atomically(self.path, text, mode=_FILE_MODE)
        return _etag(after)

    def _layers(self) -> Layers:
        return read_layers(self._main, self._environ)

    def _source(self, key: str, layers: Layers) -> str:
        parts = tuple(key.split("."))
        variable = layers.sources.get(parts)
        if variable is not None:
            return "credential" if variable.startswith("credential ") else "environment"
        setting = [one.path for one in layers.documents if one.sets(parts)]
        if not setting:
            return "default"
        return "console" if setting[-1] == self.path else "file"


def keys_of(settings: Settings) -> dict[str, tuple[BaseModel, str]]:
    """Dotted key -> (the model that has it, its name there), in order."""
    found: dict[str, tuple[BaseModel, str]] = {}
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if isinstance(value, BaseModel):
            found |= {f"{name}.{inner}": (value, inner) for inner in type(value).model_fields}
        else:
            found[name] = (settings, name)
    return found


@cache
def is_secret(key: str) -> bool:
    """Return whether a key's value is never shown."""
    return tuple(key.split(".")) in SECRET_KEYS


def to_toml(values: Mapping[str, Any]) -> str:
    """TOML of plain keys and one level of sections; a JSON value is a TOML value where it is not null."""
    lines = [f"{key} = {_toml(value)}" for key, value in values.items() if not isinstance(value, Mapping)]
    for section, inner in values.items():
        if isinstance(inner, Mapping) and inner:
            lines += ["", f"[{section}]", *(f"{key} = {_toml(value)}" for key, value in inner.items())]
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False).replace("\x7f", "\\u007f")


def _changed(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    changed = {key: dict(one) if isinstance(one, Mapping) else one for key, one in values.items()}
    for key, value in changes.items():
        *section, name = key.split(".")
        place = changed.setdefault(section[0], {}) if section else changed
        if value is None:
            place.pop(name, None)
        else:
            place[name] = value
    return changed


def _refusal(key: str, known: Mapping[str, Any], layers: Layers) -> KeyProblem | None:
    if key not in known:
        return KeyProblem(key, tr("unknown key"))
    if key in NOT_FROM_THE_CONSOLE:
        return KeyProblem(key, tr("can only be set in the configuration file"))
    if variable := layers.sources.get(tuple(key.split("."))):
        return KeyProblem(key, tr("set by {variable}, which takes precedence over files", variable=variable))
    return None


def _problem(error: Any, changes: Mapping[str, Any]) -> KeyProblem:
    """The key that a problem belongs to: of a section as a whole the one key in it that was changed."""
    key = ".".join(str(part) for part in error["loc"][:2])
    changed = [one for one in changes if one.startswith(f"{key}.")]
    if key not in changes and len(changed) == 1:
        key = changed[0]
    return KeyProblem(key, fault_of(error))


def _outranking(key: str, layers: Layers, own: Path) -> Path | None:
    setting = [one.path for one in layers.documents if one.sets(tuple(key.split(".")))]
    return setting[-1] if own in setting and setting[-1] != own else None


def _etag(layers: Layers) -> str:
    """Changes with every value, wherever it comes from; says nothing of the values."""
    text = json.dumps(layers.values, sort_keys=True, default=_revealed)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:32]


def _revealed(value: Any) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)
