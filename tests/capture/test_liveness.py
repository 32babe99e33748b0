"""Whether a picture lives and a microphone hears."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoedge.capture.liveness import PictureWatch, SoundWatch, summarize_picture, summarize_sound
from emoedge.frames import AudioBlock, Frame
from emoedge.high_pass import HighPass

# ---- pictures ----


def picture(luma: np.ndarray | int, size: tuple[int, int] = (64, 48)) -> Frame:
    width, height = size
    data = np.full((height * 3 // 2, width), 128, np.uint8)
    data[:height] = luma
    return Frame(0.0, data, "i420", width, height)


def noise(seed: int, low: int = 16, high: int = 235) -> np.ndarray:
    return np.random.default_rng(seed).integers(low, high, (48, 64), dtype=np.uint8)


def watched(frames: list[Frame], fps: float = 10.0) -> PictureWatch:
    watch = PictureWatch()
    for index, frame in enumerate(frames):
        watch.observe(index / fps, summarize_picture(frame))
    return watch


def test_a_living_picture_is_ok_and_its_rate_is_known() -> None:
    watch = watched([picture(noise(seed)) for seed in range(120)])
    assert watch.verdict().state == "ok"
    assert watch.arrivals.rate_hz(11.9) == pytest.approx(10.0, rel=0.05)
    assert watch.arrivals.rate_hz(60.0) < 1.1


@pytest.mark.parametrize(("seconds", "state"), [(9.8, "ok"), (10.2, "degraded")])
def test_a_picture_is_frozen_after_ten_seconds(seconds: float, state: str) -> None:
    verdict = watched([picture(noise(1))] * round(seconds * 10 + 1)).verdict()
    assert verdict.state == state
    assert ("frozen" in verdict.reason) == (state == "degraded")


def test_one_other_picture_thaws_it() -> None:
    watch = watched([*[picture(noise(1))] * 150, picture(noise(2))])
    assert watch.verdict().state == "ok"


def test_black_is_told_from_a_dark_room() -> None:
    black = watched([picture(16)] * 120).verdict()
    assert black.state == "degraded"
    assert "black" in black.reason
    dark = [noise(seed, 16, 30) for seed in range(120)]
    for room in dark:
        room[10:20, 10:20] = 90
    assert watched([picture(room) for room in dark]).verdict().state == "ok"


def test_colour_is_not_part_of_the_judgement() -> None:
    frame = picture(noise(3))
    other = Frame(0.0, frame.data.copy(), "i420", frame.width, frame.height)
    other.data[48:] = 20
    assert summarize_picture(frame) == summarize_picture(other)


# ---- sound ----


def sound(samples: np.ndarray, time_s: float = 0.0) -> AudioBlock:
    return AudioBlock(time_s, samples.astype(np.int16))


def heard(blocks: list[AudioBlock]) -> SoundWatch:
    watch, high_pass = SoundWatch(), HighPass()
    for index, block in enumerate(blocks):
        watch.observe(index / 10, summarize_sound(block, high_pass))
    return watch


HISS = np.random.default_rng(5).integers(-3, 4, 1600)


@pytest.mark.parametrize(("blocks", "state"), [(99, "ok"), (101, "degraded")])
def test_digital_silence_is_a_fault_after_ten_seconds(blocks: int, state: str) -> None:
    assert heard([sound(np.zeros(1600))] * blocks).verdict().state == state


def test_a_quiet_room_is_no_fault() -> None:
    assert heard([sound(HISS)] * 200).verdict().state == "ok"


def test_clipping_is_noticed_and_forgotten() -> None:
    loud = sound(np.clip(60_000 * np.sin(np.arange(1600) / 5), -32768, 32767))
    assert "clips" in heard([loud] * 5).verdict().reason
    assert heard([loud]).verdict().state == "ok"
    assert heard([loud] * 5 + [sound(HISS)] * 102).verdict().state == "ok"


@given(st.lists(st.integers(-32768, 32767), max_size=50))
def test_levels_are_finite_or_minus_infinity(samples: list[int]) -> None:
    summary = summarize_sound(sound(np.array(samples, np.int16)), HighPass())
    assert summary.level_dbfs <= 0.0
    assert summary.silent == (len(set(samples)) <= 1)
    assert math.isinf(summary.level_dbfs) or not summary.silent


def stream(*parts: np.ndarray) -> SoundWatch:
    """A watch that has heard the sum of some sounds of the same length."""
    whole = np.clip(sum(parts), -32768, 32767)
    return heard([sound(block) for block in whole.reshape(-1, 1600)])


TIME_S = np.arange(12 * 16_000) / 16_000
TALK = 3000 * np.sin(2 * np.pi * 200 * TIME_S) * (np.sin(2 * np.pi * 0.3 * TIME_S) > 0)


@pytest.mark.parametrize("offset", [-0.2, -0.035, 0.035, 0.05, 0.2])
def test_an_offset_is_a_fault(offset: float) -> None:
    watch = stream(TALK, np.full(len(TIME_S), offset * 32768))
    assert watch.verdict().state == "degraded"
    assert f"offset of {abs(offset):.1%}" in watch.verdict().reason
    assert watch.level_dbfs == pytest.approx(stream(TALK).level_dbfs, abs=0.1)


@pytest.mark.parametrize("hertz", [5, 10, 25, 50, 60])
def test_hum_and_rumble_are_faults_when_they_dominate(hertz: float) -> None:
    hum = 32768 * np.sin(2 * np.pi * hertz * TIME_S)
    assert "hum" in stream(TALK, 0.15 * hum).verdict().reason
    assert "hum" in stream(np.resize(HISS, len(TIME_S)), 0.05 * hum).verdict().reason


@pytest.mark.parametrize(
    "low", [0.02 * 32768 + 0 * TIME_S, 300 * np.sin(2 * np.pi * 50 * TIME_S)], ids=["offset", "hum"]
)
def test_a_little_of_either_is_no_fault(low: np.ndarray) -> None:
    assert stream(TALK, low).verdict().state == "ok"
    assert stream(np.resize(HISS, len(TIME_S)), low).verdict().state == "ok"


def test_a_deep_voice_is_no_hum() -> None:
    voice = sum(2000 / k * np.sin(2 * np.pi * 80 * k * TIME_S) for k in range(1, 8))
    assert stream(voice).verdict().state == "ok"
