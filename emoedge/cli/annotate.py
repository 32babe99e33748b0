"""`emoedge annotate`."""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import click

from emoedge.cli.options import common, progress, say, settings_from, with_speech_model
from emoedge.errors import ConfigError, EmoedgeError, MediaError
from emoedge.translation import tr

if TYPE_CHECKING:
    from emoedge.config import Settings
    from emoedge.emotions import Language
    from emoedge.pipeline import Pipeline
    from emoedge.record.store import Store
    from emoedge.report.annotation import Annotation
    from emoedge.report.exports import Format
    from emoedge.report.table import Sampling

FORMATS: Final = ("vtt", "srt", "elan", "emotionml", "csv", "json", "parquet")
TABLES: Final = ("csv", "parquet")
MAX_HZ: Final = 1000.0
"""Most rows a second."""
MARK: Final = ".emotion"
"""Before the suffix of what is written: it must not take the place of a film's own subtitles."""


@click.command
@common
@click.argument("items", nargs=-1, required=True, metavar="MEDIA…")
@click.option(
    "--format", "kind", type=click.Choice(FORMATS), help="By default the suffix of --output, otherwise vtt."
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, allow_dash=True),
    help="Output file, or a folder for several; beside each MEDIA by default; - is standard output.",
)
@click.option("--language", type=click.Choice(["es", "en"]), help="Language of the names in subtitles.")
@click.option(
    "--rate",
    metavar="frame|HZ",
    help="CSV and Parquet: one row per frame of the video, or this many rows per second, with the face.",
)
@click.option(
    "--all-faces", is_flag=True, help="With --rate: one row per face, not only for the primary face."
)
@click.option("--speech-model", help="Speech model to use instead of the configured one: a name or a path.")
def command(
    config_path: Path | None,
    items: tuple[str, ...],
    kind: str | None,
    output: Path | None,
    language: Language | None,
    rate: str | None,
    all_faces: bool,
    speech_model: str | None,
) -> None:
    """Annotate media files as subtitles with the emotion, ELAN, EmotionML or tables.

    MEDIA is a video or sound file, the lines that `emoedge replay` has written (.jsonl), or a recorded
    segment (its id, or its .mp4 with its sidecars): only the first has to be looked at again. What is written
    is named NAME.emotion.vtt, .srt, .eaf, .emotionml, .csv, .json or .parquet, and its name is printed. Exit
    code 1 if any failed. Parquet needs the extra `tables`.

    \b
    Example:
      emoedge annotate interview.mp4
      emoedge annotate interviews/*.mp4 --format elan -o annotations/
      emoedge annotate results/interview.mp4.jsonl -o interview.eaf
      emoedge annotate interview.mp4 -o interview.csv --rate frame --all-faces
    """
    from emoedge.record.store import Store
    from emoedge.report.annotation import sampling_of

    settings = with_speech_model(settings_from(config_path), speech_model)
    store = Store(settings.recording.dir)
    chosen = _format(kind, output)
    folder = output is not None and (len(items) > 1 or output.is_dir())
    if len(items) > 1 and output is not None and (str(output) == "-" or output.is_file()):
        raise ConfigError(
            tr("--output {output} takes one MEDIA", output=output), tr("name a folder for several")
        )
    if folder and output is not None:
        output.mkdir(parents=True, exist_ok=True)
    rate_hz = _rate(rate, chosen, all_faces=all_faces)
    look = _Look(settings, rate_hz)
    failed = False
    for item in items:
        try:
            made = _annotated(item, store, look)
            target = _target(made, output, chosen, folder=folder)
            sampling = None if rate_hz is None else sampling_of(made, rate_hz, all_faces=all_faces)
            _write(made, target, chosen, language or made.language or settings.language, sampling)
        except EmoedgeError as error:
            failed = True
            say(tr("{item}: {error}", item=item, error=error), err=True)
    if failed:
        click.get_current_context().exit(1)


class _Look:
    """The pipeline, built when the first media file needs it."""

    def __init__(self, settings: Settings, rate_hz: float | None) -> None:
        self._settings = settings
        self._rate_hz = rate_hz
        self._pipeline: Pipeline | None = None

    def __call__(self) -> Pipeline:
        from emoedge.pipeline import Pipeline
        from emoedge.report.annotation import fine_grained

        if self._pipeline is None:
            self._pipeline = Pipeline(fine_grained(self._settings, self._rate_hz))
            for part in self._pipeline.perception.health:
                if part.state == "failed":
                    say(tr("{name}: {reason}", name=part.name, reason=part.reason), err=True)
        return self._pipeline


def _rate(rate: str | None, kind: Format, *, all_faces: bool) -> float | None:
    """Rows a second, infinity for one a frame, None without --rate."""
    if rate is None:
        if all_faces:
            raise ConfigError(tr("--all-faces needs --rate"), tr("add --rate frame"))
        return None
    if kind not in TABLES:
        raise ConfigError(
            tr("--rate does not apply to {kind}", kind=kind), tr("add --format csv or --format parquet")
        )
    try:
        rate_hz = math.inf if rate == "frame" else float(rate)
    except ValueError:
        rate_hz = math.nan
    if not (0 < rate_hz <= MAX_HZ or rate == "frame"):
        raise ConfigError(
            tr("--rate {rate!r} is not a rate", rate=rate),
            tr("give frame, or rows a second up to {most:g}", most=MAX_HZ),
        )
    return rate_hz


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
    from emoedge.report.exports import SUFFIXES

    by_suffix: dict[str, Format] = {SUFFIXES[name]: name for name in SUFFIXES} | {".json": "json"}
    guessed = by_suffix.get(output.suffix.lower()) if output is not None else None
    guessed = guessed if guessed in FORMATS else None
    return cast("Format", kind) if kind else guessed or "vtt"


def _target(made: Annotation, output: Path | None, kind: Format, *, folder: bool) -> Path:
    from emoedge.report.exports import SUFFIXES

    if output is not None and not folder:
        return output
    suffix = ".json" if kind == "json" else SUFFIXES[kind]
    return (output or made.place.parent) / f"{made.name}{MARK}{suffix}"


def _write(
    made: Annotation, target: Path, kind: Format, language: Language, sampling: Sampling | None
) -> None:
    from emoedge.report.exports import export
    from emoedge.report.page import write_private

    screen = str(target) == "-"
    beside = Path.cwd() if screen else target.resolve().parent
    media = "" if made.media is None else os.path.relpath(made.media.resolve(), beside)
    data = export(made.data, made.name, kind, language, media, sampling)
    if screen:
        sys.stdout.buffer.write(data)
        return
    try:
        write_private(target, data)
    except OSError as error:
        raise MediaError(
            tr("cannot write {target}: {strerror}", target=target, strerror=error.strerror),
            tr("name another with --output"),
        ) from error
    click.echo(target)
