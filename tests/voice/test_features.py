import numpy as np
import pytest

from emoedge.voice.contours import MIN_SAMPLES, contours
from emoedge.voice.features import LEVEL_FEATURE, feature_names, features


def value(vector, name):
    return float(vector[feature_names().index(name)])


@pytest.mark.parametrize("gain_db", [-20, -6, 6, 20])
def test_gain_moves_nothing_but_the_level(voiced, gain_db):
    plain = features(voiced / np.float32(32768))
    louder = features(voiced / np.float32(32768) * np.float32(10 ** (gain_db / 20)))
    moved = louder - plain
    level = feature_names().index(LEVEL_FEATURE)
    assert moved[level] == pytest.approx(gain_db, abs=0.05)
    rest = np.delete(np.abs(moved) / (1 + np.abs(plain)), level)
    assert rest.max() < 0.02


def test_int16_and_float_agree(voiced):
    assert np.array_equal(features(voiced), features(voiced.astype(np.float32) / np.float32(32768)))


def test_syllables_are_counted(voiced):
    assert value(features(voiced), "syllables") == pytest.approx(4, abs=1.0)


def test_noise_is_hardly_voiced():
    noise = (np.random.default_rng(1).standard_normal(32_000) * 2000).astype(np.int16)
    assert contours(noise).voiced.mean() < 0.1
    assert np.all(np.isfinite(features(noise)))


@pytest.mark.parametrize("kind", ["zeros", "click", "constant", "square"])
def test_odd_sounds_give_finite_features(kind):
    sound = {
        "zeros": np.zeros(8000, np.int16),
        "click": np.eye(1, 8000, 4000, dtype=np.int16)[0] * 32767,
        "constant": np.full(8000, 12345, np.int16),
        "square": np.tile(np.repeat(np.array([-32768, 32767], np.int16), 40), 100),
    }[kind]
    assert np.all(np.isfinite(features(sound)))


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="needs"):
        features(np.zeros(MIN_SAMPLES - 1, np.int16))
    with pytest.raises(ValueError, match="mono"):
        features(np.zeros((8000, 2), np.int16))
    with pytest.raises(ValueError, match="int16"):
        features(np.zeros(8000, np.int32))
    with pytest.raises(ValueError, match="finite"):
        features(np.full(8000, np.nan, np.float32))


def test_names_are_unique_and_in_step():
    names = feature_names()
    assert len(set(names)) == len(names) == len(features(np.ones(8000, np.int16)))
