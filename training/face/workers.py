"""Gradient of a batch of augmented views, computed by two threads, for the long training."""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor, nn

from emoedge.face.classify import standardise
from training.device import fast_in_bf16
from training.face.augment import augment, cover
from training.face.data import FaceSet, row_sampling
from training.face.held import SETS
from training.face.transfer import POWER

WORKERS = 2
"""Number of threads; each processes half of a batch."""
COVERED_SHARE = 0.12
"""Share of views with a mask or glasses over the face."""
MIXUP_SHARE, MIXUP_ALPHA = 0.15, 0.3


class Batches:
    """Source of random augmented views of several sets.

    Args:
        sets: sets by name, with crops, targets and weights.
        rows: rows of a batch by set.
    """

    def __init__(self, sets: dict[str, FaceSet], rows: dict[str, int]) -> None:
        self._sets, self._rows = sets, rows
        self._sampling = {name: np.cumsum(row_sampling(sets[name].targets, POWER[name])) for name in rows}

    def draw(
        self, rng: np.random.Generator, part: int, size: int, strength: float
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Draw one of the `WORKERS` parts of a batch.

        Returns:
            Views (N, 1, size, size), targets (N, 7), weights (N,), shares of sets (N, sets).
        """
        images, targets, weights, sets = [], [], [], []
        owners = [name for name, count in self._rows.items() for _ in range(count)]
        for name in owners[part::WORKERS]:
            faces, cumulative = self._sets[name], self._sampling[name]
            row = min(int(np.searchsorted(cumulative, rng.random())), len(cumulative) - 1)
            image = faces.images[row]
            if rng.random() < COVERED_SHARE * strength:
                image = cover(image, rng)
            images.append(augment(image, size, rng, sharp=faces.sharp, strength=strength))
            targets.append(faces.targets[row])
            weights.append(faces.weights[row])
            sets.append(SETS.index(name))
        x = torch.from_numpy(standardise(np.stack(images)))[:, None]
        y, w = torch.from_numpy(np.stack(targets)), torch.from_numpy(np.array(weights, np.float32))
        shares = nn.functional.one_hot(torch.tensor(sets), len(SETS)).float()
        if rng.random() < MIXUP_SHARE * strength:
            share = float(rng.beta(MIXUP_ALPHA, MIXUP_ALPHA))
            order = torch.from_numpy(rng.permutation(len(x)))
            x, y, w, shares = (share * v + (1 - share) * v[order] for v in (x, y, w, shares))
        return x.contiguous(memory_format=torch.channels_last), y, w, shares


class Dropout(nn.Module):
    """Dropout with its own generator: threads that share one would use it in no fixed order.

    Args:
        share: share of dropped features.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self._share = share
        self.generator = torch.Generator()

    def forward(self, x: Tensor) -> Tensor:
        """Return features (N, F) with some set to zero and the others scaled up."""
        kept = torch.rand(x.shape, generator=self.generator) >= self._share
        return x * kept / (1 - self._share)


class Workers:
    """Gradient of a batch; each thread uses its own copy of the network for its part.

    Torch's own threads wait for each other many times per step, which takes long on a shared machine; these
    wait once.

    Args:
        both: network and offsets, as "net" and "habits".
    """

    def __init__(self, both: nn.ModuleDict) -> None:
        self._both = both
        self._copies = [copy.deepcopy(both) for _ in range(WORKERS)]
        for one in self._copies:
            one["net"].dropout = Dropout(one["net"].dropout.p)
        self._pool = ThreadPoolExecutor(WORKERS, initializer=lambda: torch.set_num_threads(1))
        self._bf16 = fast_in_bf16(torch.device("cpu"))

    def _one(self, part: int, batches: Batches, seed: tuple[int, ...], size: int, strength: float) -> float:
        mine = self._copies[part]
        with torch.no_grad():
            for own, shared in zip(mine.state_dict().values(), self._both.state_dict().values(), strict=True):
                own.copy_(shared)
        mine.train()
        for parameter in mine.parameters():
            parameter.grad = None
        rng = np.random.default_rng((*seed, part))
        mine["net"].dropout.generator.manual_seed(int(rng.integers(1 << 62)))
        x, targets, weights, shares = batches.draw(rng, part, size, strength)
        with torch.autocast("cpu", torch.bfloat16, enabled=self._bf16):
            logits = mine["net"](x).float()
        losses = -(targets * torch.log_softmax(logits + mine["habits"](shares), 1)).sum(1)
        loss = (losses * weights).sum() / weights.sum() / WORKERS
        loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.item())

    def step(self, batches: Batches, seed: tuple[int, ...], size: int, strength: float) -> float:
        """Store the gradient of one batch and its mean statistics in the network; return the loss."""
        jobs = [self._pool.submit(self._one, part, batches, seed, size, strength) for part in range(WORKERS)]
        loss = sum(job.result() for job in jobs)
        with torch.no_grad():
            for parameter, *parts in zip(
                self._both.parameters(), *(c.parameters() for c in self._copies), strict=True
            ):
                parameter.grad = torch.stack([p.grad for p in parts if p.grad is not None]).sum(0)
            for buffer, *others in zip(
                self._both.buffers(), *(c.buffers() for c in self._copies), strict=True
            ):
                if buffer.dtype.is_floating_point:
                    buffer.copy_(torch.stack(others).mean(0))
        return loss
