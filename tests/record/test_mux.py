"""Picture and sound in step, true time stamps, and what is left after a power cut."""

from __future__ import annotations

import gc
import os
import resource
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from emoedge.errors import RecordingError
from emoedge.files import partial_of
from emoedge.frames import SAMPLE_RATE_HZ, AudioBlock, Frame
from emoedge.record.encoders import choose_encoder
from emoedge.record.mp4_boxes import is_ordinary
from emoedge.record.mux import SegmentWriter, SyncedFile, VideoFormat, i420
from emoedge.record.recover import recover
from emoedge.record.remux import measure, remux, trim
from emoedge.record.store import Store

from .helpers import (
    BLOCK,
    FPS,
    HEIGHT,
    WIDTH,
    clip,
    make_block,
    make_frame,
    media_facts,
    write_all,
    write_claps,
)

IN_STEP_S = 0.04
FORMAT = VideoFormat(WIDTH, HEIGHT, FPS)


def onsets(path: Path) -> tuple[list[float], list[float]]:
    """Media times at which picture and sound go from nothing to something."""
    facts = media_facts(path)
    flashes, before = [], 0.0
    for frame in facts["video"]:
        level = float(frame.to_ndarray(format="gray").mean())
        if level > 120 > before:
            flashes.append(frame.time)
        before = level
    beeps, quiet = [], True
    for frame in facts["audio"]:
        samples = np.abs(frame.to_ndarray()).reshape(-1)
        for at in range(0, len(samples) - 31, 32):
            loud = samples[at : at + 32].max() > 0.1
            if loud and quiet and (not beeps or frame.time + at / SAMPLE_RATE_HZ - beeps[-1] > 0.3):
                beeps.append(frame.time + at / SAMPLE_RATE_HZ)
            quiet = not loud
    return flashes, beeps


@pytest.mark.parametrize("final", [False, True], ids=["fragmented", "remuxed"])
def test_clap_is_seen_and_heard_within_forty_milliseconds(tmp_path, final):
    claps = [0.5, 2.0, 3.2]
    path = tmp_path / "claps.mp4.partial"
    write_claps(path, 1234.5, claps, 4.0)
    if final:
        whole = tmp_path / "claps.mp4"
        remux(path, whole, [], measure(path))
        path = whole
    flashes, beeps = onsets(path)
    assert len(flashes) == len(beeps) == len(claps)
    for flash, beep, clap in zip(flashes, beeps, claps, strict=True):
        assert abs(flash - beep) <= IN_STEP_S
        if final:
            assert abs(flash - clap) <= IN_STEP_S
            assert abs(beep - clap) <= IN_STEP_S


def test_a_hole_in_the_sound_becomes_silence_and_what_follows_is_in_step(tmp_path):
    path = tmp_path / "hole.mp4"
    writer = SegmentWriter(path, 10.0, FORMAT, sound=True)
    for item in clip(10.0, 6.0):
        if isinstance(item, Frame):
            bright = 15.0 <= item.time_s < 15.2
            writer.write_frame(make_frame(item.time_s, luma=235 if bright else 16))
        elif not 12.0 <= item.time_s < 14.0:
            gap_s = 2.0 if 14.0 <= item.time_s < 14.04 else 0.0
            beep = (12000 * np.sin(np.arange(BLOCK) * 0.5)).astype(np.int16)
            silent = np.zeros(BLOCK, dtype=np.int16)
            writer.write_sound(make_block(item.time_s, beep if 15.0 <= item.time_s < 15.2 else silent, gap_s))
    writer.close()
    assert writer.track.silence_s == pytest.approx(2.0, abs=0.001)
    whole = tmp_path / "whole.mp4"
    remux(path, whole, [], measure(path))
    flashes, beeps = onsets(whole)
    assert flashes == pytest.approx([5.0], abs=IN_STEP_S)
    assert beeps == pytest.approx([5.0], abs=IN_STEP_S)


def test_uneven_frame_times_are_kept(tmp_path):
    path = tmp_path / "uneven.mp4"
    times = [0.0, 0.031, 0.2, 0.21, 1.5, 1.9]
    writer = SegmentWriter(path, 100.0, FORMAT, sound=False)
    for index, t in enumerate(times):
        assert writer.write_frame(make_frame(100.0 + t, index))
    assert not writer.write_frame(make_frame(101.0, 6)), "a frame from before its predecessor"
    writer.close()
    assert [frame.time for frame in media_facts(path)["video"]] == pytest.approx(times, abs=1e-4)
    assert writer.late_frames == 1


def test_colours_survive(tmp_path):
    """Catches a swapped colour channel, or the wrong range or matrix, on the way into the file."""
    rgb = {"red": (200, 30, 30), "green": (30, 180, 30), "blue": (30, 30, 200)}
    for color in rgb.values():
        path = tmp_path / f"{color}.mp4"
        picture = np.empty((HEIGHT, WIDTH, 3), dtype=np.uint8)
        picture[:] = color[::-1]
        writer = SegmentWriter(path, 0.0, FORMAT, sound=False)
        for index in range(3):
            writer.write_frame(Frame(index / FPS, picture, "bgr", WIDTH, HEIGHT, index))
        writer.close()
        seen = media_facts(path)["video"][-1].to_ndarray(format="rgb24")
        assert np.abs(seen.reshape(-1, 3).mean(axis=0) - color).max() < 8


def test_odd_sizes_are_cropped(tmp_path):
    odd = Frame(0.0, np.full((61, 81, 3), 90, dtype=np.uint8), "bgr", 81, 61)
    form = VideoFormat.of(odd, FPS)
    assert (form.width, form.height) == (80, 60)
    assert i420(odd, form.width, form.height).shape == (90, 80)


def test_unknown_encoder_is_named():
    with pytest.raises(RecordingError, match="h264_nothing"):
        choose_encoder("h264_nothing", 64, 64, 15)


def test_neither_picture_nor_sound_is_refused(tmp_path):
    with pytest.raises(RecordingError):
        SegmentWriter(tmp_path / "x.mp4", 0.0, None, sound=False)


def test_a_limit_on_the_file_size_surfaces_as_an_error(tmp_path):
    """Stands for a disk that fills up in mid-write."""
    path = tmp_path / "limited.mp4"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    writer = SegmentWriter(path, 0.0, FORMAT, sound=True)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
        with pytest.raises(OSError, match="too large"):
            write_all(writer, clip(0.0, 20.0))
        writer.abort()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert measure(path) > 1.0


CHILD = """
    import sys, time
    from pathlib import Path
    from tests_record_helpers import clip, Frame
    from emoedge.record.segment import OpenSegment, SegmentPlan
    from emoedge.record.mux import VideoFormat
    from datetime import datetime, timezone

    media = Path(sys.argv[1])
    plan = SegmentPlan(media.stem, media, 0.0, datetime.now(timezone.utc), 0.0, {"clock_synced": True})
    segment = OpenSegment(plan, VideoFormat(160, 120, 15.0), sound=True, encoder="auto", overlay=None)
    for item in clip(0.0, 20.0):
        segment.write(item)
        if isinstance(item, Frame):
            print(item.time_s, flush=True)
            time.sleep(1 / 150)
"""


@pytest.mark.parametrize("killed_at_s", [0.9, 5.3])
def test_after_sigkill_all_but_the_last_two_seconds_play(tmp_path, killed_at_s):
    media = tmp_path / "2026-01-01" / "20260101T000000Z-0123abcd.mp4"
    media.parent.mkdir()
    script = tmp_path / "child.py"
    (tmp_path / "tests_record_helpers.py").write_text((Path(__file__).parent / "helpers.py").read_text())
    script.write_text(textwrap.dedent(CHILD))
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": f"{root}:{tmp_path}"}
    child = subprocess.Popen(
        [sys.executable, script, media], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert child.stdout is not None
    reached = 0.0
    for line in child.stdout:
        reached = float(line)
        if reached >= killed_at_s:
            child.kill()
            break
    reached = max([reached, *(float(line) for line in child.stdout)])
    child.wait()
    store = Store(tmp_path)
    assert store.partials() == [media]
    recovered = list(recover(store, "es"))
    if not recovered:
        assert reached < 2.0, "less than two seconds may be lost altogether"
        assert not partial_of(media).exists()
        return
    facts = media_facts(media)
    assert facts["video"][-1].time >= reached - 2.0
    assert facts["audio"][-1].time >= reached - 2.0
    assert store.partials() == []
    assert store.find(media.stem).details()["recovered"] is True
    assert media.with_suffix(".jpg").stat().st_size > 100


@pytest.mark.slow
def test_drifting_microphone_stays_in_step_for_ten_minutes(tmp_path):
    """A crystal 200 ppm off moves picture and sound 120 ms apart in ten minutes."""
    from emoedge.record.alignment import SoundTrack

    track = SoundTrack(0.0)
    worst = 0.0
    rng = np.random.default_rng(1)
    for index in range(12_000):
        true_s = index * BLOCK / SAMPLE_RATE_HZ * (1 + 200e-6)
        stamp = true_s + float(rng.uniform(-0.004, 0.004))
        placed_s = track.written / SAMPLE_RATE_HZ
        added = len(track.place(AudioBlock(stamp, np.ones(BLOCK, dtype=np.int16))))
        placed_s += (added - BLOCK) / SAMPLE_RATE_HZ
        worst = max(worst, abs(placed_s - true_s))
    assert worst <= IN_STEP_S


def test_minutes_without_sound_are_filled(tmp_path):
    writer = SegmentWriter(tmp_path / "quiet.mp4", 0.0, None, sound=True)
    writer.write_sound(make_block(0.0))
    writer.write_sound(make_block(240.0, gap_s=239.9))
    writer.close()
    assert measure(tmp_path / "quiet.mp4") == pytest.approx(240.05, abs=0.07)


def test_a_file_that_cannot_be_opened_leaves_nothing_to_close(tmp_path, monkeypatch):
    """Python closes it all the same when it is forgotten; on Python 3.13 that was a traceback in the log."""
    ignored = []
    monkeypatch.setattr(sys, "unraisablehook", ignored.append)
    with pytest.raises(FileNotFoundError):
        SyncedFile(tmp_path / "missing" / "a.mp4")
    gc.collect()
    assert not ignored


def test_a_power_cut_at_any_moment_of_closing_loses_nothing(tmp_path, monkeypatch):
    """What is on the disk before each write and each sync of the end."""
    path = tmp_path / "segment.mp4"
    writer = SegmentWriter(path, 0.0, FORMAT, sound=True)
    write_all(writer, clip(0.0, 2.5))
    copies: list[Path] = []
    unsynced: list[int] = []

    def copied_first(name):
        original = getattr(os, name)

        def call(descriptor, *args):
            at = os.lseek(descriptor, 0, os.SEEK_CUR)
            if name == "write" and at < path.stat().st_size:
                unsynced.append(writer._file._unsynced)
            copies.append(tmp_path / f"cut{len(copies)}.mp4")
            copies[-1].write_bytes(path.read_bytes())
            return original(descriptor, *args)

        return call

    with monkeypatch.context() as patched:
        for name in ("write", "fdatasync"):
            patched.setattr(os, name, copied_first(name))
        writer.close()
    assert is_ordinary(path)
    assert measure(path) == pytest.approx(2.5, abs=0.1)
    assert unsynced == [0], "the fragments are hidden once, when the index is on the disk"
    assert len(copies) >= 4
    for copy in copies:
        if not is_ordinary(copy):
            trim(copy)
        assert measure(copy) > 1.0
