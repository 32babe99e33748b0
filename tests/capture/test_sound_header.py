"""Lengths in headers: of writers that could not know them, of cut files, and of whole ones."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from emoedge.capture.media import MediaReader, hear, read_sound
from emoedge.errors import MediaError
from emoedge.frames import AudioBlock

from .clips import sine, tone_hz

SECONDS = 2.0
PCM = (sine(440.0, 16000, SECONDS)[0] * 32767).astype("<i2").tobytes()
BIG = np.frombuffer(PCM, "<i2").astype(">i2").tobytes()
FORMAT = struct.pack("<HHIIHH", 1, 1, 16000, 32000, 2, 16)
GUIDS = {name: name + bytes.fromhex("f3acd3118cd100c04f8edb8a") for name in (b"wave", b"fmt ", b"data")} | {
    b"riff": b"riff" + bytes.fromhex("2e91cf11a5d628db04c10000")
}


def wav(length: int, *, kind: bytes = b"RIFF", ds64: int | None = None) -> bytes:
    chunks = b"fmt " + struct.pack("<I", 16) + FORMAT
    if ds64 is not None:
        chunks = b"ds64" + struct.pack("<IQQQI", 28, ds64, ds64, 0, 0) + chunks
    whole = min(length + 4 + len(chunks) + 8, 0xFFFFFFFF) if length else 0
    return kind + struct.pack("<I", whole) + b"WAVE" + chunks + b"data" + struct.pack("<I", length) + PCM


def wave64(length: int) -> bytes:
    body = GUIDS[b"fmt "] + struct.pack("<Q", 40) + FORMAT
    head = GUIDS[b"riff"] + struct.pack("<Q", length) + GUIDS[b"wave"]
    return head + body + GUIDS[b"data"] + struct.pack("<Q", length) + PCM


def caf(length: int) -> bytes:
    description = struct.pack(">d4sIIIII", 16000.0, b"lpcm", 0, 2, 1, 1, 16)
    chunks = b"desc" + struct.pack(">q", len(description)) + description
    return b"caff\0\1\0\0" + chunks + b"data" + struct.pack(">q", length) + b"\0\0\0\0" + BIG


def aiff(length: int, frames: int) -> bytes:
    rate = b"\x40\x0c\xfa\x00\x00\x00\x00\x00\x00\x00"  # 16000 as an 80 bit number
    common = b"COMM" + struct.pack(">IhIh", 18, 1, frames, 16) + rate
    sound = b"SSND" + struct.pack(">III", length, 0, 0) + BIG
    whole = min(length + len(common) + 12, 0xFFFFFFFF) if length else 0
    return b"FORM" + struct.pack(">I", whole) + b"AIFF" + common + sound


def au(length: int) -> bytes:
    return b".snd" + struct.pack(">IIIII", 24, length, 3, 16000, 1) + BIG


STREAMED = {
    **{
        f"wav {length:x}": ("wav", wav(length))
        for length in (0, 0xFFFFFFFF, 0x7FFFF000, 0x7FFFFFFF, 0x80000000, 0x7FFFFFFE, 0xFFFFFFFF - 36)
    },
    **{
        f"rf64 {length:x}": ("wav", wav(0xFFFFFFFF, kind=b"RF64", ds64=length))
        for length in (0, 2**64 - 1, 2**63 - 1)
    },
    **{f"bw64 {length:x}": ("wav", wav(0xFFFFFFFF, kind=b"BW64", ds64=length)) for length in (0, 2**64 - 1)},
    "rf64 whole": ("wav", wav(0xFFFFFFFF, kind=b"RF64", ds64=len(PCM))),
    **{f"w64 {length:x}": ("w64", wave64(length)) for length in (0, 2**63 - 1, 2**64 - 1, 24)},
    **{f"caf {length}": ("caf", caf(length)) for length in (-1, 0, 4, 2**63 - 1, 0x7FFFFFFF)},
    **{
        f"aiff {length:x} {frames:x}": ("aiff", aiff(length, frames))
        for length, frames in ((0, 0), (8, 0), (0xFFFFFFFF, 0xFFFFFFFF), (0x7F000008, 0x7F000000 // 2))
    },
    **{f"au {length:x}": ("au", au(length)) for length in (0, 0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF000)},
}


@pytest.mark.parametrize("name", STREAMED)
def test_every_sample_behind_a_length_that_was_not_known_is_heard(tmp_path: Path, name: str) -> None:
    suffix, content = STREAMED[name]
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(content)
    samples = read_sound(path)
    assert len(samples) == len(PCM) // 2
    assert tone_hz(samples) == pytest.approx(440.0, abs=1.0)


WHOLE = {
    "wav": wav(len(PCM)),
    "rf64.wav": wav(0xFFFFFFFF, kind=b"RF64", ds64=len(PCM)),
    "w64": wave64(len(PCM) + 24),
    "caf": caf(len(PCM) + 4),
    "aiff": aiff(len(PCM) + 8, len(PCM) // 2),
    "au": au(len(PCM)),
}


@pytest.mark.parametrize("rate_hz", [1, 7, 2**31 - 1, 50_000_000])
def test_a_sample_rate_that_nothing_has_is_an_error(tmp_path: Path, rate_hz: int) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav(len(PCM)).replace(struct.pack("<I", 16000), struct.pack("<I", rate_hz), 1))
    with pytest.raises(MediaError, match="samples per second") as caught:
        read_sound(path)
    assert caught.value.remedy


@pytest.mark.parametrize("suffix", WHOLE)
@pytest.mark.parametrize("kept", [0.3, 0.6, 0.98])
def test_a_cut_file_is_an_error_after_what_came_before(tmp_path: Path, suffix: str, kept: float) -> None:
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(WHOLE[suffix])
    assert len(read_sound(path)) == len(PCM) // 2
    path.write_bytes(WHOLE[suffix][: round(len(WHOLE[suffix]) * kept)])
    heard = hear(path)
    assert heard.error is not None
    assert "cut off" in str(heard.error)
    # PyAV 17, the last for Python 3.10, refuses a last packet that ends within a sample.
    slack = 100 if sys.version_info >= (3, 11) else 1024
    assert len(heard.samples) == pytest.approx(len(PCM) / 2 * kept, abs=slack)
    blocks: list[AudioBlock] = []
    with pytest.raises(MediaError, match="cut off"):
        blocks.extend(MediaReader(path).blocks())
    assert sum(len(block.samples) for block in blocks) == len(heard.samples)


@pytest.mark.parametrize(
    "kind", ["wav", "w64", "caf", "aiff", "au", "avi", "matroska", "webm", "flv", "mpegts", "ogg", "nut"]
)
def test_what_ffmpeg_writes_to_a_pipe_is_whole(tmp_path: Path, kind: str) -> None:
    codec = ["-c:a", "libopus"] if kind == "webm" else []
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=440:d=2", *codec, "-f", kind, "-"]
    path = tmp_path / f"a.{kind}"
    path.write_bytes(subprocess.run(command, check=True, capture_output=True, timeout=120).stdout)
    samples = read_sound(path)
    assert len(samples) / 16000 == pytest.approx(SECONDS, abs=0.06)
    assert tone_hz(samples) == pytest.approx(440.0, abs=1.0)
