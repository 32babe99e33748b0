"""What subscribers of the socket see, how often, and what is forgotten."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from emoedge.clock import MediaClock
from emoedge.emotions import as_probabilities
from emoedge.frames import AudioBlock
from emoedge.observations import (
    ActivityChange,
    AudioActivity,
    Box,
    FaceObservation,
    FacesObservation,
    TextObservation,
)
from emoedge.outcomes import FusedState, ModalityOpinion
from emoedge.publish.messages import MessageBuilder
from emoedge.supervise.feed import Feed

HAPPY = as_probabilities([0.05, 0.05, 0.05, 0.6, 0.05, 0.1, 0.1])
SAD = as_probabilities([0.05, 0.05, 0.05, 0.1, 0.6, 0.1, 0.05])


class Subscribers:
    """Keeps what is told."""

    def __init__(self, *wanted: str) -> None:
        self.wanted = frozenset(wanted)
        self.told: list[tuple[str, dict[str, Any]]] = []

    def tell(self, name: str, data: dict[str, Any]) -> None:
        self.told.append((name, data))


def made(*wanted: str) -> tuple[Feed, Subscribers, MessageBuilder]:
    clock = MediaClock()
    builder = MessageBuilder("d", clock)
    feed, subscribers = Feed(builder, clock), Subscribers(*wanted)
    feed.attach(subscribers)
    return feed, subscribers, builder


def state(time_s: float, probabilities: Any = HAPPY, reason: str = "") -> FusedState:
    opinions = () if probabilities is None else (ModalityOpinion("face", time_s, probabilities),)
    emotion = None if reason or probabilities is None else "happiness"
    decided = None if emotion is None else "face"
    return FusedState(time_s, probabilities, emotion, 0.5, decided, opinions=opinions, reason=reason)


def faces(time_s: float) -> FacesObservation:
    box = Box(0.1, 0.2, 0.3, 0.4)
    return FacesObservation(time_s, (FaceObservation(1, box, HAPPY, 0.9, primary=True),))


def test_states_come_ten_times_a_second_on_change_only() -> None:
    feed, subscribers, _ = made("state")
    for number in range(100):
        feed.offer_state(state(number * 0.02))
    assert [name for name, _ in subscribers.told] == ["state"]
    for number in range(100):
        feed.offer_state(state(2.0 + number * 0.02, SAD if number % 2 else HAPPY))
    assert 18 <= len(subscribers.told) - 1 <= 21
    feed.offer_state(state(5.0, None, "nobody"))
    assert subscribers.told[-1][1]["reason"] == "nobody"
    assert subscribers.told[-1][1]["since"] == subscribers.told[-1][1]["time"]


def test_faces_come_ten_times_a_second_and_not_twice() -> None:
    feed, subscribers, builder = made("face")
    for number in range(100):
        feed.offer_faces(faces(number * 0.02))
    feed.publish(builder.outcome(faces(2.0)))
    assert 18 <= len(subscribers.told) <= 21
    assert subscribers.told[0][1]["faces"][0]["id"] == 1
    feed.publish(builder.outcome(FacesObservation(3.0, ())))
    assert subscribers.told[-1][1]["faces"] == []


def test_levels_are_the_blocks_in_ten_parts() -> None:
    feed, subscribers, _ = made("level")
    samples = np.concatenate([np.zeros(800, np.int16), np.full(800, 16_384, np.int16)])
    block = AudioBlock(0.0, samples)
    feed.offer_sound(block)
    feed.offer_activity(AudioActivity(block, block, (ActivityChange(True, 0.05),)))
    feed.offer_sound(block)
    first, second = (data for _, data in subscribers.told)
    assert first == {"rms_dbfs": [-100.0] * 5 + [-6.0] * 5, "speech": False}
    assert second["speech"] is True


def test_nothing_is_made_while_nobody_has_subscribed(monkeypatch: pytest.MonkeyPatch) -> None:
    feed, subscribers, builder = made()
    monkeypatch.setattr(builder, "outcome", lambda _outcome: pytest.fail("made for nobody"))
    feed.offer_faces(faces(0.0))
    feed.offer_state(state(0.0))
    feed.offer_sound(AudioBlock(0.0, np.zeros(1_600, np.int16)))
    assert subscribers.told == []


def test_privacy_forgets_what_people_showed() -> None:
    feed, _, builder = made("emotion")
    feed.publish(builder.outcome(faces(1.0)))
    feed.publish(builder.outcome(state(1.0)))
    assert set(feed.latest()) == {"face", "emotion"}
    feed.publish(builder.outcome(state(2.0, None, "privacy")))
    assert set(feed.latest()) == {"emotion"}
    assert feed.latest()["emotion"]["reason"] == "privacy"


def test_controls_are_told_when_they_change() -> None:
    feed, subscribers, builder = made("control")
    for value in ("0.2", "0.2", "0.3"):
        feed.publish(builder.control("margin", value, 0.0))
    feed.publish(builder.control_error("margin", "7", "too large"))
    assert subscribers.told == [
        ("control", {"name": "margin", "value": "0.2"}),
        ("control", {"name": "margin", "value": "0.3"}),
        ("control", {"name": "margin", "value": "7", "reason": "too large", "reason_text": "too large"}),
    ]
    assert feed.controls() == {"margin": "0.3"}


def test_words_come_to_clients_where_the_console_may_have_them() -> None:
    clock = MediaClock()
    builder = MessageBuilder("d", clock)
    text = TextObservation(1.0, 2.0, "qué alegría verte", HAPPY)
    for with_words in (None, builder.with_words()):
        feed, subscribers = Feed(builder, clock, with_words=with_words), Subscribers("text")
        feed.attach(subscribers)
        feed.offer_text(text)
        feed.publish(builder.outcome(text))
        assert len(subscribers.told) == 1
        assert subscribers.told[0][1].get("transcript") == (None if with_words is None else text.transcript)
        assert feed.latest()["text"] == subscribers.told[0][1]
