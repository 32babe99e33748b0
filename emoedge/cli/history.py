"""`emoedge history`."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import click

from emoedge.cli.options import ask, common, settings_from
from emoedge.days import parse_day, parse_time, parse_week
from emoedge.errors import ConfigError, RecordingError
from emoedge.translation import localized, tr

if TYPE_CHECKING:
    from emoedge.config import Settings
    from emoedge.history import Bucket, HistorySpan
    from emoedge.local_time import Span


@click.group(invoke_without_command=True)
@common
@click.option("--day", metavar="DAY", help="A day: YYYY-MM-DD, today or yesterday (hoy, ayer).")
@click.option("--week", metavar="WEEK", help="An ISO week, from Monday: YYYY-Www.")
@click.option("--from", "begin", metavar="TIME", help="Start: RFC 3339, or local YYYY-MM-DD[THH:MM].")
@click.option("--to", "end", metavar="TIME", help="End, exclusive; now by default.")
@click.option(
    "--bucket",
    type=click.Choice(["minute", "hour", "day"]),
    help="Length of a line.  [default: hour for a day, day for more]",
)
@click.option("--json", "as_json", is_flag=True, help="JSON, with episodes and gaps.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, one line per bucket.")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write to a file instead of standard output.",
)
@click.pass_context
def command(
    context: click.Context,
    config_path: Path | None,
    day: str | None,
    week: str | None,
    begin: str | None,
    end: str | None,
    bucket: Bucket | None,
    as_json: bool,
    as_csv: bool,
    output: Path | None,
) -> None:
    """Show emotions over time, without video; today by default.

    The seconds in which each emotion was named, in which there was somebody without an opinion, nobody, no
    data, privacy, or no daemon. It works with recording off, and while the daemon is stopped.

    \b
    Example:
      emoedge history
      emoedge history --day yesterday --json
      emoedge history --week 2026-W48 --bucket hour --csv -o week.csv
      emoedge history purge --before 2026-11-01
    """
    if context.invoked_subcommand is not None:
        context.obj = config_path
        return
    if as_json and as_csv:
        raise ConfigError(tr("--json and --csv exclude each other"), tr("use only one of them"))
    from emoedge.history import read
    from emoedge.history.buckets import MAX_BUCKETS

    settings = settings_from(config_path)
    span = _span(settings, day, week, begin, end)
    try:
        history = read(settings, *span, bucket)
    except ValueError as error:
        raise ConfigError(
            tr("more than {limit} lines", limit=MAX_BUCKETS), tr("use a longer --bucket or a shorter time")
        ) from error
    text = _text(history, settings, as_json=as_json, as_csv=as_csv)
    if output is None:
        click.echo(text, nl=False)
    else:
        _write(output, text)


@command.command("purge")
@common
@click.option("--before", metavar="DAY", help="Delete the days before this one.")
@click.option("--all", "everything", is_flag=True, help="Delete the whole history.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def purge(
    context: click.Context, config_path: Path | None, before: str | None, everything: bool, yes: bool
) -> None:
    """Delete history but not recordings, also in a running daemon. Asks first on a terminal.

    \b
    Example:
      emoedge history purge --before 2026-11-01
      emoedge history purge --all
    """
    from emoedge.history import purge_history
    from emoedge.local_time import midnight

    if everything == (before is not None):
        raise ConfigError(tr("nothing to purge was named"), tr("give --before DAY or --all"))
    settings = settings_from(config_path or context.obj)
    moment = None
    if before is not None:
        today = datetime.now(timezone.utc).astimezone(settings.zone).date()
        moment = midnight(parse_day(before, today, "--before"), settings.zone)
    state = settings.paths.state
    if moment is None:
        ask(localized(tr("Delete all history in {state}?", state=state)), yes=yes)
    else:
        day = f"{moment:%Y-%m-%d}"
        ask(localized(tr("Delete the history before {day} in {state}?", day=day, state=state)), yes=yes)
    found = purge_history(settings.paths.state, before=moment)
    click.echo(localized(tr("the history was deleted") if found else tr("there is no history")))


def _span(settings: Settings, day: str | None, week: str | None, begin: str | None, end: str | None) -> Span:
    from emoedge.local_time import day_span, week_span

    zone, now = settings.zone, datetime.now(timezone.utc)
    if (day is not None, week is not None, begin is not None or end is not None).count(True) > 1:
        raise ConfigError(tr("--day, --week and --from exclude each other"), tr("use only one of them"))
    if week is not None:
        return week_span(parse_week(week), zone)
    if begin is None:
        if end is not None:
            raise ConfigError(tr("--to without --from"), tr("add --from TIME"))
        return day_span(parse_day("today" if day is None else day, now.astimezone(zone).date()), zone)
    start = parse_time(begin, zone, now, "--from")
    until = now.astimezone(zone) if end is None else parse_time(end, zone, now, "--to")
    if until < start:
        raise ConfigError(tr("--to is before --from"), tr("swap them"))
    return start, until


def _text(history: HistorySpan, settings: Settings, *, as_json: bool, as_csv: bool) -> str:
    from emoedge.history.text_table import to_table

    if as_json:
        return json.dumps(history.to_json(), ensure_ascii=False, indent=1) + "\n"
    return history.to_csv() if as_csv else to_table(history, settings.language)


def _write(target: Path, text: str) -> None:
    from emoedge.files import replacing

    try:
        with replacing(target) as file:
            file.write(text.encode(errors="backslashreplace"))
    except OSError as error:
        raise RecordingError(
            tr("cannot write {target}: {strerror}", target=target, strerror=error.strerror),
            tr("name another file with --output"),
        ) from error
