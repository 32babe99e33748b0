"""What cannot be decoded in the middle, what stands behind the end, and stamps that jump."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from emoedge.capture.media import MediaReader, hear
from emoedge.errors import MediaError
from emoedge.frames import AudioBlock, Frame

from .clips import FPS, clap_sound, sine, write_clip

SOUND = {
    "wav": "pcm_s16le",
    "aac": "aac",
    "mp3": "mp3",
    "flac": "flac",
    "ogg": "flac",
    "opus": "libopus",
    "mka": "aac",
}


def last_end_s(found: list[Frame | AudioBlock]) -> float:
    last = found[-1]
    assert isinstance(last, AudioBlock)
    return last.end_s


def items(path: Path) -> tuple[list[Frame | AudioBlock], MediaReader, MediaError | None]:
    reader = MediaReader(path)
    found: list[Frame | AudioBlock] = []
    try:
        found.extend(reader)
    except MediaError as error:
        return found, reader, error
    return found, reader, None


@pytest.mark.parametrize("suffix", ["aac", "mp3", "flac", "ogg", "opus", "mka"])
def test_damage_in_the_middle_does_not_end_it_and_is_told(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    rate = 48000
    write_clip(path, picture=None, sound=sine(440.0, rate, 12.0, 1), rate_hz=rate, sound_codec=SOUND[suffix])
    whole = sum(len(block.samples) for block in MediaReader(path).blocks())
    data = bytearray(path.read_bytes())
    random = np.random.default_rng(7)
    for share in (0.3, 0.5, 0.7):
        at = round(share * len(data))
        data[at : at + 40] = random.bytes(40)
    path.write_bytes(data)
    found, _, error = items(path)
    assert error is None
    assert last_end_s(found) == pytest.approx(12.0, abs=0.7)
    assert sum(len(item.samples) for item in found if isinstance(item, AudioBlock)) > 0.7 * whole


def test_adts_goes_on_after_a_bad_frame(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.aac", picture=None, sound=sine(440.0, 48000, 12.0, 1))
    data = bytearray(path.read_bytes())
    starts = [at for at in range(len(data) - 1) if data[at] == 0xFF and data[at + 1] & 0xF6 == 0xF0]
    at = starts[len(starts) // 3]
    data[at + 3 : at + 6] = b"\0\0\0"  # a length of 0
    path.write_bytes(data)
    found, reader, error = items(path)
    assert error is None
    assert last_end_s(found) > 11.5
    assert [note for note in reader.notes.texts if "damaged" in note]


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi", "ts", "flv"])
def test_damaged_pictures_are_passed_over(tmp_path: Path, suffix: str) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (50, 48, 64, 3), np.uint8)
    path = write_clip(
        tmp_path / f"a.{suffix}",
        picture=lambda time_s: noise[round(time_s * FPS) % 50],
        options={"g": "5"},
        sound=clap_sound(48000, 2.0),
    )
    data = bytearray(path.read_bytes())
    at = len(data) // 2
    data[at : at + 6000] = np.random.default_rng(2).bytes(6000)
    path.write_bytes(data)
    found, _, error = items(path)
    frames = [item for item in found if isinstance(item, Frame)]
    assert error is None
    assert len(frames) > 30
    assert frames[-1].time_s > 1.8


def test_a_file_cut_before_its_first_sound_is_cut_off(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (48, 64, 3), np.uint8)
    options = {"movflags": "faststart"}
    path = write_clip(
        tmp_path / "a.mp4", picture=lambda _: noise, sound=clap_sound(48000, 2.0), container=options
    )
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"mdat") + 600])
    with pytest.raises(MediaError, match="cut off"):
        list(MediaReader(path, video=False))


@pytest.mark.parametrize(
    "behind", [b"these are notes about the recording, and not a box\n" * 20, b"\0" * 4000, b"\xff" * 999]
)
@pytest.mark.parametrize(
    "name", ["a.mp4", "fast.mp4", "a.mkv", "a.avi", "a.wav", "a.aac", "a.mp3", "a.flac", "a.ts"]
)
def test_what_stands_behind_the_end_cuts_nothing_off(tmp_path: Path, name: str, behind: bytes) -> None:
    suffix = name.split(".")[1]
    path = write_clip(
        tmp_path / name,
        sound=clap_sound(48000, 2.0),
        container={"movflags": "faststart"} if name == "fast.mp4" else None,
        **({"picture": None, "sound_codec": SOUND[suffix]} if suffix in SOUND else {}),
    )
    before = len(items(path)[0])
    path.write_bytes(path.read_bytes() + behind)
    found, _, error = items(path)
    assert error is None
    assert abs(len(found) - before) <= 2


@pytest.mark.parametrize("suffix", ["wma", "wmv"])
@pytest.mark.parametrize("kept", [0.3, 0.6, 0.95])
def test_a_cut_windows_media_file_is_an_error(tmp_path: Path, suffix: str, kept: float) -> None:
    path = tmp_path / f"a.{suffix}"
    inputs = ["-f", "lavfi", "-i", "sine=440:d=3", "-f", "lavfi", "-i", "testsrc=s=64x48:d=3"]
    command = ["ffmpeg", "-v", "error", *inputs, *(["-vn"] if suffix == "wma" else []), str(path)]
    subprocess.run(command, check=True, timeout=120)
    assert items(path)[2] is None
    path.write_bytes(path.read_bytes()[: round(path.stat().st_size * kept)])
    found, _, error = items(path)
    assert found
    assert error is not None


def shifted(folder: Path, suffix: str, jump_s: float) -> Path:
    """Four seconds of clap in a file whose stamps jump in the middle."""
    sound, options = clap_sound(48000, 4.0), {"bf": "0"}
    clip = write_clip(folder / f"plain.{suffix}", duration_s=4.0, sound=sound, options=options)
    path = folder / f"jump.{suffix}"
    shift = ":".join(f"{one}='{one.upper()}+gte({one.upper()}*TB\\,2)*{jump_s}/TB'" for one in ("pts", "dts"))
    shift = f"setts={shift}"
    command = ["ffmpeg", "-v", "error", "-i", clip, "-c", "copy", "-bsf:v", shift, "-bsf:a", shift, path]
    subprocess.run(list(map(str, command)), check=True, timeout=120)
    return path


@pytest.mark.parametrize("jump_s", [20_000.0, 600.0, 15.0])
@pytest.mark.parametrize("suffix", ["mkv", "mp4", "ts"])
def test_a_jump_of_the_stamps_is_a_cut(tmp_path: Path, suffix: str, jump_s: float) -> None:
    path = shifted(tmp_path, suffix, jump_s)
    found, reader, error = items(path)
    assert error is None
    frames = [item for item in found if isinstance(item, Frame)]
    blocks = [item for item in found if isinstance(item, AudioBlock)]
    assert len(frames) == pytest.approx(100, abs=3)
    assert frames[-1].time_s == pytest.approx(4.0, abs=0.3)
    assert blocks[-1].end_s == pytest.approx(4.0, abs=0.3)
    assert abs(frames[-1].time_s - blocks[-1].end_s) < 0.12
    assert len([note for note in reader.notes.texts if "jump" in note]) == 1
    heard = hear(path)
    assert len(heard.samples) / 16000 == pytest.approx(4.0, abs=0.3)
    assert heard.notes


def test_a_pause_of_the_sound_alone_is_no_jump(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "plain.mkv", duration_s=30.0, sound=clap_sound(48000, 4.0))
    path = tmp_path / "pause.mkv"
    shift = "setts=ts='TS+gte(TS*TB\\,2)*20/TB'"
    command = ["ffmpeg", "-v", "error", "-i", clip, "-c", "copy", "-bsf:a", shift, path]
    subprocess.run(list(map(str, command)), check=True, timeout=120)
    blocks = list(MediaReader(path).blocks())
    assert blocks[-1].end_s == pytest.approx(24.0, abs=0.1)


def test_a_film_with_a_picture_every_twenty_seconds_keeps_its_times(tmp_path: Path) -> None:
    times_s = [20.0 * number for number in range(8)]
    path = write_clip(tmp_path / "slow.mkv", times_s=times_s)
    assert [frame.time_s for frame in MediaReader(path).frames()] == pytest.approx(times_s, abs=0.01)
