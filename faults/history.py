"""Faults of the history: a damaged file, a full disk."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Final

from emoedge.config import PathSettings, RecordingSettings, Settings
from emoedge.history import HistorySpan, read
from emoedge.history.database import ASIDE, FILE_NAME
from faults.bench import Bench
from faults.disk import fill
from faults.fault import fault
from faults.surroundings import holds, until

NOTICED_S: Final = 90.0
RESUMES_S: Final = 90.0
SOON_S: Final = 120.0
"""The demo clip has an episode every few seconds; each is written when it ends."""
ENOUGH: Final = 3
A_DAY: Final = timedelta(days=1)


@fault()
def history_is_damaged(bench: Bench) -> float:
    """The daemon is stopped, and half of `history.sqlite3` is overwritten before the next start.

    `health` reports the damaged file and its new path. A new file is started, and episodes are stored.
    """
    bench.start_all(recording__mode="off")
    until(lambda: _told(bench).episodes, "an episode is stored", SOON_S)
    bench.terminate()
    path = bench.state / FILE_NAME
    data = path.read_bytes()
    path.write_bytes(data[:100] + bytes(len(data) // 2) + data[100 + len(data) // 2 :])
    bench.start()
    took_s = until(lambda: bench.state_of("history") == "degraded", "health reports it", NOTICED_S)
    holds(ASIDE in str(bench.part("history").get("reason")), "the damaged file is named")
    until(lambda: _told(bench).episodes, "an episode is stored in a new file", SOON_S)
    holds((bench.state / ASIDE).exists(), "the damaged file is there")
    bench.check_alive()
    return took_s


@fault()
def history_disk_full(bench: Bench) -> float:
    """The disk of the state folder is full while episodes end, and is freed later; recording is off.

    Analysis continues, `health` names the disk, and every published episode is stored afterwards.
    """
    bench.state.mkdir()
    bench.mount("-t", "tmpfs", "-o", "size=1m", "tmpfs", at=bench.state)
    bench.start_all(recording__mode="off")
    until(lambda: _told(bench).episodes, "an episode is stored", SOON_S)
    ballast = bench.state / "ballast"
    fill(ballast)
    until(lambda: bench.state_of("history") == "degraded", "health names the history", NOTICED_S)
    holds("full" in str(bench.part("history").get("reason")), "the reason is named")
    bench.goes_on("emotion", "analysis continues")
    seen = len(_ended(bench))
    until(lambda: len(_ended(bench)) >= seen + ENOUGH, "episodes end meanwhile", SOON_S)
    waiting = _ended(bench)
    ballast.unlink()
    took_s = until(lambda: bench.state_of("history") == "ok", "health reports it as ok", RESUMES_S)
    until(
        lambda: waiting <= {one.event_id for one in _told(bench).episodes}, "all of them are stored", SOON_S
    )
    return took_s


def _ended(bench: Bench) -> set[str]:
    """Return the ids of the episodes whose end was published."""
    return {str(event["id"]) for event in bench.payloads("event") if event["type"] == "end"}


def _told(bench: Bench) -> HistorySpan:
    """Return all episodes in the history."""
    settings = Settings(
        paths=PathSettings(state=bench.state), recording=RecordingSettings(dir=bench.recordings)
    )
    now = datetime.now(timezone.utc)
    return read(settings, now - A_DAY, now + A_DAY)
