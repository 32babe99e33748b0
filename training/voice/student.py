"""A small student of Whisper's encoder, and what it learns from; ``training.voice.distil`` trains it.

It begins with Whisper's own convolutions, which stay as they are, the second compressed to COMPRESSED
directions. A few residual layers after them learn to reproduce layers 2 and 3, frame by frame and in mean and
standard deviation over a stretch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from emoedge.voice.contours import MIN_SAMPLES, SAMPLE_RATE
from training.voice.augment import resize, speed
from training.voice.data import Corpus
from training.voice.whisper import STEP, Encoder, log_mel, padded

Half = NDArray[np.float16]

COMPRESSED = 64
"""Directions kept of the second convolution: 96 % of its variance."""
PEAK = 1.45
"""Level at which every clip is heard: the loudest value of its log-mel."""
TAUGHT_LAYERS = 3
"""The last two of so many layers are the target."""
DIRECTIONS = 96
"""Directions of the target in which clips differ most, and as many in which frames differ beyond them."""
FRAMES = 60
"""Frames of 40 ms in a stretch: 2.4 s."""
CHANNELS, BLOCKS, REACH, WIDENING = 128, 3, 9, 2
TINY = 1e-4


class Block(nn.Module):
    """Residual layer: a depthwise convolution over time, then two dense ones."""

    def __init__(self) -> None:
        super().__init__()
        self.spread = nn.Conv2d(
            CHANNELS, CHANNELS, (REACH, 1), padding=(REACH // 2, 0), groups=CHANNELS, bias=False
        )
        self.norm = nn.BatchNorm2d(CHANNELS)
        self.wide = nn.Conv2d(CHANNELS, CHANNELS * WIDENING, 1)
        self.act = nn.ReLU()
        self.narrow = nn.Conv2d(CHANNELS * WIDENING, CHANNELS, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, CHANNELS, frames, 1) for the same."""
        return x + self.narrow(self.act(self.wide(self.norm(self.spread(x)))))  # type: ignore[no-any-return]


class Student(nn.Module):
    """Frames (n, CHANNELS, frames, 1) of compressed convolutions (n, COMPRESSED, 2 frames, 1), see Stem."""

    def __init__(self, width: int = 512) -> None:
        super().__init__()
        self.expand = nn.Conv2d(COMPRESSED, width, 1).requires_grad_(False)
        self.project = nn.Sequential(
            nn.BatchNorm2d(width), nn.Conv2d(width, CHANNELS, 1), nn.BatchNorm2d(CHANNELS)
        )
        self.blocks = nn.Sequential(*(Block() for _ in range(BLOCKS)))
        self.last = nn.BatchNorm2d(CHANNELS)

    @torch.no_grad()
    def begin_with(self, stem: Stem) -> None:
        """Take over the compressed convolutions."""
        self.expand.weight.copy_(stem.axes[:, :, None, None])
        self.expand.bias.copy_(stem.mean)  # type: ignore[union-attr]

    def stem(self) -> tuple[Tensor, Tensor]:
        """Return mean and axes of the compressed convolutions, see Stem."""
        assert self.expand.bias is not None
        return self.expand.bias.detach(), self.expand.weight[:, :, 0, 0].detach()

    def forward(self, x: Tensor) -> Tensor:
        """Return the frames."""
        stem = functional.avg_pool2d(functional.gelu(self.expand(x)), (2, 1))
        return self.last(self.blocks(self.project(stem)))  # type: ignore[no-any-return]


class Heads(nn.Module):
    """Linear maps from the student to the target: of its frames, and of their pooled() statistics.

    Args:
        width: of the target before it is reduced to its directions().
        size: number of directions.
    """

    mean: Tensor
    axes: Tensor

    def __init__(self, width: int = 1024, size: int = 2 * DIRECTIONS) -> None:
        super().__init__()
        self.frame = nn.Linear(CHANNELS, size)
        self.clip = nn.Linear(2 * CHANNELS, 2 * size)
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("axes", torch.zeros(width, size))

    def aim(self, mean: Tensor, axes: Tensor) -> None:
        """Choose the directions of the target."""
        self.mean.copy_(mean)
        self.axes.copy_(axes)

    def target(self, frames: Tensor) -> Half:
        """Return frames (n, width) along the directions, (n, size)."""
        return np.asarray(((frames - self.mean) @ self.axes).numpy(), np.float16)


def pooled(frames: Tensor, heard: Tensor) -> Tensor:
    """Return mean and standard deviation (n, 2 d) of frames (n, t, d) where `heard` (n, t, 1) is 1."""
    count = heard.sum(1).clamp(min=1)
    mean = (frames * heard).sum(1) / count
    variance = ((frames - mean[:, None]) ** 2 * heard).sum(1) / count
    return torch.cat([mean, (variance + TINY).sqrt()], 1)


def paired(steps: Tensor) -> Tensor:
    """Return means of neighbours, (n // 2, d), of (n, d)."""
    return steps[: len(steps) // 2 * 2].view(-1, 2, steps.shape[1]).mean(1)


def level_mel(samples: NDArray[np.floating]) -> Tensor:
    """Return the encoder's input for samples (n,) in [-1, 1], at the level of PEAK."""
    mel = log_mel(padded(torch.from_numpy(samples.astype(np.float32))))
    return mel - mel.max() + PEAK


def taught(encoder: Encoder, samples: NDArray[np.floating]) -> Tensor:
    """Return the last two of TAUGHT_LAYERS layers in steps of 40 ms, (n / 2 STEP, 2 width)."""
    layers = encoder.hear(level_mel(samples), TAUGHT_LAYERS)[-2:, 1 : len(samples) // STEP]
    return paired(layers.permute(1, 0, 2).flatten(1))


@dataclass(frozen=True)
class Stem:
    """The teacher's convolutions and their compression: `mean` (width,), `axes` (width, COMPRESSED)."""

    encoder: Encoder
    mean: Tensor
    axes: Tensor

    @classmethod
    def fit(cls, encoder: Encoder, clips: Sequence[NDArray[np.int16]]) -> Stem:
        """Choose the directions with the most variance over some clips."""
        heard = torch.cat([encoder.convolve(level_mel(unit(clip)))[1 : len(clip) // STEP] for clip in clips])
        mean = heard.mean(0)
        values, vectors = torch.linalg.eigh((heard - mean).T.double() @ (heard - mean).double() / len(heard))
        kept = vectors[:, -COMPRESSED:] * values[-COMPRESSED:].sqrt()
        return cls(encoder, mean, kept.float())

    def __call__(self, samples: NDArray[np.floating]) -> Half:
        """Return compressed convolutions of a clip in steps of 20 ms: (n / STEP, COMPRESSED)."""
        heard = self.encoder.convolve(level_mel(samples))[1 : len(samples) // STEP]
        return np.asarray(((heard - self.mean) @ (self.axes / (self.axes**2).sum(0))).numpy(), np.float16)


def unit(clip: NDArray[np.int16]) -> NDArray[np.float32]:
    """Return samples in [-1, 1]."""
    return clip.astype(np.float32) / np.float32(32768)


def directions(frames: Sequence[Tensor], origin: NDArray[np.str_]) -> tuple[Tensor, Tensor]:
    """Return mean (d,) and directions (d, 2 DIRECTIONS) of the target, see DIRECTIONS.

    Args:
        frames: of each clip, (t, d).
        origin: set of each clip; a difference between two sets counts for nothing.
    """
    means = torch.stack([clip.double().mean(0) for clip in frames])
    for name in np.unique(origin):
        means[origin == name] -= means[origin == name].mean(0)
    every = torch.cat([clip[::5] for clip in frames]).double()
    mean = every.mean(0)
    between = torch.linalg.eigh(means.T @ means)[1][:, -DIRECTIONS:]
    rest = every - mean
    rest = rest - rest @ between @ between.T
    return mean.float(), torch.cat([between, torch.linalg.eigh(rest.T @ rest)[1][:, -DIRECTIONS:]], 1).float()


def altered(corpus: Corpus, number: int, version: int) -> NDArray[np.float32]:
    """Return a clip in another voice: a smaller speaker, a larger one, faster or slower, or in new pieces.

    The change is the same for all clips of a speaker. The pieces are of the same speaker, from several clips:
    few sentences are said in the sets, and a network learns them by heart.
    """
    name = corpus.speaker[number]
    voice = np.random.default_rng((version, int.from_bytes(name.encode()[-6:], "big")))
    clip = unit(corpus.clips[number])
    if version == 1:
        clip = resize(clip, voice.uniform(1.1, 1.35))
    elif version == 2:
        clip = resize(clip, voice.uniform(0.8, 0.94))
    elif version == 3:
        clip = speed(clip, voice.uniform(0.9, 1.12))
    elif version > 3:
        rng = np.random.default_rng((version, number))
        clip = in_pieces(rng, [corpus.clips[other] for other in np.flatnonzero(corpus.speaker == name)])
        clip = resize(clip, rng.uniform(0.82, 1.35)) if version > 4 else clip
    return np.pad(clip, (0, max(0, MIN_SAMPLES - len(clip))))


def in_pieces(rng: np.random.Generator, clips: Sequence[NDArray[np.int16]]) -> NDArray[np.float32]:
    """Return 2.4 s or more made of pieces of random clips, 0.25 to 0.7 s each, faded in and out."""
    fade, pieces, length = np.linspace(0, 1, SAMPLE_RATE // 100, dtype=np.float32), [], 0
    while length < FRAMES * 2 * STEP:
        clip = unit(clips[int(rng.integers(len(clips)))])
        size = min(len(clip), int(rng.uniform(0.25, 0.7) * SAMPLE_RATE))
        start = int(rng.integers(len(clip) - size + 1))
        piece = clip[start : start + size].copy()
        piece[: len(fade)] *= fade
        piece[-len(fade) :] *= fade[::-1]
        pieces.append(piece)
        length += size
    return np.concatenate(pieces)


class Stretches:
    """Arrays of different lengths, (t, d) each, in one file.

    Args:
        path: the file, `.npz`; written by store().
    """

    def __init__(self, path: Path) -> None:
        with np.load(path) as arrays:
            self.values: Half = arrays["values"]
            self._ends = np.concatenate([[0], np.cumsum(arrays["lengths"])])

    def __getitem__(self, number: int) -> Half:
        return self.values[self._ends[number] : self._ends[number + 1]]

    def __len__(self) -> int:
        return len(self._ends) - 1

    @classmethod
    def cached(cls, path: Path, make: Iterable[Half]) -> Stretches:
        """Return what the file holds, made now if there is none."""
        if not path.exists():
            rows = list(make)
            np.savez(path, values=np.concatenate(rows), lengths=[len(row) for row in rows])
            print(f"{path.name}: {len(rows)} clips", flush=True)
        return cls(path)
