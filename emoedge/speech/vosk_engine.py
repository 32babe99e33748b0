"""Vosk (Kaldi) as a `Recogniser`: streaming, with word times."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from emoedge.errors import ModelError
from emoedge.frames import SAMPLE_RATE_HZ
from emoedge.model_store.manifest import FETCH_REMEDY
from emoedge.model_store.places import check_vosk_folder
from emoedge.process import resident_mb
from emoedge.speech.recogniser import Utterance, words_from
from emoedge.speech.recycle import RecyclePolicy
from emoedge.translation import tr

logger = logging.getLogger(__name__)

BLOCK_SAMPLES: Final = 1600
"""libvosk looks for the end of an utterance once a call: calls of always 100 ms make the
result independent of how the sound arrives, and keep a result from being late."""

NOT_WORDS: Final = frozenset({"[unk]", "<unk>", "[noise]", "[laughter]"})
"""Symbols for unknown words; no emotion can be read from them."""


def load_model(folder: Path) -> Any:
    """Load a Vosk model and keep libvosk quiet.

    Raises:
        ModelError: vosk is not installed, or the model is missing or damaged.
    """
    check_vosk_folder(folder)
    try:
        import vosk
    except (ImportError, OSError) as error:
        raise ModelError(
            tr("vosk cannot be loaded: {error}", error=error), tr("install it: pip install vosk")
        ) from error
    vosk.SetLogLevel(-1)
    try:
        return vosk.Model(str(folder))
    except Exception as error:  # libvosk's binding does not raise a narrower error
        raise ModelError(
            tr("libvosk cannot load the model at {folder}: {error}", folder=folder, error=error), FETCH_REMEDY
        ) from error


class VoskRecogniser:
    """A Vosk model decoding one stream.

    The model is reloaded between utterances, when `policy` says so; times go on counting.

    Args:
        folder: the model.
        policy: when to load it again.
        memory_mb: reads this process's memory, MB.

    Raises:
        ModelError: the model is missing or damaged.
    """

    def __init__(
        self,
        folder: Path,
        policy: RecyclePolicy | None = None,
        memory_mb: Callable[[], float | None] = resident_mb,
    ) -> None:
        self._folder = folder
        self._policy = policy or RecyclePolicy()
        self._memory_mb = memory_mb
        self._pending = np.empty(0, np.int16)
        self._before = 0
        self.recycled_count = 0
        self._open()

    def accept(self, samples: NDArray[np.int16]) -> list[Utterance]:
        """Take int16 (n,) at 16 kHz; see `Recogniser`."""
        sound = np.concatenate([self._pending, samples.astype(np.int16, copy=False)])
        whole = len(sound) // BLOCK_SAMPLES * BLOCK_SAMPLES
        self._pending = sound[whole:]
        results: list[Utterance] = []
        for start in range(0, whole, BLOCK_SAMPLES):
            result = self._decode(sound[start : start + BLOCK_SAMPLES])
            if result is not None:
                results.append(result)
        return results

    def finish(self) -> Utterance | None:
        """End the utterance now; the trailing sound counts to the last sample."""
        if len(self._pending):
            rest, self._pending = self._pending, np.empty(0, np.int16)
            ended = self._decode(rest)
            if ended is not None:
                self._final()  # holds nothing after an end that was just found
                self._after_utterance()
                return ended
        result = self._final()
        self._after_utterance()
        return result

    def reset(self) -> None:
        """Forget the utterance in progress."""
        self._before += len(self._pending)  # accepted, and so counted, though never decoded
        self._pending = np.empty(0, np.int16)
        # Not Reset(): it keeps the last frames, which wait for their right context, and the next utterance
        # would begin with the end of this one.
        self._recogniser.FinalResult()

    def renew(self) -> None:
        """Forget all that was ever heard."""
        self._pending = np.empty(0, np.int16)
        self._before = 0
        self._samples = 0
        self._begin()

    def _open(self) -> None:
        self._model = load_model(self._folder)
        self._begin()
        self._samples = 0
        self._loaded_mb = self._memory_mb()

    def _begin(self) -> None:
        import vosk  # after load_model, which gives a remedy if it is missing

        self._recogniser = vosk.KaldiRecognizer(self._model, SAMPLE_RATE_HZ)
        self._recogniser.SetWords(True)

    def _decode(self, block: NDArray[np.int16]) -> Utterance | None:
        self._samples += len(block)
        if self._recogniser.AcceptWaveform(block.astype("<i2", copy=False).tobytes()):
            return self._utterance(self._recogniser.Result())
        return None

    def _final(self) -> Utterance | None:
        return self._utterance(self._recogniser.FinalResult())

    def _utterance(self, result: str) -> Utterance | None:
        offset_s = self._before / SAMPLE_RATE_HZ
        words = words_from(
            (item["word"], item["start"] + offset_s, item["end"] + offset_s, item["conf"])
            for item in json.loads(result).get("result", [])
            if item["word"] not in NOT_WORDS
        )
        return Utterance(words) if words else None

    def _after_utterance(self) -> None:
        """Load the model again if it is time: nothing of the sound is under way now."""
        now_mb = self._memory_mb()
        growth_mb = None if now_mb is None or self._loaded_mb is None else now_mb - self._loaded_mb
        reason = self._policy.reason(self._samples / SAMPLE_RATE_HZ / 3600, growth_mb)
        if reason is None:
            return
        logger.info("reloading the speech model: %s", reason)
        self._before += self._samples
        # The old model is released before the new one is loaded: both may not fit in memory.
        del self._recogniser, self._model
        self._open()
        self.recycled_count += 1
