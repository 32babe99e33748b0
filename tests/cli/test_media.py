"""Files and addresses given to the commands: what is cut, which track, how long."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.capture.clips import serving_bytes
from tests.cli.program import emoedge, lines_of
from tests.conformance.judge import WORDS, ffmpeg, write_base

MODEL = ("--speech-model", "vosk-es-demo")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One sentence and a face; the sentence is in the second sound track, which is the default one."""
    folder = tmp_path_factory.mktemp("clip")
    base, path = write_base(folder), folder / "clip.mkv"
    inputs = ["-i", base, "-f", "lavfi", "-i", "sine=440:d=2.6"]
    maps = ["-map", "0:v", "-map", "1:a", "-map", "0:a", "-disposition:a:0", 0, "-disposition:a:1", "default"]
    ffmpeg(*inputs, *maps, "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", path)
    return path


def test_the_default_track_is_heard_and_another_one_on_request(clip: Path) -> None:
    told = emoedge("transcribe", "--model", "vosk-es-demo", clip)
    assert (told.returncode, lines_of(told)[0]["transcript"]) == (0, WORDS)
    told = emoedge("transcribe", "--model", "vosk-es-demo", "--audio-track", 0, clip)
    assert WORDS not in lines_of(told)[0]["transcript"]
    told = emoedge("replay", *MODEL, "--audio-track", 7, clip)
    assert told.returncode == 1
    assert "audio track 7 is not there" in told.stderr
    assert "Traceback" not in told.stderr


def test_a_cut_file_gives_what_came_before_and_ends_with_1(clip: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.wav"
    ffmpeg("-i", clip, "-map", "0:a:1", "-ar", 16000, cut)
    cut.write_bytes(cut.read_bytes()[: round(cut.stat().st_size * 0.85)])
    told = emoedge("transcribe", "--model", "vosk-es-demo", cut)
    assert told.returncode == 1
    assert WORDS in lines_of(told)[0]["transcript"]
    assert "cut off" in lines_of(told)[0]["error"]
    told = emoedge("classify", "voice", cut)
    assert told.returncode == 1
    assert {"probabilities", "error"} <= set(lines_of(told)[0])
    told = emoedge("replay", *MODEL, cut)
    assert told.returncode == 1
    assert any(line["topic"].endswith("/text") for line in lines_of(told))
    assert "cut off" in told.stderr


def test_an_address_is_played_for_some_seconds(clip: Path, tmp_path: Path) -> None:
    page = b"<!doctype html><title>login</title>" * 40
    pages = {"/clip.mkv": ("video/x-matroska", clip.read_bytes()), "/": ("text/html", page)}
    with serving_bytes(pages) as served:
        told = emoedge("replay", *MODEL, f"{served.base}/clip.mkv", "--seconds", 1)
        login = emoedge("replay", *MODEL, f"{served.base}/")
    assert told.returncode == 0, told.stderr
    times_s = [line["payload"]["time_s"] for line in lines_of(told) if "time_s" in line["payload"]]
    assert 0.7 <= max(times_s) <= 1.2
    assert login.returncode == 1
    assert "a web page" in login.stderr
    assert "Traceback" not in login.stderr


def test_a_voice_of_opposite_phase_is_heard_and_told(clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "phase.wav"
    ffmpeg("-i", clip, "-map", "0:a:1", "-af", "pan=stereo|c0=c0|c1=-1*c0", path)
    told = emoedge("transcribe", "--model", "vosk-es-demo", path)
    line = lines_of(told)[0]
    assert (told.returncode, line["transcript"]) == (0, WORDS)
    assert any("cancel" in note for note in line["notes"])
