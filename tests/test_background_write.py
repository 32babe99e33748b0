"""The newest value is written, and nothing waits for a disk."""

from __future__ import annotations

import threading

from emoedge.background_write import BackgroundWrite
from tests.publish.conftest import PATIENCE_S


def test_what_comes_while_the_disk_hangs_is_replaced_by_what_is_newer():
    hung, thawed, written = threading.Event(), threading.Event(), []

    def write(value: int) -> None:
        hung.set()
        assert thawed.wait(PATIENCE_S)
        written.append(value)

    writer = BackgroundWrite("record", write)
    writer.put(0)
    assert hung.wait(PATIENCE_S)
    for value in range(1, 100):
        writer.put(value)
    assert not writer.join(0.01)
    assert writer.thread is not None
    assert writer.thread.busy_s > 0, "it is watched while it hangs"
    thawed.set()
    assert writer.join(PATIENCE_S)
    assert written == [0, 99]
    assert writer.thread is None


def test_each_value_is_written_when_there_is_time():
    written: list[int] = []
    writer = BackgroundWrite("record", written.append)
    for value in range(3):
        writer.put(value)
        assert writer.join(PATIENCE_S)
    assert written == [0, 1, 2]
