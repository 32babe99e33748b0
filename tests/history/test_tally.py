"""Seconds are counted into minutes of the wall clock, each once, whatever the clock does."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from emoedge.history.rows import COLUMN, MINUTE_MS, SYNCED, UNKNOWN, Changes, EpisodeRow, GapRow, MinuteRow
from emoedge.history.tally import HOLD_MS, MinuteTally, Now, column_of
from emoedge.observations import ActivityChange
from tests.history.helpers import NOON, SetClock, ended, live, state

MINUTE = MINUTE_MS


def minutes(taken: list[Changes | None]) -> list[MinuteRow]:
    return [row for changes in taken if changes is not None for row in changes.minutes]


def gaps(taken: list[Changes | None]) -> list[GapRow]:
    return [row for changes in taken if changes is not None for row in changes.gaps]


def episodes(taken: list[Changes | None]) -> list[EpisodeRow]:
    return [row for changes in taken if changes is not None for row in changes.episodes]


def spent(row: MinuteRow, column: str) -> int:
    return row.spent_ms[COLUMN[column]]


def test_a_minute_is_split_between_the_states_in_it() -> None:
    clock, tally = SetClock(), MinuteTally()
    taken: list[Changes | None] = [
        *live(tally, clock, 20),
        *live(tally, clock, 30, "unsure"),
        *live(tally, clock, 20, "nobody"),
    ]
    (first,) = minutes(taken)
    assert first.start_ms == NOON
    found = [spent(first, name) for name in ("happiness", "unsure", "nobody")]
    assert found == [20_000, 30_000, 10_000]
    assert first.opinion_ms == 20_000
    assert first.probabilities[3] == 9400
    (second,) = minutes([tally.take(everything=True)])
    assert second.start_ms == NOON + MINUTE
    assert sum(second.spent_ms) == 10_000


def test_a_minute_of_which_nothing_is_known_is_no_row() -> None:
    clock, tally = SetClock(), MinuteTally()
    assert minutes([*live(tally, clock, 200, "unknown"), tally.take(everything=True)]) == []


def test_a_state_that_is_not_renewed_is_believed_for_seconds_only() -> None:
    clock, tally = SetClock(), MinuteTally()
    tally.state(clock.now(), COLUMN["anger"], None)
    clock.time_s += 50
    tally.look(clock.now())
    changes = tally.take(everything=True)
    assert changes is not None
    (row,) = changes.minutes
    assert (spent(row, "anger"), spent(row, "unknown")) == (5_000, 45_000)


def test_times_out_of_order_are_counted_once() -> None:
    clock, tally = SetClock(), MinuteTally()
    live(tally, clock, 10)
    earlier = Now(clock.time_s - 3, clock.wall_ms - 3000, True)
    tally.state(earlier, COLUMN["anger"], None)
    live(tally, clock, 10)
    changes = tally.take(everything=True)
    assert changes is not None
    assert sum(changes.minutes[0].spent_ms) == 20_000


@pytest.mark.parametrize("jump_s", [-7200, -61, 61, 3600, 40 * 86_400])
def test_a_jump_of_the_clock_leaves_a_gap_and_no_minute_is_longer_than_a_minute(jump_s: int) -> None:
    clock, tally = SetClock(), MinuteTally()
    taken: list[Changes | None] = [*live(tally, clock, 90)]
    before_ms = clock.wall_ms
    clock.offset_ms += jump_s * 1000
    taken += [*live(tally, clock, 90), tally.take(everything=True)]
    (gap,) = gaps(taken)
    first, last = sorted((before_ms, before_ms + jump_s * 1000))
    assert gap == GapRow(first, last, "clock")
    assert sum(sum(row.spent_ms) for row in minutes(taken)) == 180_000
    assert all(sum(row.spent_ms) <= MINUTE for row in minutes(taken))


@pytest.mark.parametrize("jump_s", [-59, -10, 10, 59])
def test_a_small_correction_counts_nothing_twice(jump_s: int) -> None:
    clock, tally = SetClock(), MinuteTally()
    taken: list[Changes | None] = [*live(tally, clock, 90)]
    clock.offset_ms += jump_s * 1000
    taken += [*live(tally, clock, 120), tally.take(everything=True)]
    assert gaps(taken) == []
    starts = [row.start_ms for row in minutes(taken)]
    assert len(starts) == len(set(starts))
    total = sum(sum(row.spent_ms) for row in minutes(taken))
    assert total == (210 + jump_s) * 1000


def test_an_unsynchronised_stretch_is_moved_when_the_clock_becomes_known() -> None:
    clock, tally = SetClock(synced=False), MinuteTally()
    taken: list[Changes | None] = [*live(tally, clock, 130)]
    clock.offset_ms += 5 * 3_600_000 + 12_345
    clock.synced = True
    taken += [*live(tally, clock, 70), tally.take(everything=True)]
    (move,) = [one for changes in taken if changes is not None for one in changes.moves]
    assert (move.stretch, move.shift_ms, move.minutes_ms) == (1, 5 * 3_600_000 + 12_345, 5 * 3_600_000)
    assert [row.stretch for row in minutes(taken)] == [1, 1, 1, SYNCED, SYNCED]
    assert gaps(taken) == []


def test_each_stretch_is_moved_by_its_own_clock() -> None:
    clock, tally = SetClock(synced=False), MinuteTally()
    taken: list[Changes | None] = [*live(tally, clock, 70)]
    clock.offset_ms += 3_600_000
    taken += [*live(tally, clock, 70)]
    clock.offset_ms += 7_200_000
    clock.synced = True
    taken += [*live(tally, clock, 70), tally.take(everything=True)]
    moves = [one for changes in taken if changes is not None for one in changes.moves]
    assert [(one.stretch, one.shift_ms) for one in moves] == [(1, 10_800_000), (2, 7_200_000)]


def test_privacy_keeps_what_came_before_and_a_gap() -> None:
    clock, tally = SetClock(), MinuteTally()
    taken: list[Changes | None] = [*live(tally, clock, 20)]
    tally.privacy(clock.now(), on=True)
    began_ms = clock.wall_ms
    taken += [*live(tally, clock, 150)]
    assert gaps(taken)
    tally.privacy(clock.now(), on=False)
    ended_ms = clock.wall_ms
    taken += [*live(tally, clock, 30), tally.take(everything=True)]
    assert gaps(taken)[-1] == GapRow(began_ms, ended_ms, "privacy")
    assert {gap.from_ms for gap in gaps(taken)} == {began_ms}, "it grows, and is one"
    assert [sum(row.spent_ms) for row in minutes(taken)] == [20_000, 10_000, 20_000]


def test_an_episode_under_way_ends_with_privacy() -> None:
    clock, tally = SetClock(), MinuteTally()
    live(tally, clock, 20)
    tally.privacy(clock.now(), on=True)
    private_ms = clock.wall_ms
    clock.time_s += 0.4
    tally.episode(clock.now(), ended(clock.time_s - 10, clock.time_s))
    (row,) = episodes([tally.take(everything=True)])
    assert row.ended_ms == private_ms


def test_an_episode_has_the_segment_of_its_begin_or_end() -> None:
    clock, tally = SetClock(), MinuteTally()
    tally.look(clock.now())
    begin = ended(100, 100)
    tally.episode(
        clock.now(), replace(begin, kind="begin", ended_s=None, recording="20260601T120000Z-00000001")
    )
    clock.time_s += 5
    tally.episode(clock.now(), ended(100, 104))
    (row,) = episodes([tally.take()])
    assert row.recording == "20260601T120000Z-00000001"
    assert (row.started_ms, row.ended_ms, row.peak) == (NOON, NOON + 4000, 8123)


def test_speech_is_counted_once_and_the_hangover_is_not() -> None:
    clock, tally = SetClock(), MinuteTally()
    taken: list[Changes | None] = []
    tally.look(clock.now())
    begin_s = clock.time_s
    tally.heard(clock.time_s, [ActivityChange(True, begin_s + 0.0)])
    for _ in range(100):
        taken += live(tally, clock, 1, "unsure")
        tally.heard(clock.time_s, [])
    tally.heard(clock.time_s, [ActivityChange(False, clock.time_s - 1.5)])
    assert not tally.speaks(clock.time_s)
    taken.append(tally.take(everything=True))
    assert [row.speech_ms for row in minutes(taken)] == [60_000, 38_500]


def test_a_microphone_that_falls_silent_does_not_speak_on() -> None:
    clock, tally = SetClock(), MinuteTally()
    tally.look(clock.now())
    tally.heard(clock.time_s, [ActivityChange(True, clock.time_s)])
    live(tally, clock, 200, "nobody")
    changes = tally.take(everything=True)
    assert not tally.speaks(clock.time_s)
    assert changes is None or sum(row.speech_ms for row in changes.minutes) == 0


def test_forgetting_leaves_nothing_of_before() -> None:
    clock, tally = SetClock(), MinuteTally()
    live(tally, clock, 50)
    tally.heard(clock.time_s, [ActivityChange(True, clock.time_s - 10)])
    tally.forget(clock.now())
    forgotten_ms = clock.wall_ms
    clock.time_s += 4
    tally.episode(clock.now(), ended(clock.time_s - 30, clock.time_s))
    changes = tally.take(everything=True)
    assert changes is not None
    assert [row.started_ms for row in changes.episodes] == [forgotten_ms]
    assert sum(sum(row.spent_ms) for row in changes.minutes) <= 4000
    assert sum(row.speech_ms for row in changes.minutes) <= 4000


@pytest.mark.parametrize("seed", range(40))
def test_whatever_the_clock_does_no_second_is_counted_twice(seed: int) -> None:
    """Steps, jumps, synchronisation lost and found, privacy: the sums stay within what has passed."""
    dice = random.Random(seed)
    clock, tally = SetClock(synced=dice.random() < 0.5), MinuteTally()
    begun_s, taken = clock.time_s, list[Changes | None]()
    private_s, corrections = 0.0, 0
    for _ in range(40):
        act = dice.random()
        if act < 0.15:
            corrections += 1
            clock.offset_ms += dice.choice((-1, 1)) * dice.choice((500, 20_000, 61_000, 4_000_000))
        elif act < 0.3:
            clock.synced = not clock.synced
        elif act < 0.4:
            tally.privacy(clock.now(), on=True)
            since_s = clock.time_s
            taken += live(tally, clock, dice.uniform(1, 90))
            private_s += clock.time_s - since_s
            tally.privacy(clock.now(), on=False)
        else:
            taken += live(tally, clock, dice.uniform(1, 100), dice.choice(("anger", "nobody", "unsure")))
    taken.append(tally.take(everything=True))
    rows = minutes(taken)
    assert all(row.is_sound for row in rows)
    known_ms = sum(sum(row.spent_ms[:UNKNOWN]) for row in rows)
    # A small correction forward is taken for time that has passed, for as long as a state is believed.
    assert known_ms <= (clock.time_s - begun_s - private_s) * 1000 + corrections * HOLD_MS + 40  # rounding
    keyed: dict[tuple[int, int], int] = {}
    for row in rows:
        keyed[row.start_ms, row.stretch] = keyed.get((row.start_ms, row.stretch), 0) + 1
    unsynced = [count for (_, stretch), count in keyed.items() if stretch != SYNCED]
    assert all(count == 1 for count in unsynced)


@pytest.mark.parametrize(
    ("reason", "sees", "speaks", "column"),
    [
        ("unsure", True, False, "unsure"),
        ("no_opinion", True, False, "unsure"),
        ("covered", True, False, "unsure"),
        ("still", True, False, "nobody"),
        ("nobody", True, False, "nobody"),
        ("nobody", False, False, "unknown"),
        ("no_opinion", False, False, "unknown"),
        ("no_opinion", False, True, "unsure"),
        ("nobody", True, True, "nobody"),
        ("offline", True, True, "unknown"),
        ("privacy", True, True, "unknown"),
    ],
)
def test_the_column_of_a_state_without_an_emotion(reason: str, sees: bool, speaks: bool, column: str) -> None:
    assert column_of(state(0, None, reason), sees=sees, speaks=speaks) == COLUMN[column]


def test_the_column_of_an_emotion_is_the_emotion() -> None:
    assert column_of(state(0, "happiness"), sees=False, speaks=False) == COLUMN["happiness"]
