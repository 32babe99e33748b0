"""Size of the history for thirty busy days, and time to read a day and a week of it.

    python -m benchmarks.history [--days N…] [--episodes N] [--json FILE]

The simulated home is busy: people in every minute, all seven emotions, speech, and three episodes a minute,
of which every third is recorded. Processor times (median of `ROUNDS`), in milliseconds; `command` is all of
`emoedge history --json`.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from emoedge.bench.machine import describe_machine
from emoedge.config import PathSettings, RecordingSettings, Settings
from emoedge.emotions import EMOTIONS
from emoedge.history import Bucket, read
from emoedge.history.database import FILE_NAME, HistoryFile
from emoedge.history.rows import COLUMNS, MINUTE_MS, WHOLE, Changes, EpisodeRow, MinuteRow
from emoedge.local_time import Span, day_span, week_span

ROUNDS: Final = 7
MONDAY: Final = date(2026, 9, 7)
ZONE: Final = "Europe/Madrid"
MINUTES_OF_A_DAY: Final = 1440


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--days", type=int, nargs="+", default=[1, 7, 30])
    parser.add_argument("--episodes", type=int, default=3, help="a minute")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    rows = []
    print("| days | size, MB | a day by the hour | by the minute | a week by the day | command |")
    print("|---|---|---|---|---|---|")
    for days in arguments.days:
        row = measure(days, arguments.episodes)
        size_mb, *times = row.values()
        print(
            f"| {days} | {size_mb:.1f} | " + " | ".join(f"{value:.0f} ms" for value in times) + " |",
            flush=True,
        )
        rows.append({"days": days, **row})
    if arguments.json:
        result = {"schema": 1, "machine": describe_machine(), "rows": rows}
        arguments.json.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def measure(days: int, episodes: int) -> dict[str, float]:
    """Return size and processor times of a history of some days."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            timezone=ZONE,
            paths=PathSettings(state=Path(folder)),
            recording=RecordingSettings(dir=Path(folder) / "recordings"),
        )
        size = fill(settings, days, episodes)
        day = day_span(MONDAY + timedelta(days=min(3, days - 1)), settings.zone)
        week = week_span(MONDAY, settings.zone)
        cases: tuple[tuple[Span, Bucket], ...] = ((day, "hour"), (day, "minute"), (week, "day"))
        times = [median_ms(partial(show, settings, *case)) for case in cases]
        times.append(command_ms(folder, f"{day[0]:%Y-%m-%d}"))
    names = ("day_by_hour_ms", "day_by_minute_ms", "week_by_day_ms", "command_ms")
    return {
        "size_mb": round(size / 1e6, 2),
        **dict(zip(names, (round(one, 1) for one in times), strict=True)),
    }


def fill(settings: Settings, days: int, episodes: int) -> int:
    """Write the days and return the size of the file and its log."""
    dice = random.Random(1)
    file = HistoryFile(settings.paths.state)
    start_ms = round(day_span(MONDAY, settings.zone)[0].timestamp()) * 1000
    for day in range(days):
        batch = []
        for at in range(MINUTES_OF_A_DAY):
            began_ms = start_ms + (day * MINUTES_OF_A_DAY + at) * MINUTE_MS
            stamp = f"202609{1 + day % 28:02}T{at // 60:02}{at % 60:02}00Z-{dice.getrandbits(32):08x}"
            rows = [
                episode(dice, began_ms + number * MINUTE_MS // episodes, None if number % 3 else stamp)
                for number in range(episodes)
            ]
            batch.append(Changes((minute(dice, began_ms),), tuple(rows), end_ms=began_ms + MINUTE_MS))
        file.write(batch)
    file.close()
    return (settings.paths.state / FILE_NAME).stat().st_size


def minute(dice: random.Random, start_ms: int) -> MinuteRow:
    """Return a busy minute."""
    cuts = sorted(dice.randrange(MINUTE_MS + 1) for _ in COLUMNS[1:])
    spent = tuple(end - begin for begin, end in zip([0, *cuts], [*cuts, MINUTE_MS], strict=True))
    raw = [dice.random() for _ in EMOTIONS]
    probabilities = tuple(round(WHOLE * value / sum(raw)) for value in raw)
    return MinuteRow(
        start_ms, 0, spent, dice.randrange(MINUTE_MS), dice.randrange(MINUTE_MS), probabilities, 3
    )


def episode(dice: random.Random, started_ms: int, recording: str | None) -> EpisodeRow:
    """Return an episode of a few seconds."""
    started_ms += dice.randrange(1000)
    return EpisodeRow(
        f"{dice.getrandbits(64):016x}",
        dice.choice(EMOTIONS),
        started_ms,
        started_ms + dice.randrange(1500, 18_000),
        dice.randrange(WHOLE),
        recording,
    )


def show(settings: Settings, span: Span, bucket: Bucket) -> None:
    """Read a span as the command and the console do."""
    read(settings, *span, bucket).to_json()


def median_ms(act: Callable[[], object]) -> float:
    """Return the processor time of a call."""

    def once() -> float:
        begun_s = time.process_time()
        act()
        return 1000 * (time.process_time() - begun_s)

    return statistics.median(once() for _ in range(ROUNDS))


def command_ms(folder: str, day: str) -> float:
    """Return the processor time of `emoedge history --json`."""
    config = Path(folder) / "emoedge.toml"
    config.write_text(f'timezone = "{ZONE}"\n[paths]\nstate = "{folder}"\n')
    begun = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "emoedge", "history", "--json", "--day", day, "--config", str(config)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (ended.ru_utime + ended.ru_stime - begun.ru_utime - begun.ru_stime)


if __name__ == "__main__":
    main()
