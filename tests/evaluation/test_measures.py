"""Scores of answers."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from emoedge.emotions import EMOTIONS
from emoedge.evaluation.answers import NO_ANSWER, Answer
from emoedge.evaluation.measures import calibration_error, chance_calibration_error, interval, score


def test_no_answer_is_wrong_but_says_nothing_of_the_calibration():
    labels = ["anger", "anger", "fear", "fear"]
    answers = [Answer("anger", 1.0), NO_ANSWER, Answer("fear", 1.0), Answer("anger", 0.0)]
    scores = score(labels, answers)
    assert (scores.clips, scores.answered) == (4, 3)
    assert (scores.accuracy, scores.macro_recall) == (0.5, 0.5)
    assert (scores.calibration_error, scores.overconfidence) == (0.0, 0.0)
    assert scores.confusion[0].tolist() == [1, 0, 0, 0, 0, 0, 0, 1]
    assert scores.confusion[2].tolist() == [1, 0, 1, 0, 0, 0, 0, 0]


def test_without_any_answer_there_is_no_calibration():
    scores = score(["anger"], [NO_ANSWER])
    assert scores.accuracy == 0.0
    assert (scores.calibration_error, scores.by_chance, scores.overconfidence) == (None, None, None)


def test_rare_classes_count_as_much_as_frequent_ones():
    labels = ["happiness"] * 9 + ["fear"]
    scores = score(labels, [Answer("happiness", 0.9)] * 10)
    assert (scores.accuracy, scores.macro_recall) == (0.9, 0.5)


def share(right, rows):
    return float(right[rows].mean())


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(3)
    held = 0
    for _ in range(60):
        right = rng.random(100) < 0.6
        low, high = interval(partial(share, right), len(right))
        held += low <= 0.6 <= high
    assert 48 <= held <= 60


def test_calibrated_answers_show_the_error_of_chance_and_overconfident_ones_more():
    rng = np.random.default_rng(4)
    confidence = rng.uniform(0.3, 1.0, 400)
    by_chance = chance_calibration_error(confidence)
    assert calibration_error(rng.random(400) < confidence, confidence) < 2 * by_chance
    assert calibration_error(rng.random(400) < confidence - 0.25, confidence) > 0.2


def test_every_answer_lands_in_the_confusion():
    labels = list(EMOTIONS) * 3
    answers = [Answer(name, 0.5) for name in EMOTIONS] * 2 + [NO_ANSWER] * 7
    confusion = score(labels, answers).confusion
    assert confusion.sum() == len(labels)
    assert np.array_equal(confusion[:, :7], 2 * np.eye(7, dtype=int))
    assert confusion[:, 7].tolist() == [1] * 7
    assert score(labels, answers).macro_recall == pytest.approx(2 / 3)
