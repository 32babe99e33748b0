"""Whether two machines say the same."""

from __future__ import annotations

import copy

from benchmarks.answers import answers, beside


def test_a_machine_agrees_with_itself_and_differences_are_found() -> None:
    here = answers()
    assert all(row["same"] and not row["different"] for row in beside(here, copy.deepcopy(here))["rows"])
    other = copy.deepcopy(here)
    other["message"][2] += 0.25
    other["face_emotion"]["digest"] = "0"
    other["face_emotion"]["first"][1][3] += 0.05
    rows = {row["what"]: row for row in beside(here, other)["rows"]}
    assert (rows["message"]["same"], rows["message"]["farthest"]) == (False, 0.25)
    assert (rows["face_emotion"]["different"], rows["face_emotion"]["farthest"]) == (1, 0.05)
    assert rows["voice_emotion"]["same"]
