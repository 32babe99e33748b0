"""The messages of a device; the views show local time, here that of Greenwich."""

from __future__ import annotations

import time

import pytest

from emoedge.clock import MediaClock
from emoedge.publish.messages import MessageBuilder


@pytest.fixture(autouse=True)
def greenwich(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def builder():
    return MessageBuilder("sala", MediaClock(), transcript=True)
