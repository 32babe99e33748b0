"""Load the settings from file and environment; errors name file, line, key and what was expected."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from emoedge.config.settings import Settings
from emoedge.errors import ConfigError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SYSTEM_FILE: Final = Path("/etc/emoedge/emoedge.toml")
ENVIRONMENT_PREFIX: Final = "EMOEDGE_"
SECRET_KEYS: Final = frozenset({("mqtt", "password"), ("mqtt", "username")})
MAX_FILE_BYTES: Final = 1_000_000
"""Larger than any real configuration; keeps a wrong path (a video, a log) from being read whole."""

_LARGEST_SHOWN: Final = 10**80
"""Python refuses to format integers of thousands of digits."""

_NOT_SETTINGS: Final = frozenset({"EMOEDGE_SHARED"})
"""Environment variables with the prefix that are not settings."""


def default_paths(environ: Mapping[str, str] | None = None) -> tuple[Path, ...]:
    """Paths that are searched for a configuration; the first match wins."""
    environ = os.environ if environ is None else environ
    home = environ.get("XDG_CONFIG_HOME") or str(Path(environ.get("HOME", "/root")) / ".config")
    return (SYSTEM_FILE, Path(home) / "emoedge" / "emoedge.toml")


def used_file(environ: Mapping[str, str] | None = None) -> Path | None:
    """Return the configuration file that applies when none is named, or None."""
    return next((path for path in default_paths(environ) if _is_there(path)), None)


def load_settings(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Read the configuration.

    Args:
        path: a file that must exist, or None for the first of default_paths() that does (or none at all).
        environ: environment variables; the process's own by default.

    Raises:
        ConfigError: unreadable file, TOML syntax, unknown key or bad value; the message has one line per
            problem: file:line: key: what was expected.
    """
    environ = os.environ if environ is None else environ
    if path is None:
        path = used_file(environ)
    text = _read(path) if path is not None else ""
    values = _parse(text, path)
    sources = _apply_environment(values, environ)
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        problems = [_describe(problem, path, text, sources) for problem in error.errors()]
        raise ConfigError("\n".join(problems), "correct the configuration, then run: emoedge check") from None


def _is_there(path: Path) -> bool:
    """Return whether a default path is a file; a folder that cannot be searched is an error.

    Raises:
        ConfigError: the folder is closed to this user, as /etc/emoedge is to those outside the group.
    """
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except PermissionError:
        raise ConfigError(
            f"{path}: closed to this user",
            "run: sudo usermod -aG emoedge $USER, then log in again; or name a file with --config",
        ) from None
    except (OSError, ValueError):
        return False


def _read(path: Path, remedy: str = "name a readable file with --config") -> str:
    try:
        with path.open("rb") as file:
            # One byte more than allowed tells a file that is too long, a device without end included.
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}", remedy) from None
    if len(content) > MAX_FILE_BYTES:
        raise ConfigError(f"{path}: too large for a configuration", remedy)
    try:
        # Some editors put a byte order mark in front.
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not UTF-8 text", "save the file as UTF-8") from None


def _read_secret(path: Path, source: str) -> str:
    """Read a secret from a file, without the newline that editors and `echo` put at the end."""
    return _read(path, f"correct {source}, or make the file readable").rstrip("\n")


def _parse(text: str, path: Path | None) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not valid TOML: {error}", "correct the line named above") from None
    except RecursionError:
        raise ConfigError(
            f"{path}: nested too deeply", "use the plain sections of the reference file"
        ) from None
    except ValueError as error:
        # Python refuses to read an integer of thousands of digits, with an error of its own.
        raise ConfigError(
            f"{path}: not valid TOML: {error}", "use a number within the documented range"
        ) from None


def _apply_environment(values: dict[str, Any], environ: Mapping[str, str]) -> dict[tuple[str, ...], str]:
    """Override values in place; return which key came from which variable, for the messages."""
    sources: dict[tuple[str, ...], str] = {}
    for section, key in sorted(SECRET_KEYS):
        credential = Path(environ.get("CREDENTIALS_DIRECTORY", "/nonexistent")) / f"{section}_{key}"
        if credential.is_file():
            sources[section, key] = f"credential {section}_{key}"
            _set(values, (section, key), _read_secret(credential, sources[section, key]))
    for name, raw in sorted(environ.items()):
        if not name.startswith(ENVIRONMENT_PREFIX) or name in _NOT_SETTINGS:
            continue
        keys = tuple(name[len(ENVIRONMENT_PREFIX) :].lower().split("__"))
        value: Any = raw
        if keys[-1].endswith("_file") and (*keys[:-1], keys[-1][:-5]) in SECRET_KEYS:
            keys, value = (*keys[:-1], keys[-1][:-5]), _read_secret(Path(raw), name)
        _set(values, keys, value)
        sources[keys] = name
    return sources


def _set(values: dict[str, Any], keys: tuple[str, ...], value: Any) -> None:
    for key in keys[:-1]:
        inner = values.setdefault(key, {})
        if not isinstance(inner, dict):
            inner = values[key] = {}
        values = inner
    values[keys[-1]] = value


def _describe(problem: Any, path: Path | None, text: str, sources: Mapping[tuple[str, ...], str]) -> str:
    keys = tuple(str(part) for part in problem["loc"])
    dotted = ".".join(keys)
    # A variable may have gone deeper than there are keys: EMOEDGE_MQTT__HOST__NAME.
    source = next((name for set_keys, name in sources.items() if set_keys[: len(keys)] == keys), None)
    if source:
        place = source
    elif path is None:
        place = "built-in defaults"
    else:
        line = line_of(text, keys)
        place = f"{path}:{line}" if line else str(path)
    if problem["type"] == "extra_forbidden":
        known = ", ".join(_known_keys(keys[:-1]))
        return f"{place}: {dotted}: unknown key; expected one of {known}"
    expected = problem["msg"].removeprefix("Value error, ")
    return f"{place}: {dotted}: {expected}{_got(keys, problem['input'])}"


def _got(keys: tuple[str, ...], value: Any) -> str:
    """Return the rejected value where it cannot be a secret: a number in place of another setting."""
    if keys in SECRET_KEYS or not isinstance(value, int | float):
        return ""
    return f"; got {value}" if abs(value) <= _LARGEST_SHOWN else "; got a huge number"


def _known_keys(section: tuple[str, ...]) -> list[str]:
    model: type[BaseModel] = Settings
    for key in section:
        annotation = model.model_fields[key].annotation if key in model.model_fields else None
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return []
        model = annotation
    return list(model.model_fields)


def line_of(text: str, keys: tuple[str, ...]) -> int | None:
    """Return the 1-based line where a key (or its section) is set in TOML text, or None."""
    section: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if stripped.startswith("["):
            section = tuple(
                part.strip().strip("\"'") for part in stripped.strip("[]").split("]")[0].split(".")
            )
            if section == keys:
                return number
            continue
        name, equals, _ = stripped.partition("=")
        if equals and (*section, *(part.strip().strip("\"'") for part in name.split("."))) == keys:
            return number
    return None
