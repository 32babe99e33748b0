"""`emoedge annotate`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import click

from emoedge.cli.options import common, progress, settings_from, with_speech_model
from emoedge.errors import ConfigError, EmoedgeError, MediaError

if TYPE_CHECKING:
    from emoedge.config import Settings
    from emoedge.emotions import Language
    from emoedge.pipeline import Pipeline
    from emoedge.record.store import Store
    from emoedge.report.annotation import Annotation
    from emoedge.report.export import Format

FORMATS: Final = ("vtt", "srt", "elan", "emotionml", "csv", "json")
MARK: Final = ".emotion"
"""Before the suffix of what is written: it must not take the place of a film's own subtitles."""


@click.command
@common
@click.argument("items", nargs=-1, required=True, metavar="MEDIA…")
@click.option(
    "--format", "kind", type=click.Choice(FORMATS), help="By default as --output is called, else vtt."
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, allow_dash=True),
    help="The file, or a folder for several; beside each MEDIA by default; - is standard output.",
)
@click.option("--language", type=click.Choice(["es", "en"]), help="Of the names in subtitles.")
@click.option("--speech-model", help="Speech model to use instead of the configured one: a name or a path.")
def command(
    config_path: Path | None,
    items: tuple[str, ...],
    kind: str | None,
    output: Path | None,
    language: Language | None,
    speech_model: str | None,
) -> None:
    """Subtitles with the emotion, ELAN, EmotionML or tables of what is in media files.

    MEDIA is a video or sound file, the lines that `emoedge replay` has written (.jsonl), or a recorded
    segment (its id, or its .mp4 with its sidecars): only the first has to be looked at again. What is written
    is named NAME.emotion.vtt, .srt, .eaf, .emotionml, .csv or .json, and its name is printed. Exit code 1 if
    any failed.

    \b
    Example:
      emoedge annotate interview.mp4
      emoedge annotate interviews/*.mp4 --format elan -o annotations/
      emoedge annotate results/interview.mp4.jsonl -o interview.eaf
    """
    from emoedge.record.store import Store

    settings = with_speech_model(settings_from(config_path), speech_model)
    store = Store(settings.recording.dir)
    chosen = _format(kind, output)
    folder = output is not None and (len(items) > 1 or output.is_dir())
    if len(items) > 1 and output is not None and (str(output) == "-" or output.is_file()):
        raise ConfigError(f"--output {output} takes one MEDIA", "name a folder for several")
    if folder and output is not None:
        output.mkdir(parents=True, exist_ok=True)
    look = _Look(settings)
    failed = False
    for item in items:
        try:
            made = _annotated(item, store, look)
            target = _target(made, output, chosen, folder=folder)
            _write(made, target, chosen, language or made.language or settings.language)
        except EmoedgeError as error:
            failed = True
            click.echo(f"{item}: {error}", err=True)
    if failed:
        click.get_current_context().exit(1)


class _Look:
    """The pipeline, built when the first media file needs it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pipeline: Pipeline | None = None

    def __call__(self) -> Pipeline:
        from emoedge.pipeline import Pipeline
        from emoedge.report.annotation import fine_grained

        if self._pipeline is None:
            self._pipeline = Pipeline(fine_grained(self._settings))
            for part in self._pipeline.perception.health:
                if part.state == "failed":
                    click.echo(f"{part.name}: {part.reason}", err=True)
        return self._pipeline


def _annotated(item: str, store: Store, look: _Look) -> Annotation:
    from emoedge.report.annotation import annotate

    with progress(Path(item).name, _duration_of(Path(item)), unit="s") as show:
        return annotate(item, store, look, show)


def _duration_of(path: Path) -> float | None:
    """For the progress bar."""
    from emoedge.capture.media import probe

    if not sys.stderr.isatty() or not path.is_file() or path.suffix == ".jsonl":
        return None
    try:
        return probe(path).duration_s
    except MediaError:
        return None


def _format(kind: str | None, output: Path | None) -> Format:
    from emoedge.report.export import SUFFIXES

    by_suffix: dict[str, Format] = {SUFFIXES[name]: name for name in SUFFIXES} | {".json": "json"}
    guessed = by_suffix.get(output.suffix.lower()) if output is not None else None
    guessed = guessed if guessed in FORMATS else None
    return cast("Format", kind) if kind else guessed or "vtt"


def _target(made: Annotation, output: Path | None, kind: Format, *, folder: bool) -> Path:
    from emoedge.report.export import SUFFIXES

    if output is not None and not folder:
        return output
    suffix = ".json" if kind == "json" else SUFFIXES[kind]
    return (output or made.place.parent) / f"{made.name}{MARK}{suffix}"


def _write(made: Annotation, target: Path, kind: Format, language: Language) -> None:
    from emoedge.report.export import export
    from emoedge.report.page import write_private

    screen = str(target) == "-"
    beside = Path.cwd() if screen else target.resolve().parent
    media = "" if made.media is None else os.path.relpath(made.media.resolve(), beside)
    data = export(made.data, made.name, kind, language, media)
    if screen:
        sys.stdout.buffer.write(data)
        return
    try:
        write_private(target, data)
    except OSError as error:
        raise MediaError(f"cannot write {target}: {error.strerror}", "name another with --output") from error
    click.echo(target)
