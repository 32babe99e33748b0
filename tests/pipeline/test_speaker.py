"""Whose voice it is, on real people: their clips are not part of the repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from emoedge.capture.media import MediaReader, complete_s, together
from emoedge.config import Settings, SpeechSettings
from emoedge.observations import Speaker, VoiceObservation
from emoedge.pipeline.pipeline import Pipeline

SECONDS = 12.0


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return Pipeline(Settings(speech=SpeechSettings(enabled=False)))


def speakers(pipeline: Pipeline, picture: Path, sound: Path) -> list[Speaker]:
    """Whose voice each stretch of speech is, in a picture with another sound."""
    pipeline.reset()
    found = []
    for item in together((MediaReader(picture).frames(), MediaReader(sound).blocks()), complete_s):
        if complete_s(item) > SECONDS:
            break
        found += pipeline.feed(item)
    found += pipeline.finish()
    return [one.speaker for one in found if isinstance(one, VoiceObservation)]


@pytest.mark.parametrize("name", ["talking_man_1.mpg", "talking_man_2.mpg"])
def test_who_talks_is_the_speaker(shared_dir: Path, pipeline: Pipeline, name: str) -> None:
    clip = shared_dir / "media" / name
    found = speakers(pipeline, clip, clip)
    assert len(found) > 0
    assert set(found) == {1}


def test_a_silent_face_under_a_voice_is_not_the_speaker(shared_dir: Path, pipeline: Pipeline) -> None:
    media = shared_dir / "media"
    found = speakers(pipeline, media / "expressive_woman_silent.mp4", media / "synthetic_spanish.wav")
    assert set(found) <= {"unseen", "unknown"}
    assert found.count("unseen") >= 1


def test_a_voice_with_nobody_in_view_is_unseen(shared_dir: Path, pipeline: Pipeline) -> None:
    media = shared_dir / "media"
    found = speakers(pipeline, media / "nobody.mp4", media / "synthetic_spanish.wav")
    assert found[0] == "unseen"
