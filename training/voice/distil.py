"""Teach the student: ``python -m training.voice.distil --data DIR --work DIR --encoder FILE --out FILE``.

Nothing is learned from labels, and nothing at all from the sets in HELD_OUT, so that the student meets
strangers in all of them. Clips of one speaker, altered alike, are compared with each other, because the
classifier sees vectors relative to the speaker. At the end the probe (see probe.py) measures the student's
pooled frames alone, and their main components beside the features.

The caches of the altered voices take half an hour of processor time. ``--init`` continues from a checkpoint,
as that in `training/voice/checkpoints`; ``--steps 0`` only measures it.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from emoedge.high_pass import HighPass
from training.device import fast_in_bf16
from training.voice.augment import record
from training.voice.data import Corpus
from training.voice.extract import extract_all
from training.voice.learn import LEVEL
from training.voice.probe import probe, scaled
from training.voice.student import (
    COMPRESSED,
    FRAMES,
    Heads,
    Stem,
    Stretches,
    Student,
    altered,
    directions,
    pooled,
    taught,
    unit,
)
from training.voice.whisper import Encoder, read_parts

HELD_OUT = ("uem", "ased", "savee", "tess")
VOICES = 6
"""Number of versions, see altered()."""
DISTORTED = 3
"""Number of versions with a distorted copy too; the teacher hears the undistorted one."""
SHORTEST = 20
"""Frames in the shortest stretch."""
SPEAKERS, CLIPS = 8, 8
"""Speakers in a batch, and stretches of each."""
RATE, WEIGHT_DECAY, AVERAGED, WARM_UP = 3e-3, 0.02, 0.999, 300
LOSSES = (1.0, 0.5, 0.5)
"""Weights of the losses on frames, on stretches, and on stretches relative to the speaker's others."""
STEM_CLIPS = 300
"""Clips that choose the directions of the stem."""
COMPONENTS = 64
"""Main components of the student's view of a clip that stand beside the features in the probe."""
EVERY = 200
"""Steps between two lines and checkpoints."""


class Lessons:
    """What the student hears and its target, for the clips of all sets but HELD_OUT; cached.

    Attributes:
        heard: compressed convolutions by (version, copy).
        target: frames of the target by version.
        speaker: number of the speaker of each clip.
    """

    def __init__(self, corpus: Corpus, stem: Stem, heads: Heads, cache: Path) -> None:
        known = corpus.only(~np.isin(corpus.origin, HELD_OUT))
        self.speaker = np.unique(known.speaker, return_inverse=True)[1]
        self.heard: dict[tuple[int, int], Stretches] = {}
        self.target: dict[int, Stretches] = {}
        # What is cached belongs to this stem and these directions.
        own = hashlib.sha256(b"".join(part.half().numpy().tobytes() for part in (stem.axes, heads.axes)))
        mark = own.hexdigest()[:8]

        def targets(version: int) -> Iterator[NDArray[np.float16]]:
            for number in range(len(known)):
                yield heads.target(taught(stem.encoder, altered(known, number, version)))

        def inputs(version: int, again: int) -> Iterator[NDArray[np.float16]]:
            for number in range(len(known)):
                clip = altered(known, number, version)
                if again:
                    rng = np.random.default_rng((version, again, number))
                    clip = HighPass().filter(record(rng, clip, known.clips)).astype(np.float32)
                yield stem(clip)

        for version in range(VOICES):
            path = cache / f"student_target_{version}_{mark}.npz"
            self.target[version] = Stretches.cached(path, targets(version))
            for again in range(1 + (version < DISTORTED)):
                path = cache / f"student_heard_{version}_{again}_{mark}.npz"
                self.heard[version, again] = Stretches.cached(path, inputs(version, again))

    def batch(self, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Return inputs (n, COMPRESSED, 2 FRAMES, 1), targets (n, FRAMES, d) and 1 where there is sound.

        The stretches of a speaker follow each other and have the same version, copy and shift of the input.
        """
        count = SPEAKERS * CLIPS
        size = self.target[0].values.shape[1]
        heard = np.zeros((count, 2 * FRAMES, COMPRESSED), np.float32)
        target, there = np.zeros((count, FRAMES, size), np.float32), np.zeros((count, FRAMES, 1), np.float32)
        people, clips = np.unique(self.speaker, return_counts=True)
        share = np.sqrt(np.minimum(clips, FRAMES))
        row = 0
        for person in rng.choice(people, SPEAKERS, replace=len(people) < SPEAKERS, p=share / share.sum()):
            version = int(rng.integers(VOICES)) if rng.random() < 0.75 else 0
            again = int(rng.integers(1 + (version < DISTORTED)))
            shift = rng.normal(0, rng.uniform(0, 0.4) * (rng.random() < 0.5), COMPRESSED)
            mine = np.flatnonzero(self.speaker == person)
            for number in rng.choice(mine, CLIPS, replace=len(mine) < CLIPS):
                x, y = self.heard[version, again][number], self.target[version][number]
                length = min(len(x) // 2, len(y))
                size = min(length, FRAMES if rng.random() < 0.5 else int(rng.integers(SHORTEST, FRAMES + 1)))
                start = int(rng.integers(length - size + 1))
                heard[row, : 2 * size] = x[2 * start : 2 * (start + size)] + shift
                target[row, :size], there[row, :size] = y[start : start + size], 1
                row += 1
        inputs = torch.from_numpy(heard).permute(0, 2, 1)[..., None]
        return inputs, torch.from_numpy(target), torch.from_numpy(there)

    def scales(self) -> tuple[Tensor, ...]:
        """Return means and spreads of the target.

        Returns:
            Mean and deviation of the frames (d,); mean, deviation, and deviation within a speaker of their
            pooled statistics (2 d,).
        """
        frames = torch.from_numpy(self.target[0].values[::3].astype(np.float32))
        clips = [torch.from_numpy(self.target[0][n].astype(np.float32)) for n in range(len(self.speaker))]
        whole = torch.cat([pooled(clip[None], torch.ones(1, len(clip), 1)) for clip in clips])
        people = [whole[self.speaker == person] for person in np.unique(self.speaker)]
        within = torch.stack([rows.var(0, correction=0) for rows in people]).mean(0).sqrt()
        return frames.mean(0), frames.std(0), whole.mean(0), whole.std(0), within


def losses(
    student: Student, heads: Heads, batch: tuple[Tensor, Tensor, Tensor], scales: tuple[Tensor, ...]
) -> Tensor:
    """Return the three losses, see LOSSES."""
    heard, target, there = batch
    frame_mean, frame_spread, mean, spread, within = scales
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=fast_in_bf16(torch.device("cpu"))):
        frames = student(heard)
    frames = frames.float()[..., 0].transpose(1, 2)
    wrong = ((heads.frame(frames) - (target - frame_mean) / frame_spread) ** 2).mean(2, keepdim=True)
    error = heads.clip(pooled(frames, there)) - (pooled(target, there) - mean) / spread
    relative = (error * spread / within).view(SPEAKERS, CLIPS, -1)
    relative = relative - relative.mean(1, keepdim=True)
    return torch.stack([(wrong * there).sum() / there.sum(), (error**2).mean(), (relative**2).mean()])


def teach(student: Student, heads: Heads, lessons: Lessons, steps: int, out: Path) -> tuple[Student, Heads]:
    """Train for some steps with a falling rate; returns the averaged weights, also written to `out`."""
    scales = lessons.scales()
    kept = copy.deepcopy(student).eval(), copy.deepcopy(heads).eval()
    values = [value for part in (student, heads) for value in part.parameters() if value.requires_grad]
    groups = [
        {"params": [value for value in values if value.ndim > 1], "weight_decay": WEIGHT_DECAY},
        {"params": [value for value in values if value.ndim == 1], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, lr=RATE)
    seen: list[NDArray[np.float32]] = []
    for step in range(steps):
        rate = RATE * min(1.0, (step + 1) / WARM_UP) * (0.03 + 0.485 * (1 + math.cos(math.pi * step / steps)))
        for group in optimiser.param_groups:
            group["lr"] = rate
        student.train()
        parts = losses(student, heads, lessons.batch(np.random.default_rng(step)), scales)
        optimiser.zero_grad()
        (parts * torch.tensor(LOSSES)).sum().backward()
        nn.utils.clip_grad_norm_(values, 5.0)
        optimiser.step()
        average(kept, (student, heads), min(AVERAGED, (step + 1) / (step + 20)))
        seen.append(parts.detach().numpy())
        if (step + 1) % EVERY == 0 or step + 1 == steps:
            save(out, *kept)
            print(f"step {step + 1}/{steps}: losses {np.mean(seen, axis=0).round(4)}", flush=True)
            seen.clear()
    return kept


@torch.no_grad()
def average(kept: tuple[nn.Module, ...], now: tuple[nn.Module, ...], share: float) -> None:
    """Move averaged weights and statistics by 1 - share towards the present ones."""
    for old, new in zip(kept, now, strict=True):
        for value, other in zip(old.state_dict().values(), new.state_dict().values(), strict=True):
            if value.is_floating_point():
                value.lerp_(other, 1 - share)


def save(path: Path, student: Student, heads: Heads) -> None:
    """Write the weights in half precision."""
    path.parent.mkdir(parents=True, exist_ok=True)
    states = {"student": student.state_dict(), "heads": heads.state_dict()}
    for state in states.values():
        for key, value in state.items():
            state[key] = value.half() if value.is_floating_point() else value
    partial = path.with_suffix(".partial")
    torch.save(states, partial)
    partial.replace(path)


def load(path: Path) -> tuple[Student, Heads]:
    """Return what save() has written."""
    state = torch.load(path, weights_only=True)
    student, heads = Student(), Heads()
    for name, part in (("student", student), ("heads", heads)):
        part.load_state_dict({key: value.float() for key, value in state[name].items()})
    return student, heads


@torch.no_grad()
def view(student: Student, heads: Heads, heard: NDArray[np.float16]) -> NDArray[np.float32]:
    """Return what the student makes of a whole clip (n, COMPRESSED): its pooled frames, and the target's."""
    x = torch.from_numpy(heard[: len(heard) // 2 * 2].astype(np.float32))
    frames = student.eval()(x.T[None, :, :, None])[..., 0].transpose(1, 2)
    own = pooled(frames, torch.ones(1, frames.shape[1], 1))
    return torch.cat([own, heads.clip(own)], 1)[0].numpy()


def main() -> None:
    """Make the caches, train, and print what the probe says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the corpora")
    parser.add_argument("--work", type=Path, required=True, help="folder of caches")
    parser.add_argument(
        "--encoder", type=Path, nargs="+", required=True, help="model.bin, or its parts in order"
    )
    parser.add_argument("--init", type=Path, help="checkpoint to continue from")
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--out", type=Path, required=True, help="checkpoint to write")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    cache = options.work / "cache"
    corpus, features = extract_all(options.data, cache, 0)
    known = ~np.isin(corpus.origin, HELD_OUT)
    encoder = Encoder(read_parts(options.encoder))
    if options.init:
        student, heads = load(options.init)
        stem = Stem(encoder, *student.stem())
    else:
        chosen = np.random.default_rng(0).choice(np.flatnonzero(known), STEM_CLIPS, replace=False)
        stem = Stem.fit(encoder, [corpus.clips[number] for number in chosen])
        student, heads = Student(), Heads()
        student.begin_with(stem)
        frames = [taught(encoder, unit(corpus.clips[number])) for number in np.flatnonzero(known)]
        heads.aim(*directions(frames, corpus.origin[known]))
    if options.steps:
        lessons = Lessons(corpus, stem, heads, cache)
        student, heads = teach(student, heads, lessons, options.steps, options.out)
    views = np.stack([view(student, heads, stem(unit(clip))) for clip in corpus.clips])
    own, predicted = np.split(views, [views.shape[1] - heads.clip.out_features], axis=1)
    centred = predicted - predicted[known].mean(0)
    axes = np.linalg.eigh(centred[known].T @ centred[known])[1][:, ::-1][:, :COMPONENTS]
    low, high = np.percentile(features[0], [0.2, 99.8], axis=0)
    hand_made = np.delete(np.clip(features[0], low, high), LEVEL, axis=1)
    kinds = {"features": [hand_made], "student": [own], "both": [hand_made, centred @ axes]}
    for name, values in kinds.items():
        for by_speaker in (False, True):
            found = probe(np.hstack([scaled(part, corpus, by_speaker) for part in values]), corpus)
            line = " ".join(f"{group} {found.recalls[group]:.3f}" for group in HELD_OUT)
            relative = "to the speaker" if by_speaker else "to all"
            print(f"{name:10s} {relative:15s} {line} mean of sets {found.mean:.3f}", flush=True)


if __name__ == "__main__":
    main()
