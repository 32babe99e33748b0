"""`emoedge classify`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from emoedge.cli.groups import SuggestingGroup
from emoedge.cli.options import common, progress, settings_from
from emoedge.errors import ConfigError
from emoedge.text_encoding import text_lines
from emoedge.translation import joined, tr

if TYPE_CHECKING:
    from emoedge.pipeline.classify import Line

Function = TypeVar("Function", bound=Callable[..., Any])

# A line longer than this is neither a path nor a sentence; limits the memory.
MAX_LINE_CHARACTERS: Final = 1_000_000


@click.group(cls=SuggestingGroup)
def command() -> None:
    """The emotion of faces, voices or sentences: one JSON line per item.

    \b
    Example:
      emoedge classify face portrait.jpg
      emoedge classify text "qué alegría verte"
      find clips -name '*.wav' | emoedge classify voice --list -
    """


def _items(function: Function) -> Function:
    function = click.option(
        "--list", "list_path", metavar="FILE", help="Read one item per line; - is standard input."
    )(function)
    return click.argument("items", nargs=-1, metavar="[ITEM]…")(function)


@command.command()
@common
@_items
@click.option("--crop", is_flag=True, help="The images already are face crops: skip the detection.")
@click.option("--adapt", is_flag=True, help="Adapt to the face: the images are of one person, in order.")
def face(
    config_path: Path | None, items: tuple[str, ...], list_path: str | None, crop: bool, adapt: bool
) -> int:
    """Classify the largest face in each image.

    \b
    Example:
      emoedge classify face portrait.jpg
      emoedge classify face --adapt --list one-person.txt
      emoedge classify face --crop --list crops.txt > faces.jsonl
    """
    from emoedge.pipeline.classify import classify_faces

    settings = settings_from(config_path)
    with _reading(items, list_path) as (lines, total):
        return _print(classify_faces(lines, settings, crop=crop, adapt=adapt), total)


@command.command()
@common
@_items
@click.option("--adapt", is_flag=True, help="Adapt to the voice: the items are from one speaker, in order.")
def voice(config_path: Path | None, items: tuple[str, ...], list_path: str | None, adapt: bool) -> int:
    """Classify the voice in each audio file.

    \b
    Example:
      emoedge classify voice note.wav
      emoedge classify voice --adapt --list one-speaker.txt
    """
    from emoedge.pipeline.classify import classify_voices

    settings = settings_from(config_path)
    with _reading(items, list_path) as (lines, total):
        return _print(classify_voices(lines, settings, adapt=adapt), total)


@command.command()
@common
@_items
def text(config_path: Path | None, items: tuple[str, ...], list_path: str | None) -> int:
    """Classify the text of each Spanish sentence.

    \b
    Example:
      emoedge classify text "estoy muy contenta" "no me da miedo"
      emoedge classify text --list sentences.txt
    """
    from emoedge.pipeline.classify import classify_texts

    settings = settings_from(config_path)
    with _reading(items, list_path, keep_blank=True) as (lines, total):
        return _print(classify_texts(lines, settings), total)


@contextmanager
def _reading(
    items: tuple[str, ...], list_path: str | None, *, keep_blank: bool = False
) -> Iterator[tuple[Iterable[str], int | None]]:
    """The items and how many there are (None for a list that is read as it comes).

    A blank line is no path, but it is a sentence without words: an answer a line keeps the order.
    """
    if list_path is None:
        if not items:
            raise ConfigError(tr("nothing to classify"), tr("pass items, or --list FILE"))
        yield items, len(items)
    elif items:
        raise ConfigError(tr("items and --list exclude each other"), tr("use only one of them"))
    elif list_path == "-":
        yield _lines(text_lines(sys.stdin.buffer), keep_blank=keep_blank), None
    else:
        try:
            with Path(list_path).open("rb") as file:
                total = None
                if file.seekable():  # a pipe can be read once
                    reader = text_lines(file)
                    total = sum(1 for _ in _lines(reader, keep_blank=keep_blank))
                    reader.detach()
                    file.seek(0)
                yield _lines(text_lines(file), keep_blank=keep_blank), total
        except OSError as error:
            raise ConfigError(
                joined((str(list_path), error.strerror or str(error)), ": "),
                tr("pass a readable file with --list"),
            ) from error


def _lines(file: Iterable[str], *, keep_blank: bool) -> Iterator[str]:
    for line in file:
        item = line.rstrip("\r\n")
        if keep_blank or item.strip():
            yield item[:MAX_LINE_CHARACTERS]


def _print(lines: Iterator[Line], total: int | None) -> int:
    failed = False
    with progress("classify", total) as show:
        for count, line in enumerate(lines, start=1):
            failed = failed or "error" in line
            click.echo(json.dumps(line, ensure_ascii=False))
            show(count)
    return 1 if failed else 0
