"""emoedge classify."""

from __future__ import annotations

import pytest

from .program import emoedge, lines_of


def test_classify_needs_items():
    result = emoedge("classify", "text")
    assert result.returncode == 2
    assert "--list" in result.stderr


def test_an_unreadable_item_gives_a_line_and_exit_1(tmp_path, portrait):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"not a picture")
    result = emoedge("classify", "face", broken, portrait, tmp_path / "missing.png")
    lines = lines_of(result)
    assert result.returncode == 1
    assert [("error" in line) for line in lines] == [True, False, True]
    assert lines[1]["emotion"] is not None
    assert sum(lines[1]["probabilities"].values()) == pytest.approx(1, abs=1e-3)
    assert "Traceback" not in result.stderr


def test_a_list_of_faces_as_one_person(portrait):
    alone = lines_of(emoedge("classify", "face", portrait, portrait))
    adapted = lines_of(emoedge("classify", "face", "--adapt", portrait, portrait))
    assert [line.get("adapted") for line in alone] == [None, None]
    assert [line["adapted"] for line in adapted] == [1, 2]
    assert adapted[0]["probabilities"] == alone[0]["probabilities"] == alone[1]["probabilities"]


def test_a_list_of_sentences_from_standard_input():
    result = emoedge("classify", "text", "--list", "-", stdin="estoy muy contenta\n\ntengo mucho miedo\n")
    lines = lines_of(result)
    assert result.returncode == 0
    assert [line["item"] for line in lines] == ["estoy muy contenta", "", "tengo mucho miedo"]
    assert lines[0]["emotion"] == "happiness"
    assert lines[1]["emotion"] is None
    assert lines[2]["emotion"] == "fear"
