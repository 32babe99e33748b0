"""Input of the recorder from the other threads."""

from __future__ import annotations

from dataclasses import replace

from emoedge.frames import AudioBlock, Frame
from emoedge.observations import FacesObservation, TextObservation
from emoedge.outcomes import FusedState, Outcome
from emoedge.record.input_queue import InputQueue
from emoedge.record.timeline import TimelineEntry


class RecorderInput:
    """The side of the recorder that takes; no method waits for the disk.

    Args:
        fps: nominal frame rate of the frames offered.
        transcript: whether words are kept.
    """

    def __init__(self, fps: float, *, transcript: bool) -> None:
        self._input_queue = InputQueue(fps)
        self._keeps_words = transcript

    @property
    def is_idle(self) -> bool:
        """Return whether nothing that arrives now can get into a recording; `Recorder` knows when."""
        return False

    def offer_frame(self, frame: Frame) -> None:
        """Add a frame; when the encoder cannot keep up, the oldest one is dropped and counted."""
        if not self.is_idle:
            # Its own memory: a decoder keeps as many buffers as were ever held at a time, until it is closed.
            _ = frame.data
            self._input_queue.put_frame(frame)

    def offer_sound(self, block: AudioBlock) -> None:
        """Add an audio block."""
        if not self.is_idle:
            self._input_queue.put_sound(block)

    def offer_published(self, outcome: Outcome) -> None:
        """Add a published outcome to the timeline, with words only where `recording.transcript` is set."""
        if self.is_idle:
            return
        if isinstance(outcome, TextObservation) and not self._keeps_words:
            outcome = replace(outcome, transcript="", words=())
        self._input_queue.put_entry(TimelineEntry(outcome.topic, outcome))

    def offer_state(self, state: FusedState) -> None:
        """Add the fused state, as often as it is computed; a few a second are kept for the curves."""
        if not self.is_idle:
            self._input_queue.put_sampled(TimelineEntry("state", state))

    def offer_faces(self, faces: FacesObservation) -> None:
        """Add all faces of a frame, for the overlay and the quality curve."""
        if not self.is_idle:
            self._input_queue.put_sampled(TimelineEntry("faces", faces))

    def offer_text(self, text: TextObservation) -> None:
        """Add an utterance with its words; kept only where `recording.transcript` is set."""
        if self._keeps_words and not self.is_idle:
            self._input_queue.put_entry(TimelineEntry("transcript", text))
