"""`emoedge recordings`."""

from __future__ import annotations

import json
import math
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Final

import click

from emoedge.cli.options import common, settings_from
from emoedge.errors import ConfigError

MOST_DAYS: Final = 36_500
"""As for recording.keep_days."""


@click.group()
def command() -> None:
    """List, show and purge the recordings on this device.

    \b
    Example:
      emoedge recordings list
      emoedge recordings show 20261122T091000Z-1a2b3c4d
      emoedge recordings purge --all
    """


@command.command("list")
@common
@click.option("--day", metavar="YYYY-MM-DD", help="Only this day.")
@click.option("--json", "as_json", is_flag=True, help="One JSON line a segment.")
def list_segments(config_path: Path | None, day: str | None, as_json: bool) -> None:
    """The segments, oldest first.

    \b
    Example:
      emoedge recordings list --day 2026-11-22
    """
    from emoedge.record.store import Store

    for segment in Store(settings_from(config_path).recording.dir).segments(day):
        details = segment.details()
        values = {
            "id": segment.segment_id,
            "day": segment.day,
            "path": str(segment.media),
            "bytes": segment.bytes,
            "duration": details.get("duration"),
        }
        if as_json:
            click.echo(json.dumps(values))
        else:
            duration = values["duration"]
            length = f"{duration:7.1f} s" if isinstance(duration, (int, float)) else "      ? s"
            click.echo(f"{segment.segment_id}  {length}  {segment.bytes / 1e6:8.2f} MB  {segment.media}")


@command.command("show")
@common
@click.argument("segment_id", metavar="ID")
def show_segment(config_path: Path | None, segment_id: str) -> None:
    """What is known about a segment, as JSON.

    \b
    Example:
      emoedge recordings show 20261122T091000Z-1a2b3c4d
    """
    from emoedge.record.store import Store

    segment = Store(settings_from(config_path).recording.dir).find(segment_id)
    values = {"id": segment.segment_id, "path": str(segment.media), "bytes": segment.bytes}
    click.echo(json.dumps(values | segment.details(), ensure_ascii=False, indent=2))


@command.command("purge")
@common
@click.option(
    "--all", "everything", is_flag=True, help="Leave nothing behind: recordings, spool, adaptation."
)
@click.option(
    "--older-than", type=click.FloatRange(min=0, max=MOST_DAYS), metavar="DAYS", help="Only what is older."
)
def purge_segments(config_path: Path | None, everything: bool, older_than: float | None) -> None:
    """Delete recordings with all that belongs to them.

    \b
    Example:
      emoedge recordings purge --older-than 7
      emoedge recordings purge --all
    """
    from emoedge.record.store import Store
    from emoedge.supervise.purge import purge_everything

    if everything == (older_than is not None) or math.isnan(older_than or 0):
        raise ConfigError("say what to purge", "give either --all or --older-than DAYS")
    settings = settings_from(config_path)
    store = Store(settings.recording.dir)
    if older_than is not None:
        deleted = store.purge(before=datetime.now(timezone.utc) - timedelta(days=older_than))
    else:
        purged = purge_everything(store, settings.paths.state)
        deleted = purged.segments
        if purged.spool_in_use:
            click.echo(
                "the daemon runs: messages that wait for the broker stay until it has sent them", err=True
            )
    click.echo(f"{len(deleted)} segments deleted")
