"""The transcript of whole files."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from emoedge.capture.media import MediaReader
from emoedge.capture.tracks import AUTOMATIC, Tracks
from emoedge.errors import MediaError
from emoedge.observations import Word
from emoedge.pipeline.classify import remarks
from emoedge.speech.recogniser import Recogniser, SampleClock, Utterance
from emoedge.translation import tr

TIME_DIGITS: Final = 3


class Transcriber:
    """Transcribes files one after the other, block by block, so that length does not matter."""

    def __init__(self, recogniser: Recogniser) -> None:
        self._recogniser = recogniser
        self._clock = SampleClock()

    def transcribe(self, path: Path, tracks: Tracks = AUTOMATIC) -> dict[str, Any]:
        """Transcribe the sound of a file.

        Returns:
            JSON-ready: `transcript` (lower case, no punctuation) and `words`, each with `word`, `start_s`,
            `end_s` (media seconds) and `confidence` (0 to 1); `notes` where something was lost or left out;
            `error` where the end of the file is missing.

        Raises:
            MediaError: the file cannot be read or has no sound.
        """
        reader = MediaReader(path, video=False, tracks=tracks)
        if not reader.info.has_audio:
            raise MediaError(
                tr("{path}: contains no audio", path=path), tr("use an audio file, or a video with audio")
            )
        self._recogniser.reset()
        utterances: list[Utterance] = []
        heard, error = False, None
        try:
            for block in reader.blocks():
                heard = True
                self._clock.feed(block.time_s, len(block.samples))
                utterances += self._recogniser.accept(block.samples)
        except MediaError as cut:
            if not heard:
                raise
            error = cut
        last = self._recogniser.finish()
        utterances += [last] if last else []
        words = [word for utterance in utterances for word in utterance.shifted(self._clock).words]
        self._clock.forget_before(self._clock.fed_s)
        line: dict[str, Any] = {"transcript": " ".join(word.text for word in words)}
        line["words"] = [_word(word) for word in words]
        return line | remarks(reader.notes.texts, error)


def _word(word: Word) -> dict[str, Any]:
    return {
        "word": word.text,
        "start_s": round(word.start_s, TIME_DIGITS),
        "end_s": round(word.end_s, TIME_DIGITS),
        "confidence": round(word.confidence, TIME_DIGITS),
    }
