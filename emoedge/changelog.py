"""Changes since the version last seen on this device, from the changelog of the package."""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from emoedge.files import read_json, write_atomically
from emoedge.package_files import package_file
from emoedge.version import __version__

SEEN_FILE: Final = "seen_version.json"
"""In the state folder of whoever says what is new: the version that was last seen."""
KINDS: Final = ("Changed", "Removed", "Added", "Fixed")
"""Headings of a release, in the order in which its entries are shown: first what asks something of people."""
_RELEASE: Final = re.compile(r"^## \[?([^\s\]]+)\]?.*$", re.MULTILINE)
_UNRELEASED: Final = "Unreleased"


@dataclass(frozen=True, slots=True)
class News:
    """Changes of an upgrade.

    Attributes:
        version: the present version.
        before: the version that was seen before.
        entries: one a change, in English; sorted as in `KINDS`.
    """

    version: str
    before: str
    entries: tuple[str, ...]


def unseen_news(folder: Path, text: str | None = None, version: str = __version__) -> News | None:
    """Return what is new since the version noted in a folder; None on a first run, and where nothing is.

    Args:
        folder: with `SEEN_FILE`; a first run, and an older version than the one noted, are noted there.
        text: the changelog; None for the one that came with emoedge.
        version: the present version.
    """
    noted = None
    with contextlib.suppress(OSError, ValueError):
        noted = read_json(folder / SEEN_FILE)
    before = noted.get("version") if isinstance(noted, dict) else None
    if before == version:
        return None
    if isinstance(before, str) and _number(before) < _number(version):
        if text is None:
            with contextlib.suppress(OSError):
                text = package_file("CHANGELOG.md").read_text(encoding="utf-8")
        entries = entries_since(text or "", before, version)
        if entries:
            return News(version, before, entries)
    note_seen(folder, version)
    return None


def note_seen(folder: Path, version: str = __version__) -> None:
    """Note the present version, where the folder is there and can be written to."""
    with contextlib.suppress(OSError):
        if folder.is_dir():
            write_atomically(folder / SEEN_FILE, json.dumps({"version": version}), mode=0o644)


def entries_since(text: str, before: str, version: str) -> tuple[str, ...]:
    """The changes of all releases after one version up to another, each as one line.

    What is not released yet counts where the present version has no section of its own.
    """
    _, *parts = _RELEASE.split(text)
    sections = dict(zip(parts[::2], parts[1::2], strict=True))
    chosen = [
        section
        for name, section in sections.items()
        if (
            version not in sections
            if name == _UNRELEASED
            else _number(before) < _number(name) <= _number(version)
        )
    ]
    return tuple(entry for kind in KINDS for section in chosen for entry in _entries(section, kind))


def _entries(section: str, kind: str) -> list[str]:
    """The items of the list under a heading."""
    _, found, rest = f"{section}\n".partition(f"\n### {kind}\n")
    items = re.split(r"^- ", rest.partition("\n### ")[0], flags=re.MULTILINE)[1:] if found else []
    return [" ".join(item.split()) for item in items]


def _number(version: str) -> tuple[int, ...]:
    """The numbers of a version, for comparison."""
    return tuple(int(part) for part in re.findall(r"\d+", version))
