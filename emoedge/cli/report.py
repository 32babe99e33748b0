"""`emoedge report`."""

from __future__ import annotations

import errno
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import click

from emoedge.cli.options import common, say, settings_from
from emoedge.days import parse_day, parse_week
from emoedge.errors import ConfigError, RecordingError
from emoedge.translation import tr

if TYPE_CHECKING:
    from emoedge.config import Settings
    from emoedge.emotions import Language
    from emoedge.local_time import Zone
    from emoedge.record.store import Store
    from emoedge.report.exports import Format

PICTURES: Final = ("html", "png", "svg")
FORMATS: Final = (*PICTURES, "csv", "json", "elan", "emotionml")


@click.command
@common
@click.argument("segments", nargs=-1, metavar="[SEGMENT]…")
@click.option(
    "--day", metavar="DAY", help="One page about a day: YYYY-MM-DD, today or yesterday (hoy, ayer)."
)
@click.option("--week", metavar="WEEK", help="A page about an ISO week, from Monday: YYYY-Www.")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help=(
        "File for the report; by default beside the video, or in the working folder if that is not writable."
    ),
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(FORMATS),
    default="html",
    show_default=True,
    help="A page, a picture, or the values for other programs.",
)
@click.option(
    "--language",
    type=click.Choice(["es", "en"]),
    help="Language of the page; by default that of the recording.",
)
@click.option("--link-video", is_flag=True, help="Link to the video instead of including it in the page.")
def command(
    config_path: Path | None,
    segments: tuple[str, ...],
    day: str | None,
    week: str | None,
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
      emoedge report --day yesterday -o day.html
      emoedge report --week 2026-W48
    """
    from emoedge.record.store import Store

    settings = settings_from(config_path)
    store = Store(settings.recording.dir)
    if [bool(segments), day is not None, week is not None].count(True) != 1:
        raise ConfigError(tr("nothing to report on"), tr("give segments, --day DAY or --week WEEK"))
    if day is not None or week is not None:
        _days(settings, day, week, output, language or settings.language)
        return
    if output is not None and len(segments) > 1:
        raise ConfigError(
            tr("--output takes one segment"), tr("omit it: each report is written beside its video")
        )
    for name in segments:
        click.echo(_segment(store, name, output, kind, language, link_video=link_video, zone=settings.zone))


def _segment(
    store: Store,
    name: str,
    output: Path | None,
    kind: str,
    language: Language | None,
    *,
    link_video: bool,
    zone: Zone,
) -> Path:
    from emoedge.report import export, find_source, write_page, write_private
    from emoedge.report.exports import SUFFIXES

    # Pictures can show no more points; other programs get them all.
    source = find_source(name, store, *(() if kind in PICTURES else (None,)))
    target = output or source.media.with_name(source.media.stem + SUFFIXES[cast("Format", kind)])

    def write(target: Path) -> Path:
        if kind == "html":
            write_page(source, target, language, link_video=link_video, zone=zone)
        else:
            data = export(source.data, source.segment_id, cast("Format", kind), language or source.language)
            write_private(target, data)
        return target

    try:
        try:
            return write(target)
        except OSError as error:
            # A member of the group may read the recordings but not write beside them.
            if output is not None or error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
                raise
            target = Path(target.name)
            return write(target)
    except OSError as error:
        raise RecordingError(
            tr("cannot write {target}: {strerror}", target=target, strerror=error.strerror),
            tr("name another file with --output"),
        ) from error


def _days(
    settings: Settings, day: str | None, week: str | None, output: Path | None, language: Language
) -> None:
    from emoedge.report import write_day, write_week

    if week is not None:
        first = parse_week(week)
        year, number, _ = first.isocalendar()
        name = f"{year}-W{number:02}"
    else:
        today = datetime.now(timezone.utc).astimezone(settings.zone).date()
        first = parse_day(day or "", today)
        name = str(first)
    target = output or Path(f"{name}.html")
    write = write_day if week is None else write_week
    try:
        is_written = write(settings, first, target, language)
    except OSError as error:
        raise RecordingError(
            tr("cannot write {target}: {strerror}", target=target, strerror=error.strerror),
            tr("name another file with --output"),
        ) from error
    if is_written:
        click.echo(target)
    else:
        say(tr("no data about {when}: no page was written", when=name), err=True)
