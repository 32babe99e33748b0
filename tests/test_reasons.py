"""Words and presence by reason."""

from __future__ import annotations

import pytest

from emoedge.emotions import EMOTIONS
from emoedge.reasons import is_present, label, labels


@pytest.mark.parametrize("language", ["es", "en"])
def test_every_label_is_one_of_the_labels(language):
    options = labels(language, EMOTIONS)
    assert len(options) == len(set(options)) == 10
    made = {label(emotion, "", language) for emotion in EMOTIONS}
    made |= {label(None, reason, language) for reason in ("unsure", "nobody", "still", "privacy", "turned")}
    assert made == set(options)
    assert label(None, "offline", language) is None


def test_an_emotion_goes_before_a_reason():
    assert label("fear", "unsure", "es") == "miedo"


def test_photographs_and_empty_rooms_are_nobody():
    reasons = ("", "unsure", "no_opinion", "covered", "turned", "still", "nobody")
    assert [reason for reason in reasons if not is_present(reason)] == ["still", "nobody"]
