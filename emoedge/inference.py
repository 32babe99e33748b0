"""One TFLite interpreter for all models: LiteRT first, tflite-runtime where LiteRT has no wheel."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from emoedge.errors import ModelError
from emoedge.translation import tr

STDERR: Final = 2
NOTICE: Final = b"INFO: "
"""Prefix of TFLite's notices."""
_NOTICE_LOCK: Final = threading.Lock()
_notice_is_due = True
RUNTIMES: Final = ("ai_edge_litert.interpreter", "tflite_runtime.interpreter")


def load_runtime() -> tuple[str, Any]:
    """Return (module name, Interpreter class) of the first TFLite runtime that imports.

    Raises:
        ModelError: neither runtime is installed.
    """
    problems = []
    for name in RUNTIMES:
        try:
            return name, import_module(name).Interpreter
        except (ImportError, AttributeError) as error:
            problems.append(f"{name}: {error}")
    raise ModelError(
        tr("no TFLite runtime is installed: {problems}", problems="; ".join(problems)),
        tr("install ai-edge-litert, or tflite-runtime with numpy<2"),
    )


@contextmanager
def _without_notice() -> Iterator[None]:
    """Keep TFLite's line on its delegate from standard error, once a process.

    It comes from C++ with the first interpreter, and nothing else turns it off. What others write meanwhile
    appears afterwards.
    """
    global _notice_is_due  # noqa: PLW0603 - once a process
    with _NOTICE_LOCK:
        if not _notice_is_due:
            yield
            return
        _notice_is_due = False
        try:
            before = os.dup(STDERR)
        except OSError:  # there is no standard error
            yield
            return
        kept = os.memfd_create("stderr")
        try:
            os.dup2(kept, STDERR)
            yield
        finally:
            os.dup2(before, STDERR)
            os.close(before)
            os.lseek(kept, 0, os.SEEK_SET)
            with os.fdopen(kept, "rb") as lines:
                for line in lines:
                    if not line.startswith(NOTICE):
                        os.write(STDERR, line)


class Interpreter:
    """A quantized model with one input and one or more outputs, loaded once and run many times.

    Safe to call from several threads; calls are serialised, since the runtimes are not re-entrant.

    Args:
        path: a .tflite file.
        threads: threads of the runtime; 1 leaves the other cores to the other modalities.

    Raises:
        ModelError: the file is missing, is not a model, or the runtime cannot run it.
    """

    def __init__(self, path: str | Path, threads: int = 1) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise ModelError(tr("model missing: {path}", path=self.path), tr("run: emoedge models verify"))
        self.runtime, interpreter_class = load_runtime()
        self._lock = threading.Lock()
        try:
            with _without_notice():
                self._interpreter = interpreter_class(model_path=str(self.path), num_threads=threads)
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError, OSError, AttributeError, TypeError) as error:
            raise ModelError(
                tr(
                    "model {name} cannot be loaded by {runtime}: {error}",
                    name=self.path.name,
                    runtime=self.runtime,
                    error=error,
                ),
                tr("run: emoedge models verify"),
            ) from error
        details = self._interpreter.get_input_details()[0]
        self._input_index: int = details["index"]
        self.input_shape: tuple[int, ...] = tuple(int(n) for n in details["shape"])
        self.input_dtype = np.dtype(details["dtype"])
        self.input_scale, self.input_zero_point = _quantization(details)
        self.output_shape: tuple[int, ...] = tuple(
            int(n) for n in self._interpreter.get_output_details()[0]["shape"]
        )
        """Of the first output, for the input shape of the file."""
        self._outputs = [
            (d["index"], *_quantization(d), np.dtype(d["dtype"]))
            for d in self._interpreter.get_output_details()
        ]

    def quantize(self, values: NDArray[np.floating]) -> NDArray[Any]:
        """Real values of any shape to the input's integer type (or unchanged for a float model)."""
        if self.input_scale == 0.0:
            return np.asarray(values, dtype=self.input_dtype)
        limits = np.iinfo(self.input_dtype)
        steps = np.rint(np.asarray(values, dtype=np.float32) / self.input_scale) + self.input_zero_point
        return np.asarray(np.clip(steps, limits.min, limits.max), dtype=self.input_dtype)

    def run_quantized(self, tensor: NDArray[Any]) -> list[NDArray[np.float32]]:
        """Run on a tensor that already has the input's dtype; resizes the batch when it differs.

        Returns: one dequantized float32 array per output, in the model's order.
        """
        with self._lock:
            if tuple(tensor.shape) != self.input_shape:
                self._interpreter.resize_tensor_input(self._input_index, tensor.shape, strict=False)
                self._interpreter.allocate_tensors()
                self.input_shape = tuple(tensor.shape)
            self._interpreter.set_tensor(self._input_index, np.ascontiguousarray(tensor))
            self._interpreter.invoke()
            results = []
            for index, scale, zero_point, _ in self._outputs:
                raw = self._interpreter.get_tensor(index)
                real = (raw.astype(np.float32) - zero_point) * scale if scale else raw
                results.append(np.asarray(real, dtype=np.float32))
            return results

    def run(self, values: NDArray[np.floating]) -> list[NDArray[np.float32]]:
        """Quantize real values of the input's shape (batch, …), run, return dequantized outputs."""
        return self.run_quantized(self.quantize(values))


def _quantization(details: dict[str, Any]) -> tuple[float, int]:
    scale, zero_point = details["quantization"]
    return float(scale), int(zero_point)
