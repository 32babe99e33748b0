"""PRIVACY.md names every file that the daemon keeps, and what it says about forgetting is so."""

from __future__ import annotations

import json

import numpy as np
import pytest

from emoedge.publish import announced_store, old_names, publisher
from emoedge.record.store import Store
from emoedge.supervise import adaptation, overrides
from emoedge.supervise.purge import purge_everything
from emoedge.voice.adapt import Adaptation, Prior


@pytest.mark.parametrize(
    "name",
    [
        overrides.FILE_NAME,
        publisher.SPOOL_FILE,
        adaptation.FILE_NAME,
        announced_store.ANNOUNCED_FILE,
        old_names.FILE_NAME,
    ],
)
def test_every_file_of_the_state_directory_is_named(repository, name):
    assert f"`{name}`" in (repository / "PRIVACY.md").read_text(encoding="utf-8")


def test_a_purge_forgets_what_was_kept_of_voices_and_of_damaged_messages(tmp_path):
    state = tmp_path / "state"
    state.mkdir()
    for name in (
        adaptation.FILE_NAME,
        f"{publisher.SPOOL_FILE}.20261130T120000.000000Z.damaged",
        overrides.FILE_NAME,
    ):
        (state / name).write_text("{}")
    purge_everything(Store(tmp_path / "recordings"), state)
    assert [path.name for path in state.iterdir()] == [overrides.FILE_NAME]


def test_the_file_about_voices_holds_sums_alone_however_many_utterances_there_were(tmp_path):
    learnt = Adaptation(Prior(np.zeros(3), np.ones(3), np.ones(3), np.ones(3), spread_count=4.0))
    store = adaptation.AdaptationStore(tmp_path)
    store.restore(learnt)
    for utterance in ([1.0, 2.0, 3.0], [0.5, -1.0, 2.0], [2.0, 0.0, 1.0]):
        learnt.update(np.array(utterance))
    store.save()
    assert store.writer.join(60)
    kept = json.loads((tmp_path / adaptation.FILE_NAME).read_text(encoding="utf-8"))
    assert set(kept) == {"weight", "sum", "squares", "answers"}, "say in PRIVACY.md what else is kept"
    assert kept["weight"] == 3.0
    assert kept["sum"] == [3.5, 1.0, 6.0], "one sum for each feature, no value of a single utterance"
    assert kept["squares"] == [5.25, 5.0, 14.0]


def test_the_device_is_known_after_a_restart_and_the_person_is_not_and_a_purge_forgets_both(tmp_path):
    prior = Prior(np.ones(3), np.ones(3), np.ones(3), np.ones(3), 1.0)
    learnt = Adaptation(prior)
    store = adaptation.AdaptationStore(tmp_path)
    store.restore(learnt)
    for _ in range(5):
        learnt.update(np.full(3, 3.0))
    store.save()
    assert store.writer.join(60)
    restarted = Adaptation(prior)
    store = adaptation.AdaptationStore(tmp_path)
    store.restore(restarted)
    assert (restarted.device_count, restarted.count) == (5.0, 0.0)
    assert np.all(restarted.estimate().person > 1.5)
    purge_everything(Store(tmp_path / "recordings"), tmp_path)
    store.look()
    assert restarted.state() == Adaptation(prior).state()


def test_statistics_of_another_model_begin_afresh(tmp_path):
    (tmp_path / adaptation.FILE_NAME).write_text('{"weight": 2.0, "sum": [0.0], "squares": [0.0]}')
    learnt = Adaptation(Prior(np.ones(3), np.ones(3), np.ones(3), np.ones(3), 1.0))
    adaptation.AdaptationStore(tmp_path).restore(learnt)
    assert learnt.device_count == 0.0
