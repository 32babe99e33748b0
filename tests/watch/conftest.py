"""The views show local time: here it is that of Greenwich."""

from __future__ import annotations

import time

import pytest


@pytest.fixture(autouse=True)
def greenwich(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()
