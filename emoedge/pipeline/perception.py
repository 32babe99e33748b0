"""Build the stages of face, voice and text from the settings, and report the unavailable ones."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from emoedge.config import Settings
from emoedge.errors import EmoedgeError, ModelError
from emoedge.fusion.confidence import Confidence
from emoedge.fusion.learned import LearnedFusion
from emoedge.health import Health
from emoedge.model_store import resolve
from emoedge.model_store.manifest import (
    CONFIDENCE,
    FACE_CLASSIFIER,
    FACE_DETECTOR,
    LEARNED_FUSION,
    TEXT_MODEL,
    VOICE_CLASSIFIER,
)
from emoedge.observations import Box
from emoedge.pipeline.model_trial import sound_model
from emoedge.pipeline.stages import ActivityDetector, FacePerceiver, SpeechPerceiver, VoicePerceiver
from emoedge.translation import joined, tr

if TYPE_CHECKING:
    from emoedge.speech.recogniser import Recogniser
    from emoedge.voice.stage import VoiceStage

logger = logging.getLogger(__name__)

Stage = TypeVar("Stage")


@dataclass(frozen=True, slots=True)
class Perception:
    """The stages that are there; `health` has an entry for each of face, voice and text."""

    face: FacePerceiver | None
    activity: ActivityDetector | None
    voice: VoicePerceiver | None
    speech: SpeechPerceiver | None
    health: tuple[Health, ...]

    @classmethod
    def build(cls, settings: Settings) -> Perception:
        """Build the configured stages; an unavailable stage is reported and does not affect the others.

        Raises:
            ModelError: none of the configured stages is available.
        """
        face, face_health = _try("face", settings.face.enabled, lambda: build_face(settings))
        voice, voice_health = _try("voice", settings.voice.enabled, lambda: build_voice(settings))
        speech, text_health = _try("text", settings.speech.enabled, lambda: build_speech(settings))
        health = (face_health, voice_health, text_health)
        if face is None and voice is None and speech is None:
            failed = [part for part in health if part.state == "failed"]
            reasons = joined(
                (tr("{name}: {reason}", name=part.name, reason=part.reason) for part in failed), "; "
            )
            reasons = reasons or tr("face, voice and speech are off")
            raise ModelError(
                tr("no usable modality: {reasons}", reasons=reasons),
                tr("enable one, or run: emoedge doctor"),
            )
        activity = build_activity() if voice or speech else None
        return cls(face, activity, voice, speech, health)

    def renewed(self) -> Perception:
        """Return fresh stages that reuse the loaded models. The old stages must not be used afterwards."""
        if self.activity is not None:
            self.activity.reset()
        return Perception(
            self.face.renewed() if self.face else None,
            self.activity,
            self.voice.renewed() if self.voice else None,
            self.speech.renewed() if self.speech else None,
            self.health,
        )

    def reset(self) -> None:
        """Forget what is under way in every stage."""
        for stage in (self.face, self.activity, self.voice, self.speech):
            if stage is not None:
                stage.reset()


def build_activity() -> ActivityDetector:
    """Build the speech activity detector for voice and text; raises ModelError."""
    from emoedge.vad.detector import SpeechActivity

    return SpeechActivity()


def build_face(settings: Settings) -> FacePerceiver:
    """The face stage; raises ModelError."""
    from emoedge.face.classify import FaceClassifier
    from emoedge.face.detect import FaceDetector
    from emoedge.face.stage import FaceStage

    return FaceStage(
        FaceDetector(sound_model(FACE_DETECTOR, "tflite", settings)),
        FaceClassifier(sound_model(FACE_CLASSIFIER, "tflite", settings)),
        max_faces=settings.face.max_faces,
        min_size=settings.face.min_size,
        min_quality=settings.face.min_quality,
        adapt=settings.face.adapt,
        still_s=settings.face.still_s,
        ignore=tuple(Box(*part) for part in settings.face.ignore),
    )


def build_voice(settings: Settings) -> VoiceStage:
    """The voice stage; raises ModelError."""
    from emoedge.voice.classify import VoiceClassifier
    from emoedge.voice.stage import VoiceStage

    classifier = VoiceClassifier(
        sound_model(VOICE_CLASSIFIER, "tflite", settings), adapt=settings.voice.adapt
    )
    return VoiceStage(classifier)


def build_speech(settings: Settings) -> SpeechPerceiver:
    """Build the speech stage with the text model; raises ModelError."""
    from emoedge.speech.stage import SpeechStage
    from emoedge.text.model import TextEmotionModel

    recogniser = build_recogniser(settings)
    text = TextEmotionModel.load(sound_model(TEXT_MODEL, "text", settings))
    # Whisper looks at half a minute for every result, however short: a pause is not worth that.
    return SpeechStage(recogniser, text, early=settings.speech.engine == "vosk")


def build_recogniser(settings: Settings) -> Recogniser:
    """Build the recogniser of `speech.engine` and `speech.model`; raises ModelError."""
    from emoedge.speech.factory import open_recogniser

    speech = settings.speech
    return open_recogniser(speech.engine, sound_model(speech.model, speech.engine, settings))


def learned_fusion(settings: Settings) -> LearnedFusion | None:
    """The coefficients when the settings ask for them; raises ModelError."""
    if settings.fusion.method != "learned":
        return None
    return LearnedFusion.load(sound_model(LEARNED_FUSION, "fusion", settings))


def load_confidence(settings: Settings) -> Confidence:
    """Load what fused probabilities are worth; raises ModelError."""
    return Confidence.load(resolve(CONFIDENCE, settings.paths.models))


def _try(name: str, enabled: bool, build: Callable[[], Stage]) -> tuple[Stage | None, Health]:
    if not enabled:
        return None, Health(name, "off")
    try:
        return build(), Health(name, "ok")
    except EmoedgeError as error:
        logger.info("%s is not available: %s", name, error)
        return None, Health(name, "failed", str(error))
