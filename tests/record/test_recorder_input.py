"""What the pipeline offers to the recorder: words only where they are wanted."""

from __future__ import annotations

import pytest

from emoedge.emotions import as_probabilities
from emoedge.observations import FacesObservation, TextObservation, Word
from emoedge.record.recorder_input import RecorderInput

HAPPY = as_probabilities([0.02, 0.01, 0.02, 0.8, 0.03, 0.05, 0.07])
TEXT = TextObservation(1.0, 2.0, "qué alegría", HAPPY, (Word("qué", 1.0, 1.5, 0.9),))


@pytest.mark.parametrize("transcript", [True, False])
def test_words_are_kept_only_where_that_is_set(transcript):
    offered = RecorderInput(15.0, transcript=transcript)
    offered.offer_published(TEXT)
    offered.offer_text(TEXT)
    entries = {entry.topic: entry.outcome for entry in offered._input_queue.take(0)}
    assert set(entries) == ({"text", "transcript"} if transcript else {"text"})
    kept = entries["text"]
    assert (kept.transcript, bool(kept.words)) == (("qué alegría", True) if transcript else ("", False))
    assert kept.probabilities is HAPPY, "the opinion is kept in any case"


def test_faces_of_every_frame_are_thinned():
    offered = RecorderInput(15.0, transcript=False)
    for number in range(30):
        offered.offer_faces(FacesObservation(number / 30, ()))
    assert 4 <= len(offered._input_queue.take(0)) <= 6
