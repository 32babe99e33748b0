"""What stages find, as JSON: finite numbers, within their ranges, whatever the models gave."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from emoedge.emotions import EMOTION_COUNT, EMOTIONS, as_probabilities
from emoedge.frames import AudioBlock
from emoedge.observations import (
    STILL,
    ActivityChange,
    AudioActivity,
    Box,
    FaceObservation,
    FacesObservation,
    TextObservation,
    VoiceObservation,
    Word,
    finite,
    unit_interval,
)

ANY = st.floats()
POSTERIORS = st.none() | st.lists(st.floats(0.001, 1), min_size=EMOTION_COUNT, max_size=EMOTION_COUNT).map(
    lambda values: as_probabilities(np.array(values) / sum(values))
)


@given(ANY, st.integers(0, 6))
def test_numbers_of_a_payload_are_finite_and_never_minus_zero(value, digits):
    rounded = finite(value, digits)
    assert (rounded is None) == (not math.isfinite(value))
    if rounded is not None:
        assert str(rounded) != "-0.0"
        assert abs(rounded - value) <= 0.51 * 10**-digits or abs(value) > 1e9
    assert 0 <= unit_interval(value) <= 1


@given(POSTERIORS, ANY, ANY, st.tuples(ANY, ANY, ANY, ANY))
def test_any_observation_is_json_without_nan(posterior, start_s, level, box):
    face = FaceObservation(1, Box(*box), posterior, level, quality_reasons=("small",))
    for observation in (
        FacesObservation(0.0, (face,)),
        VoiceObservation(0.0, 1.0, posterior, level, level),
        TextObservation(0.0, 1.0, "sí", posterior, (Word("sí", 0.0, 1.0, level),)),
    ):
        json.dumps(observation.to_payload(), allow_nan=False)
    shown = face.to_payload()
    assert shown["box"]["width"] >= 0
    assert shown["emotion"] == (None if posterior is None else EMOTIONS[int(np.argmax(posterior))])


def test_a_photograph_is_nobody():
    photograph = FaceObservation(1, Box(0, 0, 1, 1), None, 0.0, quality_reasons=(STILL,))
    person = FaceObservation(2, Box(0, 0, 1, 1), None, 0.5, primary=True)
    faces = FacesObservation(0.0, (photograph, person))
    assert (faces.people, faces.primary) == (1, person)
    assert FacesObservation(0.0, (photograph,)).primary is None


def test_a_box_contains_its_edges_and_its_middle():
    box = Box(0.25, 0.5, 0.5, 0.25)
    assert box.center == (0.5, 0.625)
    assert box.area == 0.125
    assert all(box.contains(x, y) for x, y in ((0.25, 0.5), (0.75, 0.75), box.center))
    assert not box.contains(0.24, 0.6)


def test_changes_in_lost_audio_are_kept_without_its_pauses():
    def heard(time_s, *changes):
        block = AudioBlock(time_s, np.zeros(1600, np.int16))
        return AudioActivity(block, replace(block), changes)

    begin, pause, end = (
        ActivityChange(speaking=True, time_s=0.0),
        ActivityChange(speaking=False, time_s=0.05, pause=True),
        ActivityChange(speaking=False, time_s=0.15),
    )
    after = heard(0.2, end).after_loss([heard(0.0, begin), heard(0.1, pause)])
    assert after.changes == (begin, end)
    assert after.block.gap_s == after.filtered.gap_s > 0
