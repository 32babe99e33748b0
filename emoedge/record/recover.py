"""Recovery after a crash or a power cut: the written part of a segment becomes a playable segment."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from emoedge.clock import parse_rfc3339, rfc3339
from emoedge.emotions import Language
from emoedge.errors import RecordingError
from emoedge.files import partial_of
from emoedge.record.finish import ClosedSegment, FinishedSegment, complete, finish, timeline_of
from emoedge.record.lock import hold
from emoedge.record.mux import write_errors
from emoedge.record.names import remove_unfinished
from emoedge.record.remux import measure
from emoedge.record.sidecar import names_of, read_details, thumbnail_of
from emoedge.record.store import Store
from emoedge.record.strongest import seen_s, strongest
from emoedge.record.timeline import read_timeline

logger = logging.getLogger(__name__)

ROUNDING_S: Final = 0.01
"""Times of a timeline may lie this much after those of the frames that they are about."""
SAME_LENGTH_S: Final = 0.5
"""Seconds by which an interrupted file may be longer than the finished one made of it: the unfinished end."""


def recover(store: Store, language: Language) -> Iterator[FinishedSegment]:
    """Finish every interrupted segment of the store that no thread is writing; empty ones are removed.

    What stands under a final name is replaced by something longer only. A segment that cannot be finished
    (a disk that fails, a file that cannot be changed) is left for the next time, and does not delay others.

    Raises:
        OSError: the recordings directory cannot be read.
    """
    for media in store.partials():
        partial = partial_of(media)
        lock = hold(partial)
        with store.opening:
            held = lock.__enter__()
        if not held:
            continue
        try:
            with store.changing(media):
                finished = _recovered(store, media, language, lock)
        except RecordingError as error:
            logger.info("removed an empty segment: %s", error)
        except write_errors() as error:
            if not isinstance(error, OSError):
                error = OSError(None, str(error))
            store.note(partial, error)
        else:
            store.remove_partial(media)
            if finished is not None:
                logger.info("recovered segment %s: %.1f s", media.stem, finished.duration_s)
                yield finished
        finally:
            lock.release()


def _recovered(store: Store, media: Path, language: Language, lock: hold) -> FinishedSegment | None:
    """Finish a segment; None where it was finished before and what is left of it still cannot be deleted."""
    partial = partial_of(media)
    if media.is_file() and (standing_s := measure(media)) > 0:
        if store.is_noted(partial):
            remove_unfinished(media)
            return None
        if standing_s >= measure(partial) - SAME_LENGTH_S:
            return complete(media)
    closed = _closed(media, language, lock)
    closed.details.setdefault("order", store.next_order(closed.details))
    return finish(closed)


def _closed(media: Path, language: Language, lock: hold) -> ClosedSegment:
    details = _details(media) | {"id": media.stem, "recovered": True}
    if "ended" not in details:
        details["end_reason"] = "recovered"
        if (started := parse_rfc3339(details.get("started"))) is not None:
            details["ended"] = rfc3339(started + timedelta(seconds=measure(partial_of(media))))
    has_thumbnail = any(path.exists() for path in names_of(media.with_suffix(".jpg")))
    return ClosedSegment(media, details, language, None if has_thumbnail else _thumbnail(media), lock)


def _details(media: Path) -> dict[str, Any]:
    """The details under either name: those written at the end, which know more, before those of the start."""
    found: list[dict[str, Any]] = []
    for path in names_of(media.with_suffix(".json")):
        try:
            found.append(read_details(path))
        except (OSError, ValueError) as error:
            logger.debug("cannot read %s: %s", path.name, error)
    return max(found, key=lambda details: "ended" in details, default={})


def _thumbnail(media: Path) -> bytes | None:
    """A frame of the strongest moment, or the first one that can be decoded, as a thumbnail."""
    import av

    moment = strongest(read_timeline(timeline_of(media)).states)
    at_s = 0.0 if moment is None else max(0.0, (seen_s(moment) or moment.time_s) - ROUNDING_S)
    frame = None
    with (
        contextlib.suppress(av.error.FFmpegError, IndexError),
        av.open(str(partial_of(media))) as container,
    ):
        container.seek(round(at_s * av.time_base))
        for frame in container.decode(video=0):
            if (frame.time or 0.0) >= at_s:
                break
    return None if frame is None else thumbnail_of(frame.to_ndarray(format="bgr24"))
