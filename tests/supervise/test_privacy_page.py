"""PRIVACY.md names every file that the daemon keeps, and what it says about forgetting is so."""

from __future__ import annotations

import numpy as np
import pytest

from emoedge.publish import homeassistant, publisher
from emoedge.record.store import Store
from emoedge.supervise import adaptation, overrides
from emoedge.supervise.purge import purge_everything
from emoedge.voice.adapt import Adaptation


@pytest.mark.parametrize(
    "name",
    [overrides.FILE_NAME, publisher.SPOOL_FILE, adaptation.FILE_NAME, homeassistant.ANNOUNCED_FILE],
)
def test_every_file_of_the_state_directory_is_named(repository, name):
    assert f"`{name}`" in (repository / "PRIVACY.md").read_text(encoding="utf-8")


def test_a_purge_forgets_what_was_kept_of_voices_and_of_damaged_messages(tmp_path):
    state = tmp_path / "state"
    state.mkdir()
    for name in (adaptation.FILE_NAME, f"{publisher.SPOOL_FILE}.damaged", overrides.FILE_NAME):
        (state / name).write_text("{}")
    purge_everything(Store(tmp_path / "recordings"), state)
    assert [path.name for path in state.iterdir()] == [overrides.FILE_NAME]


def test_what_is_kept_of_voices_are_means_over_all_speakers():
    learnt = Adaptation.__new__(Adaptation)
    learnt._weight, learnt._sum, learnt._squares = 2.0, np.zeros(3), np.zeros(3)
    assert set(learnt.state()) == {"weight", "sum", "squares"}, "say in PRIVACY.md what else is kept"
