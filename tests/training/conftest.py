"""PyTorch's compiler is loaded before TensorFlow: torch 2.14 crashes after TensorFlow 2.21 when it makes its
first optimizer."""

from contextlib import suppress

with suppress(ImportError):
    import torch._dynamo  # noqa: F401
