"""Events for the clients of the socket: published messages, and values that change faster."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, Protocol

import numpy as np

from emoedge.clock import Clock, rfc3339
from emoedge.frames import AudioBlock
from emoedge.observations import AudioActivity, FacesObservation, TextObservation
from emoedge.outcomes import FusedState
from emoedge.publish.messages import Message, MessageBuilder
from emoedge.rate_limit import Pacer

LIVE_HZ: Final = 10.0
"""Most states and faces a second."""
LEVELS: Final = 10
"""Levels of an audio block."""
SILENCE_DBFS: Final = -100.0
_FULL_SCALE: Final = 32_768.0
PERSONAL: Final = ("face", "voice", "text")
"""Topics whose last message is forgotten under privacy."""
_CONTROL: Final = "control/"


class Teller(Protocol):
    """Sender of events to the clients (`emoedge.local_socket.server.SocketServer`)."""

    @property
    def wanted(self) -> frozenset[str]:
        """Events with at least one subscriber."""
        ...

    def tell(self, name: str, data: dict[str, Any]) -> None:
        """Send an event; never waits."""
        ...


class Feed:
    """Callable from any thread; costs next to nothing while nobody has subscribed.

    Args:
        builder: makes payloads as they are published.
        clock: the pipeline's clock.
        on_faces: takes the faces of each frame as well.
        with_words: makes `text` where clients get the words and MQTT may not; None where both get the same.
    """

    def __init__(
        self,
        builder: MessageBuilder,
        clock: Clock,
        on_faces: Callable[[FacesObservation], None] = lambda _faces: None,
        with_words: MessageBuilder | None = None,
    ) -> None:
        self._with_words = with_words
        self._on_faces = on_faces
        self._builder = builder
        self._clock = clock
        self._teller: Teller | None = None
        self._lock = threading.Lock()
        self._latest: dict[str, dict[str, Any]] = {}
        self._controls: dict[str, str] = {}
        self._pacers = {"face": Pacer(LIVE_HZ), "state": Pacer(LIVE_HZ)}
        self._state_told: object = None
        self._speaking = False

    def attach(self, teller: Teller) -> None:
        """Begin to tell; before anything is published."""
        self._teller = teller

    def latest(self) -> dict[str, dict[str, Any]]:
        """The last payload of each topic; what people have shown or said is gone under privacy."""
        with self._lock:
            return dict(self._latest)

    def controls(self) -> dict[str, str]:
        """The value of each control, as on `control/<name>`."""
        with self._lock:
            return dict(self._controls)

    def forget(self) -> None:
        """Forget what was published about people."""
        with self._lock:
            for topic in (*PERSONAL, "emotion", "event", "recording"):
                self._latest.pop(topic, None)

    def publish(self, message: Message) -> None:
        """Take a message that is published."""
        topic, payload = message.suffix, message.payload
        if topic.startswith(_CONTROL):
            self._take_control(topic.removeprefix(_CONTROL), payload)
        elif isinstance(payload, dict):
            if topic == "text" and self._with_words is not None:
                return  # it has come by `offer_text`
            with self._lock:
                self._latest[topic] = payload
                if topic == "emotion" and payload["reason"] == "privacy":
                    for name in PERSONAL:
                        self._latest.pop(name, None)
            # Faces come by `offer_faces`, more often, and pictures from elsewhere.
            if topic != "picture" and not (topic == "face" and payload["faces"]):
                self.tell(topic, payload)

    def offer_faces(self, faces: FacesObservation) -> None:
        """Take the faces of a frame."""
        self._on_faces(faces)
        if self._is_wanted("face") and self._pacers["face"].due(faces.time_s):
            self.tell("face", self._payload(faces))

    def offer_text(self, text: TextObservation) -> None:
        """Take an utterance."""
        if self._with_words is not None:
            payload = self._with_words.outcome(text).payload
            assert isinstance(payload, dict)
            with self._lock:
                self._latest["text"] = payload
            self.tell("text", payload)

    def offer_state(self, state: FusedState) -> None:
        """Take the fused state of a moment."""
        if not self._is_wanted("state"):
            self._state_told = None
            return
        seen = None if state.probabilities is None else tuple(np.round(state.probabilities, 3).tolist())
        told = seen, state.reason, tuple(opinion.modality for opinion in state.opinions)
        if told != self._state_told and self._pacers["state"].due(state.time_s):
            self._state_told = told
            self.tell("state", self._payload(replace(state, since_s=state.time_s)))

    def offer_activity(self, item: AudioActivity) -> None:
        """Take note of when somebody speaks."""
        for change in item.changes:
            self._speaking = change.speaking

    def offer_sound(self, block: AudioBlock) -> None:
        """Take an audio block, for its levels."""
        if self._is_wanted("level") and len(block.samples) >= LEVELS:
            self.tell("level", {"rms_dbfs": levels_dbfs(block), "speech": self._speaking})

    def _payload(self, outcome: FacesObservation | FusedState) -> dict[str, Any]:
        payload = self._builder.outcome(outcome).payload
        assert isinstance(payload, dict)
        return payload

    def _take_control(self, name: str, payload: dict[str, Any] | str) -> None:
        if isinstance(payload, str):
            with self._lock:
                is_new = self._controls.get(name) != payload
                self._controls[name] = payload
            if is_new:
                self.tell("control", {"name": name, "value": payload})
        else:
            told = {key: payload[key] for key in ("value", "reason", "reason_text")}
            self.tell("control", {"name": payload["control"]} | told)

    def _is_wanted(self, name: str) -> bool:
        return self._teller is not None and name in self._teller.wanted

    def tell(self, name: str, payload: dict[str, Any]) -> None:
        """Send an event to those who have subscribed to it; never waits."""
        if self._teller is not None:
            self._teller.tell(name, payload)

    def now(self) -> str:
        """The present as in payloads."""
        return rfc3339(self._clock.wall(self._clock.now_s()))


def levels_dbfs(block: AudioBlock) -> list[float]:
    """Levels of an audio block in ten equal parts, dBFS (RMS), at least `SILENCE_DBFS`."""
    parts = np.array_split(block.samples.astype(np.float64) / _FULL_SCALE, LEVELS)
    floor = 10 ** (SILENCE_DBFS / 20)
    return [round(20 * float(np.log10(max(floor, np.sqrt(np.mean(part**2))))), 1) for part in parts]
