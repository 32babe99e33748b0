"""Sentences for people: English in the code, other languages from gettext catalogues.

What a machine reads, and what is logged, stays English. A sentence is marked with `tr` and is English
wherever it is used as text; `localized` gives it in another language where a person will read it. The
catalogues are in `emoedge/locale/`; `python -m scripts.messages` collects the sentences and compiles them.
"""

from __future__ import annotations

import errno
import gettext
import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from typing_extensions import Self

if TYPE_CHECKING:
    from emoedge.emotions import Language

DOMAIN: Final = "emoedge"
"""Name of the catalogues."""
LOCALE_DIR: Final = Path(__file__).parent / "locale"
"""Folder of the catalogues."""


class Phrase(str):
    """An English sentence that remembers how it was made, so that it can be given in another language.

    Attributes:
        template: the sentence as it stands in the catalogues, with names in braces.
        plural: the same for more than one; empty where there is only one form.
        values: what the names in braces stand for.
    """

    __slots__ = ("plural", "template", "values")
    template: str
    plural: str
    values: dict[str, Any]

    def __new__(cls, template: str, plural: str, values: dict[str, Any]) -> Self:
        """Fill in the values."""
        form = plural if plural and values.get("count") != 1 else template
        phrase = super().__new__(cls, form.format_map(values) if values else form)
        phrase.template, phrase.plural, phrase.values = template, plural, values
        return phrase

    def __str__(self) -> str:
        """The sentence itself: `str(error)` can still be given in another language."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle it for another process."""
        return (Phrase, (self.template, self.plural, self.values))

    def filled(self, **values: Any) -> Phrase:
        """The sentence with values, for one that was marked without."""
        return tr(self.template, self.plural, **values)

    def in_language(self, language: Language) -> str:
        """The sentence in a language; in English where the catalogue does not have it."""
        catalogue = _catalogue(language)
        if self.plural:
            form = catalogue.ngettext(self.template, self.plural, self.values["count"])
        else:
            form = catalogue.gettext(self.template) if self.template else ""
        values = {name: localized(value, language) for name, value in self.values.items()}
        return form.format_map(values) if values else form


class Given(Phrase):
    """An English sentence whose translation comes from elsewhere, such as from the running daemon."""

    __slots__ = ("translation",)
    translation: str

    def __new__(cls, english: str, translation: str) -> Self:
        """Keep both."""
        phrase = super().__new__(cls, english, "", {})
        phrase.translation = translation
        return phrase

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle it for another process."""
        return (Given, (self.template, self.translation))

    def in_language(self, language: Language) -> str:
        """The translation, for every language but English."""
        return self.template if language == "en" else self.translation or self.template


def tr(template: str, plural: str = "", /, **values: Any) -> Phrase:
    """Mark a sentence for translation, and fill in its values.

    Args:
        template: the English sentence, with names in braces as for `str.format` where there are values.
        plural: the English sentence for a `count` other than 1.
        **values: what the names stand for. A `Phrase` among them is translated too.
    """
    return Phrase(template, plural, {name: _kept(value) for name, value in values.items()})


def _kept(value: Any) -> Any:
    """The value; the text alone of an error, which holds on to frames; the system's words as a `Phrase`."""
    if isinstance(value, BaseException):
        value = str(value)
    return _SYSTEM.get(value, value) if type(value) is str else value


def joined(parts: Iterable[str], between: str = ", ") -> Phrase:
    """Several texts in a row, each of which may be a `Phrase`."""
    named = {f"part{number}": _kept(part) for number, part in enumerate(parts)}
    gap = between.replace("{", "{{").replace("}", "}}")
    return Phrase(gap.join(f"{{{name}}}" for name in named), "", named)


def localized(value: Any, language: Language | None = None) -> Any:
    """A sentence in a language, by default the one of `use_language`; anything else as it is."""
    return value.in_language(language or _used[0]) if isinstance(value, Phrase) else value


def translated(template: str, language: Language | None = None) -> str:
    """A text that stands in the catalogues under its own name, such as the help of a command."""
    return _catalogue(language or _used[0]).gettext(template) if template else ""


def use_language(language: Language) -> None:
    """Set the language of what this process says to people."""
    _used[0] = language


def used_language() -> Language:
    """The language of what this process says to people: English until it is set."""
    return _used[0]


_used: Final[list[Language]] = ["en"]


@cache
def _catalogue(language: Language) -> gettext.NullTranslations:
    return gettext.translation(DOMAIN, LOCALE_DIR, [language], fallback=True)


_SYSTEM: Final[dict[str, Phrase]] = {
    os.strerror(number): sentence
    for number, sentence in (
        (errno.ENOENT, tr("No such file or directory")),
        (errno.EACCES, tr("Permission denied")),
        (errno.EPERM, tr("Operation not permitted")),
        (errno.ENOSPC, tr("No space left on device")),
        (errno.EDQUOT, tr("Disk quota exceeded")),
        (errno.EROFS, tr("Read-only file system")),
        (errno.EIO, tr("Input/output error")),
        (errno.EISDIR, tr("Is a directory")),
        (errno.ENOTDIR, tr("Not a directory")),
        (errno.EEXIST, tr("File exists")),
        (errno.ENOTEMPTY, tr("Directory not empty")),
        (errno.ENAMETOOLONG, tr("File name too long")),
        (errno.EBUSY, tr("Device or resource busy")),
        (errno.ENODEV, tr("No such device")),
        (errno.EMFILE, tr("Too many open files")),
        (errno.ENOMEM, tr("Cannot allocate memory")),
        (errno.EADDRINUSE, tr("Address already in use")),
        (errno.ECONNREFUSED, tr("Connection refused")),
        (errno.ECONNRESET, tr("Connection reset by peer")),
        (errno.EHOSTUNREACH, tr("No route to host")),
        (errno.ENETUNREACH, tr("Network is unreachable")),
        (errno.ETIMEDOUT, tr("Connection timed out")),
        (errno.EPIPE, tr("Broken pipe")),
    )
} | {sentence: sentence for sentence in (tr("timed out"), tr("Name or service not known"))}
"""Error messages of the operating system, by their English text."""
