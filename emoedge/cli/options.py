"""Options that every command has."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from emoedge.cli.language import locale_language
from emoedge.logs import set_up_logging
from emoedge.translation import localized, tr

if TYPE_CHECKING:
    from emoedge.config import Settings

Function = TypeVar("Function", bound=Callable[..., Any])

LEVELS = ("debug", "info", "warning", "error")
LEVEL_HELP: Final = "Minimum severity of log messages on standard error.  [default: warning]"
CONFIG_HELP: Final = "Configuration file, instead of the usual places."


def common(function: Function) -> Function:
    """Add --config and --log-level; the command gets `config_path` and has logging set up.

    Both may stand before the command too; behind it they take precedence.
    """

    def set_level(context: click.Context, _parameter: click.Parameter, value: str | None) -> None:
        value = value or context.find_root().params.get("log_level")
        set_up_logging(value or "warning")

    def choose_config(context: click.Context, _parameter: click.Parameter, value: Path | None) -> Path | None:
        return value or context.find_root().params.get("config_path")

    function = click.option(
        "--log-level",
        type=click.Choice(LEVELS),
        callback=set_level,
        expose_value=False,
        help=LEVEL_HELP,
    )(function)
    return click.option(
        "--config",
        "config_path",
        type=click.Path(dir_okay=False, path_type=Path),
        callback=choose_config,
        help=CONFIG_HELP,
    )(function)


def say(text: str, *, err: bool = False) -> None:
    """Print a text for people, in their language."""
    click.echo(localized(text), err=err)


def audio_track_option(function: Function) -> Function:
    """Add --audio-track; the command gets `audio_track`."""
    return click.option(
        "--audio-track",
        type=click.IntRange(min=0),
        help="Sound track to use, counted from 0 as FFmpeg does.  [default: the one marked as default]",
    )(function)


def settings_from(config_path: Path | None) -> Settings:
    """Load the configuration; see `emoedge.config.load_settings`.

    Without a file, and on a terminal, the language is that of the locale.
    """
    from emoedge.config import load_settings, used_file

    settings = load_settings(config_path)
    if config_path or used_file() or "EMOEDGE_LANGUAGE" in os.environ or not sys.stdout.isatty():
        return settings
    return settings.model_copy(update={"language": locale_language(os.environ)})


YES: Final = frozenset({"y", "yes", "s", "si", "sí"})
"""Answers that let a purge go on."""


def ask(question: str, *, yes: bool) -> None:
    """Ask on a terminal; without one, or with --yes, go on."""
    if not yes and sys.stdin is not None and sys.stdin.isatty():
        asked = localized(tr("{question} [y/N]", question=question))
        answer = click.prompt(asked, default="", show_default=False, err=True)
        if answer.strip().casefold() not in YES:
            raise click.Abort


def with_speech_model(settings: Settings, name: str | None) -> Settings:
    """The settings with another speech model; as they are where none is named."""
    if name is None:
        return settings
    speech = settings.speech.model_copy(update={"model": name})
    return settings.model_copy(update={"speech": speech})


@contextmanager
def progress(label: str, total: float | None, *, unit: str = "") -> Iterator[Callable[[float], None]]:
    """A progress bar on standard error when that is a terminal, silence otherwise.

    Yields:
        A function that takes the amount completed so far, in the unit of `total`.
    """
    if not sys.stderr.isatty():
        yield lambda _completed: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.completed:.0f}" + (f" {unit}" if unit else "")),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=total)
        yield lambda completed: bar.update(task, completed=completed)
