"""Choice of the H.264 encoder: hardware where a trial succeeds, else software."""

from __future__ import annotations

import functools
import io
import logging
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import numpy as np

from emoedge.capture.v4l2_node import DEV, encodes_h264, video_nodes
from emoedge.errors import RecordingError
from emoedge.translation import joined, tr

logger = logging.getLogger(__name__)

HARDWARE: Final = "h264_v4l2m2m"
"""FFmpeg's name of the kernel's encoders, such as bcm2835-codec of a Raspberry Pi up to model 4."""
SOFTWARE: Final = ("libx264", "libopenh264")
"""Encoders on the processor, the better one first."""
KEYFRAME_S: Final = 2.0
"""Interval of key frames in seconds: a player seeks to the nearest one."""
BITS_PER_PIXEL: Final = 0.2
"""Ceiling of the bit rate per pixel and frame: noise in the dark must not fill the disk (0.9 Mbit/s at 640 x
480 x 15)."""
MAX_BIT_RATE: Final = 8_000_000
"""Ceiling of the bit rate of any size, in bits per second."""
LARGE_PIXELS: Final = 1280 * 720
"""Frame size above which libx264 gets a second thread."""
CLOCK_HZ: Final = 90_000
"""Time base of the video track, as in MPEG systems: fine enough for any frame rate."""
PROBE_FRAMES: Final = 12
"""Frames of the trial; an encoder works if all of them can be decoded."""


class EncoderError(RecordingError):
    """An encoder failed in the middle of a segment; another one takes over from the next segment on."""


@dataclass(frozen=True, slots=True)
class EncoderChoice:
    """The encoder of a segment.

    Attributes:
        name: of the FFmpeg encoder.
        node: device of the hardware, None in software.
        why_software: why no hardware is used; empty where it is, or where the configuration names an encoder.
    """

    name: str
    node: Path | None = None
    why_software: str = ""


def choose_encoder(wanted: str, width: int, height: int, fps: float, dev: Path = DEV) -> EncoderChoice:
    """Return the FFmpeg encoder to use.

    Args:
        wanted: "auto", or a name that is then the only one tried.
        width: of the picture, pixels, even.
        height: likewise.
        fps: nominal rate.
        dev: folder of the device nodes.

    Raises:
        RecordingError: none works.
    """
    size = width, height, round(fps)
    candidates: tuple[str, ...] = (wanted,)
    why_software = ""
    if wanted == "auto":
        candidates = SOFTWARE
        node, why_software = hardware_node(dev)
        if node is not None:
            fault = _failed_in_use.get(HARDWARE) or _fault(HARDWARE, *size)
            if not fault:
                return EncoderChoice(HARDWARE, node)
            why_software = tr("{node} failed: {fault}", node=node, fault=fault)
    for name in candidates:
        if not _fault(name, *size):
            return EncoderChoice(name, why_software=why_software)
    raise RecordingError(
        tr("no H.264 encoder works here (tried {candidates})", candidates=", ".join(candidates)),
        tr('set recording.encoder = "auto" and install the `av` wheel, which carries libx264'),
    )


def hardware_node(dev: Path = DEV) -> tuple[Path | None, str]:
    """Return the first node that reports H.264 encoding, or None and the reason."""
    closed = []
    for node in video_nodes(dev):
        try:
            if encodes_h264(node):
                return node, ""
        except PermissionError:
            closed.append(str(node))
        except OSError as error:  # in use, or unplugged at this moment
            logger.debug("%s: %s", node, error)
    if closed:
        return None, tr("closed to this user: {nodes}", nodes=joined(closed))
    return None, tr("no device of this machine encodes H.264")


_failed_in_use: dict[str, str] = {}


def rule_out(encoder: str, error: Exception) -> bool:
    """Exclude hardware that failed in use until the process ends; return whether it was hardware."""
    if encoder != HARDWARE:
        return False
    logger.warning("encoder %s failed, the processor takes over: %s", encoder, error)
    _failed_in_use[encoder] = str(error)
    return True


def add_video_stream(container: Any, encoder: str, width: int, height: int, fps: float) -> Any:
    """Add the video stream to a PyAV output container: I420, BT.601 video range, variable frame rate.

    No B frames: time stamps then need no reordering, and a cut file loses less.
    """
    rate = Fraction(fps).limit_denominator(1000)
    bit_rate = min(MAX_BIT_RATE, int(width * height * fps * BITS_PER_PIXEL))
    options = {"g": str(max(1, round(fps * KEYFRAME_S))), "bf": "0"}
    if encoder == "libx264":
        # One thread leaves the other cores to the analysis and keeps frames from waiting in a pipeline.
        threads = "1" if width * height <= LARGE_PIXELS else "2"
        options |= {"preset": "superfast", "crf": "23", "threads": threads}
        options |= {"maxrate": str(bit_rate), "bufsize": str(2 * bit_rate)}
    stream = container.add_stream(encoder, rate=rate, options=options)
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    context = stream.codec_context
    context.time_base = Fraction(1, CLOCK_HZ)
    if encoder != "libx264":
        context.bit_rate = bit_rate
    # ITU-T H.273: 6 is BT.601 (primaries, transfer, matrix), range 1 is 16 to 235: what cv2 and cameras give.
    context.color_primaries = context.color_trc = context.colorspace = 6
    context.color_range = 1
    return stream


@functools.lru_cache(maxsize=8)
def _fault(encoder: str, width: int, height: int, fps: int) -> str:
    """Return why an encoder makes no MP4 that decodes, or "": some open and give nothing, or no headers."""
    import av

    buffer = io.BytesIO()
    try:
        with av.open(buffer, "w", format="mp4") as container:
            stream = add_video_stream(container, encoder, width, height, fps)
            grey = np.full((height * 3 // 2, width), 128, dtype=np.uint8)
            for index in range(PROBE_FRAMES):
                frame = av.VideoFrame.from_ndarray(grey, format="yuv420p")
                frame.pts, frame.time_base = index * CLOCK_HZ // fps, Fraction(1, CLOCK_HZ)
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        buffer.seek(0)
        with av.open(buffer) as container:
            decoded = sum(1 for _ in container.decode(video=0))
    except (av.error.FFmpegError, ValueError, OSError) as error:
        logger.info("encoder %s does not work here: %s", encoder, error)
        return str(error)
    if decoded != PROBE_FRAMES:
        return tr("{decoded} of {frames} frames can be decoded", decoded=decoded, frames=PROBE_FRAMES)
    return ""
