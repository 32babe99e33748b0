"""Posteriors of the models on validation data: ``python -m training.fusion.posteriors --data DIR --out DIR``.

Writes ``face.npz``, ``voice.npz`` and ``text.npz``, each with probabilities (n, 7), labels (n,), reliability
(n,), degraded (n,) bool and group (n,): no group may stand on both sides of a split. Needs what
``training.voice.train`` left in ``--voice`` and ``training.text.train`` in ``--text``.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from emoedge.fusion.fuser import snr_reliability
from emoedge.fusion.learned import MODALITIES
from training.face.posteriors import write_posteriors as face_posteriors
from training.text import crossval
from training.text import data as text_data
from training.text.evaluate import forms
from training.voice.data import TARGET_SET
from training.voice.evaluate import CLEAN, LeftOut, hear
from training.voice.learn import Recipe
from training.voice.train import gather, learn_all

NOISY = ("pink noise, SNR 5 dB",)
"""Conditions of the voice beside the clean one, so that the fusion learns what a bad signal is worth."""


def voice_posteriors(data: Path, work: Path, models: Path, out: Path, conditions: tuple[str, ...]) -> None:
    """Speakers left out, one session each, judged by networks that never heard them."""
    card = json.loads((models / "voice_emotion.json").read_text(encoding="utf-8"))
    recipe = card["training"]["recipe"]
    settings = Recipe(**{**recipe, "hidden": tuple(recipe["hidden"])})
    trained = learn_all(data, work, settings, "speakers")
    corpus = trained.corpus
    clips = np.flatnonzero(corpus.origin == TARGET_SET)
    left_out = LeftOut.speakers(corpus, trained, gather(data, work, settings), work / "folds")
    parts: list[tuple[np.ndarray, ...]] = []
    for condition in (CLEAN, *conditions):
        some = (
            clips
            if condition == CLEAN
            else clips[np.isin(corpus.sentence[clips], np.unique(corpus.sentence[clips])[:2])]
        )
        heard = hear(data, corpus, some, condition, work / "cache")
        answers = left_out.answers(heard, "session", None)
        order = [clip for name in left_out.paths for clip in heard if corpus.speaker[clip] == name]
        reliability = np.array([snr_reliability(heard[int(clip)].snr_db) for clip in order], np.float32)
        found = answers.found
        degraded = np.full(len(order), condition != CLEAN)
        columns = (answers.probabilities, answers.labels, reliability, degraded, answers.speaker)
        parts.append(tuple(column[found] for column in columns))
    save(out, *(np.concatenate([part[i] for part in parts]) for i in range(5)))


def write_face(data: Path, models: Path, out: Path) -> None:
    """FER+ Valid, every other face degraded."""
    with TemporaryDirectory() as folder:
        face_posteriors(data, models, Path(folder) / "face.npz")
        raw = np.load(Path(folder) / "face.npz")
        save(
            out,
            raw["probabilities"],
            raw["labels"],
            raw["quality"],
            raw["degraded"],
            np.arange(len(raw["labels"])).astype(str),
        )


def text_posteriors(data: Path, work: Path, out: Path) -> None:
    """Held-out rows, each judged by the model without its fold, with recognition errors."""
    corpus = text_data.load(data)
    judged = crossval.answers(corpus.train, crossval.folds(corpus.train), work, forms(corpus)["with errors"])
    kept = [(posterior, example) for example, _, posterior in judged if posterior is not None]
    save(
        out,
        np.stack([posterior for posterior, _ in kept]),
        np.array([example.label for _, example in kept]),
        np.ones(len(kept), np.float32),
        np.zeros(len(kept), bool),
        np.array([example.group for _, example in kept]),
    )


def save(
    out: Path,
    probabilities: np.ndarray,
    labels: np.ndarray,
    reliability: np.ndarray,
    degraded: np.ndarray,
    group: np.ndarray,
) -> None:
    np.savez_compressed(
        out,
        probabilities=probabilities,
        labels=labels,
        reliability=reliability,
        degraded=degraded,
        group=group,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--voice", type=Path, required=True, help="the --out folder of training.voice.train")
    parser.add_argument(
        "--text",
        type=Path,
        default=Path("build/training/text"),
        help="the --cache folder of training.text.train",
    )
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--only",
        choices=MODALITIES,
        action="append",
        help="the model that changed (again for another); what was written of the others before stays",
    )
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    makers = {
        "face": lambda out: write_face(args.data, args.models, out),
        "voice": lambda out: voice_posteriors(args.data, args.voice, args.models, out, NOISY),
        "text": lambda out: text_posteriors(args.data, args.text, out),
    }
    for name in args.only or MODALITIES:
        makers[name](args.out / f"{name}.npz")


if __name__ == "__main__":
    main()
