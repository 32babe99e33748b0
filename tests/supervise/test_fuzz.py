"""Damaged settings and records of privacy: never an error, never OFF by damage."""

from __future__ import annotations

from random import Random

from emoedge.supervise.overrides import Overrides, OverrideStore
from emoedge.supervise.privacy_end import Moment, PrivacyEnd
from emoedge.supervise.privacy_record import PrivacyRecord
from tests.mutation import INPUTS, mutate


@INPUTS
def test_settings_and_records(tmp_path, inputs):
    """Damaged settings mean ON; damaged records never make OFF of ON, and nothing raises."""
    state = tmp_path / "state"
    run, cache = PrivacyRecord(tmp_path / "run", state), PrivacyRecord(tmp_path / "cache", state)
    store, dice = OverrideStore(state, run, cache), Random(5)
    end = PrivacyEnd.after(3600.0, Moment("boot", 10.0, 1.8e9, synced=True))
    kept = [
        Overrides(privacy=True, margin=0.25),
        Overrides(privacy=True, privacy_end=end),
        Overrides(recording_mode="off", face_weight=0.5),
    ]
    files = []
    for one in kept:
        store.save(one)
        files.append(store.path.read_bytes())
    for _ in range(inputs):
        good = dice.choice(files)
        content = mutate(good, dice, files)
        store.path.write_bytes(content)
        record = mutate(f"{dice.choice(('ON', 'ON-UNTIL', 'OFF'))} {state}\n".encode(), dice)
        run.path.write_bytes(record if dice.random() < 0.3 else f"OFF {state}\n".encode())
        loaded = OverrideStore(state, run, cache).load()
        if content not in files:
            assert loaded == Overrides(privacy=True), content
        elif content != files[2]:
            assert loaded.privacy, record
