"""What is annotated: a media file, the lines of a replay, or a recorded segment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from emoedge.errors import MediaError
from emoedge.record.timeline import Timeline, read_replay, read_timeline
from emoedge.report.data import STEP_S, ReportData, build
from emoedge.report.source import find_source

if TYPE_CHECKING:
    from emoedge.config import Settings
    from emoedge.emotions import Language
    from emoedge.pipeline import Pipeline
    from emoedge.record.store import Store

LINES_SUFFIX: Final = ".jsonl"
SEGMENT_SUFFIX: Final = ".mp4"


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
        raise MediaError(f"{path}: a picture has no duration to annotate", "give a video or a sound file")
    return Annotation(path.stem, path, path, build(timeline, {"media": path.name}, duration_s, None))


def fine_grained(settings: Settings) -> Settings:
    """The settings with states as often as the curves have points."""
    publish = settings.publish.model_copy(update={"interval": STEP_S, "face_hz": 1 / STEP_S})
    return settings.model_copy(update={"publish": publish})


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
        raise MediaError(f"{path}: no lines with media times", "give what emoedge replay has written")
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
        raise MediaError(f"{path}: {error.strerror}", "check the name and the permissions") from error
