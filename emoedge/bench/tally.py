"""Takes down what a pipeline asks of its engines, so that the same can be asked of the engines alone.

Every engine is watched at its own library's door (TFLite's `invoke`, Vosk's functions; Silero's network,
which the product runs itself, at `emoedge.vad.silero`): whatever way the product takes to its engines, what
it asks of them is counted, with the data that it asked it of.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from emoedge.inference import load_runtime

DECODE: Final = "decode"
RECOGNITION: Final = "speech recognition"

INPUTS_KEPT: Final = 32
"""Inputs kept of each network; they take turns when it is run more often."""


@dataclass
class NetworkCalls:
    """The runs of one network."""

    path: Path
    count: int = 0
    inputs: list[Any] = field(default_factory=list)


@dataclass
class Tally:
    """Calls of each engine.

    Attributes:
        networks: by name of the model.
        speech: blocks of bytes given to the recogniser in turn, and the names of the methods that fetched
            results.
        speech_model: folder of the recogniser's model.
        speech_rate_hz: sample rate of the recogniser.
        written: bytes that conversions wrote, by kind: "pictures", "opencv", "tensors", "sound".
        inside_s: processor time that the engines took where the pipeline called them, by name.
    """

    networks: dict[str, NetworkCalls] = field(default_factory=dict)
    speech: list[bytes | str] = field(default_factory=list)
    speech_model: Path | None = None
    speech_rate_hz: float = 16_000.0
    written: dict[str, int] = field(default_factory=dict)
    inside_s: dict[str, float] = field(default_factory=dict)

    def timed(self, engine: str, call: Callable[[], Any]) -> Any:
        """Return the result of a call of an engine and note its time."""
        begun = time.thread_time()
        try:
            return call()
        finally:
            self.inside_s[engine] = self.inside_s.get(engine, 0.0) + time.thread_time() - begun

    def wrote(self, kind: str, value: object) -> None:
        """Count the arrays that a conversion has written."""
        if isinstance(value, np.ndarray):
            self.written[kind] = self.written.get(kind, 0) + value.nbytes
        elif isinstance(value, tuple):
            for part in value:
                self.wrote(kind, part)


@contextmanager
def watching() -> Iterator[Tally]:
    """Count while it lasts; the pipeline must be built inside, too."""
    tally = Tally()
    with ExitStack() as stack:
        _watch_networks(tally, stack)
        _watch_speech(tally, stack)
        _watch_conversions(tally, stack)
        _watch_decoding(tally, stack)
        yield tally


def replace(stack: ExitStack, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
    """Put something in the place of an attribute until the stack is left."""
    original = getattr(owner, name)
    setattr(owner, name, make(original))
    stack.callback(setattr, owner, name, original)


def _watch_networks(tally: Tally, stack: ExitStack) -> None:
    paths: dict[Any, str] = {}

    def init(original: Any) -> Any:
        def wrapped(self: Any, *args: Any, **kwargs: Any) -> None:
            original(self, *args, **kwargs)
            paths[self] = str(kwargs.get("model_path") or (args[0] if args else "model"))

        return wrapped

    def invoke(original: Any) -> Any:
        def wrapped(self: Any) -> Any:
            path = Path(paths.get(self, "model"))
            calls = tally.networks.setdefault(path.stem, NetworkCalls(path))
            calls.count += 1
            value = self.get_tensor(self.get_input_details()[0]["index"])
            tally.wrote("tensors", value)
            if len(calls.inputs) < INPUTS_KEPT:
                calls.inputs.append(value)
            return tally.timed(path.stem, lambda: original(self))

        return wrapped

    _name, interpreter = load_runtime()
    replace(stack, interpreter, "__init__", init)
    replace(stack, interpreter, "invoke", invoke)


def _watch_speech(tally: Tally, stack: ExitStack) -> None:
    try:
        import vosk
    except (ImportError, OSError):
        return

    def model(original: Any) -> Any:
        def wrapped(self: Any, model_path: Any = None, *args: Any, **kwargs: Any) -> None:
            original(self, model_path, *args, **kwargs)
            tally.speech_model = Path(model_path)

        return wrapped

    def accept(original: Any) -> Any:
        def wrapped(self: Any, data: Any) -> Any:
            tally.speech.append(bytes(data))
            return tally.timed(RECOGNITION, lambda: original(self, data))

        return wrapped

    def result(name: str) -> Callable[[Any], Any]:
        def make(original: Any) -> Any:
            def wrapped(self: Any) -> Any:
                tally.speech.append(name)
                return tally.timed(RECOGNITION, lambda: original(self))

            return wrapped

        return make

    replace(stack, vosk.Model, "__init__", model)
    replace(stack, vosk.KaldiRecognizer, "AcceptWaveform", accept)
    for name in ("Result", "FinalResult"):
        replace(stack, vosk.KaldiRecognizer, name, result(name))


def _watch_decoding(tally: Tally, stack: ExitStack) -> None:
    from emoedge.capture import media

    def decoded(original: Any) -> Any:
        def wrapped(*args: Any) -> Any:
            frames = original(*args)
            while (frame := tally.timed(DECODE, lambda: next(frames, None))) is not None:
                yield frame

        return wrapped

    replace(stack, media, "decoded", decoded)


def _watch_conversions(tally: Tally, stack: ExitStack) -> None:
    import cv2

    from emoedge.capture.convert import PictureConverter
    from emoedge.capture.media import MediaReader

    def counted(kind: str, *, owned: bool = False) -> Callable[[Any], Any]:
        def make(original: Any) -> Any:
            def wrapped(*args: Any, **kwargs: Any) -> Any:
                value = original(*args, **kwargs)
                data = value[0] if owned else value
                if not owned or _owned(data):
                    tally.wrote(kind, data)
                return value

            return wrapped

        return make

    for name, function in list(vars(cv2).items()):
        if inspect.isbuiltin(function) and not name.startswith("_"):
            replace(stack, cv2, name, counted("opencv"))
    replace(stack, PictureConverter, "__call__", counted("pictures", owned=True))

    def blocks(original: Any) -> Any:
        def wrapped(self: Any) -> Any:
            for block in original(self):
                tally.wrote("sound", block.samples)
                yield block

        return wrapped

    replace(stack, MediaReader, "blocks", blocks)


def _owned(data: Any) -> bool:
    """Return whether an array has memory of its own, or is a view of the decoder's."""
    while isinstance(data.base, np.ndarray):
        data = data.base
    return data.base is None
