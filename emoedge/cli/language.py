"""The language of what the commands say: known before the configuration is loaded, for help and errors."""

from __future__ import annotations

import gettext
import itertools
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emoedge.config_files import default_paths, drop_ins
from emoedge.translation import DOMAIN, LOCALE_DIR, use_language

if TYPE_CHECKING:
    from emoedge.emotions import Language

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def prepare_language(arguments: Sequence[str]) -> None:
    """Set the language of this process, for click's own sentences too."""
    language = chosen_language(arguments, os.environ, is_terminal=sys.stdout.isatty())
    use_language(language)
    gettext.bindtextdomain(DOMAIN, str(LOCALE_DIR))
    gettext.textdomain(DOMAIN)
    os.environ["LANGUAGE"] = language  # which is where gettext looks


def chosen_language(arguments: Sequence[str], environ: Mapping[str, str], *, is_terminal: bool) -> Language:
    """The configured language; where none is configured, that of the locale.

    On a terminal, that is Spanish unless the locale is English. Elsewhere it is English unless the locale is
    Spanish, so that what scripts see does not depend on where they run.
    """
    configured = environ.get("EMOEDGE_LANGUAGE", "").strip()
    path = _configuration(arguments, environ)
    if not configured and path is not None:
        configured = _language_in(path) or ("es" if is_terminal else "")
    if configured in ("es", "en"):
        return "es" if configured == "es" else "en"
    return locale_language(environ, "es" if is_terminal else "en")


def locale_language(environ: Mapping[str, str], otherwise: Language = "es") -> Language:
    """The language of LC_ALL, LC_MESSAGES or LANG, whichever is set first; `otherwise` for another one."""
    name = next((value for key in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := environ.get(key))), "")
    known: dict[str, Language] = {"en": "en", "es": "es"}
    return known.get(name.lower()[:2], otherwise)


def _configuration(arguments: Sequence[str], environ: Mapping[str, str]) -> Path | None:
    """The configuration file that applies; None where there is none, or where it is not a plain file."""
    named = [
        Path(following) for argument, following in itertools.pairwise(arguments) if argument == "--config"
    ] + [Path(argument[9:]) for argument in arguments if argument.startswith("--config=")]
    return next((path for path in (named[-1:] or default_paths(environ)) if _is_file(path)), None)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _language_in(path: Path) -> str:
    """Return the key `language` of the configuration files; their errors are reported later."""
    language: Any = ""
    try:
        for one in (path, *drop_ins(path)):
            text = one.read_text(encoding="utf-8-sig")
            language = tomllib.loads(text).get("language", language)
    except (OSError, ValueError, RecursionError):
        pass
    return language if isinstance(language, str) else ""
