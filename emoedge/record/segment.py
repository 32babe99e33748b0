"""One segment on its way to the disk: opened, written item by item, closed into a draft, finished."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TextIO

from emoedge.clock import rfc3339
from emoedge.emotions import Language
from emoedge.errors import RecordingError
from emoedge.files import partial_of, sha256_of, sync_data, sync_folder, to_json
from emoedge.frames import SAMPLE_RATE_HZ, AudioBlock, Frame
from emoedge.record.finish import (
    discard,
    measure,
    publish,
    remux,
    trim,
    write_partial,
)
from emoedge.record.mux import SegmentWriter, VideoFormat, write_errors
from emoedge.record.names import REMUX, private_opener, share_with_group
from emoedge.record.overlay import Overlay
from emoedge.record.pre_roll import Item
from emoedge.record.store import hold
from emoedge.record.timeline import TimelineEntry, emotion_cues, read_timeline, webvtt

logger = logging.getLogger(__name__)

SIDECAR_SCHEMA: Final = 1
THUMBNAIL_WIDTH: Final = 320
THUMBNAIL_QUALITY: Final = 80
TIMELINE_SYNC_S: Final = 2.0
"""A power cut takes no more of the timeline than of the picture."""


@dataclass(frozen=True)
class SegmentPlan:
    """What is known of a segment before its first picture.

    Attributes:
        segment_id: its name.
        media: the final MP4.
        start_s: time zero on the pipeline's clock.
        started: the same moment on the wall clock.
        thumbnail_s: the moment whose picture becomes the thumbnail, pipeline's clock.
        about: what the JSON sidecar says of it from the start (reason, models, configuration, clock).
        language: of the subtitles.
    """

    segment_id: str
    media: Path
    start_s: float
    started: datetime
    thumbnail_s: float
    about: Mapping[str, Any]
    language: Language = "es"


@dataclass
class Draft:
    """A segment whose pictures and sound are on the disk, under the `.partial` name."""

    media: Path
    details: dict[str, Any]
    language: Language
    thumbnail: bytes | None = None
    lock: hold | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Finished:
    """A segment under its final name."""

    media: Path
    duration_s: float
    bytes: int
    sha256: str
    shortfall: str = ""


class OpenSegment:
    """Takes pictures, sound and timeline entries; only the recorder's thread uses it.

    Args:
        plan: names and times.
        video: format of the picture, or None for sound alone.
        sound: whether there is sound.
        encoder: "auto" or an FFmpeg encoder.
        overlay: draws into the picture, or None.

    Raises:
        RecordingError, OSError: it cannot be begun; nothing is left behind.
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
        self._last_s = plan.start_s
        self._timeline_synced = time.monotonic()
        media = plan.media
        self._writer = SegmentWriter(partial_of(media), plan.start_s, video, sound=sound, encoder=encoder)
        try:
            share_with_group(partial_of(media))
            self._lock = hold(partial_of(media))
            self._lock.__enter__()
            self._details: dict[str, Any] = {
                "schema": SIDECAR_SCHEMA,
                "id": plan.segment_id,
                "started": rfc3339(plan.started),
                **plan.about,
            }
            write_partial(media.with_suffix(".json"), to_json(self._details))
            sync_folder(media.parent)
            self._timeline: TextIO = open(  # noqa: SIM115 - Path.open has no opener; closed with the segment
                partial_of(media.with_suffix(".jsonl")), "w", encoding="utf-8", opener=private_opener
            )
        except BaseException:
            self._writer.abort()
            discard(media)
            raise

    @property
    def video(self) -> VideoFormat | None:
        """Format of the picture."""
        return self._writer.video

    @property
    def has_sound(self) -> bool:
        """Whether there is a sound track."""
        return self._writer.has_sound

    @property
    def bytes_written(self) -> int:
        """Size of the MP4 so far."""
        return self._writer.bytes_written

    def write(self, item: Item) -> None:
        """Add an item; those from before the segment are left out. Raises OSError, av.error.FFmpegError."""
        if isinstance(item, TimelineEntry):
            self._write_entry(item)
        elif isinstance(item, AudioBlock):
            self._writer.write_sound(item)
        elif item.time_s >= self.plan.start_s:
            if self._thumbnail is None or self._thumbnail.time_s < self.plan.thumbnail_s:
                self._thumbnail = item
            self._writer.write_frame(item if self._overlay is None else self._overlay.draw(item))

    def close(self, reason: str, ended: datetime) -> Draft:
        """End the segment; raises OSError or av.error.FFmpegError when the last of it cannot be written."""
        self._writer.close()
        self._timeline.close()
        return self._draft(reason, ended)

    def abort(self, reason: str, ended: datetime) -> Draft:
        """End the segment after an error, with what is on the disk."""
        self._writer.abort()
        try:
            self._timeline.close()
        except OSError as error:
            logger.warning("timeline of %s is incomplete: %s", self.plan.segment_id, error)
        return self._draft(reason, ended)

    def check_in_place(self) -> None:
        """Raise RecordingError where the file has been moved or deleted while it is written."""
        partial = partial_of(self.plan.media)
        if not partial.exists():
            raise RecordingError(f"{partial} was moved or deleted while it was being written")

    def _write_entry(self, entry: TimelineEntry) -> None:
        if self._overlay is not None:
            self._overlay.update(entry.outcome)
        if entry.time_s < self.plan.start_s:
            return
        self._timeline.write(entry.row(self.plan.start_s))
        if time.monotonic() - self._timeline_synced >= TIMELINE_SYNC_S:
            self._timeline.flush()
            sync_data(self._timeline.fileno())
            self._timeline_synced = time.monotonic()

    def _draft(self, reason: str, ended: datetime) -> Draft:
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
        thumbnail = None if self._thumbnail is None else _jpeg(self._thumbnail)
        return Draft(self.plan.media, details, self.plan.language, thumbnail, self._lock)


def finish(draft: Draft, give_up: Callable[[], bool] = lambda: False) -> Finished:
    """Make a draft into a segment under its final name.

    A copy that fails (a full disk, no time left) is no reason to lose the segment: the fragmented
    file then gets the final name, and `shortfall` says why.

    Raises:
        RecordingError: there was nothing to play; what there was is removed.
        OSError: not even the renaming worked; the `.partial` stays for the next start.
    """
    media = draft.media
    try:
        return _finish(draft, give_up)
    except RecordingError:
        discard(media)
        raise
    finally:
        if draft.lock is not None:
            draft.lock.release()


def _finish(draft: Draft, give_up: Callable[[], bool]) -> Finished:
    media, details = draft.media, draft.details
    trim(partial_of(media))
    duration_s = measure(partial_of(media))
    if duration_s <= 0:
        raise RecordingError(f"segment {media.stem} holds neither picture nor sound")
    timeline = read_timeline(_text_of(partial_of(media.with_suffix(".jsonl"))))
    cues = emotion_cues(timeline.states, duration_s, draft.language)
    remuxed = partial_of(media.with_name(media.name + REMUX))
    remuxed.unlink(missing_ok=True)
    shortfall = ""
    try:
        remux(partial_of(media), remuxed, cues, duration_s, give_up)
    except write_errors() as error:
        logger.warning("segment %s stays fragmented: %s", media.stem, error)
        shortfall = str(error)
        remuxed.unlink(missing_ok=True)
    whole = remuxed if remuxed.exists() else partial_of(media)
    size, digest = whole.stat().st_size, sha256_of(whole)
    details |= {
        "duration": round(duration_s, 3),
        "bytes": size,
        "sha256": digest,
        "fragmented": whole != remuxed,
    }
    try:
        write_partial(media.with_suffix(".json"), to_json(details))
        write_partial(media.with_suffix(".vtt"), webvtt(cues))
        if draft.thumbnail is not None:
            write_partial(media.with_suffix(".jpg"), draft.thumbnail)
    except OSError as error:
        logger.warning("sidecars of %s are incomplete: %s", media.stem, error)
        shortfall = str(error)
    publish(media)
    return Finished(media, duration_s, size, digest, shortfall)


def _jpeg(frame: Frame) -> bytes:
    import cv2

    height = max(2, round(THUMBNAIL_WIDTH * frame.height / frame.width))
    small = cv2.resize(frame.bgr, (THUMBNAIL_WIDTH, height), interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, THUMBNAIL_QUALITY])
    return bytes(data.tobytes())


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""
