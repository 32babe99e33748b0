"""Takes credentials out of addresses and pipelines: the one rule for errors, log, sidecar and messages.

Of an address, scheme, host and port are shown; user, path and query never: most cheap cameras carry the
password there (`rtsp://H/user=admin&password=…`). Whatever could be read in two ways is hidden.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

HIDDEN: Final = "…"
"""Stands for what is not shown."""
_ADDRESS: Final = re.compile(r"^([A-Za-z][\w+.-]*:)?//(.*)$", re.DOTALL)
_HOST: Final = re.compile(r"(?:[\w.-]+|\[[\w.:%-]+\])(?::\d{1,5})?(?=[/?#;&]|$)")
_PARAMETER: Final = re.compile(r"([/?&;])([A-Za-z_][\w.-]*)=")
"""Begin of `/user=…` or `&password=…`: an `@` behind it belongs to a value."""
_PLAIN_VALUE: Final = re.compile(r"-?\d+(?:\.\d+)?(?:/\d+)?|true|false|/dev/[\w/.:-]+", re.IGNORECASE)
_SECRET_NAME: Final = re.compile(
    r"user|usr|pass|pwd?|pin|auth|token|key|secret|cookie|credential|header|login|proxy", re.IGNORECASE
)
_ASSIGNMENT: Final = re.compile(r"\s*=\s*")
_CAPS: Final = re.compile(r"(?:video|audio|image|application)/[\w.()+-]+(?:,|$)")


@dataclass(frozen=True, slots=True)
class Address:
    """The parts of an address, for the camera and for no one else.

    Attributes:
        scheme: with its colon, "" where there is none.
        user_information: what stands before the last `@` before the host; "" where there is none.
        host: with the port.
        rest: path and query, with what begins them.
    """

    scheme: str
    user_information: str
    host: str
    rest: str


def split_address(url: str) -> Address | None:
    """The parts of an address, or None where it could be read in two ways."""
    match = _ADDRESS.match(url)
    found = match and _host_in(match[2])
    if not match or not found:
        return None
    before, after = match[2][: found.start()], match[2][found.end() :]
    return Address(match[1] or "", before.removesuffix("@"), found[0], after)


def public_address(source: str) -> str:
    """A source as it may be shown: `rtsp://me:a@b@cam:554/1?key=x` becomes `rtsp://cam:554`."""
    if source.startswith("gst:"):
        return "gst:" + public_pipeline(source.removeprefix("gst:"))
    if source.startswith(("file:", "/dev/")):
        return source
    if _ADDRESS.match(source):
        return _public_url(source)
    return HIDDEN if any(character in source for character in "@?=&#") else source


def public_pipeline(pipeline: str) -> str:
    """A GStreamer pipeline with elements and capabilities, and only properties that cannot be secret."""
    try:
        words = shlex.split(_ASSIGNMENT.sub("=", pipeline))
    except ValueError:  # a quote is missing: no telling where a value ends
        return HIDDEN
    elements = [
        word if "=" in word or word in "!()" or before in "!(" or word.endswith(".") else HIDDEN
        for before, word in zip(["!", *words], words, strict=False)
    ]
    return " ".join(_public_words(elements))


def redact(text: str) -> str:
    """Text of another program with its addresses and `name=value` pairs made public."""
    return " ".join(_public_words(_ASSIGNMENT.sub("=", text).split()))


def _public_words(words: Iterable[str]) -> Iterable[str]:
    for word in words:
        name, equals, value = word.partition("=")
        if _CAPS.match(word):
            yield word
        elif "//" in name:
            yield _public_url(word[word.index(_scheme_of(word)) :])
        elif not equals:
            yield HIDDEN if "@" in word else word
        elif "//" in value and not _SECRET_NAME.search(name):
            yield f"{name}={_public_url(value)}"
        else:
            plain = _PLAIN_VALUE.fullmatch(value) and not _SECRET_NAME.search(name)
            yield f"{name}={value if plain else HIDDEN}"


def _scheme_of(word: str) -> str:
    match = re.search(r"(?:[A-Za-z][\w+.-]*:)?//", word)
    assert match is not None
    return match[0]


def _public_url(url: str) -> str:
    match = _ADDRESS.match(url.strip("\"'()<>,"))
    if match is None:
        return HIDDEN
    host = _host_in(match[2])
    return f"{match[1] or ''}//{host[0] if host else HIDDEN}"


def _host_in(rest: str) -> re.Match[str] | None:
    """Where host and port of an address without its scheme are; None where another reading is possible.

    The user ends at the last `@` before the host, and a password may hold `/`, `#`, `?` and `@`; an `@` may
    stand in the path as well, but is read as part of it only in the value of a parameter.
    """
    plain = _HOST.match(rest)
    head = rest
    if parameter := _PARAMETER.search(rest):
        before = rest[: parameter.start()]
        told = parameter[1] in "?&" or _SECRET_NAME.search(parameter[2])
        if "@" in before or (plain and told):
            head = before
    if "@" not in head:
        return plain
    if plain:  # `cam/live@1`, or a user called cam
        return None
    return _HOST.match(head, head.rindex("@") + 1)
