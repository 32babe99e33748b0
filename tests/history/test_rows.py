"""Rows of the history: what may stand in one, two halves of a minute as one, the shift of a clock."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoedge.emotions import EMOTION_COUNT
from emoedge.history.rows import (
    COLUMN,
    COLUMNS,
    LATEST_MS,
    MAX_PEOPLE,
    MINUTE_MS,
    UNKNOWN,
    WHOLE,
    Changes,
    ClockMove,
    EpisodeRow,
    GapRow,
    MinuteRow,
    mean,
)

from .helpers import NOON

PROBABILITIES = st.tuples(*[st.integers(0, WHOLE)] * EMOTION_COUNT)


def spent(**times_ms: int) -> tuple[int, ...]:
    return tuple(times_ms.get(name, 0) for name in COLUMNS)


@st.composite
def minutes(draw: st.DrawFn) -> MinuteRow:
    """A minute as the tally writes it: its columns are at most a minute together."""
    cuts = sorted(draw(st.tuples(*[st.integers(0, MINUTE_MS)] * len(COLUMNS))))
    return MinuteRow(
        NOON,
        spent_ms=tuple(end - begin for begin, end in zip([0, *cuts], cuts, strict=False)),
        speech_ms=draw(st.integers(0, MINUTE_MS)),
        opinion_ms=draw(st.integers(0, MINUTE_MS)),
        probabilities=draw(PROBABILITIES),
        people_max=draw(st.integers(0, MAX_PEOPLE)),
    )


@given(minutes(), minutes())
def test_two_halves_of_a_minute_are_a_minute_that_is_possible(first: MinuteRow, second: MinuteRow) -> None:
    known_ms = sum(first.spent_ms[:UNKNOWN]) + sum(second.spent_ms[:UNKNOWN])
    both = first.merged(second)
    if both is None:
        assert known_ms > MINUTE_MS
        return
    assert known_ms <= MINUTE_MS
    assert both.is_sound
    assert both == second.merged(first)
    assert sum(both.spent_ms[:UNKNOWN]) == known_ms
    assert both.people_max == max(first.people_max, second.people_max)
    if both.opinion_ms:
        for low, high, value in zip(
            first.probabilities, second.probabilities, both.probabilities, strict=True
        ):
            assert min(low, high) <= value <= max(low, high)


@given(minutes())
def test_a_minute_and_an_empty_one_are_the_minute(minute: MinuteRow) -> None:
    both = minute.merged(MinuteRow(NOON))
    assert both is not None
    assert both.spent_ms == minute.spent_ms
    assert (both.speech_ms, both.opinion_ms, both.people_max) == (
        minute.speech_ms,
        minute.opinion_ms,
        minute.people_max,
    )
    assert both.probabilities == (minute.probabilities if minute.opinion_ms else (0,) * EMOTION_COUNT)


def test_the_unknown_gives_way_to_what_is_known() -> None:
    before = MinuteRow(NOON, spent_ms=spent(happiness=20_000, unknown=40_000))
    after = MinuteRow(NOON, spent_ms=spent(sadness=30_000, unknown=30_000))
    both = before.merged(after)
    assert both is not None
    assert both.spent_ms == spent(happiness=20_000, sadness=30_000, unknown=10_000)


def test_opinions_weigh_by_their_time() -> None:
    one, other = (8000, *[0] * (EMOTION_COUNT - 1)), (2000, *[0] * (EMOTION_COUNT - 1))
    first = MinuteRow(NOON, opinion_ms=10_000, probabilities=one)
    both = first.merged(MinuteRow(NOON, opinion_ms=20_000, probabilities=other))
    assert both is not None
    assert (both.opinion_ms, both.probabilities[0]) == (30_000, 4000)


@pytest.mark.parametrize(
    "damage",
    [
        {"start_ms": NOON + 1},
        {"start_ms": -MINUTE_MS},
        {"start_ms": LATEST_MS + MINUTE_MS},
        {"start_ms": float(NOON)},
        {"start_ms": None},
        {"stretch": "0"},
        {"stretch": True},
        {"spent_ms": (0,) * (len(COLUMNS) - 1)},
        {"spent_ms": spent(happiness=MINUTE_MS, unsure=1)},
        {"spent_ms": spent(happiness=-1)},
        {"speech_ms": MINUTE_MS + 1},
        {"opinion_ms": MINUTE_MS + 1},
        {"probabilities": (WHOLE + 1, *[0] * (EMOTION_COUNT - 1))},
        {"people_max": MAX_PEOPLE + 1},
    ],
    ids=str,
)
def test_what_no_minute_can_hold(damage: dict[str, object]) -> None:
    minute = MinuteRow(NOON, spent_ms=spent(happiness=MINUTE_MS), people_max=1)
    assert minute.is_sound
    assert not replace(minute, **damage).is_sound  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("minute", "known", "quiet"),
    [
        (MinuteRow(NOON), False, True),
        (MinuteRow(NOON, spent_ms=spent(unknown=MINUTE_MS)), False, True),
        (MinuteRow(NOON, spent_ms=spent(nobody=MINUTE_MS)), True, True),
        (MinuteRow(NOON, spent_ms=spent(unsure=1)), True, False),
        (MinuteRow(NOON, speech_ms=1), True, False),
        (MinuteRow(NOON, people_max=1), False, False),
    ],
)
def test_known_and_quiet(minute: MinuteRow, known: bool, quiet: bool) -> None:
    assert (minute.is_known, minute.is_quiet) == (known, quiet)
    assert Changes(minutes=(MinuteRow(NOON - MINUTE_MS), minute)).is_quiet is quiet


@pytest.mark.parametrize(
    "changes",
    [
        Changes(episodes=(EpisodeRow("e1", "happiness", NOON, NOON + 1, WHOLE),)),
        Changes(gaps=(GapRow(NOON, NOON + MINUTE_MS, "privacy"),)),
        Changes(moves=(ClockMove(1, MINUTE_MS),)),
        Changes(begun_ms=0),
    ],
)
def test_more_than_minutes_is_not_quiet(changes: Changes) -> None:
    assert not changes.is_quiet
    assert Changes(end_ms=NOON).is_quiet


@given(st.integers(-(10**14), 10**14))
def test_minutes_move_by_whole_minutes_down(shift_ms: int) -> None:
    minutes_ms = ClockMove(1, shift_ms).minutes_ms
    assert minutes_ms % MINUTE_MS == 0
    if abs(shift_ms) < MINUTE_MS:
        assert minutes_ms == 0
    else:
        assert 0 <= shift_ms - minutes_ms < MINUTE_MS


@given(st.lists(st.tuples(st.integers(0, WHOLE), st.integers(0, MINUTE_MS)), min_size=1))
def test_a_mean_lies_among_the_values_that_weigh(pairs: list[tuple[int, int]]) -> None:
    weighing = [value for value, weight in pairs if weight]
    result = mean([value for value, _ in pairs], [weight for _, weight in pairs])
    assert min(weighing, default=0) <= result <= max(weighing, default=0)


def test_every_column_is_named_once() -> None:
    assert [COLUMNS[index] for index in COLUMN.values()] == list(COLUMN)
    assert len(COLUMN) == len(COLUMNS) == EMOTION_COUNT + 3
