"""Where a training runs, and in which arithmetic."""

from __future__ import annotations

import torch


def default_device() -> torch.device:
    """The GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def fast_in_bf16(device: torch.device) -> bool:
    """Whether bfloat16 pays: it is several times as fast as float32 with matrix units, ten times as slow without."""
    return device.type == "cuda" or torch.cpu._is_amx_tile_supported()  # noqa: SLF001  PyTorch has no public question
