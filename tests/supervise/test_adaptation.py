"""The voice's running statistics over restarts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from emoedge.files import read_json
from emoedge.supervise.adaptation import FILE_NAME, SAVE_EVERY_S, AdaptationStore
from tests.publish.conftest import PATIENCE_S


class Statistics:
    def __init__(self) -> None:
        self.sums: dict[str, Any] = {}

    def state(self) -> dict[str, Any]:
        return dict(self.sums)

    def restore(self, state: dict[str, Any]) -> None:
        if state["weight"] < 0:
            raise ValueError("weight")
        self.sums = dict(state)

    def reset(self) -> None:
        self.sums = {}


def test_what_was_learnt_is_there_after_a_restart(tmp_path: Path) -> None:
    store, first = AdaptationStore(tmp_path), Statistics()
    store.restore(first)
    first.sums = {"weight": 2.0}
    store.save()
    assert store.writer.join(PATIENCE_S)
    again = Statistics()
    AdaptationStore(tmp_path).restore(again)
    assert again.sums == {"weight": 2.0}


def test_it_is_saved_now_and_then_only(tmp_path: Path) -> None:
    now_s = [0.0]
    store, learnt = AdaptationStore(tmp_path, lambda: now_s[0]), Statistics()
    store.restore(learnt)
    learnt.sums = {"weight": 1.0}
    now_s[0] = SAVE_EVERY_S - 1
    store.look()
    assert not (tmp_path / FILE_NAME).exists()
    now_s[0] = SAVE_EVERY_S
    store.look()
    assert store.writer.join(PATIENCE_S)
    assert read_json(tmp_path / FILE_NAME) == {"weight": 1.0}


def test_a_purge_of_the_file_forgets(tmp_path: Path) -> None:
    store, learnt = AdaptationStore(tmp_path), Statistics()
    store.restore(learnt)
    learnt.sums = {"weight": 1.0}
    store.save()
    assert store.writer.join(PATIENCE_S)
    (tmp_path / FILE_NAME).unlink()
    store.look()
    assert learnt.sums == {}


@pytest.mark.parametrize("content", ["{", '{"weight": -1}', "{}", "[]", "7"])
def test_a_damaged_file_costs_what_was_learnt_and_no_more(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE_NAME).write_text(content)
    learnt = Statistics()
    learnt.sums = {"weight": 5.0}
    AdaptationStore(tmp_path).restore(learnt)
    assert learnt.sums == {}


def test_nothing_is_written_before_there_are_statistics(tmp_path: Path) -> None:
    AdaptationStore(tmp_path).save()
    assert list(tmp_path.iterdir()) == []


def test_a_purge_is_passed_on_once(tmp_path: Path) -> None:
    purges: list[int] = []
    store = AdaptationStore(tmp_path, lambda: 0.0)
    store.attach_faces(lambda: purges.append(1))
    learnt = Statistics()
    store.restore(learnt)
    store.look()
    assert not purges  # nothing was on the disk yet
    learnt.sums = {"weight": 1.0}
    store.save()
    assert store.writer.join(PATIENCE_S)
    (tmp_path / FILE_NAME).unlink()
    store.look()
    store.look()
    assert len(purges) == 1
