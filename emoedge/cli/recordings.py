"""`emoedge recordings`."""

from __future__ import annotations

import json
import math
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from emoedge.cli.groups import SuggestingGroup
from emoedge.cli.options import ask, common, say, settings_from
from emoedge.days import parse_day
from emoedge.errors import ConfigError
from emoedge.files import partial_of
from emoedge.record.names import started_of_id
from emoedge.translation import joined, localized, tr

if TYPE_CHECKING:
    from emoedge.emotions import Language
    from emoedge.record.folder import Undeletable
    from emoedge.record.store import Store

MOST_DAYS: Final = 36_500
"""As for recording.keep_days."""


@click.group(cls=SuggestingGroup)
def command() -> None:
    """List, show, keep and delete the recordings on this device.

    \b
    Example:
      emoedge recordings list
      emoedge recordings show 20261122T091000Z-1a2b3c4d
      emoedge recordings purge --all
    """


@command.command("list")
@common
@click.option("--day", metavar="DAY", help="Only this day: 2026-11-22, today or yesterday.")
@click.option("--json", "as_json", is_flag=True, help="One JSON line per segment or snapshot.")
def list_segments(config_path: Path | None, day: str | None, as_json: bool) -> None:
    """List the segments with their local times and emotions, oldest first, then the snapshots.

    \b
    Example:
      emoedge recordings list
      emoedge recordings list --day yesterday --json
    """
    from emoedge.record.store import Store

    settings = settings_from(config_path)
    if day is not None:
        day = str(parse_day(day, datetime.now().astimezone().date()))
    store = Store(settings.recording.dir)
    rows = [*_segments(store, day), *_snapshots(store.root, day)]
    if as_json:
        for row in rows:
            click.echo(json.dumps(row))
    elif rows:
        click.echo(_table(rows, settings.language))
    store.save_index()


def _segments(store: Store, day: str | None) -> list[dict[str, Any]]:
    """The finished ones, then those that are being written; an interrupted one counts as being written."""
    rows = [
        {
            "type": "segment",
            "id": entry.segment_id,
            "day": entry.day,
            "time": _local(entry.dated_s or started_of_id(entry.segment_id)),
            "path": f"{store.root}/{entry.day}/{entry.segment_id}.mp4",
            "bytes": entry.bytes,
            "duration": entry.duration_s,
            "emotion": entry.emotion,
            "keep": entry.is_kept,
            "state": "finished",
        }
        for entry in store.finished(day)
    ]
    for media in store.partials():
        if day in (None, media.parent.name) and not media.exists():
            started_s = started_of_id(media.stem)
            partial = partial_of(media)
            try:
                status = partial.stat()
            except OSError:  # it was finished meanwhile
                continue
            rows.append(
                {
                    "type": "segment",
                    "id": media.stem,
                    "day": media.parent.name,
                    "time": _local(started_s),
                    "path": str(partial),
                    "bytes": status.st_size,
                    "duration": None,
                    "emotion": None,
                    "keep": False,
                    "state": "writing",
                }
            )
    return rows


def _snapshots(root: Path, day: str | None) -> list[dict[str, Any]]:
    from emoedge.record.snapshots import Snapshots

    rows = (
        {
            "type": "snapshot",
            "id": path.stem,
            "day": _local(taken.timestamp())[:10],
            "time": _local(taken.timestamp()),
            "path": str(path),
            "bytes": size,
        }
        for path, taken, size in Snapshots(root, 0).list()
    )
    return [row for row in rows if day in (None, row["day"])]


def _local(moment_s: float) -> str:
    return datetime.fromtimestamp(moment_s).astimezone().isoformat(timespec="seconds")


def _table(rows: list[dict[str, Any]], language: Language) -> str:
    """One line a row below a header, within 80 columns."""
    from emoedge.emotions import display_name

    heads = (tr("TIME"), tr("ID"), tr("LENGTH"), tr("EMOTION"), tr("SIZE"))
    lines = ["{:16}  {:25}  {:>9}  {:9}  {:>9}".format(*map(localized, heads))]
    for row in rows:
        notes = []
        if row["type"] == "snapshot":
            length, emotion = localized(tr("picture")), ""
        else:
            is_known = row["duration"] is not None
            length = f"{row['duration']:.1f} s" if is_known else "…" if row["state"] == "writing" else "?"
            emotion = display_name(row["emotion"], language) if row["state"] == "finished" else ""
            notes += [localized(tr("kept"))] if row["keep"] else []
            notes += [localized(tr("writing"))] if row["state"] == "writing" else []
        when = row["time"][:16].replace("T", " ")
        size = f"{row['bytes'] / 1e6:.2f} MB"
        line = f"{when:16}  {row['id']:25}  {length:>9}  {emotion:9}  {size:>9}  {' '.join(notes)}"
        lines.append(line.rstrip())
    return "\n".join(lines)


@command.command("show")
@common
@click.argument("segment_id", metavar="ID")
def show_segment(config_path: Path | None, segment_id: str) -> None:
    """Print the metadata of a segment as JSON.

    \b
    Example:
      emoedge recordings show 20261122T091000Z-1a2b3c4d
    """
    segment = _store(config_path).find(segment_id)
    values = {
        "id": segment.segment_id,
        "path": str(segment.media),
        "bytes": segment.bytes,
        "keep": segment.is_kept,
    }
    click.echo(json.dumps(values | segment.details(), ensure_ascii=False, indent=2))


@command.command("keep")
@common
@click.argument("segment_id", metavar="ID")
@click.option("--off", is_flag=True, help="Let retention delete it again.")
def keep_segment(config_path: Path | None, segment_id: str, off: bool) -> None:
    """Keep a segment: retention does not delete it, although its size counts.

    \b
    Example:
      emoedge recordings keep 20261122T091000Z-1a2b3c4d
      emoedge recordings keep 20261122T091000Z-1a2b3c4d --off
    """
    from emoedge.supervise import device_recordings

    device_recordings.keep_segment(settings_from(config_path), _store(config_path), segment_id, not off)
    done = tr("{id} is no longer kept", id=segment_id) if off else tr("{id} is kept", id=segment_id)
    say(done)


@command.command("delete")
@common
@click.argument("segment_id", metavar="ID")
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete_segment(config_path: Path | None, segment_id: str, yes: bool) -> None:
    """Delete a segment with all its files, even if it is marked as kept. Asks first on a terminal.

    \b
    Example:
      emoedge recordings delete 20261122T091000Z-1a2b3c4d
    """
    from emoedge.supervise import device_recordings

    store = _store(config_path)
    segment = store.find(segment_id)
    ask(tr("Delete {segment_id}, {size:.2f} MB?", segment_id=segment_id, size=segment.bytes / 1e6), yes=yes)
    is_gone = device_recordings.delete_segment(settings_from(config_path), store, segment)
    _report(1 if is_gone else 0, [] if is_gone else store.undeletable(), {})


@command.command("purge")
@common
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Delete everything: recordings, history, spool, adaptation, results at the broker.",
)
@click.option(
    "--older-than",
    type=click.FloatRange(min=0, max=MOST_DAYS),
    metavar="DAYS",
    help="Delete only older recordings.",
)
@click.option("--last", metavar="TIME", help="Delete only the last TIME, such as 90s, 10m, 2h.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def purge_segments(
    config_path: Path | None, everything: bool, older_than: float | None, last: str | None, yes: bool
) -> None:
    """Delete recordings with all their files. Asks first on a terminal.

    What cannot be deleted is named with its owner and a remedy, and the exit code is 1. `--older-than` passes
    over kept segments; `--all` and `--last` take them. With these two a running daemon forgets as well, and
    the results that the broker keeps are emptied.

    \b
    Example:
      emoedge recordings purge --older-than 7
      emoedge recordings purge --last 10m
      emoedge recordings purge --all
    """
    from emoedge.history import purge_history
    from emoedge.record.store import Store
    from emoedge.supervise.device_recordings import purge_device

    if (everything, older_than is not None, last is not None).count(True) != 1 or math.isnan(older_than or 0):
        raise ConfigError(
            tr("nothing to purge was named"), tr("give --all, --older-than DAYS or --last TIME")
        )
    now = datetime.now(timezone.utc)
    since = now - _duration(last) if last is not None else now
    settings = settings_from(config_path)
    store = Store(settings.recording.dir)
    if older_than is not None:
        ask(
            tr(
                "Delete everything older than {older_than:g} days in {root}?",
                older_than=older_than,
                root=store.root,
            ),
            yes=yes,
        )
        before = now - timedelta(days=older_than)
        deleted = store.purge(before=before)
        purge_history(settings.paths.state, before=before)
        _report(len(deleted), store.undeletable(), {})
        return
    if last is not None:
        ask(
            tr("Delete everything recorded in the last {last} in {root}?", last=last, root=store.root),
            yes=yes,
        )
    else:
        ask(tr("Delete everything in {root}, and all waiting messages?", root=store.root), yes=yes)
    done = purge_device(settings, store, since if last is not None else None)
    for note in done.notes:
        say(note, err=True)
    _report(done.deleted, done.purged.left, done.purged.links)
    if done.failed:
        click.get_current_context().exit(1)


def _store(config_path: Path | None) -> Store:
    from emoedge.record.store import Store

    return Store(settings_from(config_path).recording.dir)


def _duration(text: str) -> timedelta:
    """A time such as 90s, 10m, 2h or 1d; raises ConfigError."""
    found = re.fullmatch(r"([0-9]{1,9})([smhd])", text.strip())
    if found is None:
        raise ConfigError(
            tr("--last {text!r} is not a time", text=text), tr("write it as 90s, 10m, 2h or 1d")
        )
    seconds = int(found[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86_400}[found[2]]
    if seconds > MOST_DAYS * 86_400:
        raise ConfigError(tr("--last {text} is too long", text=text), tr("to delete everything, use --all"))
    return timedelta(seconds=seconds)


def _report(deleted: int, left: list[Undeletable], links: dict[Path, str]) -> None:
    """Name what was not deleted, and end with what was; exit code 1 if anything is left."""
    for one in left:
        say(str(one), err=True)
    for path, target in links.items():
        say(
            tr(
                "{path} was a link to {target}, which was not changed (delete its content)",
                path=path,
                target=target,
            ),
            err=True,
        )
    count = len(left) + len(links)
    done = [tr("{count} segment deleted", "{count} segments deleted", count=deleted)]
    if count:
        done.append(
            tr("{count} item could not be deleted", "{count} items could not be deleted", count=count)
        )
    say(joined(done))
    if count:
        click.get_current_context().exit(1)
