"""Subtitles are added to a finished file, which stays playable whatever happens meanwhile."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from emoedge.record import subtitle_track
from emoedge.record.mp4_boxes import boxes, is_ordinary
from emoedge.record.mux import SegmentWriter, VideoFormat
from emoedge.record.remux import measure
from emoedge.record.subtitle_track import add_subtitles
from emoedge.record.timeline import Cue

from .helpers import FPS, HEIGHT, WIDTH, clip, media_facts, write_all

SECONDS = 3.0
CUES = [Cue(0.5, 1.25, "alegría 82 %"), Cue(1.25, 2.0, "tristeza 40 %"), Cue(2.4, SECONDS, "miedo 55 %")]


@pytest.fixture
def media(tmp_path) -> Path:
    path = tmp_path / "segment.mp4"
    writer = SegmentWriter(path, 0.0, VideoFormat(WIDTH, HEIGHT, FPS), sound=True)
    write_all(writer, clip(0.0, SECONDS))
    writer.close()
    return path


def packets(path: Path, kind: str) -> list[tuple[float, float, bytes]]:
    import av

    with av.open(str(path)) as container:
        stream = next(stream for stream in container.streams if stream.type == kind)
        return [
            (float(packet.pts * packet.time_base), float(packet.duration * packet.time_base), bytes(packet))
            for packet in container.demux(stream)
            if packet.size
        ]


def shown(path: Path) -> list[Cue]:
    """The subtitles that are not empty."""
    found = []
    for start_s, length_s, sample in packets(path, "subtitle"):
        (length,) = struct.unpack_from(">H", sample)
        if length:
            end_s = pytest.approx(start_s + length_s, abs=0.001)
            found.append(Cue(pytest.approx(start_s, abs=0.001), end_s, sample[2:].decode()))
    return found


def test_the_track_is_added_and_the_others_stay(media):
    before = {kind: packets(media, kind) for kind in ("video", "audio")}
    add_subtitles(media, CUES, SECONDS)
    assert media_facts(media)["streams"] == ["video", "audio", "subtitle"]
    assert {kind: packets(media, kind) for kind in before} == before
    assert shown(media) == CUES
    assert is_ordinary(media)
    assert measure(media) == pytest.approx(SECONDS, abs=0.01)


def test_another_program_reads_it(media):
    ffprobe = shutil.which("ffmpeg")
    if ffprobe is None:
        pytest.skip("ffmpeg is not installed")
    add_subtitles(media, CUES, SECONDS)
    command = [ffprobe, "-v", "warning", "-i", str(media), "-map", "0", "-c", "copy", "-f", "null", "-"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_a_second_time_changes_nothing(media):
    add_subtitles(media, CUES, SECONDS)
    once = media.read_bytes()
    add_subtitles(media, CUES[:1], SECONDS)
    assert media.read_bytes() == once


def test_no_subtitles_are_an_empty_track(media):
    add_subtitles(media, [], SECONDS)
    assert shown(media) == []
    assert media_facts(media)["streams"] == ["video", "audio", "subtitle"]


@pytest.mark.parametrize("count", range(1, 5))
def test_a_crash_at_any_moment_leaves_a_playable_file(media, monkeypatch, count):
    """A crash between two calls of the kernel, or in the middle of a write."""
    whole = packets(media, "video")
    calls = 0

    def crashing(name):
        original = getattr(os, name)

        def call(*args):
            nonlocal calls
            calls += 1
            if calls == count:
                if name == "write":
                    original(args[0], bytes(args[1])[: len(args[1]) // 2])
                raise KeyboardInterrupt  # no handler of errors sees a crash
            return original(*args)

        return call

    with monkeypatch.context() as patched:
        for name in ("write", "fdatasync"):
            patched.setattr(os, name, crashing(name))
        with pytest.raises(KeyboardInterrupt):
            add_subtitles(media, CUES, SECONDS)
    assert packets(media, "video") == whole
    add_subtitles(media, CUES, SECONDS)
    assert packets(media, "video") == whole
    assert shown(media) == CUES
    assert len([stream for stream in media_facts(media)["streams"] if stream == "subtitle"]) == 1


def test_a_full_disk_leaves_the_file_as_it_was(media, monkeypatch):
    before = media.read_bytes()

    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(subtitle_track, "write_all", full)
    with pytest.raises(OSError, match="space"):
        add_subtitles(media, CUES, SECONDS)
    assert media.read_bytes() == before


def test_a_file_with_its_index_in_front_is_not_touched(media):
    with media.open("rb") as file:
        parts = {box.kind: box for box in boxes(file)}
    data = media.read_bytes()
    index = parts[b"moov"]
    media.write_bytes(data[index.begin : index.end] + data[: index.begin])
    before = media.read_bytes()
    with pytest.raises(ValueError, match="index"):
        add_subtitles(media, CUES, SECONDS)
    assert media.read_bytes() == before


def test_a_file_of_4_gb_stays_as_it_is(media):
    data = media.read_bytes()
    with media.open("r+b") as file:
        index = next(box for box in boxes(file) if box.kind == b"moov")
        file.seek(index.begin)
        file.write(struct.pack(">I4sQ", 1, b"free", 1 << 32))  # a hole: it takes no space
        file.seek(index.begin + (1 << 32))
        file.write(data[index.begin :])
    size = media.stat().st_size
    with pytest.raises(ValueError, match="4 GB"):
        add_subtitles(media, CUES, SECONDS)
    assert media.stat().st_size == size
    assert len(packets(media, "video")) == FPS * SECONDS
