"""Opens segments: start time, tracks, and the first details of the sidecar."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from emoedge.clock import Clock
from emoedge.config.recording_settings import RecordingSettings
from emoedge.emotions import Language
from emoedge.frames import AudioBlock, Frame
from emoedge.record.housekeeping import Housekeeping
from emoedge.record.mux import VideoFormat
from emoedge.record.names import day_of, make_folder
from emoedge.record.overlay import Overlay
from emoedge.record.policy import Begin
from emoedge.record.segment import OpenSegment, SegmentPlan

JOIN_S: Final = 0.25
"""Audio that begins up to this many seconds before the first frame is cut: a video begins with a picture."""


class SegmentFactory:
    """Opens segments for the recorder.

    Args:
        settings: the section `recording`.
        clock: the pipeline's clock.
        fps: nominal frame rate.
        language: of subtitles and overlay.
        describe: returns models and configuration for the sidecar.
        housekeeping: has the store.
    """

    def __init__(
        self,
        settings: RecordingSettings,
        clock: Clock,
        fps: float,
        language: Language,
        describe: Callable[[], Mapping[str, Any]],
        housekeeping: Housekeeping,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._fps = fps
        self._language = language
        self._describe = describe
        self._housekeeping = housekeeping
        self.draw = True
        """Whether the next segments get the overlay, if the settings enable it."""

    def format_of(self, frame: Frame) -> VideoFormat:
        """Video format of a segment that this frame fits into."""
        return VideoFormat.of(frame, self._fps)

    def open(self, begin: Begin, frame: Frame | None, block: AudioBlock | None) -> OpenSegment:
        """Open a segment with the tracks that the first frame and the first audio block call for.

        Raises:
            RecordingError: something is in the way, or no encoder works.
            OSError: the disk cannot be written.
        """
        start_s = start_of(begin.from_s, frame, block)
        started = self._clock.wall(start_s)
        folder = self._settings.dir / day_of(started)
        make_folder(self._settings.dir, follow=True)
        make_folder(folder)
        plan = SegmentPlan(
            segment_id=begin.segment_id,
            media=folder / f"{begin.segment_id}.mp4",
            start_s=start_s,
            started=started,
            thumbnail_s=min(begin.at_s, start_s + self._settings.pre_roll_s),
            about={
                "reason": begin.reason,
                "clock_synced": self._clock.synchronized(),
                "language": self._language,
                **self._describe(),
            },
            language=self._language,
        )
        store = self._housekeeping.store
        with store.changing(plan.media), store.opening:
            return OpenSegment(
                plan,
                None if frame is None else self.format_of(frame),
                sound=block is not None,
                encoder=self._settings.encoder,
                overlay=Overlay(self._language) if self._settings.overlay and self.draw else None,
            )


def start_of(from_s: float, frame: Frame | None, block: AudioBlock | None) -> float:
    """Time zero of a segment: its first frame, or its first audio where that is `JOIN_S` or more before."""
    sound_s = None if block is None else max(block.time_s, from_s)
    if frame is None:
        assert sound_s is not None
        return sound_s
    if sound_s is None or frame.time_s - sound_s < JOIN_S:
        return frame.time_s
    return sound_s
