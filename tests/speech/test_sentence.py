"""Whether a transcript sounds finished."""

from __future__ import annotations

import pytest

from emoedge.speech.sentence import sounds_finished


@pytest.mark.parametrize(
    ("text", "finished"),
    [
        ("estoy muy contenta hoy", True),
        ("qué asco me da", True),
        ("no me lo esperaba", True),
        ("estoy muy", False),
        ("ayer por la tarde fui a la", False),
        ("no quiero que", False),
        ("muy bien", False),  # may be all, may be the beginning of anything
        ("", False),
    ],
)
def test_sounds_finished(text: str, finished: bool) -> None:
    assert sounds_finished(text) is finished
