"""Files with several tracks, and sound of several channels."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from emoedge.capture.media import MediaReader, hear, probe
from emoedge.capture.tracks import Tracks
from emoedge.errors import MediaError

from .clips import tone_hz

LEFT_HZ, RIGHT_HZ = 440.0, 660.0


def ffmpeg(*arguments: object) -> None:
    subprocess.run(["ffmpeg", "-v", "error", *map(str, arguments)], check=True, timeout=120)


@pytest.fixture(scope="module", params=["mkv", "mp4"])
def two_of_each(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small red and large blue pictures, 440 and 660 Hz; the first picture and the second sound: default."""
    path = tmp_path_factory.mktemp("tracks") / f"two.{request.param}"
    sources = ["color=red:s=64x48:d=1", "color=blue:s=96x64:d=1", "sine=440:d=1", "sine=660:d=1"]
    inputs = [word for source in sources for word in ("-f", "lavfi", "-i", source)]
    maps = [word for number in range(4) for word in ("-map", number)]
    disposition = ["-disposition:v:0", "default", "-disposition:v:1", 0]
    disposition += ["-disposition:a:0", 0, "-disposition:a:1", "default", "-metadata:s:a:1", "language=spa"]
    ffmpeg(*inputs, *maps, *disposition, path)
    return path


def sound_hz(path: Path, tracks: Tracks = Tracks()) -> float:  # noqa: B008 - frozen
    reader = MediaReader(path, video=False, tracks=tracks)
    return tone_hz(np.concatenate([block.samples for block in reader.blocks()]))


def width(path: Path, tracks: Tracks = Tracks()) -> int:  # noqa: B008 - frozen
    return next(MediaReader(path, tracks=tracks).frames()).width


def test_the_default_tracks_are_taken(two_of_each: Path) -> None:
    assert sound_hz(two_of_each) == pytest.approx(660.0, abs=2)
    assert width(two_of_each) == 64


def test_tracks_can_be_chosen(two_of_each: Path) -> None:
    assert sound_hz(two_of_each, Tracks(audio=0)) == pytest.approx(440.0, abs=2)
    assert sound_hz(two_of_each, Tracks(audio=1)) == pytest.approx(660.0, abs=2)
    assert [width(two_of_each, Tracks(video=number)) for number in (0, 1)] == [64, 96]


def test_a_track_that_is_not_there_is_an_error_that_lists_those_there_are(two_of_each: Path) -> None:
    with pytest.raises(MediaError, match="audio track 2 is not there") as caught:
        probe(two_of_each, Tracks(audio=2))
    assert "0, 1 (spa)" in caught.value.remedy or "0 (und), 1 (spa)" in caught.value.remedy


def test_without_a_default_the_track_is_the_one_that_ffmpeg_takes(tmp_path: Path) -> None:
    path = tmp_path / "plain.mkv"
    inputs = ["-f", "lavfi", "-i", "sine=440:d=1", "-f", "lavfi", "-i", "sine=660:d=1"]
    options = ["-map", 0, "-map", 1, "-ac:a:1", 2, "-disposition:a:0", 0, "-disposition:a:1", 0]
    ffmpeg(*inputs, *options, "-default_mode", "infer_no_subs", path)
    chosen = tmp_path / "chosen.wav"
    ffmpeg("-i", path, chosen)
    assert sound_hz(path) == pytest.approx(sound_hz(chosen), abs=2)


# ---- channels ----


def channels(path: Path, expression: str, *options: str) -> Path:
    ffmpeg("-f", "lavfi", "-i", f"aevalsrc={expression}:d=2:s=48000", *options, path)
    return path


@pytest.mark.parametrize("suffix", ["wav", "flac", "m4a", "opus"])
def test_channels_of_opposite_phase_are_heard_and_it_is_said_once(tmp_path: Path, suffix: str) -> None:
    path = channels(tmp_path / f"a.{suffix}", "0.5*sin(440*2*PI*t)|-0.5*sin(440*2*PI*t)")
    heard = hear(path)
    assert np.abs(heard.samples[4000:28000]).max() == pytest.approx(0.5, rel=0.1)
    assert tone_hz(heard.samples) == pytest.approx(440.0, abs=2)
    assert len([note for note in heard.notes if "cancel" in note]) == 1


def test_the_louder_of_two_channels_that_nearly_cancel_takes_the_place_of_the_mix(tmp_path: Path) -> None:
    path = channels(tmp_path / "a.wav", "0.4*sin(440*2*PI*t)|-0.5*sin(440*2*PI*t)")
    assert np.abs(hear(path).samples[4000:28000]).max() == pytest.approx(0.5, rel=0.05)


@pytest.mark.parametrize("expression", ["0.5*sin(440*2*PI*t)|0", "0|0.5*sin(440*2*PI*t)"])
def test_one_silent_channel_is_no_cancelling(tmp_path: Path, expression: str) -> None:
    heard = hear(channels(tmp_path / "a.wav", expression))
    assert np.abs(heard.samples[4000:28000]).max() == pytest.approx(0.25, rel=0.05)
    assert not heard.notes


@pytest.mark.parametrize("layout", ["5.1", "7.1", "2.1"])
def test_low_frequency_effects_are_left_out_and_it_is_said(tmp_path: Path, layout: str) -> None:
    places = {"5.1": 6, "7.1": 8, "2.1": 3}[layout]
    effects = {"5.1": 3, "7.1": 3, "2.1": 2}[layout]
    parts = ["0.3*sin(440*2*PI*t)"] * places
    parts[effects] = "0.5*sin(60*2*PI*t)"
    heard = hear(channels(tmp_path / "a.wav", "|".join(parts), "-af", f"aformat=channel_layouts={layout}"))
    assert [note for note in heard.notes if "LFE" in note]
    spectrum = np.abs(np.fft.rfft(heard.samples[:32000]))
    assert spectrum[120] < 0.01 * spectrum[880]
    assert np.abs(heard.samples[4000:28000]).max() == pytest.approx(0.3, rel=0.05)


def test_speech_in_the_channel_of_the_effects_alone_is_heard(tmp_path: Path) -> None:
    """Microphone arrays write six channels without saying what they are."""
    parts = ["0"] * 6
    parts[3] = "0.5*sin(440*2*PI*t)"
    path = channels(tmp_path / "a.wav", "|".join(parts), "-af", "aformat=channel_layouts=5.1")
    assert tone_hz(hear(path).samples) == pytest.approx(440.0, abs=2)


@pytest.mark.parametrize(
    "codec",
    ["pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_s64le", "pcm_f32le", "pcm_f64le", "pcm_alaw"],
)
def test_samples_of_every_kind_keep_their_level(tmp_path: Path, codec: str) -> None:
    path = channels(tmp_path / "a.mkv", "0.5*sin(440*2*PI*t)|0.5*sin(440*2*PI*t)", "-c:a", codec)
    assert np.abs(hear(path).samples[4000:28000]).max() == pytest.approx(0.5, rel=0.05)
