"""Base of all sections of the configuration, and the kinds of values that several have."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
)

from emoedge.characters import has_control, hidden_character
from emoedge.translation import tr

TOPIC_LEVEL: Final = re.compile(r"[^+#/\x00-\x20\x7f-\x9f\ud800-\udfff]+\Z")
"""MQTT wildcards, separators and control characters would change the meaning of a topic."""

SECRET_NAMES: Final = frozenset({"username", "password", "key_password"})
"""Keys, of any section, whose values are never shown."""
_LINE_BREAKS: Final = re.compile(r"[\r\n\t]")
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


def _not_empty(value: Any) -> Any:
    # Python treats an empty path as the working directory, which is never intended here.
    if isinstance(value, str) and not value.strip():
        raise ValueError(tr("must not be empty"))
    # A default may be mixed with values from JSON, which has no paths.
    return str(value) if isinstance(value, Path) else value


def _from_home(value: Any) -> Any:
    # In a file no shell expands it, and a folder called "~" is never intended.
    try:
        return value.expanduser() if isinstance(value, Path) else value
    except RuntimeError:
        raise ValueError(tr("must not begin with ~ followed by an unknown user name")) from None


def none_if_empty(value: Any) -> Any:
    """Return None for an empty text: one rule for files, variables and credentials."""
    return value or None if isinstance(value, str) else value


Secret = Annotated[SecretStr | None, BeforeValidator(none_if_empty)]

SomePath = Annotated[Path, BeforeValidator(_not_empty), AfterValidator(_from_home)]


class Section(BaseModel):
    """Base of all sections: unknown keys are errors, values do not change."""

    # Validators are built on first use: that of the whole configuration includes those of its sections.
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, defer_build=True)

    @field_validator("*", mode="before")
    @classmethod
    def _no_mix_up(cls, value: Any, info: ValidationInfo) -> Any:
        """Reject values that Python would accept silently: true for a number, and invisible characters."""
        name = str(info.field_name)
        if isinstance(value, bool) and cls.model_fields[name].annotation is not bool:
            raise ValueError(tr("must not be true or false"))
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str):
                _check_characters(text, secret=name in SECRET_NAMES)
        return value


def _check_characters(text: str, *, secret: bool) -> None:
    if secret:
        if has_control(text):
            raise ValueError(
                tr(
                    "must not contain control characters; in the file, write it in single quotes, "
                    "where a backslash is only itself"
                )
            )
        return
    pipeline = text[:4].lower() == "gst:"  # may be written on several lines
    if hidden := hidden_character(_LINE_BREAKS.sub(" ", text) if pipeline else text):
        raise ValueError(tr("must not contain the invisible character {hidden}", hidden=hidden))
    if text != text.strip(" ") and not pipeline:
        raise ValueError(tr("must not begin or end with a space"))


def check_credentials(username: object, password: object) -> None:
    """Raise ValueError where there is a password without a user name."""
    if password and not username:
        raise ValueError(tr("password is set without username; set both, or neither"))
