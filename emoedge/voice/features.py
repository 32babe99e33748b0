"""The feature vector of one stretch of speech: the one function for training and for the device.

Contours (see contours.py) become functionals: means, spreads, percentiles, slopes and rhythm of pitch,
energy, voice quality, spectrum and cepstrum. All but ``LEVEL_FEATURE`` are invariant to gain; the level is
only ever used relative to the speaker's own running mean, where a constant gain cancels.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emoedge.voice.contours import SAMPLE_RATE, VOICING_THRESHOLD, Contours, contours
from emoedge.voice.prosody import (
    LEVEL_FEATURE,
    energy_functionals,
    loudness_functionals,
    melody_functionals,
    pitch_functionals,
    rhythm_functionals,
)
from emoedge.voice.statistics import MIN_VOICED_FRAMES, Floats, Frames, Named, percentiles
from emoedge.voice.timbre import (
    formant_functionals,
    modulation_functionals,
    quality_functionals,
    spectrum_functionals,
)

__all__ = ["FEATURE_VERSION", "LEVEL_FEATURE", "feature_names", "features", "named_features"]

FEATURE_VERSION: Final = 3
"""Raised with every change that moves a value: model and features must agree."""


def named_features(heard: Contours) -> Named:
    """All functionals by name, in their fixed order."""
    mask = heard.voiced
    if np.count_nonzero(mask) < MIN_VOICED_FRAMES:
        mask = heard.speech & (
            heard.harmonicity >= min(VOICING_THRESHOLD, percentiles(heard.harmonicity, 50)[0])
        )
    if np.count_nonzero(mask) < MIN_VOICED_FRAMES:
        mask = heard.speech
    voiced, speech = Frames.of(mask), Frames.of(heard.speech)
    power = heard.power.take(voiced.index, axis=0)
    return (
        pitch_functionals(heard, voiced)
        | energy_functionals(heard, speech)
        | quality_functionals(heard, voiced, power)
        | spectrum_functionals(heard, voiced, speech)
        | rhythm_functionals(heard, voiced, speech)
        | melody_functionals(heard, voiced, speech)
        | modulation_functionals(heard, speech)
        | loudness_functionals(heard, voiced, speech)
        | formant_functionals(heard, voiced, power)
    )


@cache
def feature_names() -> tuple[str, ...]:
    """Names of the values of the feature vector, in order."""
    noise = np.random.default_rng(0).standard_normal(SAMPLE_RATE) * 0.1
    return tuple(named_features(contours(noise)))


def features(samples: NDArray[np.integer | np.floating]) -> Floats:
    """The feature vector of a stretch: float32 (len(feature_names()),), finite, not normalised.

    Args:
        samples: mono int16, or float in [-1, 1], at 16 kHz, at least contours.MIN_SAMPLES long.

    Raises:
        ValueError: see contours().
    """
    vector = np.fromiter(named_features(contours(samples)).values(), dtype=np.float32)
    return np.nan_to_num(vector, nan=0.0, posinf=0.0, neginf=0.0)
