"""Days as the history keeps them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

from emoedge.config import Settings
from emoedge.history.database import HistoryFile
from emoedge.history.rows import COLUMNS, MINUTE_MS, Changes, EpisodeRow, GapRow, MinuteRow
from emoedge.local_time import midnight

from .helpers import make_segment

DAY = date(2026, 11, 24)
ZONE = "Europe/Madrid"


def home(folder: Path, zone: str = ZONE) -> Settings:
    """A device without camera."""
    return Settings.model_validate(
        {
            "device_id": "salon",
            "timezone": zone,
            "paths": {"state": folder / "state"},
            "recording": {"dir": folder / "recordings"},
        }
    )


def minute(at: datetime, **seconds: float) -> MinuteRow:
    """A minute with seconds by column."""
    spent = tuple(round(1000 * seconds.get(name, 0)) for name in COLUMNS)
    return MinuteRow(_ms(at), 0, spent, 0, sum(spent[:7]), (0, 0, 0, 9000, 500, 250, 250), 1)


def minutes(start: datetime, count: int, **seconds: float) -> list[MinuteRow]:
    """Equal minutes one after the other."""
    return [minute(start + timedelta(minutes=index), **seconds) for index in range(count)]


def episode(
    at: datetime, seconds: float, emotion: str, peak: float, recording: str | None = None
) -> EpisodeRow:
    """An episode that has ended."""
    return EpisodeRow(
        f"{_ms(at):016x}", emotion, _ms(at), _ms(at) + round(1000 * seconds), round(10_000 * peak), recording
    )


def gap(start: datetime, end: datetime, reason: str) -> GapRow:
    """A gap of a synchronised clock."""
    return GapRow(_ms(start), _ms(end), reason, 0)


def keep(
    settings: Settings, rows: Iterable[MinuteRow] = (), episodes: Iterable[EpisodeRow] = (), gaps=()
) -> None:
    """Write rows as the daemon does."""
    settings.paths.state.mkdir(parents=True, exist_ok=True)
    file = HistoryFile(settings.paths.state)
    file.write([Changes(minutes=tuple(rows), episodes=tuple(episodes), gaps=tuple(gaps))])
    file.close()


def live_a_day(folder: Path, day: date = DAY) -> tuple[Settings, date, datetime]:
    """A day in which much happened: people, nobody, privacy, a stop, a recording, up to 20:30."""
    settings = home(folder)
    zero = midnight(day, settings.zone)
    recorded = make_segment(
        settings.recording.dir, (zero + timedelta(hours=17, minutes=2)).astimezone(timezone.utc), seconds=8.0
    )

    def at(hour: float) -> datetime:
        return zero + timedelta(hours=hour)

    rows = [
        *minutes(at(0), 420, nobody=60),
        *minutes(at(7), 30, neutral=40, unsure=20),
        *minutes(at(7.5), 45, happiness=45, neutral=15),
        *minutes(at(8.25), 105, nobody=60),
        *minutes(at(12), 60, nobody=50, surprise=10),
        *minutes(at(13), 40, happiness=25, sadness=20, unsure=15),
        *minutes(at(14), 60, unsure=60),
        *minutes(at(16), 90, happiness=35, anger=10, neutral=15),
        *minutes(at(17.5), 120, unknown=60),
        *minutes(at(19.5), 60, fear=20, disgust=15, sadness=25),
    ]
    episodes = [
        episode(at(7.6), 300, "happiness", 0.82),
        episode(at(13.2), 90, "sadness", 0.61),
        episode(at(17.03), 40, "happiness", 0.91, recorded.media.stem),
        episode(at(19.6), 1200, "sadness", 0.7),
    ]
    gaps = [gap(at(10), at(12), "privacy"), gap(at(15), at(16), "stopped")]
    before = [
        *minutes(at(8) - timedelta(days=1), 200, happiness=30, unsure=30),
        *minutes(at(9) - timedelta(days=8), 300, neutral=40, sadness=20),
    ]
    keep(settings, [*before, *rows], episodes, gaps)
    return settings, day, at(20.5)


def _ms(moment: datetime) -> int:
    assert MINUTE_MS
    return round(moment.timestamp() * 1000)
