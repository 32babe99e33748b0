"""The figures of whose voice it is: shares over pairs of clips, their intervals, and what was never seen."""

from __future__ import annotations

from collections import Counter

import pytest

pytest.importorskip("cv2")

from benchmarks.speaker import precision, table

STRANGERS = {
    ("another voice, near", False, ("one", f"voice {number}")): Counter(right=number, unknown=4 - number)
    for number in range(1, 4)
}


def owners(**counts):
    return {("own voice, near", False, ("one", "one")): Counter(counts)}


def test_what_never_happened_has_an_exact_limit_by_pairs_and_by_talkers():
    pair = {("own voice, another one as loud", False, ("one", "one and voice 1")): Counter(right=1)}
    found = precision(STRANGERS | owners(right=3, unknown=1) | pair)
    assert found["unseen_precision"] == 1.0
    assert (found["pairs_with_an_owner"], found["pairs_of_strangers"], found["talkers"]) == (2, 3, 1)
    assert found["unseen_precision_at_least_by_talkers"] == pytest.approx(0.5 / (0.5 + 0.95), abs=1e-3)
    assert found["unseen_precision_at_least_by_pairs"] == pytest.approx(0.5 / (0.5 + 0.776), abs=1e-3)


def test_a_missed_speaker_lowers_the_precision_and_widens_the_interval():
    second = {("own voice, near", False, ("two", "two")): Counter(right=4)}
    found = precision(STRANGERS | owners(wrong=2, wrongly_unseen=2, right=2) | second)
    assert found["unseen_precision"] == pytest.approx(0.5 / (0.5 + 0.25), abs=1e-3)
    low, high = found["unseen_precision_interval"]
    assert low < 0.5 / (0.5 + 0.25) < high == 1.0
    assert found["unseen_precision_at_least_by_pairs"] is None


def test_the_intervals_are_over_pairs_and_not_over_utterances():
    counts = STRANGERS | owners(right=4)
    repeated = {key: Counter({name: 100 * n for name, n in one.items()}) for key, one in counts.items()}
    once, often = precision(counts), precision(repeated)
    assert once["unseen_of_strangers_interval"] == often["unseen_of_strangers_interval"]
    assert once["unseen_of_strangers_interval"] != [0.5, 0.5]


def test_rows_add_up_the_pairs_and_leave_out_what_had_no_face():
    nobody = {("another voice, silent face 4", False, ("nobody", "voice 1")): Counter()}
    rows = table(STRANGERS | nobody)
    assert rows == [
        {
            "scene": "another voice, near",
            "tuned": False,
            "right": 6,
            "wrong": 0,
            "unknown": 6,
            "wrongly_unseen": 0,
        }
    ]
