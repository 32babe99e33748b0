"""Pictures for the topic `image`: of snapshots, and of the strongest moments of episodes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from emoedge.emotions import Emotion
from emoedge.frames import Frame
from emoedge.outcomes import EmotionEvent, FusedState, Snapshot
from emoedge.publish.messages import Message, MessageBuilder
from emoedge.record.strongest import RecentFrames, seen_s
from emoedge.supervise.picture_drawing import jpeg_of

SPACING_S: Final = 10.0
"""Least time between two pictures; what comes sooner is not sent."""
MAX_BYTES: Final = 100_000
"""Largest picture."""


@dataclass(slots=True)
class _Moment:
    """The strongest moment so far of one emotion; without a frame while no face was in view."""

    emotion: Emotion | None
    confidence: float = 0.0
    frame: Frame | None = None

    def offer(self, state: FusedState, frames: RecentFrames) -> None:
        """Take a state of this emotion, with the frame that it is about."""
        at_s = seen_s(state)
        frame = None if at_s is None else frames.at(at_s)
        if frame is not None and state.confidence > self.confidence:
            self.confidence, self.frame = state.confidence, frame


class EpisodeImages:
    """Chooses and sends the pictures; callable from any thread.

    Args:
        builder: makes the messages.
        publish: sends them.
        now_s: monotonic clock, seconds.
        enabled: `publish.image`; without it no frame is kept and no picture sent.
    """

    def __init__(
        self,
        builder: MessageBuilder,
        publish: Callable[[Message], None],
        now_s: Callable[[], float],
        *,
        enabled: bool,
    ) -> None:
        self._enabled = enabled
        self._builder = builder
        self._publish = publish
        self._now_s = now_s
        self._lock = threading.Lock()
        self._private = False
        self._recent = RecentFrames()
        self._named = _Moment(None)
        self._episode: _Moment | None = None
        self._sent_s = float("-inf")

    def set_private(self, on: bool) -> None:
        """Forget every frame, and send none until privacy is OFF; after the return nothing more is sent."""
        with self._lock:
            self._private = on
            self._recent, self._named, self._episode = RecentFrames(), _Moment(None), None

    def offer_frame(self, frame: Frame) -> None:
        """Take a captured frame."""
        if self._enabled and not self._private:
            self._recent.add(frame)

    def offer_state(self, state: FusedState) -> None:
        """Take what is named at this moment."""
        with self._lock:
            if state.emotion != self._named.emotion:
                self._named = _Moment(state.emotion)
            self._named.offer(state, self._recent)
            if self._episode is not None and self._episode.emotion == state.emotion:
                self._episode.offer(state, self._recent)

    def on_event(self, event: EmotionEvent) -> None:
        """Take the begin or end of an episode; its picture is sent at the end."""
        with self._lock:
            if event.kind == "begin":
                named = self._named
                is_same = named.emotion == event.emotion
                self._episode = _Moment(event.emotion, *((named.confidence, named.frame) if is_same else ()))
                return
            episode, self._episode = self._episode, None
            if episode is not None and episode.emotion == event.emotion:
                self._send(episode.frame)

    def on_snapshot(self, snapshot: Snapshot) -> None:
        """Publish that a snapshot was made, and its picture."""
        self._publish(self._builder.outcome(snapshot))
        with self._lock:
            self._send(self._recent.newest)

    def _send(self, frame: Frame | None) -> None:
        now_s = self._now_s()
        if self._private or frame is None or now_s - self._sent_s < SPACING_S:
            return
        jpeg = jpeg_of(frame, MAX_BYTES)
        if jpeg is not None:
            self._sent_s = now_s
            self._publish(self._builder.image(jpeg, frame.time_s))
