"""Observations in, messages and notes out, in one thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from emoedge.clock import SystemClock
from emoedge.config import Settings
from emoedge.observations import FacesObservation
from emoedge.pipeline.decisions import DecisionStage
from emoedge.publish.messages import Message, MessageBuilder
from emoedge.supervise.decision_thread import MAX_WAITING, DecisionThread

PATIENCE_S = 60.0


class Recorder:
    """Takes note of what it is offered."""

    def __init__(self) -> None:
        self.faces = 0
        self.topics: list[str] = []

    def on_event(self, event: Any) -> None:
        return None

    def offer_state(self, state: Any) -> None:
        pass

    def offer_faces(self, faces: Any) -> None:
        self.faces += 1

    def offer_text(self, text: Any) -> None:
        pass

    def note(self, topic: str, payload: object, time_s: float) -> None:
        self.topics.append(topic)

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_args: None


def until(condition: Callable[[], object]) -> None:
    end_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.01)


@pytest.fixture
def made() -> Iterator[tuple[DecisionThread, list[Message], Recorder]]:
    clock, sent, recorder = SystemClock(), [], Recorder()
    stage = DecisionStage(Settings(), lambda _started_s: "id", None)
    thread = DecisionThread(stage, MessageBuilder("d", clock), clock, sent.append, recorder, Recorder())
    thread.thread.start()
    yield thread, sent, recorder
    assert thread.thread.stop(PATIENCE_S)


def test_an_observation_becomes_a_message(made: tuple[DecisionThread, list[Message], Recorder]) -> None:
    thread, sent, recorder = made
    thread.observe(FacesObservation(SystemClock().now_s(), ()))
    until(lambda: [message for message in sent if message.suffix == "face"])
    assert recorder.faces == 1
    until(lambda: "face_latency_p95_ms" in thread.health().figures)
    assert thread.health().state == "ok"


def test_an_error_costs_one_decision(
    made: tuple[DecisionThread, list[Message], Recorder], monkeypatch: pytest.MonkeyPatch
) -> None:
    thread, sent, _recorder = made

    def broken(*_args: object) -> None:
        raise ZeroDivisionError("nobody thought of this")

    with monkeypatch.context() as patched:
        patched.setattr(DecisionStage, "on_faces", broken)
        thread.observe(FacesObservation(SystemClock().now_s(), ()))
        until(lambda: "nobody thought of this" in thread.health().reason)
    thread.observe(FacesObservation(SystemClock().now_s(), ()))
    until(lambda: [message for message in sent if message.suffix == "face"])


def test_what_a_standing_thread_cannot_take_is_counted_and_blocks_nobody(
    made: tuple[DecisionThread, list[Message], Recorder], monkeypatch: pytest.MonkeyPatch
) -> None:
    thread, _sent, _recorder = made
    goes_on, standing = threading.Event(), threading.Event()

    def stand(*_args: object) -> list[Any]:
        standing.set()
        goes_on.wait(PATIENCE_S)
        return []

    monkeypatch.setattr(DecisionStage, "on_faces", stand)
    observation = FacesObservation(SystemClock().now_s(), ())
    thread.observe(observation)
    assert standing.wait(PATIENCE_S)
    for _ in range(MAX_WAITING + 5):
        thread.observe(observation)
    assert thread.health().figures["dropped"] == 5
    goes_on.set()


def emotion_and_reason(message: Message) -> tuple[object, object]:
    assert isinstance(message.payload, dict)
    return message.payload["emotion"], message.payload["reason"]


def test_the_end_says_that_nobody_looks_any_more(
    made: tuple[DecisionThread, list[Message], Recorder],
) -> None:
    """`emotion` stayed happiness, retained, after a clean stop."""
    thread, sent, _recorder = made
    until(lambda: sent)
    assert thread.thread.stop(PATIENCE_S)
    said = [(one.suffix, *emotion_and_reason(one)) for one in sent[-2:]]
    assert said == [("emotion", None, "offline"), ("summary", None, "offline")]


def test_privacy_is_the_reason_until_off(made: tuple[DecisionThread, list[Message], Recorder]) -> None:
    thread, sent, _recorder = made
    thread.set_privacy(True)
    until(lambda: sent and emotion_and_reason(sent[-1]) == (None, "privacy"))
    thread.set_privacy(False)
    until(lambda: emotion_and_reason(sent[-1]) == (None, "no_opinion"))
