"""Whatever is published, `watch` shows it without a traceback, an escape sequence or more memory."""

from __future__ import annotations

import json
import unicodedata
from io import StringIO
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.console import Console

from emoedge.watch.lines import line_of
from emoedge.watch.subscription import Received, parse
from emoedge.watch.view import WatchState, render

SUFFIXES = ("emotion", "event", "face", "voice", "text", "recording", "health", "control/error", "status")
KEYS = (
    *("time", "emotion", "reason", "confidence", "modalities", "face", "voice", "text", "age_ms", "anger"),
    *("probabilities", "decided_by", "type", "recording", "faces", "id", "quality", "primary", "transcript"),
    *("duration", "parts", "state", "control", "path"),
)
ESCAPES = "\x1b]0;owned\x07\x1b[2J\x9b31m\r\n\u202e"
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**400), 10**400),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["anger", "begin", "failed", "es", ESCAPES]),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=4), inner, max_size=5),
    ),
    max_leaves=12,
)
payloads = st.dictionaries(st.sampled_from(KEYS), values, max_size=8)


def controls(text: str) -> list[str]:
    return [one for one in text if unicodedata.category(one) in ("Cc", "Cf") and one != "\n"]


def shown(state: WatchState) -> str:
    console = Console(width=80, height=24, force_terminal=False, file=StringIO())
    with console.capture() as capture:
        console.print(render(state))
    return capture.get()


@given(st.sampled_from(SUFFIXES), payloads)
@example("emotion", {"emotion": "anger", "confidence": "high", "modalities": {"face": {"age_ms": "x"}}})
@example("voice", {"emotion": "anger", "duration": "long"})
@example("health", {"parts": {"camera": "broken"}})
@example("face", {"faces": [{"id": [1], "quality": "good"}, 3]})
@example("text", {"transcript": ESCAPES})
@example("event", {"emotion": ["anger"], "type": 3})
def test_any_payload(suffix: str, payload: dict[str, Any]) -> None:
    line = line_of(suffix, payload)
    assert not controls(line or "")
    assert "\n" not in (line or "")
    state = WatchState("es", "sala")
    state.apply(Received("sala", suffix, payload))
    assert not controls(shown(state))
    received = parse("emoedge", f"emoedge/sala/{suffix}", json.dumps(payload).encode())
    if received is not None:
        state.apply(received)
        assert not controls(shown(state))


@pytest.mark.parametrize("topic", ["status", "control/record", "control/\x1b[2J", f"{ESCAPES}/status"])
def test_plain_values_and_topics(topic: str) -> None:
    received = parse("emoedge", f"emoedge/sala/{topic}", ESCAPES.encode())
    if received is None:
        assert controls(topic)
    else:
        assert not controls(str(line_of(received.suffix, received.payload)))


def test_made_up_topics_do_not_fill_the_memory() -> None:
    state = WatchState("es", "sala")
    for number in range(10_000):
        state.apply(Received("sala", f"control/{number}", "ON"))
    state.apply(Received("sala", "control/0", "OFF"))
    assert len(state.latest) < 100
    assert state.latest["control/0"] == "OFF"
