"""The engines alone: the same work on the same data, with nothing of ours around it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from emoedge.bench.tally import DECODE, RECOGNITION, NetworkCalls, Tally
from emoedge.inference import load_runtime


@dataclass(frozen=True, slots=True)
class Engine:
    """One engine with all the work that it was asked to do.

    Attributes:
        name: for people.
        count: runs.
        run: does all of them in a row.
        counts: whether it is part of the sum; False for what the product does without.
    """

    name: str
    count: int
    run: Callable[[], None]
    counts: bool = True


def bare_engines(tally: Tally, clip: Path) -> list[Engine]:
    """All engines with the work that was taken down, loaded and ready to be timed."""
    engines = [Engine(DECODE, 1, lambda: decode(clip))]
    engines += [Engine(name, calls.count, network(calls)) for name, calls in sorted(tally.networks.items())]
    if tally.speech and tally.speech_model:
        fed = sum(1 for step in tally.speech if isinstance(step, bytes))
        engines.append(Engine(RECOGNITION, fed, _recognition(tally)))
    return engines


def decode(clip: Path) -> None:
    """FFmpeg's decoders through PyAV: picture and sound, thrown away."""
    import av

    with av.open(str(clip)) as container:
        for packet in container.demux():
            for _frame in packet.decode():
                pass


def network(calls: NetworkCalls, threads: int = 1) -> Callable[[], None]:
    """All runs of one network, with its recorded inputs in turn."""
    _name, interpreter_class = load_runtime()
    interpreter = interpreter_class(model_path=str(calls.path), num_threads=threads)
    interpreter.allocate_tensors()
    index = interpreter.get_input_details()[0]["index"]
    count, inputs = calls.count, calls.inputs
    interpreter.set_tensor(index, inputs[0])
    interpreter.invoke()  # the first run packs the weights

    def run() -> None:
        for turn in range(count):
            interpreter.set_tensor(index, inputs[turn % len(inputs)])
            interpreter.invoke()

    return run


def _recognition(tally: Tally) -> Callable[[], None]:
    import vosk

    vosk.SetLogLevel(-1)
    model = vosk.Model(str(tally.speech_model))

    def run() -> None:
        recogniser = vosk.KaldiRecognizer(model, tally.speech_rate_hz)
        recogniser.SetWords(True)
        for step in tally.speech:
            if isinstance(step, bytes):
                recogniser.AcceptWaveform(step)
            else:
                getattr(recogniser, step)()

    return run
