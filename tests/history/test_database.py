"""The file: what is written is read back, moved once, deleted wholly, and outlives damage."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import pytest

from emoedge.config import PathSettings, RecordingSettings, Settings
from emoedge.errors import EmoedgeError
from emoedge.history import HistoryError, purge_history, read
from emoedge.history.database import ASIDE, FILE_NAME, HistoryFile
from emoedge.history.rows import (
    COLUMNS,
    MINUTE_MS,
    Changes,
    ClockMove,
    EpisodeRow,
    GapRow,
    MinuteRow,
)
from emoedge.local_time import zone_of
from tests.history.helpers import NOON

MADRID = "Europe/Madrid"
DAY_MS = 86_400_000


def settings(folder: Path, zone: str = MADRID) -> Settings:
    return Settings(
        device_id="salon",
        timezone=zone,
        paths=PathSettings(state=folder / "state"),
        recording=RecordingSettings(dir=folder / "recordings"),
    )


def minute(start_ms: int, stretch: int = 0, seconds: int = 60, column: str = "happiness") -> MinuteRow:
    spent = tuple(seconds * 1000 if name == column else 0 for name in COLUMNS)
    return MinuteRow(start_ms, stretch, spent, 5000, seconds * 1000, (0, 0, 0, 9000, 500, 250, 250), 2)


def episode(started_ms: int, name: str = "0011223344556677", recording: str | None = None) -> EpisodeRow:
    return EpisodeRow(name, "happiness", started_ms, started_ms + 2500, 8000, recording)


def moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, timezone.utc)


def everything(folder: Path, zone: str = MADRID):  # type: ignore[no-untyped-def]
    one = settings(folder, zone)
    return read(one, moment(NOON - 3_600_000), moment(NOON + 3_600_000), "minute", moment(NOON + DAY_MS))


def files(folder: Path) -> set[str]:
    return {path.name for path in (folder / "state").iterdir()}


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    file = HistoryFile(tmp_path / "state")
    changes = Changes(
        (minute(NOON),), (episode(NOON + 1000),), (GapRow(NOON + MINUTE_MS, NOON + 90_000, "privacy"),)
    )
    file.write([changes])
    history = everything(tmp_path)
    assert history.totals.seconds["happiness"] == 60
    assert history.totals.seconds["private"] == 30
    assert history.totals.speech_s == 5
    assert history.totals.people_max == 2
    assert history.totals.probabilities is not None
    assert history.totals.probabilities["happiness"] == pytest.approx(0.9)
    (one,) = history.episodes
    assert (one.event_id, one.duration_s, one.peak_confidence) == ("0011223344556677", 2.5, 0.8)
    assert one.started.isoformat() == "2026-06-01T14:00:01+02:00"
    file.close()
    assert files(tmp_path) == {FILE_NAME}, "an orderly end leaves one whole file"
    assert everything(tmp_path) == history


def test_ids_of_any_form_come_back(tmp_path: Path) -> None:
    names = ["0011223344556677", "AB", "not hex", "", "ab cd", "ñ"]
    file = HistoryFile(tmp_path / "state")
    file.write([Changes(episodes=tuple(episode(NOON + at, name) for at, name in enumerate(names)))])
    assert [one.event_id for one in everything(tmp_path).episodes] == names


def test_a_minute_in_two_parts_is_one_and_is_not_counted_twice(tmp_path: Path) -> None:
    file = HistoryFile(tmp_path / "state")
    file.write([Changes((minute(NOON, seconds=20),))])
    file.write([Changes((minute(NOON, seconds=30, column="anger"),))])
    file.write([Changes((minute(NOON, seconds=30, column="fear"),))])
    seconds = everything(tmp_path).totals.seconds
    assert (seconds["happiness"], seconds["anger"], seconds["fear"]) == (20, 30, 0)


def test_a_stretch_is_moved_once_with_all_that_is_in_it(tmp_path: Path) -> None:
    file = HistoryFile(tmp_path / "state")
    old = NOON - 900_000_000
    file.write([Changes((minute(NOON - 5 * MINUTE_MS),), end_ms=NOON - 4 * MINUTE_MS)])
    again = HistoryFile(tmp_path / "state")
    again.write(
        [
            Changes(
                (minute(old, 1, 40),),
                (replace(episode(old + 3000), stretch=1),),
                (GapRow(old + 50_000, old + 55_000, "privacy", 1),),
                begun_ms=old,
                begun_stretch=1,
            )
        ]
    )
    assert everything(tmp_path).totals.seconds["happiness"] == 60, "it is not there yet"
    again.write([Changes(moves=(ClockMove(1, 900_000_000 + 17_000),), end_ms=NOON + 60_000)])
    history = everything(tmp_path)
    assert history.totals.seconds["happiness"] == 100
    assert history.totals.clock_synced
    assert history.episodes[0].started == moment(NOON + 20_000)
    assert [(gap.reason, gap.start, gap.end) for gap in history.gaps] == [
        ("stopped", moment(NOON - 4 * MINUTE_MS), moment(NOON)),
        ("privacy", moment(NOON + 50_000), moment(NOON + 55_000)),
    ]


def test_stretches_of_two_runs_are_kept_apart(tmp_path: Path) -> None:
    """A device without a clock of its own begins at the same time after each start."""
    old = NOON - 900_000_000
    HistoryFile(tmp_path / "state").write([Changes((minute(old, 1, 60, "anger"),))])
    second = HistoryFile(tmp_path / "state")
    second.write([Changes((minute(old, 1, 60, "fear"),))])
    second.write([Changes(moves=(ClockMove(1, 900_000_000),))])
    seconds = everything(tmp_path).totals.seconds
    assert (seconds["anger"], seconds["fear"]) == (0, 60)
    before = read(settings(tmp_path), moment(old), moment(old + MINUTE_MS), now=moment(NOON))
    assert before.totals.seconds["anger"] == 60
    assert not before.totals.clock_synced


def test_a_segment_that_was_deleted_is_null(tmp_path: Path) -> None:
    kept, gone = "20260601T120000Z-0000000a", "20260601T120000Z-0000000b"
    folder = tmp_path / "recordings" / "2026-06-01"
    folder.mkdir(parents=True)
    (folder / f"{kept}.mp4").touch()
    file = HistoryFile(tmp_path / "state")
    file.write(
        [
            Changes(
                episodes=(episode(NOON, "00", kept), episode(NOON + 1, "01", gone), episode(NOON + 2, "02"))
            )
        ]
    )
    assert [one.recording for one in everything(tmp_path).episodes] == [kept, None, None]


def test_days_that_are_too_old_go_and_the_file_shrinks(tmp_path: Path) -> None:
    file = HistoryFile(tmp_path / "state")
    for day in range(10):
        start = NOON + day * DAY_MS
        rows = tuple(minute(start + at * MINUTE_MS) for at in range(600))
        file.write([Changes(rows, gaps=(GapRow(start, start + 10, "stopped"),))])
    before = file.size_bytes()
    file.delete(NOON + 5 * DAY_MS)
    one = settings(tmp_path)
    later = moment(NOON + 20 * DAY_MS)
    assert read(one, moment(NOON), moment(NOON + 5 * DAY_MS), now=later).is_empty
    rest = read(one, moment(NOON + 5 * DAY_MS), moment(NOON + 11 * DAY_MS), now=later)
    assert rest.totals.seconds["happiness"] == 5 * 600 * 60
    assert file.size_bytes() < 0.7 * before
    file.trim(60_000, zone_of(MADRID))
    assert not read(one, moment(NOON + 9 * DAY_MS), moment(NOON + 10 * DAY_MS), now=later).is_empty, (
        "the last stays"
    )
    assert read(one, moment(NOON), moment(NOON + 8 * DAY_MS), now=later).is_empty
    file.close()
    assert (tmp_path / "state" / FILE_NAME).stat().st_size < 0.5 * before


def test_what_is_deleted_is_in_no_byte_of_the_files(tmp_path: Path) -> None:
    file = HistoryFile(tmp_path / "state")
    file.write([Changes(episodes=(episode(NOON, "a secret name"),), minutes=(minute(NOON),))])
    purge_history(tmp_path / "state", before=moment(NOON + DAY_MS))
    assert everything(tmp_path).is_empty
    assert not any(b"a secret name" in path.read_bytes() for path in (tmp_path / "state").iterdir())
    file.write([Changes((minute(NOON),))])  # the daemon goes on


def test_the_last_minutes_can_be_forgotten(tmp_path: Path) -> None:
    file = HistoryFile(tmp_path / "state")
    file.write([Changes(tuple(minute(NOON + at * MINUTE_MS) for at in range(10)))])
    (tmp_path / "state" / ASIDE).touch()
    assert purge_history(tmp_path / "state", since=moment(NOON + 7 * MINUTE_MS + 30_000))
    assert everything(tmp_path).totals.seconds["happiness"] == 7 * 60
    assert ASIDE not in files(tmp_path)


def test_purging_everything_leaves_nothing(tmp_path: Path) -> None:
    file = HistoryFile(tmp_path / "state")
    file.write([Changes((minute(NOON),))])
    (tmp_path / "state" / ASIDE).touch()
    (tmp_path / "state" / "other").touch()
    assert purge_history(tmp_path / "state")
    assert files(tmp_path) == {"other"}
    assert not purge_history(tmp_path / "state")
    assert file.is_gone()
    file.begin_again()
    file.write([Changes((minute(NOON + MINUTE_MS),))])
    assert everything(tmp_path).totals.seconds["happiness"] == 60


def test_the_log_of_a_file_that_was_deleted_brings_nothing_back(tmp_path: Path) -> None:
    script = (
        "import os,sys,pathlib\nfrom tests.history.test_database import *\n"
        "HistoryFile(pathlib.Path(sys.argv[1])).write([Changes((minute(NOON),))])\n"
        "os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "state")], check=False)
    assert f"{FILE_NAME}-wal" in files(tmp_path)
    (tmp_path / "state" / FILE_NAME).unlink()
    HistoryFile(tmp_path / "state").write([Changes((minute(NOON + MINUTE_MS, column="fear"),))])
    assert everything(tmp_path).totals.seconds["happiness"] == 0


def test_a_kill_loses_nothing_that_was_written(tmp_path: Path) -> None:
    script = (
        "import sys,pathlib\nfrom tests.history.test_database import *\n"
        "file = HistoryFile(pathlib.Path(sys.argv[1]))\n"
        "for at in range(100000):\n"
        "    file.write([Changes((minute(NOON + at % 59 * MINUTE_MS, seconds=1),))])\n"
        "    print(at, flush=True)\n"
    )
    for _ in range(3):
        child = subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path / "state")], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        last = 0
        for line in child.stdout:
            last = int(line)
            if last >= 20:
                child.send_signal(signal.SIGKILL)
                break
        rest = [int(line) for line in child.stdout if line.endswith("\n")]
        child.wait()
        last = max([last, *rest])
        # Before anything else opens it: a reader that may not write.
        found = everything(tmp_path).totals.seconds["happiness"]
        assert last + 1 <= found
        purge_history(tmp_path / "state")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter; what is above pytest's own belongs to one user."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.skipif(os.geteuid() != 0, reason="another user needs root")
@pytest.mark.parametrize("ending", ["running", "stopped", "killed"])
def test_the_group_reads_while_the_daemon_runs_is_stopped_or_was_killed(
    open_folder: Path, ending: str
) -> None:
    script = (
        "import os,sys,time,pathlib\nfrom tests.history.test_database import *\n"
        "import grp\nos.umask(0o027)\nos.setgid(54321)\nos.setuid(12345)\n"
        "file = HistoryFile(pathlib.Path(sys.argv[1]))\n"
        "file.write([Changes((minute(NOON),))])\nprint('written', flush=True)\n"
        "sys.stdin.readline()\nfile.close()\n"
    )
    state = open_folder / "state"
    state.mkdir(mode=0o750)
    os.chown(state, 12345, 54321)
    child = subprocess.Popen(
        [sys.executable, "-c", script, str(state)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "written\n"
        if ending == "killed":
            child.kill()
        elif ending == "stopped":
            child.communicate("\n", timeout=60)
        if ending != "running":
            child.wait(60)
        # Imported before the change: another user may not read the interpreter's own files.
        reader = (
            "import os,pathlib,sys,urllib.parse\nfrom tests.history.test_database import everything\n"
            "folder = pathlib.Path(sys.argv[1])\neverything(folder / 'nothing')\n"
            "os.setgroups([])\nos.setgid(54321)\nos.setuid(12346)\n"
            "print(everything(folder).totals.seconds['happiness'])\n"
        )
        command = [sys.executable, "-B", "-c", reader, str(open_folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.stdout == "60.0\n", done.stderr
    finally:
        child.kill()
        child.wait()


@pytest.mark.skipif(os.geteuid() != 0, reason="another user needs root")
def test_another_user_is_told_what_to_do(open_folder: Path) -> None:
    HistoryFile(open_folder / "state").write([Changes((minute(NOON),))])
    (open_folder / "state").chmod(0o750)
    reader = (
        "import os,pathlib,sys,urllib.parse\nfrom tests.history.test_database import answer_or_error\n"
        "folder = pathlib.Path(sys.argv[1])\nanswer_or_error(folder / 'nothing')\n"
        "os.setgroups([])\nos.setgid(54322)\nos.setuid(12346)\nprint(answer_or_error(folder))\n"
    )
    command = [sys.executable, "-B", "-c", reader, str(open_folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "group emoedge" in done.stdout, done.stderr


def test_a_damaged_file_is_put_aside_and_a_new_one_is_begun(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (state / FILE_NAME).write_bytes(b"this is not a database" * 100)
    with pytest.raises(HistoryError, match="damaged"):
        everything(tmp_path)
    file = HistoryFile(state)
    file.write([Changes((minute(NOON),))])
    assert file.set_aside == 1
    assert (state / ASIDE).read_bytes().startswith(b"this is not")
    assert everything(tmp_path).totals.seconds["happiness"] == 60


def test_a_file_of_another_format_is_put_aside(tmp_path: Path) -> None:
    file = HistoryFile(tmp_path / "state")
    file.write([Changes((minute(NOON),))])
    file.close()
    connection = sqlite3.connect(tmp_path / "state" / FILE_NAME)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    again = HistoryFile(tmp_path / "state")
    again.write([Changes((minute(NOON),))])
    assert again.set_aside == 1


def sample(folder: Path) -> bytes:
    file = HistoryFile(folder / "state")
    rows = tuple(minute(NOON + at * MINUTE_MS) for at in range(30))
    many = tuple(episode(NOON + at * 7000, f"{at:016x}", "20260601T120000Z-0000000a") for at in range(60))
    file.write([Changes(rows, many, (GapRow(NOON - 5000, NOON, "stopped"),), end_ms=NOON)])
    file.close()
    return (folder / "state" / FILE_NAME).read_bytes()


def mutated(data: bytes, dice: random.Random) -> bytes:
    damaged = bytearray(data)
    kind = dice.random()
    if kind < 0.15:
        return bytes(damaged[: dice.randrange(len(damaged))])
    for _ in range(dice.choice((1, 1, 2, 8, 64))):
        at = dice.randrange(len(damaged) if kind < 0.6 else 400)
        damaged[at] = dice.randrange(256)
    if kind > 0.95:
        page = dice.randrange(len(damaged) // 4096) * 4096
        damaged[page : page + 4096] = dice.randbytes(4096)
    return bytes(damaged)


@pytest.mark.parametrize("part", range(20))
def test_damaged_files_give_an_answer_or_a_clear_error(tmp_path: Path, part: int) -> None:
    """10,000 damaged files in all are read; some are written to as well."""
    data, dice = sample(tmp_path), random.Random(part)
    path = tmp_path / "state" / FILE_NAME
    for number in range(500):
        path.write_bytes(mutated(data, dice))
        problem = answer_or_error(tmp_path)
        assert problem is None or problem.remedy
        if number % 50 == 0:
            use(tmp_path / "state")
            assert answer_or_error(tmp_path) is None
            for name in files(tmp_path):
                (tmp_path / "state" / name).unlink()


def answer_or_error(folder: Path) -> EmoedgeError | None:
    try:
        history = everything(folder)
    except EmoedgeError as error:
        return error
    assert sum(history.totals.seconds.values()) == pytest.approx(7200)
    history.to_json()
    return None


def use(state: Path) -> None:
    """All that the daemon does with a file."""
    file = HistoryFile(state)
    rows = (minute(NOON + 3 * MINUTE_MS, 1),)
    file.write([Changes(rows, (episode(NOON),), moves=(ClockMove(1, 600_000),), begun_ms=NOON)])
    file.trim(1, zone_of(MADRID))
    file.delete(NOON + MINUTE_MS, NOON + 20 * MINUTE_MS)
    file.close()
