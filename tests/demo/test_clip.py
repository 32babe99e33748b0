"""The demonstration clip: what is in it, when, and that it is the same every time."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import av
import numpy as np
import pytest

from emoedge.demo import clip as demo_clip
from emoedge.observations import Word

EMPTY_S = (0.2, 0.8)
SOMEBODY_S = (3.0, 7.0, 16.0, 23.6)
TIMES_S = EMPTY_S + SOMEBODY_S


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return demo_clip.ensure_demo_clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="module")
def sound(clip: Path) -> np.ndarray:
    with av.open(str(clip)) as container:
        frames = list(container.decode(audio=0))
    assert frames[0].time == pytest.approx(0.0, abs=0.001)
    return np.concatenate([frame.to_ndarray()[0] for frame in frames])


@pytest.fixture(scope="module")
def pictures(clip: Path) -> dict[float, np.ndarray]:
    with av.open(str(clip)) as container:
        return {
            round(frame.time, 1): frame.to_ndarray(format="rgb24").astype(np.int16)
            for frame in container.decode(video=0)
            if round(frame.time, 1) in TIMES_S and (frame.time * demo_clip.FPS) % 3 < 0.01
        }


def test_streams(clip: Path) -> None:
    with av.open(str(clip)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.codec_context.name, video.width, video.height) == ("h264", 640, 480)
        assert float(video.average_rate) == demo_clip.FPS
        assert (audio.codec_context.name, audio.rate) == ("aac", demo_clip.SAMPLE_RATE)
        assert float(video.duration * video.time_base) == pytest.approx(demo_clip.DURATION_S, abs=0.1)
        assert float(audio.duration * audio.time_base) == pytest.approx(demo_clip.DURATION_S, abs=0.1)


def test_made_once(clip: Path) -> None:
    written = clip.stat().st_mtime_ns
    assert demo_clip.ensure_demo_clip(clip.parent) == clip
    assert clip.stat().st_mtime_ns == written
    assert [path.name for path in clip.parent.iterdir()] == [clip.name], "nothing else is left behind"


def test_the_same_every_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_clip, "DURATION_S", 3.0)
    first, second = (demo_clip.ensure_demo_clip(tmp_path / name) for name in ("first", "second"))
    assert first.read_bytes() == second.read_bytes()


def test_nobody_is_there_and_then_somebody(pictures: dict[float, np.ndarray]) -> None:
    empty = pictures[0.2]
    assert np.abs(empty - empty[:, :1]).max() < 12, "a plain wall"
    assert np.abs(pictures[0.8] - empty).max() < 24, "nobody in the first second"
    for time_s in SOMEBODY_S:
        assert np.mean(np.abs(pictures[time_s] - empty).max(axis=2) > 40) > 0.05


def test_colours_are_not_swapped(pictures: dict[float, np.ndarray]) -> None:
    picture = pictures[3.0]
    orange = picture[:, :, 0] - picture[:, :, 2] > 120
    assert orange.mean() > 0.002, "the suit is orange, not blue"
    assert not (picture[:, :, 2] - picture[:, :, 0] > 60).any()


def test_each_sentence_is_at_its_time(sound: np.ndarray) -> None:
    rate = demo_clip.SAMPLE_RATE
    loud = np.abs(sound) > 0.02
    for start_s, *_ in demo_clip.SENTENCES:
        first = np.flatnonzero(loud[round((start_s - 0.4) * rate) :])[0] / rate - 0.4
        # espeak-ng begins with a few hundredths of a second of silence.
        assert 0.0 <= first < 0.15, f"the sentence at {start_s} s begins {first:.3f} s late"


def test_there_is_a_pause_after_each_sentence(sound: np.ndarray) -> None:
    rate, quiet = demo_clip.SAMPLE_RATE, 10 ** (-50 / 20)
    for start_s, *_ in demo_clip.SENTENCES:
        before = sound[round((start_s - 0.5) * rate) : round((start_s - 0.05) * rate)]
        assert np.sqrt(np.mean(before**2)) < quiet
        assert np.any(before), "a room is never silent"


def test_default_place_is_the_cache_directory(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(demo_clip, "_write_clip", lambda path: shutil.copy(clip, path))
    assert demo_clip.ensure_demo_clip().parent == tmp_path / "emoedge"


def test_without_a_writeable_cache_it_goes_to_the_temporary_directory(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(demo_clip, "_write_clip", lambda path: shutil.copy(clip, path))
    path = demo_clip.ensure_demo_clip()
    assert path.parent == tmp_path / f"emoedge-{os.getuid()}"
    assert path.parent.stat().st_mode & 0o077 == 0


def test_a_failed_attempt_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(demo_clip, "_write_clip", fail)
    with pytest.raises(OSError, match="No space"):
        demo_clip.ensure_demo_clip(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_demonstration_model_hears_each_sentence_at_its_time(sound: np.ndarray) -> None:
    import soxr

    from emoedge.errors import ModelError
    from emoedge.model_store import package_models_dir, resolve
    from emoedge.speech.recogniser import Utterance
    from emoedge.speech.vosk_engine import VoskRecogniser

    try:
        model = resolve("vosk-es-demo", package_models_dir())
    except ModelError as error:
        pytest.skip(str(error))
    recogniser = VoskRecogniser(model)
    heard: list[Word] = []

    def take(results: list[Utterance]) -> None:
        heard.extend(word for result in results for word in result.words)

    samples = np.rint(soxr.resample(sound, demo_clip.SAMPLE_RATE, 16_000) * 32767).astype(np.int16)
    for begin in range(0, len(samples), 1600):
        take(recogniser.accept(samples[begin : begin + 1600]))
    last = recogniser.finish()
    take([last] if last else [])
    expected = [word for sentence in demo_clip.SENTENCES for word in sentence.words.split()]
    assert [word.text for word in heard] == expected
    words = iter(heard)
    for start_s, sentence, *_feelings in demo_clip.SENTENCES:
        first, *_ = (next(words) for _word in sentence.split())
        assert first.start_s == pytest.approx(start_s, abs=0.2)
