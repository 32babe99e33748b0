"""emoedge: an offline emotion sensor for devices that a person owns.

The Python interface, imported on first use:

    Pipeline                    frames and audio, or a file, to outcomes; its stages are a Perception
    Settings, load_settings     the configuration
    Frame, AudioBlock           what goes in
    Outcome                     what comes out, one of:
        FacesObservation        the faces in a frame (FaceObservation, Box)
        VoiceObservation        how a window of speech was said
        TextObservation         an utterance (Word)
        FusedState              the fused emotion at one moment (ModalityOpinion)
        StateSummary            the same for dashboards, with who is there and whether anybody speaks
        EmotionEvent            begin or end of an episode
        HealthReport            state of every source and model (Health)
        RecordingChange         what happened to a recorded segment
        Snapshot                a picture that was kept
    EMOTIONS, Emotion, Probabilities

Errors that can be expected, each with a remedy:

    EmoedgeError
        BrokerError
        ConfigError
        DeviceError
        MediaError
        ModelError
        RecordingError
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from emoedge.version import __version__

if TYPE_CHECKING:
    from emoedge.config import Settings, load_settings
    from emoedge.emotions import EMOTIONS, Emotion, Probabilities
    from emoedge.errors import (
        BrokerError,
        ConfigError,
        DeviceError,
        EmoedgeError,
        MediaError,
        ModelError,
        RecordingError,
    )
    from emoedge.frames import AudioBlock, Frame
    from emoedge.health import Health
    from emoedge.observations import (
        Box,
        FaceObservation,
        FacesObservation,
        TextObservation,
        VoiceObservation,
        Word,
    )
    from emoedge.outcomes import (
        EmotionEvent,
        FusedState,
        HealthReport,
        ModalityOpinion,
        Outcome,
        RecordingChange,
        Snapshot,
        StateSummary,
    )
    from emoedge.pipeline import Pipeline
    from emoedge.pipeline.perception import Perception

__all__ = [
    "EMOTIONS",
    "AudioBlock",
    "Box",
    "BrokerError",
    "ConfigError",
    "DeviceError",
    "EmoedgeError",
    "Emotion",
    "EmotionEvent",
    "FaceObservation",
    "FacesObservation",
    "Frame",
    "FusedState",
    "Health",
    "HealthReport",
    "MediaError",
    "ModalityOpinion",
    "ModelError",
    "Outcome",
    "Perception",
    "Pipeline",
    "Probabilities",
    "RecordingChange",
    "RecordingError",
    "Settings",
    "Snapshot",
    "StateSummary",
    "TextObservation",
    "VoiceObservation",
    "Word",
    "__version__",
    "load_settings",
]

_HOMES: Final = (
    "errors",
    "emotions",
    "health",
    "frames",
    "observations",
    "outcomes",
    "config",
    "pipeline",
    "pipeline.perception",
)
"""Modules that define the public names, the fastest to import first."""


def __getattr__(name: str) -> Any:
    """Import a public name on first use: `emoedge --help` must not pay for it."""
    if name in __all__:
        for home in _HOMES:
            module = import_module(f"emoedge.{home}")
            if hasattr(module, name):
                return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
