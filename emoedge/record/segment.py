"""The segment being recorded: opened, written item by item, and closed for `finish`."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TextIO

from emoedge.clock import rfc3339
from emoedge.emotions import Language
from emoedge.errors import RecordingError
from emoedge.files import partial_of, sync_data
from emoedge.frames import SAMPLE_RATE_HZ, AudioBlock, Frame
from emoedge.outcomes import FusedState
from emoedge.record.finish import ClosedSegment
from emoedge.record.lock import hold
from emoedge.record.mux import SegmentWriter, VideoFormat
from emoedge.record.names import private_opener, remove_unfinished, share_with_group
from emoedge.record.overlay import Overlay
from emoedge.record.pre_roll import Item
from emoedge.record.sidecar import SCHEMA, thumbnail_of, write_details
from emoedge.record.strongest import RecentFrames, Strength, seen_s, strength_of
from emoedge.record.timeline import TimelineEntry
from emoedge.translation import tr

logger = logging.getLogger(__name__)

TIMELINE_SYNC_S: Final = 2.0
"""Interval of the timeline's syncs, in seconds: a power cut takes no more of it than of the video."""


@dataclass(frozen=True)
class SegmentPlan:
    """Names, times and details of a segment that is about to be opened.

    Attributes:
        segment_id: its name.
        media: the final MP4.
        start_s: time zero on the pipeline's clock.
        started: the same moment on the wall clock.
        thumbnail_s: time of the frame that becomes the thumbnail where no face is seen, pipeline's clock.
        about: details that are known at the start (reason, models, configuration, clock).
        language: of the subtitles.
    """

    segment_id: str
    media: Path
    start_s: float
    started: datetime
    thumbnail_s: float
    about: Mapping[str, Any]
    language: Language = "es"


class OpenSegment:
    """Segment that takes frames, audio and timeline entries; used by the recorder's thread alone.

    Args:
        plan: names and times.
        video: format of the video track, or None for audio alone.
        sound: whether there is an audio track.
        encoder: "auto" or an FFmpeg encoder.
        overlay: draws into the frames, or None.

    Raises:
        RecordingError, OSError: it cannot be opened; no file is left, where the disk allows that.
    """

    def __init__(
        self,
        plan: SegmentPlan,
        video: VideoFormat | None,
        *,
        sound: bool,
        encoder: str,
        overlay: Overlay | None,
    ) -> None:
        self.plan = plan
        self._overlay = overlay
        self._thumbnail: Frame | None = None
        self._recent = RecentFrames()
        self._strength: Strength | None = None
        self._timeline_synced = time.monotonic()
        media = plan.media
        self._writer = SegmentWriter(partial_of(media), plan.start_s, video, sound=sound, encoder=encoder)
        self._lock = hold(partial_of(media))
        try:
            share_with_group(partial_of(media))
            self._lock.__enter__()
            self._details: dict[str, Any] = {
                "schema": SCHEMA,
                "id": plan.segment_id,
                "started": rfc3339(plan.started),
                **plan.about,
            }
            write_details(partial_of(media.with_suffix(".json")), self._details)
            self._timeline: TextIO = open(  # noqa: SIM115 - Path.open has no opener; closed with the segment
                partial_of(media.with_suffix(".jsonl")), "w", encoding="utf-8", opener=private_opener
            )
        except BaseException:
            with contextlib.suppress(OSError):  # what is left then is recovered
                self._writer.abort()
            with contextlib.suppress(OSError):
                remove_unfinished(media)
            self._lock.release()
            raise

    @property
    def video(self) -> VideoFormat | None:
        """Format of the video track, or None."""
        return self._writer.video

    @property
    def has_sound(self) -> bool:
        """Whether there is an audio track."""
        return self._writer.has_sound

    @property
    def bytes_synced(self) -> int:
        """Bytes of the MP4 that are safe on the disk."""
        return self._writer.bytes_synced

    def write(self, item: Item) -> None:
        """Add an item unless it is from before the segment; raises OSError, av.error.FFmpegError."""
        if isinstance(item, TimelineEntry):
            self._write_entry(item)
        elif isinstance(item, AudioBlock):
            self._writer.write_sound(item)
        elif item.time_s >= self.plan.start_s:
            self._recent.add(item)
            if self._thumbnail is None or (
                self._strength is None and self._thumbnail.time_s < self.plan.thumbnail_s
            ):
                self._thumbnail = item
            self._writer.write_frame(item if self._overlay is None else self._overlay.draw(item))

    def close(self, reason: str, ended: datetime) -> ClosedSegment:
        """Close the segment; raises OSError or av.error.FFmpegError when its end cannot be written."""
        self._writer.close()
        self._timeline.close()
        return self._closed(reason, ended)

    def abort(self, reason: str, ended: datetime) -> ClosedSegment:
        """Close the segment after an error, with what is on the disk."""
        self._writer.abort()
        try:
            self._timeline.close()
        except OSError as error:
            logger.warning("timeline of %s is incomplete: %s", self.plan.segment_id, error)
        return self._closed(reason, ended)

    def check_in_place(self) -> None:
        """Raise RecordingError if the file was moved or deleted while it was being written."""
        partial = partial_of(self.plan.media)
        if not partial.exists():
            raise RecordingError(
                tr("{partial} was moved or deleted while it was being written", partial=partial),
                tr("leave files that end in .partial alone until the segment is finished"),
            )

    def _write_entry(self, entry: TimelineEntry) -> None:
        if self._overlay is not None:
            self._overlay.update(entry.outcome)
        if entry.time_s < self.plan.start_s:
            return
        if isinstance(entry.outcome, FusedState):
            self._choose_thumbnail(entry.outcome)
        self._timeline.write(entry.row(self.plan.start_s))
        if time.monotonic() - self._timeline_synced >= TIMELINE_SYNC_S:
            self._timeline.flush()
            sync_data(self._timeline.fileno())
            self._timeline_synced = time.monotonic()

    def _choose_thumbnail(self, state: FusedState) -> None:
        """Keep the frame that a state is about, if the state is the strongest so far."""
        strength, at_s = strength_of(state), seen_s(state)
        frame = None if at_s is None else self._recent.at(at_s)
        if frame is None or strength is None:
            return
        if self._strength is None or strength > self._strength:
            self._strength, self._thumbnail = strength, frame

    def _closed(self, reason: str, ended: datetime) -> ClosedSegment:
        writer = self._writer
        details = {
            **self._details,
            "ended": rfc3339(ended),
            "end_reason": reason,
            "duration": round(writer.duration_s, 3),
            "video": None
            if writer.video is None
            else {
                "width": writer.video.width,
                "height": writer.video.height,
                "frames": writer.frames,
                "late_frames": writer.late_frames,
                "encoder": writer.encoder,
            },
            "sound": None
            if not writer.has_sound
            else {
                "rate_hz": SAMPLE_RATE_HZ,
                "silence_s": round(writer.track.silence_s, 3),
                "left_out_s": round(writer.track.left_out_s, 3),
            },
        }
        thumbnail = None if self._thumbnail is None else thumbnail_of(self._thumbnail.bgr)
        return ClosedSegment(self.plan.media, details, self.plan.language, thumbnail, self._lock)
