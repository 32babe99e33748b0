"""Recovery after a crash or a power cut: what was written of a segment becomes a segment that plays."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from emoedge.clock import parse_rfc3339, rfc3339
from emoedge.emotions import Language
from emoedge.errors import RecordingError
from emoedge.files import partial_of
from emoedge.record.finish import ClosedSegment, FinishedSegment, complete, finish
from emoedge.record.remux import measure
from emoedge.record.sidecar import names_of, read_details, thumbnail_of
from emoedge.record.store import Store, hold

logger = logging.getLogger(__name__)


def recover(store: Store, language: Language) -> Iterator[FinishedSegment]:
    """Finish every interrupted segment of the store that no thread is writing; empty ones are removed.

    A segment whose MP4 already has its final name is never made again from its `.partial`.

    Raises:
        OSError: the disk cannot be read or written.
    """
    for media in store.partials():
        lock = hold(partial_of(media))
        with store.opening:
            held = lock.__enter__()
        if not held:
            continue
        try:
            if media.is_file() and measure(media) > 0:
                finished = complete(media)
            else:
                finished = finish(_closed(media, language, lock))
        except RecordingError as error:
            logger.info("removed an empty segment: %s", error)
        else:
            logger.info("recovered segment %s: %.1f s", media.stem, finished.duration_s)
            yield finished
        finally:
            lock.release()


def _closed(media: Path, language: Language, lock: hold) -> ClosedSegment:
    details = _details(media) | {"id": media.stem, "recovered": True}
    if "ended" not in details:
        details["end_reason"] = "recovered"
        if (started := parse_rfc3339(details.get("started"))) is not None:
            details["ended"] = rfc3339(started + timedelta(seconds=measure(partial_of(media))))
    has_thumbnail = any(path.exists() for path in names_of(media.with_suffix(".jpg")))
    return ClosedSegment(
        media, details, language, None if has_thumbnail else _thumbnail(partial_of(media)), lock
    )


def _details(media: Path) -> dict[str, Any]:
    for path in names_of(media.with_suffix(".json")):
        try:
            return read_details(path)
        except (OSError, ValueError) as error:
            logger.debug("cannot read %s: %s", path.name, error)
    return {}


def _thumbnail(path: Path) -> bytes | None:
    """The first frame that can be decoded, as a thumbnail."""
    import av

    try:
        with av.open(str(path)) as container:
            return thumbnail_of(next(container.decode(video=0)).to_ndarray(format="bgr24"))
    except (av.error.FFmpegError, IndexError, StopIteration):
        return None
