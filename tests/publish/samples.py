"""Values as the pipeline hands them over, for the tests and the examples in docs/mqtt.md."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

from emoedge.clock import MediaClock
from emoedge.emotions import as_probabilities
from emoedge.errors import ModelError
from emoedge.health import Health
from emoedge.model_store.manifest import FETCH_REMEDY
from emoedge.observations import Box, FaceObservation, FacesObservation, TextObservation, VoiceObservation
from emoedge.outcomes import (
    EmotionEvent,
    FusedState,
    HealthReport,
    ModalityOpinion,
    RecordingChange,
    Snapshot,
    StateSummary,
)
from emoedge.publish import Message, MessageBuilder
from emoedge.translation import tr

HAPPY = as_probabilities([0.02, 0.01, 0.02, 0.8, 0.03, 0.05, 0.07])
CALM = as_probabilities([0.05, 0.05, 0.05, 0.2, 0.05, 0.05, 0.55])
FUSED = as_probabilities([0.032, 0.026, 0.032, 0.56, 0.038, 0.05, 0.262])

STATE = FusedState(
    time_s=12.5,
    probabilities=FUSED,
    emotion="happiness",
    certain=True,
    confidence=0.56,
    decided_by="fusion",
    candidates=("happiness",),
    opinions=(ModalityOpinion("face", 12.4, HAPPY), ModalityOpinion("voice", 11.9, CALM, 0.8)),
    observed_s=12.4,
    since_s=11.7,
)
SUMMARY = StateSummary(12.56, STATE, "alegría", present=True, people=2, speaking=True)
NOBODY = FusedState(20.0, None, None, 0.0, None, reason="nobody", since_s=18.0)
PRIVATE = StateSummary(21.0, replace(NOBODY, reason="privacy"), "privado", None, None, None)
FACES = FacesObservation(
    12.4,
    (
        FaceObservation(3, Box(0.31, 0.2, 0.25, 0.4), HAPPY, 0.83, primary=True),
        FaceObservation(4, Box(0.8, 0.1, 0.05, 0.08), None, 0.1, quality_reasons=("small",)),
    ),
)
VOICE = VoiceObservation(9.2, 11.9, CALM, snr_db=17.31, level_dbfs=-24.04, final=True, speaker=3)
TEXT = TextObservation(9.2, 11.8, "qué alegría verte", HAPPY, speaker=3)
BEGIN = EmotionEvent("begin", "0001-happiness", "happiness", 11.7, None, 0.61)
END = EmotionEvent("end", "0001-happiness", "happiness", 11.7, 15.25, 0.87)
SNAPSHOT = Snapshot(
    "20261122T091015Z-5e6f7a8b",
    15.3,
    Path("/var/lib/emoedge/recordings/snapshots/20261122T091015Z-5e6f7a8b.jpg"),
)
FINISHED = RecordingChange(
    "finished",
    "20261122T091000-1",
    20.0,
    Path("2026-11-22/20261122T091000-1.mp4"),
    duration_s=13.52,
    bytes=1_204_331,
    sha256="5f" * 32,
)
NO_MODEL = ModelError(
    tr("no speech model at {folder}", folder="/var/lib/emoedge/models/vosk-model-small-es-0.42"), FETCH_REMEDY
)
HEALTH = (
    Health("camera", "ok", figures={"fps": 14.98, "dropped": 2}),
    Health("text", "failed", str(NO_MODEL)),
)


def builder(*, transcript: bool = False, media_times: bool = False, now_s: float = 12.56) -> MessageBuilder:
    """A builder whose clock stands still."""
    return MessageBuilder(
        "living-room", MediaClock(time_s=now_s), transcript=transcript, media_times=media_times
    )


def every_message(build: MessageBuilder) -> list[Message]:
    """One message of every kind, edge cases included."""
    return [
        build.outcome(STATE),
        build.outcome(NOBODY),
        build.outcome(SUMMARY),
        build.outcome(PRIVATE),
        build.outcome(BEGIN),
        build.outcome(replace(END, recording="20261122T091000-1")),
        build.outcome(FACES),
        build.outcome(FacesObservation(13.0, ())),
        build.outcome(VOICE),
        build.outcome(VoiceObservation(1.0, 1.2, None, float("nan"), float("-inf"))),
        build.outcome(TEXT),
        build.outcome(HealthReport(30.0, 29.5, HEALTH)),
        build.outcome(RecordingChange("started", "20261122T091000-1", 11.7)),
        build.outcome(FINISHED),
        build.outcome(RecordingChange("failed", "20261122T091000-2", 21.0, reason="disk full")),
        build.outcome(SNAPSHOT),
        build.picture(datetime(2026, 11, 22, 9, 11, 15, tzinfo=timezone.utc), 2),
        build.picture(None),
        build.control_error("margin", "nan", "expected a number from 0 to 1"),
    ]
