"""Late messages. Pure."""

from __future__ import annotations

import json

import pytest

from emoedge.publish.lateness import LATE_AFTER_S, MAX_KNOWN, Lateness
from emoedge.publish.messages import mark_late

from .samples import BEGIN, FINISHED, TEXT, VOICE, builder


def test_late_after_ten_seconds_of_the_running_clock():
    lateness = Lateness(LATE_AFTER_S)
    lateness.add(1, 100.0, age_s=4.0)
    assert not lateness.is_late(1, 105.9)
    assert lateness.is_late(1, 106.0)
    lateness.remove(1)
    assert lateness.is_late(1, 100.0)


def test_what_was_found_on_the_disk_is_late():
    assert Lateness(LATE_AFTER_S).is_late(7, 0.0)


def test_in_a_replay_nothing_is_late():
    lateness = Lateness(float("inf"))
    lateness.add(1, 0.0, age_s=5.0)
    assert not lateness.is_late(1, 1e9)
    assert not lateness.is_late(2, 1e9)


def test_new_numbers_keep_their_times():
    lateness = Lateness(LATE_AFTER_S)
    for seq in (1, 2, 3):
        lateness.add(seq, 10.0 * seq, age_s=0.0)
    lateness.renumber({1: 3, 2: 4, 3: 5})
    assert [lateness.is_late(seq, 25.0) for seq in (3, 4, 5)] == [True, False, False]


def test_memory_is_bounded():
    lateness = Lateness(LATE_AFTER_S)
    for seq in range(MAX_KNOWN + 5):
        lateness.add(seq, 0.0, age_s=0.0)
    assert [lateness.is_late(seq, 1.0) for seq in (0, 4, 5, MAX_KNOWN)] == [True, True, False, False]


@pytest.mark.parametrize("outcome", [BEGIN, VOICE, TEXT, FINISHED])
def test_only_the_mark_changes(outcome):
    payload = builder(transcript=True).outcome(outcome).encode()
    late = json.loads(mark_late(payload))
    assert late == json.loads(payload) | {"late": True}
    assert json.loads(payload)["late"] is False
    assert mark_late(mark_late(payload)) == mark_late(payload)


def test_a_device_whose_name_says_otherwise():
    message = builder().outcome(BEGIN)
    payload = message.payload
    assert isinstance(payload, dict)
    named = json.dumps(payload | {"device": '"late":false'}, separators=(",", ":")).encode()
    assert json.loads(mark_late(named)) == payload | {"device": '"late":false', "late": True}


def test_ids_are_the_same_again_and_others_in_another_process():
    from emoedge.clock import MediaClock
    from emoedge.publish.messages import MessageBuilder

    def identity(run: str, outcome) -> str:
        return MessageBuilder("d", MediaClock(), run=run).outcome(outcome).payload["id"]

    assert identity("", VOICE) == identity("", VOICE) == "9200-11900"
    assert identity("a", TEXT) == "a-9200-11800" != identity("b", TEXT)
