"""Networks: many small perceptrons trained in parallel, and the few that become one graph.

All members of all folds see the same batches and differ in their seeds and in the clips whose weight is zero
for them. One large product per layer then trains dozens of them in the time of a few.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from emoedge.emotions import EMOTION_COUNT

INPUT_DROPOUT = 0.1


class SideBySide(nn.Module):
    """Independent perceptrons with two hidden layers, trained in parallel.

    Args:
        count: number of perceptrons.
        inputs: number of input values.
        hidden: widths of the hidden layers.
        dropout: share of hidden units dropped.
    """

    def __init__(self, count: int, inputs: int, hidden: tuple[int, int], dropout: float) -> None:
        super().__init__()
        self.count, self.hidden, self.dropout = count, hidden, dropout

        def uniform(*shape: int, fan_in: int) -> nn.Parameter:
            return nn.Parameter((torch.rand(*shape) * 2 - 1) / fan_in**0.5)

        first, second = hidden
        self.weight1 = uniform(inputs, count * first, fan_in=inputs)
        self.bias1 = uniform(count * first, fan_in=inputs)
        self.weight2 = uniform(count, first, second, fan_in=first)
        self.bias2 = uniform(count, 1, second, fan_in=first)
        self.weight3 = uniform(count, second, EMOTION_COUNT, fan_in=second)
        self.bias3 = uniform(count, 1, EMOTION_COUNT, fan_in=second)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (count, n, 7) for inputs (n, inputs)."""
        x = functional.dropout(x, INPUT_DROPOUT, self.training)
        x = functional.relu(x @ self.weight1 + self.bias1)
        x = functional.dropout(x, self.dropout, self.training)
        x = x.view(len(x), self.count, self.hidden[0]).transpose(0, 1)
        x = functional.relu(torch.baddbmm(self.bias2, x, self.weight2))
        x = functional.dropout(x, self.dropout, self.training)
        return torch.baddbmm(self.bias3, x, self.weight3)

    @torch.no_grad()
    def committee(self, members: Sequence[int]) -> Committee:
        """Return some of the perceptrons as one network that can be exported."""
        first = self.hidden[0]
        chosen = []
        for number in members:
            columns = slice(number * first, (number + 1) * first)
            parts = (
                (self.weight1[:, columns], self.bias1[columns]),
                (self.weight2[number], self.bias2[number, 0]),
                (self.weight3[number], self.bias3[number, 0]),
            )
            layers: list[nn.Module] = []
            for weight, bias in parts:
                layer = nn.Linear(*weight.shape)
                layer.weight.copy_(weight.T)
                layer.bias.copy_(bias)
                layers += [layer, nn.ReLU()]
            chosen.append(nn.Sequential(*layers[:-1]))
        return Committee(chosen).eval()


class Committee(nn.Module):
    """Mean of the members' logits, which is more stable and better calibrated than each of them."""

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, x: Tensor) -> Tensor:
        """Return mean logits (n, 7) for inputs (n, inputs)."""
        total = self.members[0](x)
        for index in range(1, len(self.members)):
            total = total + self.members[index](x)
        return total * (1.0 / len(self.members))
