"""Silero VAD v6.2: the probability of speech in every 32 ms of sound.

Source: Silero Team 2024, "Silero VAD" (MIT). The model is made by `training.vad.export`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emoedge.inference import Interpreter

CHUNK: Final = 512
"""Samples judged at a time: 32 ms at 16 kHz."""
STATE: Final = 256
"""Values of the recurrent state, which goes into the network beside the samples and comes out beside the
answer."""


class Silero:
    """Detector of speech in one stream of sound. Not for concurrent use.

    Args:
        path: the model, `speech_activity.tflite`.

    Raises:
        ModelError: the model is missing or cannot be loaded.
    """

    def __init__(self, path: Path) -> None:
        self._interpreter = Interpreter(path)
        self._input = np.zeros((1, CHUNK + STATE), np.float32)

    def reset(self) -> None:
        """Start a new stream."""
        self._input[:] = 0.0

    def __call__(self, samples: NDArray[np.int16]) -> list[float]:
        """Return the probability of speech in each of the next chunks.

        Args:
            samples: int16 (n * CHUNK,) at 16 kHz. The result depends on the stream alone, not on how it is
                divided into calls.
        """
        probabilities = []
        for chunk in samples.reshape(-1, CHUNK):
            np.multiply(chunk, np.float32(1 / 32768), out=self._input[0, :CHUNK])
            answer = self._interpreter.run_quantized(self._input)[0][0]
            self._input[0, CHUNK:] = answer[1:]
            probabilities.append(float(answer[0]))
        return probabilities
