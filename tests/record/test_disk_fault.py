"""A disk that failed is tried again after growing waits."""

from __future__ import annotations

import time

import pytest

from emoedge.record.disk_fault import RETRY, DiskFault


@pytest.fixture
def now(monkeypatch):
    moment = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: moment[0])
    return moment


def test_the_waits_grow_until_something_was_written(now):
    fault = DiskFault()
    assert fault.is_retry_due
    assert fault.note("full")
    now[0] += RETRY.first_s - 0.01
    assert not fault.is_retry_due
    now[0] += 0.02
    assert fault.is_retry_due
    assert not fault.note("full"), "the same reason is no news"
    now[0] += RETRY.first_s + 0.01
    assert not fault.is_retry_due, "the second wait is longer"
    assert fault.note("read-only")
    assert fault.reason == "read-only"
    fault.clear()
    assert fault.reason == ""
    assert fault.note("full"), "after it was over it is news again"
    now[0] += RETRY.first_s + 0.01
    assert fault.is_retry_due, "and the waits begin at the first"
