"""The transcript of whole files."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from emoedge.capture.media import MediaReader
from emoedge.errors import MediaError
from emoedge.observations import Word
from emoedge.speech.recogniser import Recogniser, SampleClock, Utterance

TIME_DIGITS: Final = 3


class Transcriber:
    """Transcribes files one after the other, block by block, so that length does not matter."""

    def __init__(self, recogniser: Recogniser) -> None:
        self._recogniser = recogniser
        self._clock = SampleClock()

    def transcribe(self, path: Path) -> dict[str, Any]:
        """Transcribe the sound of a file.

        Returns:
            JSON-ready: `transcript` (lower case, no punctuation) and `words`, each with `word`, `start_s`,
            `end_s` (media seconds) and `confidence` (0 to 1).

        Raises:
            MediaError: the file cannot be read or has no sound.
        """
        reader = MediaReader(path, video=False)
        if not reader.info.has_audio:
            raise MediaError(f"{path}: no sound in it", "give a sound file, or a video with sound")
        self._recogniser.reset()
        utterances: list[Utterance] = []
        for block in reader.blocks():
            self._clock.feed(block.time_s, len(block.samples))
            utterances += self._recogniser.accept(block.samples)
        last = self._recogniser.finish()
        utterances += [last] if last else []
        words = [word for utterance in utterances for word in utterance.shifted(self._clock).words]
        self._clock.forget_before(self._clock.fed_s)
        return {"transcript": " ".join(word.text for word in words), "words": [_word(word) for word in words]}


def _word(word: Word) -> dict[str, Any]:
    return {
        "word": word.text,
        "start_s": round(word.start_s, TIME_DIGITS),
        "end_s": round(word.end_s, TIME_DIGITS),
        "confidence": round(word.confidence, TIME_DIGITS),
    }
