"""Pitch and syllables."""

import numpy as np
import pytest

from emoedge.voice.contours import HOP, contours
from emoedge.voice.features import features

from .test_features import value


def test_pitch_of_a_glide(voiced):
    heard = contours(voiced)
    time_s = (np.arange(len(heard.f0_st)) * HOP + 320) / 16_000
    expected = 12 * np.log2((120 + 30 * time_s) / 100)
    assert heard.voiced.mean() > 0.9
    assert np.median(np.abs(heard.f0_st - expected)[heard.voiced]) < 0.3


def test_a_wrong_sample_rate_shows_in_the_pitch(voiced):
    # The same samples taken for half or twice the rate are an octave off: what a rate mix-up does.
    assert value(features(voiced), "f0_p50") == pytest.approx(12 * np.log2(150 / 100), abs=0.5)
    assert value(features(voiced[::2].copy()), "f0_p50") == pytest.approx(12 * np.log2(300 / 100), abs=0.7)
