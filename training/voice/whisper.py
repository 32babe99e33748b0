"""The encoder of Whisper as a teacher of the voice: statistics of its layers over a clip.

Reads the weights in the format that `faster-whisper` loads (CTranslate2). The window is as long as the clip,
instead of 30 s, and the middle layers are kept, in which emotion is easier to read than in the last one. Used
in training only: the encoder is a hundred times too large for a device.

Sources: Radford et al. 2022, "Robust speech recognition via large-scale weak supervision"; the file format is
    that of CTranslate2 4, `python/ctranslate2/specs/model_spec.py`.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from training.device import fast_in_bf16

SAMPLE_RATE = 16_000
WINDOW, HOP, MELS = 400, 160, 80
STEP = 2 * HOP
"""Samples between two vectors of a layer: 20 ms."""
SILENCE = SAMPLE_RATE // 2
"""Samples of silence after the clip, which the encoder expects at the end of speech."""
VERSION = 6
SPEC = "WhisperSpec"
KINDS = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}
"""Types of the values by their codes in the file."""

Weights = dict[str, NDArray[np.float32]]


def read_weights(content: bytes) -> Weights:
    """Return the encoder's tensors by name, without the prefix, from the contents of `model.bin`.

    Raises:
        ValueError: not a Whisper model of version 6, or quantized to integers.
        struct.error: truncated.
    """
    offset = 0

    def number(code: str) -> int:
        nonlocal offset
        (value,) = struct.unpack_from(f"<{code}", content, offset)
        offset += struct.calcsize(f"<{code}")
        return int(value)

    def name() -> str:
        nonlocal offset
        length = number("H")
        offset += length
        return content[offset - length : offset - 1].decode()

    version = number("I")
    if version != VERSION or name() != SPEC:
        raise ValueError(f"expected {SPEC} of version {VERSION}, got version {version}")
    number("I")
    found: Weights = {}
    for _ in range(number("I")):
        key = name()
        shape = [number("I") for _ in range(number("B"))]
        kind, size = np.dtype(KINDS[number("B")]), number("I")
        if key.startswith("encoder/"):
            if kind == np.int8:
                raise ValueError(f"{key} is quantized; expected floats")
            values = np.frombuffer(content, kind, size // kind.itemsize, offset)
            found[key.removeprefix("encoder/")] = values.reshape(shape).astype(np.float32)
        offset += size
    return found


def read_parts(paths: Sequence[Path]) -> Weights:
    """Return the tensors of a `model.bin` that is divided into parts, in this order."""
    return read_weights(b"".join(path.read_bytes() for path in paths))


@cache
def mel_filters() -> Tensor:
    """Triangular filters (MELS, WINDOW / 2 + 1) of unit area; linear below 1 kHz, logarithmic above.

    Source: Slaney 1998, "Auditory toolbox".
    """
    linear, bend, octave = 200 / 3, 1000.0, np.log(6.4) / 27
    top = bend / linear + np.log(SAMPLE_RATE / 2 / bend) / octave
    mels = np.linspace(0.0, top, MELS + 2)
    edges = np.where(mels < bend / linear, mels * linear, bend * np.exp(octave * (mels - bend / linear)))
    bins = np.linspace(0, SAMPLE_RATE / 2, WINDOW // 2 + 1)
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    area = 2 / (edges[2:] - edges[:-2])
    return torch.from_numpy((np.maximum(0, np.minimum(rising, falling)) * area[:, None]).astype(np.float32))


def log_mel(samples: Tensor) -> Tensor:
    """Return the input (MELS, n / HOP) of the encoder for samples (n,) in [-1, 1]."""
    spectrum = torch.stft(samples, WINDOW, HOP, window=torch.hann_window(WINDOW), return_complex=True)
    decades = (mel_filters() @ spectrum[:, :-1].abs() ** 2).clamp(min=1e-10).log10()
    return (torch.maximum(decades, decades.max() - 8) + 4) / 4


def padded(signal: Tensor) -> Tensor:
    """Return samples (n,) and SILENCE after them, a whole number of steps."""
    return functional.pad(signal, (0, SILENCE - len(signal) % STEP))


class Encoder:
    """The encoder's convolutions and layers.

    Args:
        weights: see read_weights().
    """

    def __init__(self, weights: Weights) -> None:
        self._weights = {name: torch.from_numpy(values) for name, values in weights.items()}
        self.heads = int(weights["num_heads"])
        self.layers = sum(name.endswith("ffn/linear_0/weight") for name in weights)
        self._half = fast_in_bf16(torch.device("cpu"))

    def _pair(self, name: str) -> tuple[Tensor, Tensor]:
        return self._weights[f"{name}/weight"], self._weights[f"{name}/bias"]

    def _norm(self, name: str, x: Tensor) -> Tensor:
        scale, shift = self._weights[f"{name}/gamma"], self._weights[f"{name}/beta"]
        return functional.layer_norm(x, scale.shape, scale, shift)

    @torch.no_grad()
    def __call__(self, samples: NDArray[np.int16]) -> Tensor:
        """Return what the convolutions and each layer make of a clip: (1 + layers, n / STEP, width).

        Args:
            samples: (n,) at 16 kHz, n >= STEP.
        """
        signal = torch.from_numpy(samples.astype(np.float32) / 32768)
        return self.hear(log_mel(padded(signal)), self.layers)[:, : len(signal) // STEP]

    @torch.no_grad()
    def convolve(self, mel: Tensor) -> Tensor:
        """Return what the convolutions make of a log-mel (MELS, n), before the last GELU: (n / 2, width)."""
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self._half):
            x = functional.gelu(functional.conv1d(mel[None], *self._pair("conv1"), padding=1))
            return functional.conv1d(x, *self._pair("conv2"), stride=2, padding=1)[0].T.float()

    @torch.no_grad()
    def hear(self, mel: Tensor, layers: int) -> Tensor:
        """Return what the convolutions and the first layers make of a log-mel: (1 + layers, n / 2, width)."""
        x = functional.gelu(self.convolve(mel))
        x = x + self._weights["position_encodings/encodings"][: len(x)]
        found = [x]
        # Products alone; norms and sums stay float.
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self._half):
            for layer in range(layers):
                x = self._layer(f"layer_{layer}", x)
                found.append(x)
        return torch.stack(found)

    def _layer(self, name: str, x: Tensor) -> Tensor:
        part = f"{name}/self_attention"
        joined = functional.linear(self._norm(f"{part}/layer_norm", x), *self._pair(f"{part}/linear_0"))
        query, key, value = joined.view(len(x), 3, self.heads, -1).permute(1, 2, 0, 3)
        mixed = functional.scaled_dot_product_attention(query[None], key[None], value[None])[0]
        x = x + functional.linear(mixed.transpose(0, 1).reshape(len(x), -1), *self._pair(f"{part}/linear_1"))
        part = f"{name}/ffn"
        inner = functional.linear(self._norm(f"{part}/layer_norm", x), *self._pair(f"{part}/linear_0"))
        return x + functional.linear(functional.gelu(inner), *self._pair(f"{part}/linear_1"))


def pooled(layers: Tensor) -> NDArray[np.float32]:
    """Return mean and standard deviation over time, (layers, 2 width), of layers (layers, steps, width)."""
    return np.asarray(torch.cat([layers.mean(1), layers.std(1, correction=0)], dim=1).numpy())
