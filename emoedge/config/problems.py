"""Errors in values of the configuration in words: the fault, and the expected value."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from pydantic import BaseModel

from emoedge.characters import visible
from emoedge.config.section import SECRET_NAMES
from emoedge.config.settings import Settings
from emoedge.errors import ConfigError
from emoedge.translation import Phrase, joined, tr

_LARGEST_SHOWN: Final = 10**80
"""Python refuses to format integers of thousands of digits."""
MOST_NAMED: Final = 3
"""Maximum number of sections with the same key that are suggested."""
_CLOSE: Final = 0.6
"""Similarity from which on a known key is suggested for an unknown one."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A key of the configuration with a wrong value.

    Attributes:
        source: the file, the variable or the credential that sets it.
        line: its line in a file; None elsewhere.
        key: its name with dots.
        fault: what is wrong with it.
    """

    source: str
    line: int | None
    key: str
    fault: str

    def phrase(self) -> Phrase:
        """One line of an error."""
        place = self.source if self.line is None else f"{self.source}:{self.line}"
        return tr("{place}: {key}: {fault}", place=place, key=self.key, fault=self.fault)


class SettingsError(ConfigError):
    """Keys with wrong values; the message has a line for each."""

    def __init__(self, problems: list[Problem], remedy: str) -> None:
        super().__init__(joined((one.phrase() for one in problems), "\n"), remedy)
        self.problems = problems


def fault_of(problem: Any) -> Phrase | str:
    """The words for one of the errors of a `pydantic.ValidationError`; they never hold a secret."""
    keys = tuple(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return _unknown(keys)
    if problem["type"] == "value_error":
        error = problem["ctx"]["error"]
        return error.args[0] if error.args and isinstance(error.args[0], str) else str(error)
    return _mismatch(keys, field_of(keys), problem["input"])


def _mismatch(keys: tuple[str, ...], field: dict[str, Any], value: Any) -> Phrase:
    if field.get("type") == "object":
        return tr("expected a section: [{section}]", section=".".join(keys))
    nearest = _nearest(value, field["enum"]) if isinstance(value, str) and "enum" in field else ""
    if nearest:
        return tr(
            "expected {expected}; did you mean {nearest}?",
            expected=expected(field),
            nearest=json.dumps(nearest),
        )
    # A rejected value may be a secret in the wrong place, unless it is a number where a number belongs.
    is_number = field.get("type") in ("integer", "number") and not isinstance(value, bool)
    if not is_number or keys[-1] in SECRET_NAMES or not isinstance(value, int | float):
        return tr("expected {expected}", expected=expected(field))
    if abs(value) > _LARGEST_SHOWN:
        return tr("expected {expected}; got a huge number", expected=expected(field))
    return tr("expected {expected}; got {value}", expected=expected(field), value=value)


def expected(field: dict[str, Any]) -> Phrase:
    """Return the type of a key's value in words, from its entry in the JSON Schema."""
    kind, range_ = field.get("type"), limits(field)
    if "enum" in field:
        return range_
    if kind in ("integer", "number"):
        noun = tr("a whole number") if kind == "integer" else tr("a number")
        return tr("{noun} {limits}", noun=noun, limits=range_) if range_ else noun
    if kind == "array":
        return tr("a list such as {example}", example="[[0.6, 0.1, 0.3, 0.35]]")
    if "maxLength" in field:
        return tr("text in quotes, at most {count} characters", count=field["maxLength"])
    return tr("true or false") if kind == "boolean" else tr("text in quotes")


def limits(field: dict[str, Any]) -> Phrase:
    """Return the allowed values in words, from the entry in the JSON Schema; empty if the type is enough."""
    if "enum" in field:
        return tr("one of {values}", values=", ".join(json.dumps(value) for value in field["enum"]))
    low, above, high = (
        None if (limit := field.get(name)) is None else f"{limit:g}"
        for name in ("minimum", "exclusiveMinimum", "maximum")
    )
    if low is not None:
        return tr("from {low} to {high}", low=low, high=high) if high else tr("from {low}", low=low)
    if above is not None:
        if high:
            return tr("above {above}, at most {high}", above=above, high=high)
        return tr("above {above}", above=above)
    return tr("at most {high}", high=high) if high else tr("")


def field_of(keys: tuple[str, ...]) -> dict[str, Any]:
    """The JSON Schema of a key or of a section; empty for an unknown one."""
    schema = _schema()
    entry: dict[str, Any] = schema
    for key in keys:
        entry = entry.get("properties", {}).get(key, {} if "properties" in entry else entry)
        if "$ref" in entry:
            entry = schema["$defs"][entry["$ref"].rpartition("/")[2]]
        options = [one for one in entry.get("anyOf", ()) if one.get("type") != "null"]
        entry = entry | options[0] if options else entry
    return entry


@cache
def _schema() -> dict[str, Any]:
    return Settings.model_json_schema()


def _unknown(keys: tuple[str, ...]) -> Phrase:
    known = list(field_of(keys[:-1]).get("properties", ()))
    nearest = _nearest(keys[-1], known)
    if nearest:
        return tr("unknown key; did you mean {nearest}?", nearest=".".join((*keys[:-1], nearest)))
    elsewhere = [
        f"{section}.{keys[-1]}"
        for section, info in Settings.model_fields.items()
        if isinstance(info.annotation, type)
        and issubclass(info.annotation, BaseModel)
        and keys[-1] in info.annotation.model_fields
    ]
    if 0 < len(elsewhere) <= MOST_NAMED:
        return tr("unknown key; did you mean {nearest}?", nearest=", ".join(elsewhere))
    return tr("unknown key; expected one of {known}", known=", ".join(known))


def _nearest(text: str, known: list[Any]) -> str:
    words = {word.casefold(): word for word in known if isinstance(word, str)}
    close = difflib.get_close_matches(visible(text[:100]).casefold(), words, 1, _CLOSE)
    return words[close[0]] if close else ""
