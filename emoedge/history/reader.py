"""Reads the history, beside the daemon that writes it or without one."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Final

from emoedge.config import Settings
from emoedge.files import PARTIAL
from emoedge.history.buckets import Bucket, divide, edges
from emoedge.history.data import HistorySpan
from emoedge.history.database import BUSY_S, FAILURES, FILE_NAME, HistoryError, disk_error
from emoedge.history.rows import MINUTE_MS, EpisodeRow, GapRow, MinuteRow
from emoedge.history.tables import FORMAT, SELECT_MINUTES, episode_of, gap_of, minute_of
from emoedge.local_time import zone_name
from emoedge.record.names import MEDIA_SUFFIX, is_segment_id, started_of_id
from emoedge.sqlite_damage import is_damage
from emoedge.translation import tr

DAY: Final = timedelta(days=1)
LONGEST_DAY: Final = timedelta(hours=25)
ATTEMPTS: Final = 3
"""The daemon may begin or end between the look at its files and the opening."""
_EPISODES: Final = """SELECT started, episode.id, emotion, length, peak, recording.id, stretch
FROM episode LEFT JOIN recording ON recording.number = episode.recording
WHERE started >= ? AND started < ?"""

Rows = tuple[list[MinuteRow], list[EpisodeRow], list[GapRow]]


def read(
    settings: Settings,
    start: datetime,
    end: datetime,
    bucket: Bucket | None = None,
    now: datetime | None = None,
) -> HistorySpan:
    """Read what is known about a span of time.

    `emoedge.local_time` makes spans: `read(settings, *day_span(day, settings.zone))`.

    Args:
        settings: `paths.state`, `recording.dir`, `timezone` and `device_id` are used.
        start: from when, aware.
        end: until when, aware and exclusive; cut at the present.
        bucket: hours for up to a day, days for more by default.
        now: the present, for tests.

    Returns:
        Everything in it; without a file, nothing known. A segment that was deleted is None in its episodes.

    Raises:
        HistoryError: the file cannot be read, or is damaged.
        ValueError: there would be too many buckets.
    """
    zone = settings.zone
    now = (now or datetime.now(timezone.utc)).replace(microsecond=0)
    end = max(start, min(end, now))
    bucket = bucket or ("hour" if end - start <= LONGEST_DAY else "day")
    span = edges(start, end, bucket, zone)
    from_ms, to_ms = round(start.timestamp() * 1000), round(end.timestamp() * 1000)
    minutes, episodes, gaps = _read_rows(settings.paths.state / FILE_NAME, from_ms, to_ms)
    return divide(
        span,
        (minutes, _without_deleted(episodes, settings.recording.dir), gaps),
        now=now,
        device=settings.device_id,
        timezone_name=zone_name(zone),
        bucket=bucket,
        zone=zone,
    )


def _read_rows(path: Path, from_ms: int, to_ms: int) -> Rows:
    for attempt in range(ATTEMPTS):
        is_last = attempt == ATTEMPTS - 1
        try:
            os.close(os.open(path, os.O_RDONLY | os.O_CLOEXEC))  # SQLite does not tell why it cannot
            with _opened(path, immutable=is_last or not _has_log(path)) as connection:
                return _select(connection, from_ms, to_ms)
        except (FileNotFoundError, NotADirectoryError):
            return [], [], []
        except OSError as error:
            raise disk_error(path, error) from error
        except FAILURES as error:
            if not is_last:
                continue
            if is_damage(error):
                raise HistoryError(
                    tr("the history {path} is damaged ({error})", path=path, error=error),
                    tr("restart the daemon, which starts a new one and keeps this one beside it"),
                ) from error
            raise disk_error(path, error) from error
    raise AssertionError


def _has_log(path: Path) -> bool:
    return path.with_name(f"{path.name}-wal").exists()


@contextlib.contextmanager
def _opened(path: Path, *, immutable: bool) -> Iterator[sqlite3.Connection]:
    # A reader without write permission cannot create the files of a log. If there is no log, the file is #
    # complete and no process writes to it.
    address = f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' if immutable else ''}"
    with contextlib.closing(
        sqlite3.connect(address, uri=True, timeout=BUSY_S, isolation_level=None)
    ) as connection:
        connection.text_factory = _text
        yield connection


def _text(data: bytes) -> str:
    return data.decode(errors="replace")


def _select(connection: sqlite3.Connection, from_ms: int, to_ms: int) -> Rows:
    connection.execute("BEGIN")  # one state of the file for all three
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == 0:
        return [], [], []  # the daemon has just created it
    if version != FORMAT:
        raise sqlite3.DatabaseError(f"format {version} instead of {FORMAT}")
    minutes = connection.execute(
        f"{SELECT_MINUTES} WHERE minute >= ? AND minute < ? ORDER BY minute, stretch",
        (from_ms // MINUTE_MS, -(-to_ms // MINUTE_MS)),
    )
    episodes = connection.execute(_EPISODES, (from_ms, to_ms))
    gaps = connection.execute(
        "SELECT began, reason, stretch, ended FROM gap WHERE ended > ? AND began < ?", (from_ms, to_ms)
    )
    return (
        _sound(minute_of(values) for values in minutes),
        _sound(episode_of(values) for values in episodes),
        _sound(gap_of(values) for values in gaps),
    )


def _sound(rows: Iterable[Any]) -> list[Any]:
    return [row for row in rows if row is not None]


def _without_deleted(episodes: list[EpisodeRow], recordings: Path) -> list[EpisodeRow]:
    """Take the ids of segments away that are not in the store any more."""
    segments = _Segments(recordings)
    return [
        replace(row, recording=None) if row.recording is not None and not segments.has(row.recording) else row
        for row in episodes
    ]


class _Segments:
    """Which segments there are, finished or being written; each folder is read once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._days: dict[str, frozenset[str] | None] = {}
        self._near: dict[str, frozenset[str] | None] = {}

    def has(self, segment_id: str) -> bool:
        """Return whether a segment is there, or it cannot be told."""
        if not is_segment_id(segment_id):
            return False
        day = segment_id[:8]
        if day not in self._near:
            self._near[day] = self._names_near(segment_id)
        names = self._near[day]
        return (
            names is None
            or f"{segment_id}{MEDIA_SUFFIX}" in names
            or f"{segment_id}{MEDIA_SUFFIX}{PARTIAL}" in names
        )

    def _names_near(self, segment_id: str) -> frozenset[str] | None:
        """Files of the day in an id and of its neighbours: folders have the local date of that time."""
        began = datetime.fromtimestamp(started_of_id(segment_id), timezone.utc)
        found = [self._names(f"{began + shift:%Y-%m-%d}") for shift in (-DAY, DAY * 0, DAY)]
        return None if None in found else frozenset().union(*(names for names in found if names))

    def _names(self, day: str) -> frozenset[str] | None:
        """Files of a folder; None where it cannot be told."""
        if day not in self._days:
            try:
                self._days[day] = frozenset(path.name for path in (self._root / day).iterdir())
            except (FileNotFoundError, NotADirectoryError):
                self._days[day] = frozenset()
            except OSError:
                self._days[day] = None
        return self._days[day]
