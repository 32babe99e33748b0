"""Which of several tracks is meant: the default one, then the one that FFmpeg would choose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from emoedge.capture.convert import MAX_PIXELS
from emoedge.errors import MediaError
from emoedge.translation import tr


@dataclass(frozen=True, slots=True)
class Tracks:
    """Numbers of the tracks asked for, counted from 0 for each kind as FFmpeg does; None: choose."""

    video: int | None = None
    audio: int | None = None


AUTOMATIC = Tracks()


def video_track(container: Any, number: int | None = None) -> Any | None:
    """The stream with the pictures, None where there is none; cover art of a song does not count.

    Raises:
        MediaError: no track has that number, or its pictures are too large.
    """
    from av.stream import Disposition

    usable = [
        stream
        for stream in container.streams.video
        if stream.codec_context is not None and not stream.disposition & Disposition.attached_pic
    ]
    stream = _chosen(container, usable, number, "video", lambda one: one.width * one.height)
    if stream is not None and stream.width * stream.height > MAX_PIXELS:
        raise MediaError(
            tr(
                "{name}: an image of {width} x {height} pixels is too large",
                name=container.name,
                width=stream.width,
                height=stream.height,
            ),
            tr("scale it down first"),
        )
    return stream


def audio_track(container: Any, number: int | None = None) -> Any | None:
    """The stream with the sound, None where none has channels and a rate.

    Raises:
        MediaError: no track has that number.
    """
    usable = [
        stream
        for stream in container.streams.audio
        if stream.codec_context is not None and stream.codec_context.sample_rate
    ]
    return _chosen(container, usable, number, "audio", lambda one: one.codec_context.channels)


def _chosen(
    container: Any, usable: list[Any], number: int | None, kind: str, size: Callable[[Any], int]
) -> Any | None:
    from av.stream import Disposition

    if number is not None:
        if not 0 <= number < len(usable):
            listed = ", ".join(_described(index, stream) for index, stream in enumerate(usable))
            raise MediaError(
                tr(
                    "{name}: {kind} track {number} is not there",
                    name=container.name,
                    kind=kind,
                    number=number,
                ),
                tr("choose one of: {listed}", listed=listed)
                if listed
                else tr("omit --{kind}-track", kind=kind),
            )
        return usable[number]
    # FFmpeg takes the most channels or pixels, the first of equals.
    return max(usable, key=lambda one: (bool(one.disposition & Disposition.default), size(one)), default=None)


def _described(index: int, stream: Any) -> str:
    words = (stream.language, stream.metadata.get("title"))
    about = " ".join(word for word in words if word and word != "und")
    return f"{index} ({about})" if about else str(index)
