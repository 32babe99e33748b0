"""Finishing of a segment: from the `.partial` to the MP4 with subtitles, sidecars and final names.

The sidecars are renamed first and the MP4 last, so that a segment appears only when it is whole. Whatever
moment a crash hits, `recover` finds everything under one of two names.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emoedge.emotions import Language
from emoedge.errors import RecordingError
from emoedge.files import partial_of, put_in_place, sha256_of
from emoedge.record.lock import hold
from emoedge.record.mp4_boxes import is_ordinary
from emoedge.record.mux import write_errors
from emoedge.record.names import remove_unfinished, remux_of, segment_files, share_with_group
from emoedge.record.remux import measure, remux, trim
from emoedge.record.sidecar import names_of, write_details, write_sidecar
from emoedge.record.subtitle_track import add_subtitles
from emoedge.record.timeline import (
    Cue,
    emotion_cues,
    prevailing_emotion,
    read_timeline,
    read_timeline_text,
    webvtt,
)
from emoedge.translation import tr

logger = logging.getLogger(__name__)


@dataclass
class ClosedSegment:
    """A segment whose video, audio and timeline are on the disk under their `.partial` names.

    Attributes:
        media: the final MP4.
        details: for the JSON sidecar.
        language: of the subtitles.
        thumbnail: JPEG, or None to keep the one on the disk, if any.
        lock: held until the segment is finished.
    """

    media: Path
    details: dict[str, Any]
    language: Language
    thumbnail: bytes | None = None
    lock: hold | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class FinishedSegment:
    """A segment under its final name.

    Attributes:
        media: the MP4.
        duration_s: its length.
        bytes: its size.
        sha256: its digest, hexadecimal.
        shortfall: why it is fragmented or its sidecars are incomplete, or an empty string.
    """

    media: Path
    duration_s: float
    bytes: int
    sha256: str
    shortfall: str = ""


def finish(segment: ClosedSegment, give_up: Callable[[], bool] = lambda: False) -> FinishedSegment:
    """Give a closed segment its subtitles, its sidecars and its final names.

    A file that was not closed, after a fault, is remuxed. Where that or the subtitles fail (a full disk, no
    time left), the file gets the final name as it is, and `shortfall` says why.

    Raises:
        RecordingError: there is nothing to play; what there was is removed.
        OSError: even the renaming failed; the `.partial` stays for the next start.
    """
    media = segment.media
    try:
        partial = partial_of(media)
        is_whole = is_ordinary(partial)
        if not is_whole:
            trim(partial)
        duration_s = measure(partial)
        if duration_s <= 0:
            remove_unfinished(media)
            raise RecordingError(
                tr("segment {stem} contains neither video nor audio", stem=media.stem),
                tr("check camera and microphone; run: emoedge doctor"),
            )
        states = read_timeline(timeline_of(media)).states
        cues = emotion_cues(states, duration_s, segment.language)
        if is_whole:
            whole, shortfall = partial, _add_subtitles(partial, cues, duration_s)
        else:
            whole, shortfall = _remux(media, cues, duration_s, give_up)
        size, digest = whole.stat().st_size, sha256_of(whole)
        segment.details |= {
            "duration": round(duration_s, 3),
            "bytes": size,
            "sha256": digest,
            "fragmented": whole == partial and not is_whole,
            "emotion": prevailing_emotion(states, duration_s),
        }
        shortfall = _write_sidecars(segment, cues) or shortfall
        _rename(media, whole)
        return FinishedSegment(media, duration_s, size, digest, shortfall)
    finally:
        if segment.lock is not None:
            segment.lock.release()


def complete(media: Path) -> FinishedSegment:
    """Tidy up a segment whose MP4 has its final name already: a crash came just after the renames.

    Raises:
        OSError: the disk cannot be read or written.
    """
    _rename(media, media, only_missing=True)
    return FinishedSegment(media, measure(media), media.stat().st_size, sha256_of(media))


def timeline_of(media: Path) -> str:
    """The timeline under either name, the longer one: a crash leaves one of them cut off."""
    found = []
    for path in names_of(media.with_suffix(".jsonl")):
        try:
            found.append(read_timeline_text(path))
        except FileNotFoundError:
            continue
        except OSError as error:
            logger.warning("cannot read %s: %s", path.name, error)
    return max(found, key=len, default="")


def _add_subtitles(partial: Path, cues: Sequence[Cue], duration_s: float) -> str:
    """Add the subtitles to an ordinary MP4; return the fault, or an empty string."""
    try:
        add_subtitles(partial, cues, duration_s)
    except write_errors() as error:
        logger.warning("%s has no subtitles: %s", partial.name, error)
        return str(error)
    return ""


def _remux(
    media: Path, cues: Sequence[Cue], duration_s: float, give_up: Callable[[], bool]
) -> tuple[Path, str]:
    """Return the file that becomes the MP4, and why it is the fragmented one if it is."""
    remuxed = remux_of(media)
    remuxed.unlink(missing_ok=True)
    try:
        remux(partial_of(media), remuxed, cues, duration_s, give_up)
    except write_errors() as error:
        logger.warning("segment %s stays fragmented: %s", media.stem, error)
        remuxed.unlink(missing_ok=True)
        return partial_of(media), str(error)
    return remuxed, ""


def _write_sidecars(segment: ClosedSegment, cues: Sequence[Cue]) -> str:
    """Write the sidecars under their `.partial` names; return the fault, or an empty string."""
    media = segment.media
    try:
        write_details(partial_of(media.with_suffix(".json")), segment.details)
        write_sidecar(partial_of(media.with_suffix(".vtt")), webvtt(cues))
        if segment.thumbnail is not None:
            write_sidecar(partial_of(media.with_suffix(".jpg")), segment.thumbnail)
    except OSError as error:
        logger.warning("sidecars of %s are incomplete: %s", media.stem, error)
        return str(error)
    return ""


def _rename(media: Path, whole: Path, *, only_missing: bool = False) -> None:
    """Give a segment its final names, the MP4 last, and remove what is left of it under other names.

    Args:
        media: the final name of the MP4.
        whole: the file that gets it.
        only_missing: leave sidecars alone that stand under their final names.
    """
    moves = []
    for path in segment_files(media)[1:]:
        partial = partial_of(path)
        if partial.is_file() and not (path.exists() and (only_missing or _is_poorer(partial, path))):
            moves.append((partial, path))
    if whole != media:
        moves.append((whole, media))
    for partial, _path in moves:
        share_with_group(partial)
    if moves:
        put_in_place(*moves)
    try:
        remove_unfinished(media)
    except OSError as error:
        # The segment is whole. Recovery comes back for what is left, and names it.
        logger.debug("cannot remove what is left of %s: %s", media.stem, error)


def _is_poorer(partial: Path, path: Path) -> bool:
    """Return whether a timeline is cut off beside the one that stands; the others were just written."""
    return path.suffix == ".jsonl" and partial.stat().st_size < path.stat().st_size
