"""State of the spool for `health`, from the counts of an outbox."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from emoedge.publish.reports import spool_health


def outbox(**counts):
    """The figures that `spool_health` reads of an outbox, all well except for those given."""
    well = {
        "on_disk": 0,
        "in_memory": 0,
        "in_flight": 0,
        "dropped": 0,
        "commits": 7,
        "refused": 0,
        "last_refused": "",
        "disk_error": "",
        "set_aside": "",
        "damaged": 0,
    }
    assert set(counts) <= set(well)
    return SimpleNamespace(**(well | counts))


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({"disk_error": "disk full", "in_memory": 3}, ["in memory only", "disk full"]),
        ({"set_aside": "spool.sqlite3.damaged"}, ["damaged spool was moved aside", "check the disk"]),
        ({"damaged": 2}, ["2 messages were damaged", "check the disk"]),
        ({"refused": 4, "last_refused": "voice"}, ["did not accept 4", "on voice", "access list"]),
        ({"dropped": 5, "on_disk": 1}, ["5 messages lost"]),
    ],
)
def test_each_trouble_is_named_with_what_to_do(counts, words):
    health = spool_health(outbox(**counts), 0, 100)
    assert health.state == "degraded"
    assert all(word in health.reason for word in words), health.reason


def test_messages_lost_before_are_history_once_nothing_waits():
    health = spool_health(outbox(dropped=5), 2, 100)
    assert (health.state, health.reason) == ("ok", "")
    assert health.figures["dropped"] == 7, "the count stays"


def test_what_waits_is_counted_wherever_it_waits():
    figures = spool_health(outbox(on_disk=3, in_memory=2, in_flight=1, refused=4), 0, 100).figures
    assert (figures["depth"], figures["in_memory"], figures["in_flight"]) == (5, 2, 1)
    assert (figures["limit"], figures["set_aside"]) == (100, 4)
    assert "set_aside" not in spool_health(outbox(), 0, 100).figures
