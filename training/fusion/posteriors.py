"""Posteriors of the models on validation data: ``python -m training.fusion.posteriors --data DIR --out DIR``.

Writes ``face.npz``, ``voice.npz`` and ``text.npz``, each with probabilities (n, 7), labels (n,), reliability
(n,), degraded (n,) bool and group (n,): no group may stand on both sides of a split. ``face_abroad.npz`` and
so on hold the same of other sets: for voice and text sets that the networks had not heard or read at all, for
the face the held-out part of RAF-DB. Needs what ``training.voice.train`` left in ``--voice`` and
``training.text.train`` in ``--text``.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from emoedge.emotions import Probabilities
from emoedge.fusion.fuser import snr_reliability
from emoedge.fusion.learned import MODALITIES
from emoedge.voice.classify import HeardClip
from training.face.corpora import load_rafdb
from training.face.data import load_ferplus_split
from training.face.posteriors import face_posteriors
from training.fusion.cases import abroad
from training.text import crossval
from training.text import data as text_data
from training.text.evaluate import forms
from training.voice.data import TARGET_SET
from training.voice.evaluate import CLEAN, DEPLOYED_SETS, LeftOut, hear
from training.voice.learn import Recipe
from training.voice.train import gather, learn_all, set_of

NOISY = ("pink noise, SNR 5 dB",)
"""Additional conditions of the voice, so that the fusion learns the effect of a bad signal."""


def voice_posteriors(data: Path, work: Path, models: Path, out: Path, conditions: tuple[str, ...]) -> None:
    """Return posteriors of left-out speakers and sets by networks trained without them."""
    card = json.loads((models / "voice_emotion.json").read_text(encoding="utf-8"))
    recipe = card["training"]["recipe"]
    settings = Recipe(**{**recipe, "hidden": tuple(recipe["hidden"])})
    trained = learn_all(data, work, settings, "speakers")
    corpus = trained.corpus
    clips = np.flatnonzero(corpus.origin == TARGET_SET)
    evidence = gather(data, work, settings)
    speakers = LeftOut.speakers(corpus, trained, evidence, work / "folds")
    parts = []
    for condition in (CLEAN, *conditions):
        some = (
            clips
            if condition == CLEAN
            else clips[np.isin(corpus.sentence[clips], np.unique(corpus.sentence[clips])[:2])]
        )
        heard = hear(data, corpus, some, condition, work / "cache")
        parts.append(_of_sessions(speakers, heard, degraded=condition != CLEAN))
    save(out, *(np.concatenate([part[i] for part in parts]) for i in range(5)))
    without = {name: learn_all(data, work, settings, "final", name) for name in DEPLOYED_SETS}
    sets = LeftOut.sets(corpus, without, evidence, work / "folds")
    strangers = np.flatnonzero(np.isin(corpus.origin, DEPLOYED_SETS))
    heard = hear(data, corpus, strangers, CLEAN, work / "cache")
    save(abroad(out), *_of_sessions(sets, heard, degraded=False))


def _of_sessions(left_out: LeftOut, heard: dict[int, HeardClip], *, degraded: bool) -> tuple[np.ndarray, ...]:
    """Return the columns for save(): every clip with a voice, in sessions of one person each."""
    speaker = left_out.corpus.speaker
    answers = left_out.answers(heard, "session", None)
    clips = [
        clip
        for name in left_out.paths
        for clip in sorted(heard, key=lambda clip: (speaker[clip], clip))
        if name in (speaker[clip], set_of(speaker[clip]))
    ]
    if not np.array_equal(answers.speaker, speaker[clips]):
        raise ValueError("the answers are not in the order of the clips")
    reliability = np.array([snr_reliability(heard[clip].snr_db) for clip in clips], np.float32)
    marks = np.full(len(clips), degraded)
    columns = (answers.probabilities, answers.labels, reliability, marks, answers.speaker)
    return tuple(column[answers.found] for column in columns)


def write_face(data: Path, models: Path, out: Path) -> None:
    """FER+ Valid and the held-out part of RAF-DB, every other face degraded."""
    valid = load_ferplus_split(data / "faces", "Valid")
    held_out = load_rafdb(data / "faces", "held_out")
    groups = np.arange(len(valid[1])).astype(str)
    save(out, *face_posteriors(models, *valid), groups)
    save(abroad(out), *face_posteriors(models, np.stack(held_out.images), held_out.labels), held_out.groups)


def text_posteriors(data: Path, work: Path, out: Path) -> None:
    """Return posteriors of held-out rows and left-out sets, with recognition errors."""
    corpus = text_data.load(data)
    form = forms(corpus)["with errors"]
    judged = crossval.answers(corpus.train, crossval.folds(corpus.train), work, form)
    _save_texts(out, [(example, posterior) for example, _, posterior in judged])
    strangers = [
        answer
        for domain in text_data.DOMAINS
        for answer in crossval.answers_left_out(corpus.train, domain, work, form)
    ]
    _save_texts(abroad(out), strangers)


def _save_texts(out: Path, judged: list[tuple[text_data.Example, Probabilities | None]]) -> None:
    kept = [(posterior, example) for example, posterior in judged if posterior is not None]
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
