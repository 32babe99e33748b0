"""Whisper (faster-whisper, CTranslate2, int8) as a `Recogniser`, for boards that can carry it.

No streaming: the sound of an utterance is kept and transcribed when speech activity says
that it has ended, so there are no partial results and the answer comes later than Vosk's.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from emoedge.errors import ModelError
from emoedge.frames import SAMPLE_RATE_HZ
from emoedge.speech.recogniser import Utterance, words_from
from emoedge.translation import tr

CHUNK_SAMPLES: Final = 28 * SAMPLE_RATE_HZ
"""Whisper looks at 30 s at a time; a longer utterance is cut before that."""

MIN_SAMPLES: Final = SAMPLE_RATE_HZ // 5
"""Shorter than any word; Whisper invents text for it."""

REQUIRED_FILES: Final = ("model.bin", "config.json", "tokenizer.json")
"""Without tokenizer.json faster-whisper would ask the network for one."""

REMEDY: Final = tr(
    'run: emoedge models fetch faster-whisper-base, and set speech.model = "faster-whisper-base"'
)

_NOT_IN_WORDS: Final = re.compile(r"[^\w'-]+")


def load_model(folder: Path, threads: int) -> Any:
    """Load a CTranslate2 Whisper model, int8 on the CPU.

    Raises:
        ModelError: faster-whisper is not installed, or the model is missing or damaged.
    """
    if not folder.is_dir():
        raise ModelError(tr("no Whisper model at {folder}", folder=folder), REMEDY)
    missing = [name for name in REQUIRED_FILES if not (folder / name).is_file()]
    if missing:
        raise ModelError(
            tr(
                "{folder} is not a Whisper model: {missing} missing",
                folder=folder,
                missing=", ".join(missing),
            ),
            REMEDY,
        )
    try:
        from faster_whisper import WhisperModel
    except ImportError as error:
        raise ModelError(
            tr("the speech engine whisper is not installed"), tr("install it: pip install 'emoedge[whisper]'")
        ) from error
    try:
        return WhisperModel(
            str(folder), device="cpu", compute_type="int8", cpu_threads=threads, local_files_only=True
        )
    except (RuntimeError, ValueError, OSError) as error:
        raise ModelError(
            tr("cannot load the Whisper model at {folder}: {error}", folder=folder, error=error), REMEDY
        ) from error


class WhisperRecogniser:
    """A Whisper model transcribing one stream, an utterance at a time.

    Args:
        folder: the model.
        language: ISO 639-1 code of what is spoken.
        beam_size: 1 is greedy, the fastest.
        threads: CPU threads of the decoder.

    Raises:
        ModelError: the model or the engine is missing.
    """

    def __init__(self, folder: Path, language: str = "es", beam_size: int = 1, threads: int = 2) -> None:
        self._model = load_model(folder, threads)
        self._language = language
        self._beam_size = beam_size
        self._sound: list[NDArray[np.int16]] = []
        self._held = 0
        self._before = 0

    def accept(self, samples: NDArray[np.int16]) -> list[Utterance]:
        """Keep int16 (n,) at 16 kHz; only an overlong utterance gives a result here."""
        results: list[Utterance] = []
        rest = samples
        while len(rest):
            taken = rest[: CHUNK_SAMPLES - self._held]
            self._sound.append(taken)
            self._held += len(taken)
            rest = rest[len(taken) :]
            if self._held == CHUNK_SAMPLES:
                utterance = self.finish()
                if utterance:
                    results.append(utterance)
        return results

    def finish(self) -> Utterance | None:
        """Transcribe what is held; takes a good part of its duration."""
        if self._held < MIN_SAMPLES:
            self.reset()
            return None
        sound = np.concatenate(self._sound).astype(np.float32) / 32768.0
        offset_s = self._before / SAMPLE_RATE_HZ
        segments, _ = self._model.transcribe(
            sound,
            language=self._language,
            beam_size=self._beam_size,
            word_timestamps=True,
            condition_on_previous_text=False,
            vad_filter=False,
        )
        words = words_from(
            (plain(word.word), word.start + offset_s, word.end + offset_s, word.probability)
            for segment in segments
            for word in segment.words or ()
        )
        self.reset()
        return Utterance(words) if words else None

    def reset(self) -> None:
        """Forget what is held."""
        self._before += self._held
        self._sound.clear()
        self._held = 0

    def renew(self) -> None:
        """Forget all that was ever heard."""
        self.reset()
        self._before = 0


def plain(text: str) -> str:
    """A word as Vosk would write it: lower case, no punctuation ("¡Hola!" is "hola")."""
    return _NOT_IN_WORDS.sub("", text).strip("-'").lower()
