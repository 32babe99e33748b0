"""The network: several small perceptrons side by side in one graph, their outputs averaged.

An average of members trained from different seeds is better calibrated and steadier than any of them, and still
costs well under a millisecond.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from emoedge.emotions import EMOTION_COUNT


class Member(nn.Module):
    """Two hidden layers with dropout; (n, inputs) to logits (n, 7)."""

    def __init__(self, inputs: int, hidden: tuple[int, int], dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Dropout(0.1),
            nn.Linear(inputs, hidden[0]),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden[0], hidden[1]),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden[1], EMOTION_COUNT),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        return self.layers(x)


class Committee(nn.Module):
    """The mean of the members' logits."""

    def __init__(self, members: Sequence[Member]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, x: Tensor) -> Tensor:
        """Mean logits (n, 7)."""
        total = self.members[0](x)
        for index in range(1, len(self.members)):
            total = total + self.members[index](x)
        return total * (1.0 / len(self.members))

    @torch.no_grad()
    def logits(self, x: Tensor) -> Tensor:
        """Logits in evaluation mode."""
        self.eval()
        return self(x)
