"""Pictures on their way to browsers: the newest alone, and an end."""

from __future__ import annotations

import asyncio

import pytest

from emoedge.web import picture_relay
from emoedge.web.picture_relay import PictureRelay

ON = {"on": True, "viewers": 1}


def test_a_slow_browser_gets_the_newest_picture_alone():
    async def try_it():
        relay = PictureRelay()
        with relay.reading("jpeg") as reader, relay.reading("crop") as other:
            relay.take({**ON, "jpeg": "one"})
            relay.take({**ON, "jpeg": "two", "crop": 3})
            assert await reader.take() == "two"
            assert (relay.viewers, relay.count("crop")) == (1, 1)
            relay.take({"on": False, "reason": "privacy", "jpeg": "three"})
            assert await reader.take() is None, "what was not shown before the end never is"
            assert await other.take() is None
        assert relay.viewers == 0

    asyncio.run(try_it())


def test_silence_ends_a_stream(monkeypatch):
    monkeypatch.setattr(picture_relay, "SILENCE_S", 0.01)

    async def try_it():
        with PictureRelay().reading("jpeg") as reader:
            assert await reader.take() is None

    asyncio.run(try_it())


def test_the_state_is_told_when_it_has_changed():
    relay = PictureRelay()
    assert not relay.is_on
    assert relay.take({**ON, "jpeg": "x"}) == ON
    assert relay.is_on
    assert relay.take({**ON, "jpeg": "y"}) is None
    assert relay.take({"on": False}) == {"on": False}


@pytest.mark.parametrize("on", [1, "true", None])
def test_only_true_is_on(on):
    relay = PictureRelay()
    relay.take({"on": on})
    assert not relay.is_on
