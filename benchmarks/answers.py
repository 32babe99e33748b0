"""Outputs of every model for fixed inputs, as JSON, to compare machines: `python -m benchmarks.answers`.

Integer networks must agree byte for byte, floating-point networks to the digits shown, because compilers and
libraries round differently.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from pathlib import Path
from typing import Any, Final

import numpy as np

from emoedge.bench.machine import describe_machine
from emoedge.inference import Interpreter
from emoedge.text.model import TextEmotionModel
from emoedge.voice.features import features

MODELS: Final = Path(__file__).resolve().parent.parent / "models"
RUNS: Final = 5
DIGITS: Final = 4
SENTENCE: Final = "estoy muy contenta de verte"


def main() -> int:
    """Run every model once and print the outputs, or compare them with those of another machine."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.answers", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--beside", type=Path, help="outputs of another machine, to compare with those of this one"
    )
    parser.add_argument("--note", action="append", default=[], help="sentence to store with --beside")
    options = parser.parse_args()
    here = answers()
    if options.beside:
        there = json.loads(options.beside.read_text(encoding="utf-8"))
        here = beside(here, there) | {"notes": options.note}
    print(json.dumps(here, ensure_ascii=False, indent=1 if options.beside else None))
    return 0


def answers() -> dict[str, Any]:
    """Return the outputs of every model on this machine."""
    result: dict[str, Any] = {"schema": 1, "machine": describe_machine()}
    for path in sorted(MODELS.glob("*.tflite")):
        result[path.stem] = network(path)
    sound = tone(2.0)
    result["voice_features"] = [round(float(value), 3) for value in features(sound)]
    message = TextEmotionModel.load(MODELS / "text_emotion").classify(SENTENCE)
    result["message"] = None if message is None else [round(float(value), DIGITS) for value in message]
    return result


def beside(here: dict[str, Any], there: dict[str, Any]) -> dict[str, Any]:
    """Compare the outputs of two machines part by part: whether they are equal, and how far apart."""
    rows = []
    for name in [name for name in here if name not in {"schema", "machine", "notes"}]:
        ours, theirs = here[name], there[name]
        if isinstance(ours, dict):
            same = ours["digest"] == theirs["digest"]
            flat = (
                [value for run in ours["first"] for value in run],
                [value for run in theirs["first"] for value in run],
            )
            kind = f"{ours['input']}, {RUNS} random inputs"
        else:
            same, flat, kind = ours == theirs, (ours, theirs), f"{len(ours)} numbers"
        apart = [abs(one - other) for one, other in zip(*flat, strict=True)]
        different = sum(1 for distance in apart if distance)
        rows.append(
            {
                "what": name,
                "kind": kind,
                "same": same,
                "compared": len(apart),
                "different": different,
                "farthest": round(max(apart), DIGITS + 1),
                "leaders_agree": _leaders(ours) == _leaders(theirs) if isinstance(ours, dict) else None,
            }
        )
    return {"schema": 1, "here": here["machine"], "there": there["machine"], "rows": rows}


def _leaders(answer: dict[str, Any]) -> list[int]:
    return [run.index(max(run)) for run in answer["first"]]


def network(path: Path) -> dict[str, Any]:
    """Return a digest of the raw outputs for random inputs, and the first numbers of each."""
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
    """Return a voice-like signal: harmonics of a gliding 150 Hz that swell and fade; int16 at 16 kHz."""
    at = np.arange(round(seconds * 16_000)) / 16_000
    phase = 2 * np.pi * (150 * at + 10 * at**2)
    wave = sum(np.sin(k * phase) / k for k in range(1, 12)) * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * at))
    return (wave / np.abs(wave).max() * 9000).astype(np.int16)


if __name__ == "__main__":
    sys.exit(main())
