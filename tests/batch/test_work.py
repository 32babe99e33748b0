"""One file: whole results or none, and when a result counts as current."""

from __future__ import annotations

import pytest

from emoedge.batch import find_jobs
from emoedge.batch.stamp import is_current, read_stamp
from emoedge.batch.work import replay_file
from emoedge.errors import MediaError
from emoedge.publish.messages import MessageBuilder

from .conftest import Stub, write_tone


def current(job, making="m1") -> bool:
    return is_current(job, read_stamp(job), making)


def test_the_lines_are_those_of_a_single_replay(job):
    stub = Stub()
    result = replay_file(stub, job, "m1")
    builder, base = MessageBuilder.for_replay(stub.settings, stub.clock), stub.settings.topic_base
    lines = [builder.outcome(outcome).line(base) for outcome in stub.replay("a.wav")]
    assert job.result.read_text() == "".join(lines)
    assert result.messages == {"emotion": 3, "event": 1}
    assert (result.events, result.duration_s) == (1, 4.0)
    assert result.seconds == {"none": 1.0, "fear": 2.5, "anger": 0.5}
    assert current(job)
    assert not list(job.result.parent.glob("*.partial"))


def test_what_breaks_in_the_middle_leaves_nothing(job, folder, tmp_path):
    bad = find_jobs([write_tone(folder / "bad.wav")], tmp_path / "out")[0]
    bad.result.parent.mkdir(parents=True)
    bad.result.write_text("of an earlier version of the file")
    with pytest.raises(MediaError):
        replay_file(Stub(), bad, "m1")
    assert list(bad.result.parent.iterdir()) == []


def test_a_missing_file_is_an_error_of_the_medium(folder, tmp_path):
    gone = find_jobs([folder / "gone.wav"], tmp_path / "out")[0]
    with pytest.raises(MediaError, match=r"gone\.wav"):
        replay_file(Stub(), gone, "m1")
