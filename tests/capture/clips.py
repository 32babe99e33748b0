"""Clips made on the spot, so that what is in them is known."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np

FPS = 25
CLAP_S = 1.0
BEEP_HZ = 1000.0
SENT_PARTS = 60


def sine(frequency_hz: float, rate_hz: int, duration_s: float, channels: int = 1) -> np.ndarray:
    """float32 (channels, n)."""
    time_s = np.arange(round(rate_hz * duration_s)) / rate_hz
    return np.tile((0.5 * np.sin(2 * math.pi * frequency_hz * time_s)).astype(np.float32), (channels, 1))


def clap_sound(rate_hz: int, duration_s: float, channels: int = 2) -> np.ndarray:
    """Silence with a beep from CLAP_S on, for 100 ms."""
    sound = np.zeros((channels, round(rate_hz * duration_s)), np.float32)
    start = round(CLAP_S * rate_hz)
    beep = sine(BEEP_HZ, rate_hz, 0.1, channels)
    sound[:, start : start + beep.shape[1]] = beep
    return sound


def clap_picture(time_s: float, width: int = 64, height: int = 48) -> np.ndarray:
    """Black, white for 100 ms from CLAP_S on, and a moving grey bar so that all frames differ."""
    white = CLAP_S - 1e-6 <= time_s < CLAP_S + 0.1
    picture = np.full((height, width, 3), 255 if white else 0, np.uint8)
    picture[-4:, : 1 + round(time_s * FPS) % width] = 128
    return picture


def write_clip(
    path: Path,
    *,
    duration_s: float = 2.0,
    picture: Callable[[float], np.ndarray] | None = clap_picture,
    times_s: list[float] | None = None,
    sound: np.ndarray | None = None,
    rate_hz: int = 48000,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    sound_codec: str = "aac",
    options: dict[str, str] | None = None,
    container: dict[str, str] | None = None,
    start_s: float = 0.0,
) -> Path:
    """A media file from a function of time that gives rgb24 pictures, and an array of sound."""
    import av

    with av.open(str(path), "w", options=container or {}) as out:
        streams = []
        if picture is not None:
            first = picture(0.0)
            video = out.add_stream(codec, rate=FPS, options=options or {})
            video.width, video.height = first.shape[1], first.shape[0]
            video.pix_fmt = pixels
            # MPEG-2 knows certain frame rates alone, and AVI counts pictures; the others keep milliseconds.
            counts = codec == "mpeg2video" or path.suffix == ".avi"
            video.codec_context.time_base = Fraction(1, FPS if counts else 1000)
            streams.append(video)
        if sound is not None:
            audio = out.add_stream(sound_codec, rate=rate_hz)
            audio.layout = "mono" if len(sound) == 1 else "stereo"
            streams.append(audio)
        if picture is not None:
            for time_s in times_s or [index / FPS for index in range(round(duration_s * FPS))]:
                frame = av.VideoFrame.from_ndarray(picture(time_s), format="rgb24")
                frame.pts, frame.time_base = round((time_s + start_s) * 1000), Fraction(1, 1000)
                out.mux(video.encode(frame))
        if sound is not None:
            for start in range(0, sound.shape[1], 1024):
                chunk = np.ascontiguousarray(sound[:, start : start + 1024])
                block = av.AudioFrame.from_ndarray(chunk, format="fltp", layout=audio.layout.name)
                block.sample_rate = rate_hz
                block.pts, block.time_base = round(start + start_s * rate_hz), Fraction(1, rate_hz)
                out.mux(audio.encode(block))
        for stream in streams:
            out.mux(stream.encode(None))
    return path


def onset_s(samples: np.ndarray, start_s: float = 0.0) -> float:
    """When sound begins in int16 or float samples at 16 kHz, seconds."""
    level = np.abs(samples.astype(np.float64))
    return start_s + int(np.argmax(level > 0.1 * level.max())) / 16000


def tone_hz(samples: np.ndarray, rate_hz: int = 16000) -> float:
    """The strongest frequency."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum)) * rate_hz / len(samples)


def read_items(source, count: int, limit_s: float = 60.0) -> list:
    """So many items of an open source, waiting through its timeouts."""
    items: list = []
    deadline_s = time.monotonic() + limit_s
    while len(items) < count:
        assert time.monotonic() < deadline_s, f"only {len(items)} of {count} in {limit_s} s"
        try:
            items.append(source.read())
        except TimeoutError:
            continue
    return items


@dataclass
class Served:
    """What a server of `serving_bytes` has seen.

    Attributes:
        base: its address, without a slash at the end.
        connections: number of them.
        requests: time.monotonic() of each.
    """

    base: str = ""
    connections: int = 0
    requests: list[float] = field(default_factory=list)


@contextmanager
def serving_bytes(
    pages: dict[str, tuple[str, bytes]], over_s: float = 0.0, challenge: str = "", answer: str = ""
) -> Iterator[Served]:
    """An HTTP server on the loopback interface that keeps connections open.

    Args:
        pages: path to content type and content; a type that begins with "to " redirects.
        over_s: how long it takes to send a content, as a live source would.
        challenge: WWW-Authenticate of whom does not say `answer`.
        answer: how an accepted Authorization begins.
    """
    served = Served()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            served.connections += 1
            super().setup()

        def do_GET(self) -> None:
            served.requests.append(time.monotonic())
            kind, content = pages.get(self.path, ("", b""))
            status = 200 if kind else 404
            if challenge and not self.headers.get("Authorization", "").startswith(answer):
                status, content = 401, b"no"
            elif kind.startswith("to "):
                status = 302
            self.send_response(status)
            if status == 401:
                self.send_header("WWW-Authenticate", challenge)
            if status == 302:
                self.send_header("Location", kind.removeprefix("to "))
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            with suppress(ConnectionError):
                step = len(content) // SENT_PARTS + 1
                for start in range(0, len(content), step):
                    self.wfile.write(content[start : start + step])
                    time.sleep(over_s / SENT_PARTS)

        def log_message(self, *_arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    served.base = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
