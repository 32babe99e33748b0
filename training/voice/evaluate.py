"""Measure the voice model through the shipped path, and write its card.

``python -m training.voice.evaluate --data DIR --out DIR`` after ``training.voice.train``. Every speaker of
the target set is judged by a network that never heard them, exported to int8 like the one that ships, through
the program's own speech activity, features, adaptation and interpreter.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from emoedge.emotions import EMOTION_COUNT, EMOTIONS
from emoedge.vad.detector import CLIP_ON, SpeechActivity
from emoedge.voice.classify import HeardClip, VoiceClassifier, hear_clip
from emoedge.voice.features import FEATURE_VERSION, feature_names
from training.voice import metrics
from training.voice.answers import Answers, collect
from training.voice.card import write_card, write_figures
from training.voice.conditions import CONDITIONS, spoil
from training.voice.data import TARGET_SET, Corpus, read_whole
from training.voice.extract import extract_all
from training.voice.learn import Recipe, usable
from training.voice.sessions import play
from training.voice.train import (
    LEFT_OUT_SETS,
    REPOSITORY,
    Evidence,
    Trained,
    fit,
    gather,
    judge,
    learn_all,
    set_of,
    write_model,
)

CLEAN: Final = "as recorded"
CURVE: Final = (0, 1, 3, 10, 30)
"""Numbers of utterances heard before the evaluated one."""
ORDERS: Final = 5
DEPLOYED_SETS: Final = ("ased", "savee", "tess")
"""Sets left out completely and measured through the program: other rooms, languages and people."""
DRAWS: Final = 2
TIMED_SECONDS: Final = 3
TIMED_RUNS: Final = 200
HIGH_VOICE_HZ: Final = 165.0
"""Pitch in Hz between the usual range of men (85 to 155 Hz) and women (165 to 255 Hz); Titze 1994."""


def hear(
    data: Path, corpus: Corpus, clips: NDArray[np.int64], condition: str, cache: Path
) -> dict[int, HeardClip]:
    """Return speech and features of whole clips under a condition, through the program; cached in `cache`."""
    digest = hashlib.sha256("\n".join(corpus.file[clips]).encode()).hexdigest()[:8]
    stored = cache / f"heard_{condition.replace(' ', '_')}_{digest}_v{FEATURE_VERSION}.npz"
    if not stored.exists():
        voices = [
            clip for clip, origin in zip(corpus.clips, corpus.origin, strict=True) if origin != TARGET_SET
        ]
        activity, heard = SpeechActivity(on=CLIP_ON), []
        for clip, whole in zip(clips, read_whole(data, corpus.file[clips]), strict=True):
            heard.append(hear_clip(spoil(condition, int(clip), whole, voices), activity))
            if len(heard) % 100 == 0 or len(heard) == len(clips):
                print(f"{condition}: {len(heard)} of {len(clips)}", flush=True)
        save_heard(stored, heard)
    return dict(zip(clips.tolist(), load_heard(stored), strict=True))


def save_heard(path: Path, heard: list[HeardClip]) -> None:
    """Save the speech and features of some clips."""
    np.savez(
        path,
        vectors=np.concatenate([one.vectors for one in heard]),
        counts=[len(one.vectors) for one in heard],
        figures=[[one.longest_s, one.snr_db, one.level_dbfs, one.speech_s] for one in heard],
    )


def load_heard(path: Path) -> list[HeardClip]:
    """Load what save_heard() has saved."""
    with np.load(path) as arrays:
        parts = np.split(arrays["vectors"], np.cumsum(arrays["counts"])[:-1])
        return [HeardClip(part, *row) for part, row in zip(parts, arrays["figures"].tolist(), strict=True)]


class LeftOut:
    """Int8 networks trained without speakers of the target set, or without whole sets."""

    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus
        self.paths: dict[str, Path] = {}

    @classmethod
    def speakers(cls, corpus: Corpus, trained: Trained, evidence: list[Evidence], folder: Path) -> LeftOut:
        """Return one network for each speaker of the target set, from the plan "speakers"."""
        left_out = cls(corpus)
        for number, fold in enumerate(trained.folds):
            path = folder / f"{fold.name.replace('/', '_')}.tflite"
            # The calibration comes from the others, so that its measurement is unbiased, too.
            write_model(trained, number, path, fit(evidence, without=fold.name))
            left_out.paths[fold.name] = path
        return left_out

    @classmethod
    def sets(
        cls, corpus: Corpus, trained: dict[str, Trained], evidence: list[Evidence], folder: Path
    ) -> LeftOut:
        """Return one network for each set, from the plan "final" without it."""
        left_out = cls(corpus)
        for name, parts in trained.items():
            path = folder / f"without_{name}.tflite"
            write_model(parts, 0, path, fit(evidence, without=name))
            left_out.paths[name] = path
        return left_out

    def _clips(self, heard: dict[int, HeardClip], name: str) -> NDArray[np.int64]:
        names = self.corpus.speaker if "/" in name else self.corpus.origin
        return np.array([clip for clip in heard if names[clip] == name], dtype=np.int64)

    def answers(self, heard: dict[int, HeardClip], kind: str, order: int | None = 0) -> Answers:
        """Classify all clips in the order of sessions.play(), with running statistics unless alone."""
        clips, rows = [], []
        for name, path in self.paths.items():
            classifier = VoiceClassifier(path, adapt=kind != "alone")
            mine = self._clips(heard, name)
            if not len(mine):
                continue
            for clip, person, device in zip(*play(kind, mine, self.corpus.speaker, order), strict=True):
                if device:
                    classifier.adaptation.reset()
                elif person:
                    classifier.adaptation.begin_person()
                clips.append(int(clip))
                rows.append(classifier.judge_clip(heard[int(clip)]).probabilities)
        return collect(self.corpus, clips, rows)

    def after(self, heard: dict[int, HeardClip], count: int) -> float:
        """Return the UAR after `count` other utterances of the speaker, drawn at random for every clip."""
        clips, rows = [], []
        for name, path in self.paths.items():
            classifier = VoiceClassifier(path)
            mine = np.array([clip for clip in self._clips(heard, name) if len(heard[int(clip)].vectors)])
            rng = np.random.default_rng(count)
            for clip in np.repeat(mine, DRAWS if count else 1):
                classifier.adaptation.reset()
                for other in rng.choice(mine[mine != clip], count, replace=False):
                    classifier.adaptation.update(heard[int(other)].vectors.mean(axis=0))
                clips.append(int(clip))
                one = heard[int(clip)]
                rows.append(classifier.probabilities(one.vectors, classifier.adaptation, one.longest_s))
        return collect(self.corpus, clips, rows).uar()


def by_pitch(corpus: Corpus, heard: dict[int, HeardClip], alone: Answers, session: Answers) -> dict[str, Any]:
    """Return the UAR for speakers with low and with high voices; the set does not record their sex."""
    column = feature_names().index("f0_p50")
    pitch_hz = {}
    for name in np.unique(alone.speaker):
        clips = [clip for clip in heard if corpus.speaker[clip] == name and len(heard[clip].vectors)]
        semitones = np.median([heard[clip].vectors[:, column].mean() for clip in clips])
        pitch_hz[str(name)] = 100.0 * 2.0 ** (float(semitones) / 12.0)
    result = {}
    for group, high in (("low", False), ("high", True)):
        names = [name for name, hertz in pitch_hz.items() if (hertz >= HIGH_VOICE_HZ) == high]
        result[group] = {"speakers": len(names)} | {
            kind: round(answers.of(names).uar(), 4)
            for kind, answers in (("alone", alone), ("session", session))
        }
    return result


def row_of(probabilities: NDArray[np.floating], labels: NDArray[np.int64]) -> dict[str, Any]:
    """Return figures for a set that may lack classes; an answer outside them becomes the likeliest inside."""
    present = np.unique(labels)
    inside = np.zeros_like(probabilities)
    inside[:, present] = probabilities[:, present] + 1e-9
    top = probabilities.max(axis=1)
    answers = np.bincount(probabilities.argmax(axis=1), minlength=EMOTION_COUNT) / len(labels)
    return {
        "uar": round(metrics.uar(inside, labels), 4),
        "calibration_error": round(metrics.calibration_error(probabilities, labels), 4),
        "overconfidence": round(float(top.mean()) - metrics.accuracy(probabilities, labels), 4),
        "shares": {name: round(float(share), 3) for name, share in zip(EMOTIONS, answers, strict=True)},
    }


def left_out_sets(evidence: list[Evidence], known: dict[str, dict[str, float]]) -> dict[str, Any]:
    """Return figures of float networks for left-out sets by kind, and of a training that includes them."""
    result: dict[str, Any] = {}
    for part in evidence:
        if part.group in LEFT_OUT_SETS:
            probabilities = fit(evidence, without=part.group)(part.logits, part.terms)
            result.setdefault(part.group, {})[part.kind] = row_of(probabilities, part.labels)
    for name, figures in result.items():
        figures["known"] = known[name]
    return result


def deployed(answers: Answers) -> dict[str, Any]:
    """Return the figures of each left-out set, int8, through the program."""
    origin = np.array([set_of(name) for name in answers.speaker])
    return {
        name: row_of(answers.probabilities[origin == name], answers.labels[origin == name])
        | {"no_voice": int(np.sum(~answers.found[origin == name]))}
        for name in np.unique(origin).tolist()
    }


def known_sets(data: Path, out: Path, recipe: Recipe) -> dict[str, dict[str, float]]:
    """Return the UAR on half of the speakers of each set, trained on the other half; float networks."""
    trained = learn_all(data, out, recipe, "halves")
    corpus = trained.corpus
    result: dict[str, dict[str, float]] = {}
    for name in LEFT_OUT_SETS:
        result[name] = {}
        for kind in ("alone", "session"):
            parts = []
            for fold, committee in zip(trained.folds, trained.committees, strict=True):
                clips = np.flatnonzero(fold.tested & usable(corpus) & (corpus.origin == name))
                dealt = play(kind, clips, corpus.speaker)
                logits = judge(committee, trained.prior, trained.features[0], dealt)
                parts.append((logits - logits.min(), corpus.emotion[dealt.order]))
            logits, labels = (np.concatenate(column) for column in zip(*parts, strict=True))
            result[name][kind] = row_of(logits, labels)["uar"]
    return result


def sentences(data: Path, out: Path, recipe: Recipe) -> dict[str, float]:
    """Return the UAR on unknown speakers with known and unknown sentences, each clip alone; float network."""
    trained = learn_all(data, out, recipe, "sentences")
    pooled: dict[str, list[tuple[NDArray[Any], NDArray[Any]]]] = {"known": [], "unknown": []}
    for fold, committee in zip(trained.folds, trained.committees, strict=True):
        kind = "unknown" if fold.name.startswith("sentences") else "known"
        dealt = play("alone", np.flatnonzero(fold.tested), trained.corpus.speaker)
        logits = judge(committee, trained.prior, trained.features[0], dealt)
        pooled[kind].append((logits, trained.corpus.emotion[dealt.order]))
    return {
        kind: round(metrics.uar(*(np.concatenate(column) for column in zip(*parts, strict=True))), 4)
        for kind, parts in pooled.items()
    }


def timing(path: Path) -> dict[str, float]:
    """Return milliseconds of processor time for three seconds of speech, the fastest run."""
    from emoedge.voice.features import features

    classifier = VoiceClassifier(path)
    time_s = np.arange(TIMED_SECONDS * 16_000) / 16_000
    sound = (8000 * np.sin(2 * np.pi * 140 * time_s) * (1 + np.sin(2 * np.pi * 4 * time_s))).astype(np.int16)
    samples: dict[str, list[float]] = {"features": [], "network": []}
    vector = features(sound)
    for _ in range(TIMED_RUNS):
        started = time.process_time()
        vector = features(sound)
        middle = time.process_time()
        classifier.probabilities(vector[None], None, TIMED_SECONDS)
        samples["features"].append(1000 * (middle - started))
        samples["network"].append(1000 * (time.process_time() - middle))
    return {name: round(min(values), 2) for name, values in samples.items()}


def robustness(left_out: LeftOut, data: Path, clips: NDArray[np.int64], cache: Path) -> dict[str, Any]:
    """Return UAR and clips without detected speech under each condition, alone and in sessions."""
    result = {}
    for condition in CONDITIONS:
        heard = hear(data, left_out.corpus, clips, condition, cache)
        alone, adapted = left_out.answers(heard, "alone"), left_out.answers(heard, "session")
        result[condition] = {
            "alone": round(alone.uar(), 4),
            "session": round(adapted.uar(), 4),
            "no_voice": int(np.sum(~alone.found)),
            "clips": len(clips),
            "snr_db": round(float(np.median([h.snr_db for h in heard.values() if len(h.vectors)])), 1),
        }
        print(condition, result[condition], flush=True)
    return result


def main() -> None:
    """Measure, complete the sidecar, and write card and plots."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="where training left its checkpoints")
    parser.add_argument("--models", type=Path, default=REPOSITORY / "models")
    parser.add_argument(
        "--spoilt-sentences", type=int, default=2, help="of the twelve, for the robustness table"
    )
    parser.add_argument("--unknown-sentences", action="store_true", help="also train with sentences left out")
    options = parser.parse_args()
    path = options.models / "voice_emotion.tflite"
    content = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    recipe = Recipe(
        **{**content["training"]["recipe"], "hidden": tuple(content["training"]["recipe"]["hidden"])}
    )
    corpus, _ = extract_all(options.data, options.out / "cache", 0)
    cache, folds = options.out / "cache", options.out / "folds"
    evidence = gather(options.data, options.out, recipe)
    trained = learn_all(options.data, options.out, recipe, "speakers")
    target = np.flatnonzero(corpus.origin == TARGET_SET)
    names = np.unique(corpus.sentence[target])[: options.spoilt_sentences]
    some = target[np.isin(corpus.sentence[target], names)]
    left_out = LeftOut.speakers(corpus, trained, evidence, folds)
    heard = hear(options.data, corpus, target, CLEAN, cache)
    alone = left_out.answers(heard, "alone")
    runs = [left_out.answers(heard, "session", order) for order in range(ORDERS)]
    session = Answers(
        np.concatenate([run.probabilities for run in runs]),
        np.concatenate([run.labels for run in runs]),
        np.concatenate([run.speaker for run in runs]),
        np.concatenate([run.found for run in runs]),
    )
    without = {name: learn_all(options.data, options.out, recipe, "final", name) for name in DEPLOYED_SETS}
    abroad = LeftOut.sets(corpus, without, evidence, folds)
    strangers = hear(
        options.data, corpus, np.flatnonzero(np.isin(corpus.origin, DEPLOYED_SETS)), CLEAN, cache
    )
    figures: dict[str, Any] = {
        "alone": alone.summary(),
        "session": session.summary(),
        "session_in_index_order": round(left_out.answers(heard, "session", None).uar(), 4),
        "curve": {str(count): round(left_out.after(heard, count), 4) for count in CURVE},
        "by_pitch": by_pitch(corpus, heard, alone, session),
        "left_out_sets": left_out_sets(evidence, known_sets(options.data, options.out, recipe)),
        "deployed": {
            kind: deployed(abroad.answers(strangers, kind)) for kind in ("alone", "session", "device")
        },
        "timing_ms": timing(path),
        "robustness": robustness(left_out, options.data, some, cache),
    }
    if options.unknown_sentences:
        figures["sentences"] = sentences(options.data, options.out, recipe)
    content["metrics"] = figures
    path.with_suffix(".json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    write_figures(options.models / "figures", alone, session, figures)
    write_card(options.models / "voice_emotion.md", content)
    print(json.dumps({name: figures[name] for name in ("curve", "deployed", "timing_ms")}, indent=1))
    print(f"alone {figures['alone']['uar']}, session {figures['session']['uar']}")


if __name__ == "__main__":
    main()
