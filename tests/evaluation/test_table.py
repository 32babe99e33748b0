"""The scores as a table and as JSON."""

from __future__ import annotations

import json

from emoedge.emotions import DISPLAY_NAMES
from emoedge.evaluation.answers import NO_ANSWER, Answer
from emoedge.evaluation.folder import Evaluation
from emoedge.evaluation.measures import score
from emoedge.evaluation.table import as_json, as_text

LABELS = ["anger", "anger", "fear"]
GIVEN = [Answer("anger", 0.91234), NO_ANSWER, Answer("anger", 0.6)]
SCORES = {"face": score(LABELS, GIVEN), "voice": score(LABELS, [NO_ANSWER] * 3)}


def test_a_row_a_method_and_a_matrix_where_there_are_answers():
    text = as_text(SCORES, "en")
    table, matrix = text.split("\n\n")
    heads, face, voice = table.splitlines()
    assert heads.split()[:2] == ["answered", "accuracy"]
    assert face.split()[:3] == ["face", "2/3", "0.333"]
    assert voice.split()[1] == "0/3"
    assert "–" in voice, "no calibration without an answer"
    assert len({len(line.split()) for line in matrix.splitlines()[2:]}) == 1
    anger, fear = DISPLAY_NAMES["en"][0], DISPLAY_NAMES["en"][2]
    rows = {line.split()[0]: line.split()[1:] for line in matrix.splitlines()[2:]}
    assert rows == {anger: ["1", *"000000", "1"], fear: ["1", *"0000000"]}


def test_the_table_is_spanish_where_it_is_asked_for():
    assert "acierto" in as_text(SCORES, "es")


def test_json_has_every_answer_and_null_for_what_is_not_known():
    names = ["a.mp4", "b.mp4", "c.mp4"]
    answers = {name: {"face": answer} for name, answer in zip(names, GIVEN, strict=True)}
    evaluation = Evaluation(dict(zip(names, LABELS, strict=True)), answers, SCORES)
    found = json.loads(json.dumps(as_json(evaluation), allow_nan=False))
    row = found["methods"]["face"]["confusion"]["anger"]
    assert {name: count for name, count in row.items() if count} == {"anger": 1, "none": 1}
    assert found["methods"]["voice"]["calibration_error"] is None
    assert found["clips"][0] == {
        "file": "a.mp4",
        "label": "anger",
        "answers": {"face": {"emotion": "anger", "confidence": 0.9123}},
    }
    assert found["clips"][1]["answers"]["face"]["emotion"] is None
