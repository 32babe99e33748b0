"""`emoedge report`."""

from __future__ import annotations

import errno
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import click

from emoedge.cli.options import common, say, settings_from
from emoedge.days import parse_day
from emoedge.errors import ConfigError, RecordingError
from emoedge.translation import tr

if TYPE_CHECKING:
    from emoedge.emotions import Language
    from emoedge.record.store import Store
    from emoedge.report.export import Format

PICTURES: Final = ("html", "png", "svg")
FORMATS: Final = (*PICTURES, "csv", "json", "elan", "emotionml")


@click.command
@common
@click.argument("segments", nargs=-1, metavar="[SEGMENT]…")
@click.option("--day", metavar="YYYY-MM-DD", help="One page about a day of the store, instead of segments.")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file; by default beside the video, or here where that cannot be written.",
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(FORMATS),
    default="html",
    show_default=True,
    help="A page, a picture, or the values for other programs.",
)
@click.option("--language", type=click.Choice(["es", "en"]), help="Of the page; the recording's by default.")
@click.option("--link-video", is_flag=True, help="Refer to the video instead of carrying it in the page.")
def command(
    config_path: Path | None,
    segments: tuple[str, ...],
    day: str | None,
    output: Path | None,
    kind: str,
    language: Language | None,
    link_video: bool,
) -> None:
    """One self-contained page about a segment: the video, the curves, the transcript, the events.

    SEGMENT is an id, or a path to an .mp4 with its sidecars, as after an scp.

    \b
    Example:
      emoedge report 20261122T091000Z-1a2b3c4d
      emoedge report copied/20261122T091000Z-1a2b3c4d.mp4 -o page.html
      emoedge report --day 2026-11-22 -o day.html
    """
    from emoedge.record.store import Store

    settings = settings_from(config_path)
    store = Store(settings.recording.dir)
    if (day is None) == (not segments):
        raise ConfigError(tr("nothing to report on"), tr("give segments, or --day YYYY-MM-DD"))
    if day is not None:
        _day(store, day, output, language or settings.language)
        return
    if output is not None and len(segments) > 1:
        raise ConfigError(
            tr("--output takes one segment"), tr("leave it out: each report is written beside its video")
        )
    for name in segments:
        click.echo(_segment(store, name, output, kind, language, link_video=link_video))


def _segment(
    store: Store, name: str, output: Path | None, kind: str, language: Language | None, *, link_video: bool
) -> Path:
    from emoedge.report import export, find_source, write_page, write_private
    from emoedge.report.export import SUFFIXES

    # Pictures can show no more points; other programs get them all.
    source = find_source(name, store, *(() if kind in PICTURES else (None,)))
    target = output or source.media.with_name(source.media.stem + SUFFIXES[cast("Format", kind)])

    def write(target: Path) -> Path:
        if kind == "html":
            write_page(source, target, language, link_video=link_video)
        else:
            data = export(source.data, source.segment_id, cast("Format", kind), language or source.language)
            write_private(target, data)
        return target

    try:
        try:
            return write(target)
        except OSError as error:
            # A member of the group may read the recordings, not write beside them.
            if output is not None or error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
                raise
            target = Path(target.name)
            return write(target)
    except OSError as error:
        raise RecordingError(
            tr("cannot write {target}: {strerror}", target=target, strerror=error.strerror),
            tr("name another file with --output"),
        ) from error


def _day(store: Store, day: str, output: Path | None, language: Language) -> None:
    from emoedge.report import build_day_report

    day = str(parse_day(day, datetime.now().astimezone().date()))
    target = output or Path(f"{day}.html")
    try:
        count = build_day_report(store, day, target, language)
    except OSError as error:
        raise RecordingError(
            tr("cannot write {target}: {strerror}", target=target, strerror=error.strerror),
            tr("name another file with --output"),
        ) from error
    say(tr("{target}: {count} segment", "{target}: {count} segments", target=target, count=count))
