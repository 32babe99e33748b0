"""Subject of an annotation: a media file, the lines of a replay, or a recorded segment."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from emoedge.capture.media import MediaReader
from emoedge.errors import MediaError
from emoedge.record.timeline import Timeline, read_replay, read_timeline
from emoedge.report.data import STEP_S, ReportData, build
from emoedge.report.source import find_source
from emoedge.report.table import Sampling
from emoedge.translation import joined, tr

if TYPE_CHECKING:
    from emoedge.config import Settings
    from emoedge.emotions import Language
    from emoedge.pipeline import Pipeline
    from emoedge.record.store import Store

LINES_SUFFIX: Final = ".jsonl"
SEGMENT_SUFFIX: Final = ".mp4"
EVERY_FRAME_HZ: Final = 1000.0
"""Faster than any video."""


@dataclass(frozen=True)
class Annotation:
    """Something to be written in one of the formats of `export`.

    Attributes:
        name: of the thing, without the suffix.
        place: the file it comes from; what is written goes beside it.
        media: the picture or sound it is about, None where only its lines are there.
        data: what there is to say about it.
        language: of the device that made it, None where unknown.
    """

    name: str
    place: Path
    media: Path | None
    data: ReportData
    language: Language | None = None


def annotate(
    item: str, store: Store, pipeline: Callable[[], Pipeline], progress: Callable[[float], None] | None = None
) -> Annotation:
    """Find out what `item` is, and all that can be said about it.

    Args:
        item: a media file; lines written by `emoedge replay`; a segment, by its id or the path of its MP4.
        store: where segments are looked for.
        pipeline: called when a media file has to be looked at, which is not needed for the others.
        progress: told the media time reached, seconds.

    Raises:
        EmoedgeError: there is no such thing, or it cannot be read.
    """
    path = Path(item)
    if not path.exists():
        return _segment(item, store)
    lines = path if path.suffix == LINES_SUFFIX else path.with_suffix(LINES_SUFFIX)
    if lines.exists() and path.suffix in (LINES_SUFFIX, SEGMENT_SUFFIX):
        text = _text_of(lines)
        if read_timeline(text).outcomes and lines.with_suffix(SEGMENT_SUFFIX).exists():
            return _segment(item, store)
        if path == lines:
            return _lines(path, text)
    timeline, duration_s = timeline_of_media(pipeline(), path, progress)
    if duration_s <= 0:
        raise MediaError(
            tr("{path}: an image has no duration to annotate", path=path), tr("use a video or audio file")
        )
    return Annotation(path.stem, path, path, build(timeline, {"media": path.name}, duration_s, None))


def fine_grained(settings: Settings, rate_hz: float | None = None) -> Settings:
    """The settings with states as often as the curves have points, or as often as a table has rows.

    Args:
        settings: the configuration.
        rate_hz: rows a second; infinity for one a frame: every frame is looked at.
    """
    fine_hz = max(1 / STEP_S, min(rate_hz or 0.0, EVERY_FRAME_HZ))
    publish = settings.publish.model_copy(update={"interval": 1 / fine_hz, "face_hz": fine_hz})
    analysis_fps = max(settings.performance.analysis_fps, 0.0 if rate_hz is None else fine_hz)
    performance = settings.performance.model_copy(update={"analysis_fps": analysis_fps})
    return settings.model_copy(update={"publish": publish, "performance": performance})


def sampling_of(made: Annotation, rate_hz: float, *, all_faces: bool = False) -> Sampling:
    """Rows at a rate, or at the frames of the video where it is infinite.

    Raises:
        MediaError: there is no video whose frames can be counted.
    """
    if rate_hz < math.inf:
        return Sampling.at(rate_hz, made.data.duration_s, all_faces=all_faces)
    times: list[float] = []
    if made.media is not None:
        reader = MediaReader(made.media, audio=False)
        # A damaged file has its frames and all other results up to the damage.
        with contextlib.suppress(MediaError):
            for _ in reader.frames(lambda time_s: bool(times.append(time_s))):  # type: ignore[func-returns-value]
                pass
    if not times:
        raise MediaError(
            tr("{path}: there are no frames to count", path=made.place), tr("give --rate in rows a second")
        )
    return Sampling(times, all_faces)


def timeline_of_media(
    pipeline: Pipeline, path: Path, progress: Callable[[float], None] | None = None
) -> tuple[Timeline, float]:
    """Replay a file into a timeline, with its duration in seconds; raises MediaError."""
    outcomes = sorted(pipeline.replay(path, progress), key=lambda outcome: outcome.time_s)
    return Timeline(tuple(outcomes)), pipeline.clock.time_s


def _lines(path: Path, text: str) -> Annotation:
    timeline = read_replay(text)
    duration_s = timeline.end_s
    if duration_s <= 0:
        raise MediaError(
            tr("{path}: no lines with media times", path=path), tr("use the output of emoedge replay")
        )
    # `clip.mp4.jsonl`, as replay names it in a folder of results, is about clip.mp4.
    media = path.with_suffix("")
    known = media if media.suffix and media.exists() else None
    return Annotation(path.stem, path, known, build(timeline, {"media": path.stem}, duration_s, None))


def _segment(item: str, store: Store) -> Annotation:
    source = find_source(item, store, None)
    return Annotation(source.segment_id, source.media, source.media, source.data, source.language)


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise MediaError(
            joined((str(path), error.strerror or str(error)), ": "), tr("check the name and the permissions")
        ) from error
