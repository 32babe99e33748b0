"""Payloads from anyone: fields of the interface with their types, and nothing that moves the cursor."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from emoedge.emotions import EMOTIONS
from emoedge.watch.payload import MAX_CHARACTERS, MAX_ENTRIES, shown_payload, text
from tests.publish.samples import builder, every_message

VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def leaves(value: Any):
    if isinstance(value, dict):
        for key, one in value.items():
            yield key
            yield from leaves(one)
    elif isinstance(value, list):
        for one in value:
            yield from leaves(one)
    else:
        yield value


@given(st.text(max_size=2000))
def test_a_text_has_no_control_characters_and_an_end(value):
    shown = text(value)
    assert len(shown) <= MAX_CHARACTERS
    assert shown.isprintable() or not any(ord(one) < 32 or 127 <= ord(one) < 160 for one in shown)


@given(
    st.sampled_from(["emotion", "event", "face", "voice", "text", "recording", "health", "control/error"]),
    st.dictionaries(st.sampled_from(["time", "emotion", "faces", "parts", "probabilities", "id"]), VALUES),
)
def test_whatever_is_in_it_the_fields_and_their_types_are_the_same(suffix, payload):
    shown, empty = shown_payload(suffix, payload), shown_payload(suffix, {})
    assert isinstance(shown, dict)
    assert shown.keys() == empty.keys()
    assert shown.get("emotion") in (None, *EMOTIONS)
    for leaf in leaves(shown):
        assert leaf is None or isinstance(leaf, str | bool | float)
        if isinstance(leaf, str):
            assert not any(ord(one) < 32 for one in leaf)


def test_what_the_daemon_sends_is_shown_as_it_is():
    for message in every_message(builder(transcript=True)):
        shown = shown_payload(message.suffix, message.payload)
        if isinstance(shown, dict) and "emotion" in shown:
            assert shown["emotion"] == message.payload["emotion"]
            assert shown["time"] == message.payload["time"]


def test_faces_and_parts_are_bounded():
    many = shown_payload("face", {"faces": [{"id": 1}] * 1000})
    assert len(many["faces"]) == MAX_ENTRIES
    parts = shown_payload("health", {"parts": {str(number): {} for number in range(1000)}})
    assert len(parts["parts"]) == MAX_ENTRIES


def test_other_topics_are_not_shown():
    assert shown_payload("picture", {"jpeg": "x"}) is None
    assert shown_payload("emotion", [1]) is None
    assert shown_payload("status", "online") == "online"
