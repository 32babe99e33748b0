"""Commands one after another in their own thread."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from emoedge.clock import MediaClock
from emoedge.publish.command_queue import MAX_SNAPSHOTS, CommandQueue
from emoedge.publish.control import (
    Command,
)
from emoedge.publish.messages import Message, MessageBuilder

from .conftest import PATIENCE_S, until


class Carried:
    """A queue with a handler that can be held, and what it was given."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.done: list[tuple[str, str]] = []
        self.hang = threading.Event()
        self.hung = threading.Event()
        self.queue = CommandQueue(MessageBuilder("d", MediaClock()), self.sent.append)
        self.queue.handler = self._handle
        self.queue.start()

    def _handle(self, command: Command) -> None:
        if command.name == "snapshot":
            self.hung.set()
            assert self.hang.wait(PATIENCE_S)
        self.done.append((command.name, command.text))

    def take(self, name: str, payload: bytes) -> None:
        self.queue.take(name, payload, retained=False)

    def errors(self) -> list[dict[str, Any]]:
        return [json.loads(one.encode()) for one in self.sent]


@pytest.fixture
def carried() -> Iterator[Carried]:
    one = Carried()
    yield one
    one.hang.set()
    one.queue.stop()


def test_privacy_waits_for_no_other_command(carried):
    """110 values in one burst, and privacy ON was lost."""
    carried.take("snapshot", b"PRESS")
    assert carried.hung.wait(PATIENCE_S)
    for number in range(1_000):
        carried.take("margin", str(number / 1_000).encode())
    carried.take("privacy", b"OFF")
    carried.take("privacy", b"ON")
    until(lambda: carried.done and carried.done[-1] == ("privacy", "ON"), "privacy is carried out")
    assert {name for name, _ in carried.done} == {"privacy"}
    carried.hang.set()
    until(lambda: ("margin", "0.999") in carried.done, "the newest value of the other controls")
    assert [text for name, text in carried.done if name == "margin"] == ["0.999"]
    assert carried.queue.refused == 0


def test_of_each_control_the_newest_value_waits_and_every_press_counts(carried):
    carried.take("snapshot", b"PRESS")
    assert carried.hung.wait(PATIENCE_S)
    for _ in range(MAX_SNAPSHOTS + 3):
        carried.take("snapshot", b"PRESS")
    for name, payload in (("margin", b"0.1"), ("face_weight", b"0.5"), ("margin", b"0.2"), ("record", b"ON")):
        carried.take(name, payload)
    carried.hang.set()
    until(lambda: ("record", "ON") in carried.done, "all are carried out")
    others = [one for one in carried.done if one[0] != "snapshot"]
    assert others == [("face_weight", "0.5"), ("margin", "0.2"), ("record", "ON")], (
        "in the order of the newest"
    )
    assert carried.done.count(("snapshot", "PRESS")) == 1 + MAX_SNAPSHOTS
    assert carried.queue.refused == 3
    until(
        lambda: sum(1 + one["suppressed"] for one in carried.errors()) == 3, "each refusal is accounted for"
    )
    assert {one["reason"] for one in carried.errors()} == {"too many commands at once"}


def test_a_flood_on_one_control_hides_no_refusal_of_another(carried):
    for number in range(200):
        carried.take("margin", b"bad%d" % number)
        if number == 100:
            carried.take("privacy", b"maybe")
    until(lambda: "privacy" in {one["control"] for one in carried.errors()}, "privacy is answered")
    until(lambda: sum(1 + one["suppressed"] for one in carried.errors()) == 201, "and all are counted")
    assert carried.queue.refused == 201


def test_a_refused_payload_is_escaped_once_in_the_log(carried, caplog):
    carried.take("margin", b"\xff\xfe\n")
    until(lambda: carried.sent, "answered")
    assert r'= "\xff\xfe\n": expected' in caplog.text
    assert carried.errors()[0]["value"] == r"\xff\xfe\n"
    assert "\n" not in caplog.records[0].getMessage()
