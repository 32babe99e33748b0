"""What every model answers to fixed inputs, as JSON: `python -m benchmarks.answers`. Two machines should say the same.

Integer networks must agree to the byte; floating-point ones to the digits shown, because compilers and libraries round
differently.
"""

from __future__ import annotations

import hashlib
import json
import platform
import sys
import time
from pathlib import Path
from typing import Any, Final

import numpy as np

from emoedge.bench.machine import describe_machine
from emoedge.inference import Interpreter
from emoedge.speech.message import MessageModel
from emoedge.voice.features import features
from emoedge.voice.silero import CHUNK, Silero

MODELS: Final = Path(__file__).resolve().parent.parent / "models"
RUNS: Final = 5
DIGITS: Final = 4
SENTENCE: Final = "estoy muy contenta de verte"


def main() -> int:
    """Run everything once and say what came out."""
    result: dict[str, Any] = {"schema": 1, "machine": describe_machine()}
    for path in sorted(MODELS.glob("*.tflite")):
        result[path.stem] = network(path)
    sound = tone(2.0)
    result["speech_activity"] = [round(value, DIGITS) for value in Silero()(sound[: 8 * CHUNK])]
    result["voice_features"] = [round(float(value), 3) for value in features(sound)[:12]]
    message = MessageModel.load(MODELS / "text_emotion").classify(SENTENCE)
    result["message"] = None if message is None else [round(float(value), DIGITS) for value in message]
    print(json.dumps(result))
    return 0


def network(path: Path) -> dict[str, Any]:
    """Digest of the raw outputs for some random inputs, and the first numbers of each."""
    interpreter = Interpreter(path)
    random = np.random.default_rng(7)
    digest = hashlib.sha256()
    begun = time.process_time()
    first: list[list[float]] = []
    for _ in range(RUNS):
        values = random.integers(0, 200, interpreter.input_shape)
        if interpreter.input_dtype == np.float32:
            tensor = (values / 127.5 - 1.0).astype(np.float32)
        else:
            tensor = (values - 100).astype(interpreter.input_dtype)
        outputs = interpreter.run_quantized(tensor)
        for output in outputs:
            digest.update(np.round(output, DIGITS).astype("<f4").tobytes())
        first.append([round(float(value), DIGITS) for value in outputs[0].ravel()[:7]])
    taken_ms = (time.process_time() - begun) * 1000 / RUNS
    return {
        "runtime": interpreter.runtime,
        "input": str(interpreter.input_dtype),
        "digest": digest.hexdigest()[:16],
        "first": first,
        "ms": round(taken_ms, 2),
    }


def tone(seconds: float) -> Any:
    """Something like a voice: harmonics of a gliding 150 Hz, swelling and fading; int16 at 16 kHz."""
    at = np.arange(round(seconds * 16_000)) / 16_000
    phase = 2 * np.pi * (150 * at + 10 * at**2)
    wave = sum(np.sin(k * phase) / k for k in range(1, 12)) * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * at))
    return (wave / np.abs(wave).max() * 9000).astype(np.int16)


if __name__ == "__main__":
    print(platform.machine(), file=sys.stderr)
    sys.exit(main())
