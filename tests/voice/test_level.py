import numpy as np
import pytest

from emoedge.frames import AudioBlock
from emoedge.voice.level import NoiseFloor, frame_powers, noise_power, snr_db, sound_level, to_db

RATE = 16_000


def bursts(rng, noise_db, speech_db):
    """Speech-like bursts (half of the time) over steady noise, int16."""
    length = 6 * RATE
    noise = rng.standard_normal(length) * 10 ** (noise_db / 20)
    gate = (np.arange(length) // (RATE // 4)) % 2
    speech = rng.standard_normal(length) * 10 ** (speech_db / 20) * gate
    return np.clip((noise + speech) * 32768, -32768, 32767).astype(np.int16), gate.astype(bool)


@pytest.mark.parametrize("expected_db", [0, 5, 10, 20, 30])
def test_the_estimate_is_near_the_truth(expected_db):
    sound, gate = bursts(np.random.default_rng(0), -50, -50 + expected_db)
    power = frame_powers(sound[gate]).mean()
    assert snr_db(power, noise_power(frame_powers(sound))) == pytest.approx(expected_db, abs=2.0)


@pytest.mark.parametrize("size", [100, 320, 1600, 5000])
def test_the_floor_of_a_stream_does_not_depend_on_the_blocks(size):
    sound, _ = bursts(np.random.default_rng(1), -45, -25)
    floor = NoiseFloor()
    for offset in range(0, len(sound), size):
        floor.feed(sound[offset : offset + size])
    assert to_db(floor.power) == pytest.approx(-45, abs=1.5)
    assert floor.power == pytest.approx(noise_power(frame_powers(sound)))


def test_the_floor_follows_a_louder_room():
    rng = np.random.default_rng(2)
    floor = NoiseFloor()
    for level_db in (-60, -40):
        floor.feed((rng.standard_normal(10 * RATE) * 32768 * 10 ** (level_db / 20)).astype(np.int16))
    assert to_db(floor.power) == pytest.approx(-40, abs=1.5)


def test_silence_and_full_scale():
    assert to_db(0.0) == -100.0
    assert to_db(1.0) == 0.0
    assert NoiseFloor().power == 0.0
    assert -10.0 <= snr_db(0.0, 0.0) <= 60.0


def test_the_level_of_a_block_is_that_of_each_20_ms_without_a_constant_offset():
    quiet, loud = np.zeros(800), 8000 * np.sin(2 * np.pi * 200 * np.arange(800) / 16_000)
    samples = np.concatenate([quiet, loud]).astype(np.int16)
    level = sound_level(AudioBlock(2.0, samples))
    shifted = sound_level(AudioBlock(2.0, samples + np.int16(3000)))
    assert (level.time_s, len(level.levels_db)) == (2.0, 5)
    assert level.levels_db[0] < -60
    assert level.levels_db[-1] == pytest.approx(20 * np.log10(8000 / 32768 / np.sqrt(2)), abs=0.3)
    assert shifted.levels_db == pytest.approx(level.levels_db, abs=0.1)
    assert sound_level(AudioBlock(2.0, samples[:0])).levels_db == ()
