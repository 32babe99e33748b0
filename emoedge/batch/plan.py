"""Which files are to be replayed, and where the result of each goes."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from emoedge.errors import ConfigError
from emoedge.translation import tr

MEDIA_SUFFIXES: Final = frozenset(
    f".{name}"
    for kind in (
        (
            "3gp",
            "asf",
            "avi",
            "flv",
            "m2ts",
            "m4v",
            "mkv",
            "mov",
            "mp4",
            "mpeg",
            "mpg",
            "mts",
            "mxf",
            "ogv",
            "ts",
        ),
        ("vob", "webm", "wmv"),
        (
            "aac",
            "aif",
            "aiff",
            "amr",
            "flac",
            "m4a",
            "mka",
            "mp2",
            "mp3",
            "oga",
            "ogg",
            "opus",
            "wav",
            "weba",
            "wma",
        ),
    )
    for name in kind
)
"""File names that are searched for in a folder; a file named on its own may have any name."""

RESULT_SUFFIX: Final = ".jsonl"
STAMP_SUFFIX: Final = ".json"
_WILD: Final = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class Job:
    """One file to replay.

    Attributes:
        media: the file.
        name: its place below the folder of the results, with `/`.
        result: the JSON lines, `<name>.jsonl`.
    """

    media: Path
    name: str
    result: Path

    @property
    def stamp(self) -> Path:
        """Origin of the result, `<name>.json`."""
        return self.result.with_name(self.result.name.removesuffix(RESULT_SUFFIX) + STAMP_SUFFIX)

    @property
    def partial(self) -> Path:
        """The result while it is being written."""
        return self.result.with_name(self.result.name + ".partial")


def find_jobs(items: Sequence[Path | str], output: Path) -> list[Job]:
    """Return the files of folders and patterns and individually named files, in the order of their names.

    A folder's files keep their place below it; those of a pattern the place below the part that has no
    wildcard in it. Hidden files and folders, links to folders, and files that are not called like media are
    left out of folders.

    Args:
        items: folders, patterns (`**` goes through all folders below) or files.
        output: folder for the results.

    Raises:
        ConfigError: nothing there, or two files would be written to one place.
    """
    found: dict[str, Path] = {}
    for item in items:
        count = 0
        for count, (media, name) in enumerate(_expand(Path(item)), 1):  # noqa: B007 - whether there was any
            other = found.setdefault(name, media)
            if other.absolute() != media.absolute():
                raise ConfigError(
                    tr(
                        "{other} and {media} would both be written to {output}{result_suffix}",
                        other=other,
                        media=media,
                        output=output / name,
                        result_suffix=RESULT_SUFFIX,
                    ),
                    tr("pass their common folder, or use one --out for each"),
                )
        if not count:
            raise ConfigError(
                tr("no media in {item}", item=item), tr("name a folder, a pattern or a file with media")
            )
    return [Job(found[name], name, output / f"{name}{RESULT_SUFFIX}") for name in sorted(found)]


def _expand(item: Path) -> Iterator[tuple[Path, str]]:
    if item.is_dir():
        for media in _walk(item):
            yield media, media.relative_to(item).as_posix()
    elif not item.exists() and _WILD & set(str(item)):
        root = _fixed_part(item)
        # Path.glob does not support absolute patterns.
        for match in sorted(glob.glob(str(item), recursive=True)):  # noqa: PTH207
            if Path(match).is_dir():
                for media in _walk(Path(match)) if "**" not in item.parts else ():
                    yield media, media.relative_to(root).as_posix()
            elif Path(match).suffix.lower() in MEDIA_SUFFIXES:
                yield Path(match), Path(match).relative_to(root).as_posix()
    else:
        # A missing file is a separate failure and does not fail the whole call.
        yield item, item.name


def _walk(folder: Path) -> Iterator[Path]:
    for at, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and Path(name).suffix.lower() in MEDIA_SUFFIXES:
                yield Path(at) / name


def _fixed_part(pattern: Path) -> Path:
    fixed = Path()
    for part in pattern.parts:
        if _WILD & set(part):
            break
        fixed /= part
    return fixed
