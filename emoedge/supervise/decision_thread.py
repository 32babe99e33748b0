"""Decision thread: consumes observations, publishes messages and notifies the recorder."""

from __future__ import annotations

import logging
import queue
from collections.abc import Callable
from dataclasses import replace
from typing import Final, Protocol

from emoedge.clock import Clock
from emoedge.health import Health
from emoedge.latency import Latencies
from emoedge.observations import (
    FacesObservation,
    Modality,
    SoundLevel,
    SpeechObservation,
    TextObservation,
    VoiceObservation,
)
from emoedge.outcomes import EmotionEvent, FusedState, Outcome, StateSummary
from emoedge.pipeline.decisions import TICK_S, DecisionStage
from emoedge.publish.messages import Message, MessageBuilder
from emoedge.worker_thread import WorkerThread

logger = logging.getLogger(__name__)

Observation = FacesObservation | VoiceObservation | TextObservation | SpeechObservation | SoundLevel

# Observations come at most some tens a second and are handled in well under a millisecond; so many
# waiting means that this thread is blocked, and then the oldest are the least useful.
MAX_WAITING: Final = 256
LATENCIES_KEPT: Final = 500
IDLE_TICK_S: Final = 0.5
"""Seconds between two checks while nothing can change without input, as with privacy on: then only repeated
states are due."""
HUNG_AFTER_S: Final = 120.0
"""It runs four times a second and waits for nothing, but on a machine without time it may have to."""


class EventRecorder(Protocol):
    """The recorder as the decisions use it."""

    def on_event(self, event: EmotionEvent) -> str | None:
        """Take note of an event; the id of the segment it is recorded in."""
        ...

    def offer_state(self, state: FusedState) -> None:
        """The fused state, for the curves."""
        ...

    def offer_faces(self, faces: FacesObservation) -> None:
        """All faces of a frame, for the overlay."""
        ...

    def offer_text(self, text: TextObservation) -> None:
        """An utterance, for the subtitles."""
        ...

    def offer_published(self, outcome: Outcome) -> None:
        """An outcome that was published, for the timeline."""
        ...


class LiveView(Protocol):
    """Viewers as the decisions use them; must not block."""

    def offer_state(self, state: FusedState) -> None:
        """The fused state of this moment, before anything is held."""
        ...

    def offer_faces(self, faces: FacesObservation) -> None:
        """All faces of a frame."""
        ...

    def offer_text(self, text: TextObservation) -> None:
        """An utterance with its words."""
        ...


class EpisodeHistory(Protocol):
    """The history as the decisions use it (`emoedge.history.recorder.HistoryRecorder`)."""

    def on_event(self, event: EmotionEvent) -> None:
        """Take note of an event, with the id of its segment."""
        ...

    def offer_state(self, state: FusedState) -> None:
        """The fused state of this moment."""
        ...

    def offer_faces(self, faces: FacesObservation) -> None:
        """All faces of a frame."""
        ...


class Images(Protocol):
    """The sender of pictures as the decisions use it."""

    def offer_state(self, state: FusedState) -> None:
        """The fused state, as it is named."""
        ...

    def on_event(self, event: EmotionEvent) -> None:
        """Begin or end of an episode."""
        ...


class DecisionThread:
    """Runs a DecisionStage in a thread of its own.

    Args:
        stage: the pure decisions; only this thread touches it.
        builder: makes the messages.
        clock: the pipeline's clock.
        publish: where messages go; must not block.
        recorder: where events, states and messages go; must not block.
        history: where events, states and faces are counted; must not block.
        live: who looks on, faster than messages are published.
        images: what sends pictures of episodes, where that is on.
    """

    def __init__(
        self,
        stage: DecisionStage,
        builder: MessageBuilder,
        clock: Clock,
        publish: Callable[[Message], None],
        recorder: EventRecorder,
        history: EpisodeHistory,
        live: LiveView | None = None,
        images: Images | None = None,
    ) -> None:
        self._stage = stage
        self._live = live
        self._images = images
        self._builder = builder
        self._clock = clock
        self._publish = publish
        self._recorder = recorder
        self._history = history
        self._actions: queue.Queue[Callable[[float], list[Outcome]]] = queue.Queue(MAX_WAITING)
        self._dropped = 0
        self._latencies = Latencies(LATENCIES_KEPT)
        self._failure = ""
        self.thread = WorkerThread(
            "decisions", self._run, limit_s=HUNG_AFTER_S, wake=lambda: self._put(self._take_leave)
        )
        """Its end closes the open event and publishes that the camera is off."""

    def observe(self, observation: Observation) -> None:
        """Hand over what a stage has found; never blocks."""
        if isinstance(observation, FacesObservation):
            self._recorder.offer_faces(observation)
            self._history.offer_faces(observation)
            self._put(lambda now_s: self._on_faces(observation, now_s))
        elif isinstance(observation, VoiceObservation):
            self._put(lambda now_s: self._stage.on_voice(observation, now_s))
        elif isinstance(observation, SpeechObservation):
            self._put(lambda now_s: self._stage.on_speech(observation, now_s))
        elif isinstance(observation, SoundLevel):
            self._put(lambda _: self._hear(observation))
        else:
            self._recorder.offer_text(observation)
            self._put(lambda now_s: self._on_text(observation, now_s))

    def _hear(self, level: SoundLevel) -> list[Outcome]:
        self._stage.on_sound(level)
        return []

    def forget(self, *modalities: Modality) -> None:
        """Drop the opinions of lost sources."""
        self._put(
            lambda now_s: [
                outcome for modality in modalities for outcome in self._stage.forget(modality, now_s)
            ]
        )

    def set_privacy(self, on: bool) -> None:
        """ON forgets everybody, ends the open event and publishes no emotion with the reason `privacy`."""
        self._put((lambda now_s: self._stage.withhold("privacy", now_s)) if on else self._stage.resume)

    def set_weights(self, *, face_weight: float | None = None, margin: float | None = None) -> None:
        """Change the rule while it runs; values from 0 to 1."""

        def act(now_s: float) -> list[Outcome]:
            if face_weight is not None:
                self._stage.fuser.face_weight = face_weight
            if margin is not None:
                self._stage.fuser.margin = margin
            return self._stage.tick(now_s)

        self._put(act)

    def health(self) -> Health:
        """Latency from capture to publication of face results (p50, p95, milliseconds), and losses."""
        figures: dict[str, float | int | str | None] = {
            "waiting": self._actions.qsize(),
            "dropped": self._dropped,
        }
        figures |= self._latencies.figures("face_latency")
        if fault := self.thread.fault or self._failure:
            return Health("decisions", "degraded", fault, figures)
        return Health("decisions", "ok", "", figures)

    def _put(self, action: Callable[[float], list[Outcome]]) -> None:
        while True:
            try:
                self._actions.put_nowait(action)
            except queue.Full:
                self._dropped += 1
                self._take(0)
            else:
                return

    def _take(self, timeout_s: float) -> Callable[[float], list[Outcome]] | None:
        try:
            return self._actions.get(timeout=timeout_s) if timeout_s else self._actions.get_nowait()
        except queue.Empty:
            return None

    def _run(self) -> None:
        while True:
            action = self._take(TICK_S if self._busy else IDLE_TICK_S)
            if action is None and self.thread.stopping.is_set():
                return
            self.thread.beat()
            try:
                self._say(action or self._stage.tick)
            except Exception as error:
                self._failure = f"{type(error).__name__}: {error}"
                logger.exception("unexpected error in a decision")

    @property
    def _busy(self) -> bool:
        """Whether an opinion can grow stale or an event end while nothing comes in."""
        state = self._stage.state
        return state is None or bool(state.opinions) or self._stage.current_event is not None

    def _say(self, action: Callable[[float], list[Outcome]]) -> None:
        for outcome in action(self._clock.now_s()):
            self._tell(self._placed(outcome) if isinstance(outcome, EmotionEvent) else outcome)
        if self._stage.state is not None:
            self._history.offer_state(self._stage.state)
            self._recorder.offer_state(self._stage.state)
            if self._images is not None:
                self._images.offer_state(self._stage.state)
        if self._live is not None and self._stage.fused is not None:
            self._live.offer_state(self._stage.fused)

    def _placed(self, event: EmotionEvent) -> EmotionEvent:
        """The event with the id of the segment that it is recorded in."""
        event = replace(event, recording=self._recorder.on_event(event))
        self._history.on_event(event)
        if self._images is not None:
            self._images.on_event(event)
        return event

    def _tell(self, outcome: Outcome) -> None:
        self._publish(self._builder.outcome(outcome))
        if not isinstance(outcome, StateSummary):  # a timeline has the states themselves
            self._recorder.offer_published(outcome)

    def _take_leave(self, now_s: float) -> list[Outcome]:
        return self._stage.withhold("offline", now_s)

    def _on_text(self, text: TextObservation, now_s: float) -> list[Outcome]:
        if self._live is not None and not self._stage.is_withheld:
            self._live.offer_text(text)
        return self._stage.on_text(text, now_s)

    def _on_faces(self, faces: FacesObservation, now_s: float) -> list[Outcome]:
        outcomes = self._stage.on_faces(faces, now_s)
        if self._live is not None and not self._stage.is_withheld:
            self._live.offer_faces(faces)
        self._latencies.add(self._clock.now_s() - faces.time_s)
        return outcomes
