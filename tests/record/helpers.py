"""Synthetic picture and sound, and helpers that look into what was written."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from emoedge.frames import SAMPLE_RATE_HZ, AudioBlock, Frame
from emoedge.outcomes import RecordingChange
from emoedge.record.mux import SegmentWriter, VideoFormat

FPS = 15.0
WIDTH, HEIGHT = 160, 120
BLOCK = 800  # samples: 50 ms


def make_frame(time_s: float, index: int = 0, luma: int | None = None, size=(WIDTH, HEIGHT)) -> Frame:
    """A moving gradient, or a plain picture of one brightness."""
    width, height = size
    data = np.full((height * 3 // 2, width), 128, dtype=np.uint8)
    if luma is None:
        data[:height] = 16 + (np.arange(width)[None, :] + 3 * index) % 200
    else:
        data[:height] = luma
    return Frame(time_s, data, "i420", width, height, index)


def make_block(time_s: float, samples: np.ndarray | None = None, gap_s: float = 0.0) -> AudioBlock:
    """50 ms of a quiet tone, or the samples given."""
    if samples is None:
        samples = (1000 * np.sin(np.arange(BLOCK) * 0.2)).astype(np.int16)
    return AudioBlock(time_s, samples, gap_s)


def clip(start_s: float, seconds: float) -> list[Frame | AudioBlock]:
    """Picture and sound of a stretch, in order of time."""
    frames = [make_frame(start_s + i / FPS, i) for i in range(round(seconds * FPS))]
    step = BLOCK / SAMPLE_RATE_HZ
    blocks = [make_block(start_s + i * step) for i in range(round(seconds / step))]
    return sorted([*frames, *blocks], key=lambda item: item.time_s)


def write_claps(path: Path, start_s: float, claps: list[float], seconds: float, fps: float = 30.0) -> None:
    """A clip with flashes and beeps at the same moments; sound in blocks with the capture's own times."""
    items: list[Frame | AudioBlock] = []
    for index in range(round(seconds * fps)):
        t = index / fps
        bright = any(clap <= t < clap + 0.1 for clap in claps)
        items.append(make_frame(start_s + t, index, luma=235 if bright else 16))
    n = np.arange(round(seconds * SAMPLE_RATE_HZ))
    loud = np.zeros(len(n), dtype=bool)
    for clap in claps:
        loud |= (n >= clap * SAMPLE_RATE_HZ) & (n < (clap + 0.1) * SAMPLE_RATE_HZ)
    sound = np.where(loud, 12000 * np.sin(n * 0.5), 0).astype(np.int16)
    items += [
        AudioBlock(start_s + at / SAMPLE_RATE_HZ, sound[at : at + BLOCK])
        for at in range(0, len(sound), BLOCK)
    ]
    writer = SegmentWriter(path, start_s, VideoFormat(WIDTH, HEIGHT, fps), sound=True)
    write_all(writer, sorted(items, key=lambda item: item.time_s))
    writer.close()


def write_all(writer: SegmentWriter, items: list[Frame | AudioBlock]) -> None:
    for item in items:
        if isinstance(item, Frame):
            writer.write_frame(item)
        else:
            writer.write_sound(item)


def media_facts(path: Path) -> dict:
    """What a player finds: stream types, lengths, decoded frames and sound."""
    import av

    facts: dict = {}
    with av.open(str(path)) as container:
        facts["streams"] = [stream.type for stream in container.streams]
        facts["duration"] = container.duration / 1e6 if container.duration else 0.0
    for kind in ("video", "audio"):
        with av.open(str(path)) as container:
            if kind not in facts["streams"]:
                continue
            stream = next(stream for stream in container.streams if stream.type == kind)
            facts[kind] = list(container.decode(stream))
    return facts


@dataclass
class Notices:
    """Collects what the recorder tells."""

    seen: list[RecordingChange] = field(default_factory=list)

    def __call__(self, notice: RecordingChange) -> None:
        self.seen.append(notice)

    def of(self, kind: str) -> list[RecordingChange]:
        return [notice for notice in self.seen if notice.kind == kind]

    def wait(self, kind: str, count: int = 1, timeout_s: float = 60.0) -> list[RecordingChange]:
        wait_for(lambda: len(self.of(kind)) >= count, timeout_s)
        return self.of(kind)


def wait_for(condition: Callable[[], bool], timeout_s: float = 60.0) -> None:
    """Wait until something is so; fail if it does not become so in time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.01)
