"""Load a model and put something through it, here or in a child process that may crash.

`python -m emoedge.pipeline.model_trial KIND PATH` is that child: exit 0 when the model works, else the reason
as JSON.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from emoedge.config import Settings
from emoedge.errors import EmoedgeError, ModelError
from emoedge.model_store import resolve
from emoedge.model_store.manifest import Kind
from emoedge.model_store.soundness import ensure_sound
from emoedge.translation import tr

NATIVE: Final = frozenset({"tflite", "vosk", "whisper"})
"""Kinds that native code reads, which a damaged file may crash."""
TRIAL_S: Final = 300.0
"""A small board that is busy takes more than a minute to import the libraries and to load a speech model."""


def load_once(kind: Kind, path: Path) -> None:
    """Load a model in this process and put something through it.

    Raises:
        ModelError: it does not load, or does not run.
    """
    if kind == "tflite":
        _run_tflite(path)
    elif kind == "vosk":
        _run_vosk(path)
    elif kind == "text":
        _run_text(path)
    elif kind == "fusion":
        from emoedge.fusion.learned import LearnedFusion

        LearnedFusion.load(path)
    elif kind == "confidence":
        from emoedge.fusion.confidence import Confidence

        Confidence.load(path)
    elif kind == "whisper":
        from emoedge.speech.whisper_engine import load_model

        load_model(path, threads=1)


def sound_model(name: str, kind: Kind, settings: Settings) -> Path:
    """File or folder of a model that may be loaded here: its digests are right, or a child could load it.

    Raises:
        ModelError: missing or damaged.
    """
    path = resolve(name, settings.paths.models)
    ensure_sound(path, settings.paths.models, partial(try_model, kind))
    return path


def try_model(kind: Kind, path: Path) -> None:
    """Do the same, in a child process where native code reads the model.

    Raises:
        ModelError: it does not load, does not run, or ends the process.
    """
    if kind not in NATIVE:
        load_once(kind, path)
        return
    command = [sys.executable, "-m", __name__, kind, str(path.absolute())]
    try:
        child = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=TRIAL_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise ModelError(
            tr("{path}: not loaded within {trial_s:.0f} s", path=path, trial_s=TRIAL_S),
            tr("run: emoedge models verify"),
        ) from None
    except OSError as error:
        raise ModelError(
            tr("{path}: cannot be tried: {strerror}", path=path, strerror=error.strerror),
            tr("free memory, then try again"),
        ) from error
    if child.returncode < 0:
        raise ModelError(
            tr(
                "{path} is damaged: it ended the process that tried it ({value})",
                path=path,
                value=_signal(-child.returncode),
            ),
            tr("fetch or copy it again"),
        )
    if child.returncode:
        raise _told(child.stdout) or ModelError(
            tr("{path}: cannot be loaded", path=path), tr("run: emoedge models verify")
        )


def main(arguments: list[str]) -> int:
    """The child: a kind and a path."""
    try:
        load_once(arguments[0], Path(arguments[1]))  # type: ignore[arg-type]
    except EmoedgeError as error:
        sys.stdout.write(json.dumps({"message": error.message, "remedy": error.remedy}) + "\n")
        return 1
    return 0


def _told(output: bytes) -> ModelError | None:
    try:
        told = json.loads(output.splitlines()[-1])
        return ModelError(str(told["message"]), str(told["remedy"]))
    except (ValueError, IndexError, KeyError, TypeError):
        return None


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _run_tflite(path: Path) -> None:
    from emoedge.inference import Interpreter

    interpreter = Interpreter(path)
    shape = tuple(max(1, size) for size in interpreter.input_shape)
    interpreter.run(np.zeros(shape, np.float32))


def _run_vosk(path: Path) -> None:
    from emoedge.speech.vosk_engine import VoskRecogniser

    recogniser = VoskRecogniser(path)
    # Noise, and not silence: it leads the search through more of the graph.
    recogniser.accept(np.random.default_rng(0).normal(0, 3000, 16_000).astype(np.int16))
    recogniser.finish()


def _run_text(path: Path) -> None:
    from emoedge.text.model import TextEmotionModel

    TextEmotionModel.load(path).classify("estoy muy contenta")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
