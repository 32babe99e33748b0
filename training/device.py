"""Where a training runs, and in which arithmetic."""

from __future__ import annotations

import torch


def default_device() -> torch.device:
    """The GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def fast_in_bf16(device: torch.device) -> bool:
    """Return whether bfloat16 pays: several times faster with matrix units, ten times slower without."""
    return device.type == "cuda" or torch.cpu._is_amx_tile_supported()  # noqa: SLF001  PyTorch has no public question
