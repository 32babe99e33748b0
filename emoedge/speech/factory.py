"""From the settings to the recogniser: which engine `speech.engine` means."""

from __future__ import annotations

from pathlib import Path

from emoedge.errors import ModelError
from emoedge.speech.recogniser import Recogniser
from emoedge.translation import tr


def open_recogniser(engine: str, folder: Path) -> Recogniser:
    """Make the recogniser that the configuration names.

    Args:
        engine: "vosk" or "whisper".
        folder: the resolved folder of the model (see `emoedge.model_store`).

    Raises:
        ModelError: the model is missing or damaged, or the engine is not installed.
    """
    if engine == "vosk":
        from emoedge.speech.vosk_engine import VoskRecogniser

        return VoskRecogniser(folder)
    if engine == "whisper":
        from emoedge.speech.whisper_engine import WhisperRecogniser

        return WhisperRecogniser(folder)
    raise ModelError(
        tr("unknown speech engine {engine!r}", engine=engine), tr('set speech.engine to "vosk" or "whisper"')
    )
