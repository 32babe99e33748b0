"""Face network: a compact residual network of plain convolutions that quantizes well.

Design, and why:

* 48 x 48 gray input, the native size of FER+; larger inputs only interpolate, smaller ones lose the mouth
    corners.
* a 5 x 5 stride-2 stem: 32 filters over every 2 x 2 cell keep all pixels and cost 0.5 M multiply-adds, where
  a full-resolution 3 x 3 layer would eat a quarter of the budget.
* dense 3 x 3 convolutions with ReLU: on x86 and on Cortex-A cores they run close to peak in int8, and they
  lose less to per-channel quantization than depthwise layers (Jacob et al. 2018, arXiv:1712.05877).
* four residual blocks (He et al. 2016, arXiv:1512.03385), 38.5 M multiply-adds, 1.16 M parameters.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

INPUT_SIZE = 48
"""Side of the input in pixels."""

CLASSES = 7

WIDTHS = (32, 72, 144, 224)
"""Widths of the blocks of the shipped network."""


class ConvBnRelu(nn.Sequential):
    """Convolution without bias, batch normalisation, optional ReLU."""

    def __init__(
        self, inputs: int, outputs: int, *, kernel: int = 3, stride: int = 1, relu: bool = True
    ) -> None:
        layers: list[nn.Module] = [
            nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
            nn.BatchNorm2d(outputs),
        ]
        if relu:
            layers.append(nn.ReLU())
        super().__init__(*layers)


class ResidualBlock(nn.Module):
    """Residual block of two 3 x 3 convolutions and an identity or 1 x 1 projection."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = ConvBnRelu(inputs, outputs, stride=stride)
        self.second = ConvBnRelu(outputs, outputs, relu=False)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = ConvBnRelu(inputs, outputs, kernel=1, stride=stride, relu=False)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, inputs, H, W) to (N, outputs, H / stride, W / stride)."""
        out: Tensor = self.relu(self.second(self.first(x)) + self.shortcut(x))
        return out


class FaceNet(nn.Module):
    """Network from gray faces (N, 1, 48, 48), standardised per image, to (N, 7) logits in the usual order.

    Args:
        widths: widths of the blocks.
        dropout: dropout before the last layer.
        conditions: number of additional outputs, see `training.face.occlusion`.
    """

    def __init__(self, widths: tuple[int, ...] = WIDTHS, dropout: float = 0.2, conditions: int = 0) -> None:
        super().__init__()
        self.widths = widths
        self.stem = ConvBnRelu(1, widths[0], kernel=5, stride=2)
        inputs = widths[0]
        blocks: list[nn.Module] = []
        for index, outputs in enumerate(widths):
            blocks.append(ResidualBlock(inputs, outputs, stride=1 if index == 0 else 2))
            inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(inputs, CLASSES + conditions)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (N, 7), followed by those of the conditions."""
        features = self.flatten(self.pool(self.blocks(self.stem(x))))
        logits: Tensor = self.head(self.dropout(features))
        return logits


def network_of(state: Mapping[str, Tensor]) -> FaceNet:
    """Return the network of a state dict without the additional outputs, in single precision."""
    count = 1 + max(int(name.split(".")[1]) for name in state if name.startswith("blocks."))
    net = FaceNet(tuple(len(state[f"blocks.{index}.second.0.weight"]) for index in range(count)))
    net.load_state_dict(
        {name: value.float() if value.is_floating_point() else value for name, value in state.items()}
    )
    return net


def multiply_adds(net: nn.Module, size: int = INPUT_SIZE) -> int:
    """Count the multiply-adds of one forward pass over a (1, 1, size, size) input."""
    total = 0

    def count(module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal total
        weight = module.weight
        assert isinstance(weight, Tensor)
        total += output[0].numel() * weight[0].numel()

    hooks = [m.register_forward_hook(count) for m in net.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    was_training = net.training
    net.eval()
    with torch.no_grad():
        net(torch.zeros(1, 1, size, size, device=next(net.parameters()).device))
    net.train(was_training)
    for hook in hooks:
        hook.remove()
    return total
