"""Load the settings from files and environment; errors name file, line, key and what was expected."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from emoedge.characters import visible
from emoedge.config.environment import apply_environment
from emoedge.config.problems import Problem, SettingsError, fault_of
from emoedge.config.read import read_configuration_file
from emoedge.config.settings import Settings
from emoedge.config_files import default_paths, drop_ins
from emoedge.errors import ConfigError
from emoedge.translation import Phrase, tr

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True, slots=True)
class Document:
    """One configuration file, read and parsed.

    Attributes:
        path: of the file.
        text: its content.
        values: the same, parsed.
    """

    path: Path
    text: str
    values: dict[str, Any]

    def sets(self, keys: tuple[str, ...]) -> bool:
        """Return whether a key (or section) stands in the file."""
        values: Any = self.values
        for key in keys:
            if not isinstance(values, dict) or key not in values:
                return False
            values = values[key]
        return True


@dataclass(frozen=True, slots=True)
class Layers:
    """Everything that the settings are made of.

    Attributes:
        documents: files, a later one over the earlier ones.
        values: of files and environment, merged and not yet checked.
        sources: keys that the environment sets, each with its variable or credential.
    """

    documents: tuple[Document, ...]
    values: dict[str, Any]
    sources: Mapping[tuple[str, ...], str]

    def settings(self) -> Settings:
        """The checked settings; raises SettingsError."""
        try:
            return Settings.model_validate(self.values)
        except ValidationError as error:
            problems = [_describe(problem, self.documents, self.sources) for problem in error.errors()]
            raise SettingsError(problems, tr("correct the configuration, then run: emoedge check")) from None


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
    return read_layers(path, environ).settings()


def read_layers(
    path: Path | None = None,
    environ: Mapping[str, str] | None = None,
    instead: Document | None = None,
) -> Layers:
    """Read files and environment as `load_settings` does, without checking the values.

    Args:
        path: as for `load_settings`.
        environ: as for `load_settings`.
        instead: stands for the file of its path, whether that exists or not.

    Raises:
        ConfigError: a file cannot be read, or is not TOML.
    """
    environ = os.environ if environ is None else environ
    if path is None:
        path = used_file(environ)
    main = () if path is None else (path,)
    over = _drop_ins_alone(environ) if path is None else drop_ins(path)
    if instead is not None:
        over = tuple(sorted({*over, instead.path}))
    documents = tuple(
        instead if instead is not None and one == instead.path else _read(one) for one in (*main, *over)
    )
    values: dict[str, Any] = {}
    for document in documents:
        _merge(values, document.values)
    return Layers(documents, values, apply_environment(values, environ))


def with_changes(settings: Settings, section: str, changes: Mapping[str, Any]) -> Settings:
    """The settings with other values in a section, checked as those of a file are.

    Raises:
        ConfigError: a value is wrong; the message does not show it.
    """
    present = getattr(settings, section)
    try:
        changed = type(present).model_validate(present.model_dump() | dict(changes))
    except ValidationError as error:
        keys = [tuple(str(part) for part in problem["loc"]) for problem in error.errors()]
        problems = [_describe(problem, [], dict.fromkeys(keys, tr("the call"))) for problem in error.errors()]
        raise SettingsError(problems, tr("correct the call")) from None
    return settings.model_copy(update={section: changed})


def _is_there(path: Path) -> bool:
    """Return whether a default path is a file; a folder that cannot be searched is an error.

    Raises:
        ConfigError: the folder is closed to this user, as /etc/emoedge is to those outside the group.
    """
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except PermissionError:
        raise ConfigError(
            tr("{path}: closed to this user", path=path),
            tr("run: sudo usermod -aG emoedge $USER, then log in again; or name a file with --config"),
        ) from None
    except (OSError, ValueError):
        return False


def _drop_ins_alone(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Return the files of the first `conf.d` that has any and no configuration file beside it."""
    return next((found for path in default_paths(environ) if (found := drop_ins(path))), ())


def _read(path: Path) -> Document:
    text = read_configuration_file(path)
    return Document(path, text, _parse(text, path))


def _parse(text: str, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            tr("{path}: not valid TOML: {error}", path=path, error=error), tr("correct the line named above")
        ) from None
    except RecursionError:
        raise ConfigError(
            tr("{path}: nested too deeply", path=path), tr("use the plain sections of the reference file")
        ) from None
    except ValueError as error:
        # Python refuses to read an integer of thousands of digits, with an error of its own.
        raise ConfigError(
            tr("{path}: not valid TOML: {error}", path=path, error=error),
            tr("use a number within the documented range"),
        ) from None


def _merge(values: dict[str, Any], over: Mapping[str, Any]) -> None:
    """Put the keys of `over` in place, section by section."""
    for key, value in over.items():
        inner = values.get(key)
        if isinstance(inner, dict) and isinstance(value, dict):
            _merge(inner, value)
        else:
            values[key] = value


def _describe(problem: Any, documents: Sequence[Document], sources: Mapping[tuple[str, ...], str]) -> Problem:
    keys = tuple(str(part) for part in problem["loc"])
    source, line = _place(keys, documents, sources)
    return Problem(source, line, visible(".".join(keys)), fault_of(problem))


def _place(
    keys: tuple[str, ...], documents: Sequence[Document], sources: Mapping[tuple[str, ...], str]
) -> tuple[str, int | None]:
    """The variable, the credential, or the file and line that sets a key."""
    # A variable may be nested deeper than the keys: EMOEDGE_MQTT__HOST__NAME.
    source = next((name for set_keys, name in sources.items() if set_keys[: len(keys)] == keys), None)
    if source:
        return (source if isinstance(source, Phrase) else visible(source)), None
    setting = [document for document in documents if document.sets(keys)]
    if not documents:
        return tr("built-in defaults"), None
    document = (setting or documents)[-1]
    return str(document.path), line_of(document.text, keys)


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
