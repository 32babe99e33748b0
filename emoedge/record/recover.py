"""After a power cut: what was written of a segment becomes a segment that plays."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from emoedge.clock import parse_rfc3339, rfc3339
from emoedge.emotions import Language
from emoedge.errors import RecordingError
from emoedge.files import partial_of, read_json
from emoedge.record.finish import discard, measure
from emoedge.record.segment import Draft, Finished, finish
from emoedge.record.store import Store, hold

logger = logging.getLogger(__name__)


def recover(store: Store, language: Language) -> Iterator[Finished]:
    """Finish every cut-off segment of the store that nobody is writing; empty ones are removed.

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
            finished = finish(_draft(media, language, lock))
        except RecordingError as error:
            logger.info("removed what was left of a segment: %s", error)
            discard(media)
        else:
            logger.info("recovered segment %s: %.1f s", media.stem, finished.duration_s)
            yield finished
        finally:
            lock.release()


def _draft(media: Path, language: Language, lock: hold) -> Draft:
    details = _details(partial_of(media.with_suffix(".json")))
    details |= {"id": media.stem, "recovered": True, "end_reason": "recovered"}
    duration_s = measure(partial_of(media))
    if (moment := parse_rfc3339(details.get("started"))) is not None:
        details["ended"] = rfc3339(moment + timedelta(seconds=duration_s))
    return Draft(media, details, language, _thumbnail(partial_of(media)), lock)


def _details(path: Path) -> dict[str, Any]:
    try:
        value = read_json(path)
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _thumbnail(path: Path) -> bytes | None:
    """The first picture that can be decoded, as JPEG."""
    import av
    import cv2

    try:
        with av.open(str(path)) as container:
            frame = next(container.decode(video=0))
            picture = frame.to_ndarray(format="bgr24")
    except (av.error.FFmpegError, IndexError, StopIteration):
        return None
    height = round(320 * picture.shape[0] / picture.shape[1])
    _, data = cv2.imencode(".jpg", cv2.resize(picture, (320, height), interpolation=cv2.INTER_AREA))
    return bytes(data.tobytes())
