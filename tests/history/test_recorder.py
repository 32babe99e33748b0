"""From what the daemon offers to the file: nobody waits for the disk, and nothing else is kept."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from emoedge.config import HistorySettings
from emoedge.history import HistorySpan, purge_history, read
from emoedge.history.database import FILE_NAME, HistoryFile
from emoedge.history.recorder import HistoryRecorder
from emoedge.history.rows import COLUMNS, MINUTE_MS, NOBODY, Changes
from emoedge.history.writer_thread import HistoryWriter
from emoedge.local_time import zone_of
from emoedge.observations import FacesObservation
from tests.history.helpers import NOON, SetClock, ended, state
from tests.history.test_database import MADRID, minute, moment, settings

PATIENCE_S = 120.0


def until(condition: Callable[[], object]) -> None:
    end_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.01)


def make(folder: Path, clock: SetClock, **changes: object) -> HistoryRecorder:
    return HistoryRecorder(HistorySettings.model_validate(changes), folder / "state", clock, zone_of(MADRID))


def live(recorder: HistoryRecorder, clock: SetClock, seconds: float) -> None:
    end_s = clock.time_s + seconds
    while clock.time_s < end_s:
        recorder.offer_faces(FacesObservation(clock.time_s, ()))
        recorder.offer_state(state(clock.time_s))
        recorder.look()
        clock.time_s += 0.5


def stop(recorder: HistoryRecorder) -> None:
    recorder.request_stop()
    assert recorder.join(PATIENCE_S)


def told(folder: Path, clock: SetClock) -> HistorySpan:
    now = moment(clock.wall_ms + 60_000)
    return read(settings(folder), moment(NOON - 86_400_000), now, "minute", now)


def test_a_run_is_in_the_file_and_the_next_one_leaves_a_gap(tmp_path: Path) -> None:
    clock = SetClock()
    recorder = make(tmp_path, clock)
    recorder.start()
    live(recorder, clock, 90)
    recorder.on_event(ended(clock.time_s - 5, clock.time_s))
    stop(recorder)
    clock.time_s += 600
    again = make(tmp_path, clock)
    again.start()
    live(again, clock, 30)
    stop(again)
    history = told(tmp_path, clock)
    assert history.totals.seconds["happiness"] == pytest.approx(120, abs=1)
    assert history.totals.seconds["stopped"] == pytest.approx(600, abs=1)
    assert [gap.reason for gap in history.gaps] == ["stopped"]
    assert len(history.episodes) == 1
    assert recorder.health().state == "ok"


def test_under_privacy_only_the_gap_is_written(tmp_path: Path) -> None:
    clock = SetClock()
    recorder = make(tmp_path, clock)
    recorder.start()
    live(recorder, clock, 20)
    recorder.set_privacy(True)
    live(recorder, clock, 200)
    recorder.set_privacy(False)
    live(recorder, clock, 10)
    stop(recorder)
    history = told(tmp_path, clock)
    assert history.totals.seconds["happiness"] == pytest.approx(30, abs=1)
    assert history.totals.seconds["private"] == pytest.approx(200, abs=1)
    assert [gap.reason for gap in history.gaps] == ["privacy"]


def test_disabled_it_keeps_nothing_and_makes_no_file(tmp_path: Path) -> None:
    clock = SetClock()
    recorder = make(tmp_path, clock, enabled=False)
    recorder.start()
    live(recorder, clock, 70)
    recorder.set_privacy(True)
    assert recorder.health().state == "off"
    stop(recorder)
    assert not (tmp_path / "state" / FILE_NAME).exists()


def test_a_purge_takes_what_is_in_memory_too(tmp_path: Path) -> None:
    clock = SetClock()
    recorder = make(tmp_path, clock)
    recorder.start()
    live(recorder, clock, 100)
    until(lambda: told(tmp_path, clock).totals.seconds["happiness"] > 0)
    assert purge_history(tmp_path / "state")
    live(recorder, clock, 100)
    stop(recorder)
    history = told(tmp_path, clock)
    # The minute in which the daemon notices goes as well, so that nothing of before can stay.
    assert history.totals.seconds["happiness"] <= 100
    assert all(
        bucket.seconds["happiness"] == 0 for bucket in history.buckets if bucket.start < moment(NOON + 60_000)
    )


def test_the_last_minutes_are_forgotten_on_request(tmp_path: Path) -> None:
    clock = SetClock()
    recorder = make(tmp_path, clock)
    recorder.start()
    live(recorder, clock, 200)
    until(lambda: told(tmp_path, clock).totals.seconds["happiness"] > 150)
    recorder.forget(since=moment(NOON + 60_000))
    until(lambda: told(tmp_path, clock).totals.seconds["happiness"] <= 60)
    stop(recorder)
    assert told(tmp_path, clock).totals.seconds["happiness"] <= 60


def test_days_go_at_midnight_once_the_clock_is_known(tmp_path: Path) -> None:
    HistoryFile(tmp_path / "state").write([Changes((minute(NOON - 5 * 86_400_000),))])
    clock = SetClock(synced=False)
    recorder = make(tmp_path, clock, keep_days=2)
    recorder.start()
    live(recorder, clock, 70)

    def old() -> float:
        span = moment(NOON - 6 * 86_400_000), moment(NOON - 4 * 86_400_000)
        return read(settings(tmp_path), *span, now=moment(clock.wall_ms)).totals.seconds["happiness"]

    until(lambda: told(tmp_path, clock).totals.seconds["happiness"] > 0)
    assert old() == 60
    clock.synced = True
    live(recorder, clock, 2)
    until(lambda: old() == 0)
    stop(recorder)


def test_a_clock_that_is_set_a_moment_before_it_counts_as_known_leaves_no_gap(tmp_path: Path) -> None:
    """As systemd-timesyncd does it: it sets the clock, then it leaves its mark."""
    clock = SetClock(NOON - 800 * 86_400_000, synced=False)
    recorder = make(tmp_path, clock)
    recorder.start()
    live(recorder, clock, 130)
    clock.set(NOON)
    live(recorder, clock, 2)
    clock.synced = True
    live(recorder, clock, 70)
    stop(recorder)
    history = told(tmp_path, clock)
    assert history.totals.seconds["happiness"] == pytest.approx(202, abs=2)
    assert history.totals.clock_synced
    assert history.gaps == ()
    later = moment(NOON + 700 * 86_400_000)
    assert read(settings(tmp_path), moment(NOON + 600 * 86_400_000), later, now=later).is_empty


def test_minutes_in_which_nobody_is_there_are_written_five_at_a_time(tmp_path: Path) -> None:
    """An empty house cost the card 38 MB a day: a transaction each minute."""
    now = [1000.0]
    writer = HistoryWriter(HistorySettings(), tmp_path / "state", None, lambda: None, lambda: now[0])

    def pass_minute(**changes: object) -> bool:
        row = replace(minute(NOON + round(now[0]) * 1000 // 60_000 * 60_000), **changes)
        writer.put(Changes((row,), end_ms=NOON))
        is_due = writer._is_due()
        now[0] += 60
        return is_due

    nobody = tuple(MINUTE_MS * (index == NOBODY) for index in range(len(COLUMNS)))
    empty = {"spent_ms": nobody, "opinion_ms": 0, "speech_ms": 0, "people_max": 0}
    assert [pass_minute(**empty) for _ in range(5)] == [False] * 4 + [True]
    writer._waiting.clear()
    assert [pass_minute(**empty), pass_minute(**empty), pass_minute()] == [False, False, True]
    writer._waiting.clear()
    for news in ({"speech_ms": 1}, {"people_max": 1}):
        assert pass_minute(**empty | news)
        writer._waiting.clear()
    assert not pass_minute(**empty)
    writer.retain(None)
    assert writer._is_due(), "a deletion takes what waits along"


def test_nothing_else_is_kept(tmp_path: Path) -> None:
    """No words, boxes, face ids or features: the columns are all there is."""
    file = HistoryFile(tmp_path / "state")
    file.write([Changes((minute(NOON),))])
    tables = file._opened().execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    assert {row[0] for row in tables} == {"minute", "episode", "recording", "gap", "fact"}
    columns = {
        column[1] for (table,) in tables for column in file._opened().execute(f"PRAGMA table_info({table})")
    }
    allowed = {"minute", "stretch", "speech", "opinion", "people", "unsure", "nobody", "unknown"}
    allowed |= {"started", "id", "emotion", "length", "peak", "recording", "number", "began", "ended"}
    allowed |= {"reason", "name", "value", "anger", "disgust", "fear", "happiness", "sadness", "surprise"}
    allowed |= {"neutral", *(f"p_{name}" for name in ("anger", "disgust", "fear", "happiness", "sadness"))}
    assert columns == allowed | {"p_surprise", "p_neutral"}
