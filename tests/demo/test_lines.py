"""The lines of the demonstration: in the order of their times, in one language, none twice."""

from __future__ import annotations

import re
import time
from datetime import datetime, timedelta, timezone

import pytest

from emoedge.clock import rfc3339
from emoedge.config import Settings
from emoedge.demo.run import _Show


@pytest.fixture(params=["UTC", "America/Bogota", "Asia/Tokyo"])
def zone(request, monkeypatch):
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def said_of(messages, language="es"):
    said: list[str] = []
    show = _Show(None, Settings(language=language), said.append)
    for suffix, payload in messages:
        show._note_lines(suffix, payload)
    show._say_until(float("inf"))
    return said


def recording(seconds_ago):
    when = datetime.now(timezone.utc) - timedelta(seconds=seconds_ago)
    return "recording", {"time": rfc3339(when), "type": "started", "path": f"{seconds_ago}.mp4"}


def test_lines_come_in_the_order_of_their_times_in_every_zone(zone):
    local = datetime.now().astimezone()
    if (local.hour, local.minute) in {(23, 59), (0, 0)}:
        pytest.skip("midnight is near")
    messages = [recording(20), ("status", "online"), recording(30), recording(10)]
    said = said_of(messages)
    assert [found[0] for line in said if (found := re.search(r"\d+\.mp4", line))] == [
        "30.mp4",
        "20.mp4",
        "10.mp4",
    ]
    assert "en línea" in said[-1]


@pytest.mark.parametrize(
    ("language", "words"), [("es", ("en línea", "fuera de línea")), ("en", ("online", "offline"))]
)
def test_a_status_is_said_once_with_its_time_and_in_the_language(language, words):
    messages = [("status", one) for one in ("online", "online", "offline", "offline", "nonsense")]
    said = said_of([*messages, ("control/privacy", "OFF")], language)
    assert [line.split("  ", 1)[1].strip() for line in said] == list(words)
    assert all(re.match(r"\d\d:\d\d:\d\d\.\d  ", line) for line in said)
