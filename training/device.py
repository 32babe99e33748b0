"""Device and arithmetic of a training."""

from __future__ import annotations

import torch


def default_device() -> torch.device:
    """Return the GPU if there is one, otherwise the processor."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def fast_in_bf16(device: torch.device) -> bool:
    """Return whether bfloat16 is faster: several times with matrix units, but ten times slower without."""
    return device.type == "cuda" or torch.cpu._is_amx_tile_supported()  # noqa: SLF001  PyTorch has no public question
