"""Lines and live view, from real messages; hostile ones too."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from emoedge.clock import MediaClock
from emoedge.emotions import EMOTIONS, as_probabilities
from emoedge.publish.messages import MessageBuilder
from emoedge.types import EmotionEvent, FusedState, Health, ModalityOpinion, TextObservation
from emoedge.watch.lines import line_of
from emoedge.watch.subscription import Received, parse
from emoedge.watch.view import WatchState, render


@pytest.fixture
def builder():
    return MessageBuilder("sala", MediaClock(), transcript=True)


def happy():
    return as_probabilities([0.05, 0.05, 0.05, 0.7, 0.05, 0.05, 0.05])


def fused():
    return FusedState(
        1.0, happy(), "happiness", 0.7, "face", ("happiness",), (ModalityOpinion("face", 1.0, happy()),)
    )


def test_lines_are_in_the_language_asked_for(builder):
    payload = builder.emotion(fused(), 1.0).payload
    assert "alegría 0.70" in line_of("emotion", payload, "es")
    assert "happiness 0.70" in line_of("emotion", payload, "en")
    nobody = builder.emotion(FusedState(1.0, None, None, 0.0, None, reason="nobody"), 1.0).payload
    assert "no hay nadie" in line_of("emotion", nobody, "es")
    event = builder.event(EmotionEvent("begin", "x", "anger", 0.5, None, 0.8), "segment-1").payload
    assert "empieza ENFADO -> segment-1" in line_of("event", event, "es")
    said = builder.text(TextObservation(0, 1, "qué alegría", happy())).payload
    assert '"qué alegría"' in line_of("text", said, "es")


def test_faces_get_no_line(builder):
    assert line_of("face", {"faces": []}) is None


@pytest.mark.parametrize("width", [80, 200])
def test_the_view_fits_a_terminal(builder, width):
    state = WatchState("es", "sala")
    for message in (
        builder.emotion(fused(), 1.0),
        builder.health([Health("camera", "failed", "unplugged: plug it in"), Health("face", "ok")], 1.0, 1.0),
        builder.event(EmotionEvent("begin", "x", "anger", 0.5, None, 0.8)),
    ):
        payload = json.loads(message.encode())
        state.apply(Received("sala", message.suffix, payload))
    console = Console(width=width, height=24, force_terminal=False, record=True, file=StringIO())
    console.print(render(state))
    text = console.export_text()
    assert len(text.rstrip().splitlines()) <= 24
    assert "ALEGRÍA" in text
    # The last column is whole: the fused probability of the emotion can be read.
    assert any(line.rstrip(" │").endswith("0.70") for line in text.splitlines() if "alegría" in line)
    assert "unplugged" in text
    for line in text.splitlines():
        assert len(line.rstrip()) <= width


def test_an_empty_state_can_be_shown():
    Console(file=StringIO()).print(render(WatchState()))


@given(st.text(max_size=60), st.binary(max_size=200))
def test_parsing_never_fails(topic, payload):
    parse("emoedge", topic, payload)
    received = parse("emoedge", f"emoedge/x/{topic}", payload)
    if received is not None and isinstance(received.payload, dict):
        assert received.device == "x"


def test_what_is_not_of_the_interface_is_left_out():
    assert parse("emoedge", "other/x/emotion", b"{}") is None
    assert parse("emoedge", "emoedge/x/emotion", b"[1]") is None
    assert parse("emoedge", "emoedge/x/emotion", b"{" * 100_000) is None
    assert parse("emoedge", "emoedge/x/status", b"online").payload == "online"
    assert parse("emoedge", "emoedge/x/control/record", b"ON").payload == "ON"


def test_labels_of_the_bars_are_in_order(builder):
    state = WatchState("en", "sala")
    state.apply(Received("sala", "emotion", json.loads(builder.emotion(fused(), 1.0).encode())))
    console = Console(width=100, record=True, file=StringIO())
    console.print(render(state))
    text = console.export_text()
    rows = [
        line.split()[1] for line in text.splitlines() if len(line.split()) > 2 and line.split()[1] in EMOTIONS
    ]
    assert rows == list(EMOTIONS)
