"""Measure the voice model through the path that ships, and write its card.

``python -m training.voice.evaluate --data DIR --out DIR`` after ``training.voice.train``. Every speaker of
the target set is judged by a network that never heard them, exported to int8 like the one that ships, through
the program's own speech activity, features, adaptation and interpreter.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from emoedge.emotions import EMOTION_COUNT, EMOTIONS
from emoedge.vad.detector import CLIP_ON, Span, SpeechActivity
from emoedge.voice.classify import Calibration, HeardClip, VoiceClassifier, describe_speech, find_speech
from emoedge.voice.contours import as_samples
from emoedge.voice.features import feature_names
from training.voice import metrics
from training.voice.card import write_card, write_figures
from training.voice.conditions import CONDITIONS, spoil
from training.voice.data import TARGET_SET, Corpus, read_whole
from training.voice.folds import UNSEEN_SETS
from training.voice.learn import Recipe
from training.voice.train import REPOSITORY, Trained, calibrations, learn_all, session_logits, write_model

CLEAN: Final = "as recorded"
CURVE: Final = (0, 1, 3, 10, 30)
"""Utterances heard before the one that is judged."""
ORDERS: Final = 5
DRAWS: Final = 2
TIMED_SECONDS: Final = 3
TIMED_RUNS: Final = 200
HIGH_VOICE_HZ: Final = 165.0
"""Between the usual speaking pitch of men (85 to 155 Hz) and of women (165 to 255 Hz); Titze 1994."""


def hear(
    data: Path, corpus: Corpus, clips: NDArray[np.int64], condition: str, cache: Path
) -> dict[int, HeardClip]:
    """Speech and features of whole clips under a condition; where speech lies is cached."""
    stored = cache / f"spans_{condition.replace(' ', '_')}.json"
    known: dict[str, list[list[float]]] = json.loads(stored.read_text()) if stored.exists() else {}
    voices = [clip for clip, origin in zip(corpus.clips, corpus.origin, strict=True) if origin != TARGET_SET]
    activity = SpeechActivity(on=CLIP_ON)
    heard = {}
    for done, (clip, whole) in enumerate(zip(clips, read_whole(data, corpus.file[clips]), strict=True), 1):
        sound = as_samples(spoil(condition, int(clip), whole, voices))
        key = str(corpus.file[clip])
        if key not in known:
            known[key] = [[span.start_s, span.end_s] for span in find_speech(sound, activity)]
        heard[int(clip)] = describe_speech(sound, [Span(*times) for times in known[key]])
        if done % 100 == 0 or done == len(clips):
            print(f"{condition}: {done} of {len(clips)}", flush=True)
            stored.write_text(json.dumps(known))
    return heard


@dataclass(frozen=True)
class Answers:
    """Answers to clips: probabilities (n, 7), labels (n,), speakers (n,), speech found (n,).

    A clip without speech found has all its probability on a wrong label, so that it counts as an error.
    """

    probabilities: NDArray[np.float32]
    labels: NDArray[np.int64]
    speaker: NDArray[np.str_]
    found: NDArray[np.bool_]

    def of(self, speakers: list[str]) -> Answers:
        """Those to clips of some speakers."""
        mine = np.isin(self.speaker, speakers)
        return Answers(self.probabilities[mine], self.labels[mine], self.speaker[mine], self.found[mine])

    def uar(self) -> float:
        """Unweighted average recall."""
        return metrics.uar(self.probabilities, self.labels)

    def summary(self) -> dict[str, Any]:
        """All figures, JSON-ready."""
        measures = {"uar": metrics.uar, "accuracy": metrics.accuracy, "macro_f1": metrics.macro_f1}
        result: dict[str, Any] = {"clips": len(self.labels), "no_voice": int(np.sum(~self.found))}
        for name, measure in measures.items():
            low, high = metrics.speaker_interval(measure, self.probabilities, self.labels, self.speaker)
            result[name] = [
                round(value, 4) for value in (measure(self.probabilities, self.labels), low, high)
            ]
        result["recall"] = {}
        recalls = metrics.recalls(self.probabilities, self.labels)
        for kind, name in enumerate(EMOTIONS):

            def one(
                probabilities: NDArray[np.floating], labels: NDArray[np.int64], kind: int = kind
            ) -> float:
                return float(metrics.recalls(probabilities, labels)[kind])

            low, high = metrics.speaker_interval(
                one, self.probabilities, self.labels, self.speaker, rounds=200
            )
            result["recall"][name] = [round(float(value), 3) for value in (recalls[kind], low, high)]
        found = self.found
        result["calibration_error"] = round(
            metrics.calibration_error(self.probabilities[found], self.labels[found]), 4
        )
        result["confusion"] = metrics.confusion(self.probabilities, self.labels).tolist()
        return result


def collect(corpus: Corpus, clips: Iterable[int], rows: Sequence[NDArray[np.float32] | None]) -> Answers:
    """Answers from one row, or None, a clip."""
    indices = np.array(list(clips))
    labels = corpus.emotion[indices]
    wrong = np.eye(EMOTION_COUNT, dtype=np.float32)[(labels + 1) % EMOTION_COUNT]
    found = np.array([row is not None for row in rows])
    probabilities = np.stack([w if row is None else row for row, w in zip(rows, wrong, strict=True)])
    return Answers(probabilities, labels, corpus.speaker[indices], found)


class LeftOut:
    """The int8 networks of the speakers left out, and the clips as the program hears them."""

    def __init__(self, trained: Trained, folder: Path) -> None:
        self.corpus = trained.corpus
        self.paths: dict[str, Path] = {}
        for number, fold in enumerate(trained.folds):
            if fold.name in UNSEEN_SETS:
                continue
            path = folder / f"{fold.name.replace('/', '_')}.tflite"
            # The calibration comes from the other speakers, so that the calibration is measured honestly,
            # too.
            write_model(trained, number, path, calibrations(trained, without=number))
            self.paths[fold.name] = path

    def sessions(self, heard: dict[int, HeardClip], *, adapt: bool, order: int | None) -> Answers:
        """Every speaker's clips as one session: in random order (a seed), or in that of the index (None)."""
        clips, rows = [], []
        for name, path in self.paths.items():
            classifier = VoiceClassifier(path, adapt=adapt)
            mine = np.array([clip for clip in heard if self.corpus.speaker[clip] == name])
            if order is not None:
                mine = np.random.default_rng(order).permutation(mine)
            for clip in mine:
                clips.append(int(clip))
                rows.append(classifier.judge_clip(heard[int(clip)]).probabilities)
        return collect(self.corpus, clips, rows)

    def after(self, heard: dict[int, HeardClip], count: int) -> float:
        """UAR after `count` other utterances of the speaker, drawn at random for every clip."""
        clips, rows = [], []
        for name, path in self.paths.items():
            classifier = VoiceClassifier(path)
            mine = np.array([c for c in heard if self.corpus.speaker[c] == name and len(heard[c].vectors)])
            rng = np.random.default_rng(count)
            for clip in np.repeat(mine, DRAWS if count else 1):
                classifier.adaptation.reset()
                for other in rng.choice(mine[mine != clip], count, replace=False):
                    classifier.adaptation.update(heard[int(other)].vectors.mean(axis=0))
                clips.append(int(clip))
                rows.append(classifier.probabilities(heard[int(clip)].vectors, classifier.adaptation))
        return collect(self.corpus, clips, rows).uar()


def by_pitch(corpus: Corpus, heard: dict[int, HeardClip], alone: Answers, session: Answers) -> dict[str, Any]:
    """UAR for speakers of low and of high voices; the set does not say who is a woman and who is a man."""
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


def unseen_sets(trained: Trained) -> dict[str, Any]:
    """UAR on acted sets of another language whose clips and speakers were all left out; float network."""
    result = {}
    stranger = Calibration(**calibrations(trained)["alone"])
    for number, fold in enumerate(trained.folds):
        if fold.name not in UNSEEN_SETS:
            continue
        figures = {}
        for name, alone in (("alone", True), ("session", False)):
            logits, clips = session_logits(trained, number, alone)
            labels = trained.corpus.emotion[clips]
            figures[name] = round(metrics.uar(logits, labels), 4)
            if alone:
                probabilities = stranger(logits)
                error = metrics.calibration_error(probabilities, labels)
                surplus = float(probabilities.max(axis=1).mean()) - metrics.accuracy(probabilities, labels)
                figures |= {"calibration_error": round(error, 4), "overconfidence": round(surplus, 4)}
        result[fold.name] = figures
    return result


def sentences(data: Path, out: Path, recipe: Recipe) -> dict[str, float]:
    """UAR on unknown speakers with known and with unknown sentences, each clip alone; float network."""
    trained = learn_all(data, out, recipe, "sentences")
    pooled: dict[str, list[tuple[NDArray[Any], NDArray[Any]]]] = {"known": [], "unknown": []}
    for number, fold in enumerate(trained.folds):
        kind = "unknown" if fold.name.startswith("sentences") else "known"
        pooled[kind].append(session_logits(trained, number, alone=True))
    return {
        kind: round(
            metrics.uar(
                np.concatenate([logits for logits, _ in parts]),
                trained.corpus.emotion[np.concatenate([clips for _, clips in parts])],
            ),
            4,
        )
        for kind, parts in pooled.items()
    }


def timing(path: Path) -> dict[str, float]:
    """Milliseconds of processor time for three seconds of speech; the fastest run."""
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
        classifier.probabilities(vector[None], None)
        samples["features"].append(1000 * (middle - started))
        samples["network"].append(1000 * (time.process_time() - middle))
    return {name: round(min(values), 2) for name, values in samples.items()}


def robustness(left_out: LeftOut, data: Path, clips: NDArray[np.int64], cache: Path) -> dict[str, Any]:
    """UAR and clips without speech found under each condition, alone and in sessions."""
    result = {}
    for condition in CONDITIONS:
        heard = hear(data, left_out.corpus, clips, condition, cache)
        alone = left_out.sessions(heard, adapt=False, order=0)
        adapted = left_out.sessions(heard, adapt=True, order=0)
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
    """Measure, complete the sidecar, write card and figures."""
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
    trained = learn_all(options.data, options.out, recipe, "speakers")
    corpus, cache = trained.corpus, options.out / "cache"
    target = np.flatnonzero(corpus.origin == TARGET_SET)
    names = np.unique(corpus.sentence[target])[: options.spoilt_sentences]
    some = target[np.isin(corpus.sentence[target], names)]
    left_out = LeftOut(trained, options.out / "folds")
    heard = hear(options.data, corpus, target, CLEAN, cache)
    alone = left_out.sessions(heard, adapt=False, order=0)
    runs = [left_out.sessions(heard, adapt=True, order=order) for order in range(ORDERS)]
    session = Answers(
        np.concatenate([run.probabilities for run in runs]),
        np.concatenate([run.labels for run in runs]),
        np.concatenate([run.speaker for run in runs]),
        np.concatenate([run.found for run in runs]),
    )
    figures: dict[str, Any] = {
        "alone": alone.summary(),
        "session": session.summary(),
        "session_in_index_order": round(left_out.sessions(heard, adapt=True, order=None).uar(), 4),
        "curve": {str(count): round(left_out.after(heard, count), 4) for count in CURVE},
        "by_pitch": by_pitch(corpus, heard, alone, session),
        "unseen_sets": unseen_sets(trained),
        "timing_ms": timing(path),
        "robustness": robustness(left_out, options.data, some, cache),
    }
    if options.unknown_sentences:
        figures["sentences"] = sentences(options.data, options.out, recipe)
    content["metrics"] = figures
    path.with_suffix(".json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    write_figures(options.models / "figures", alone, session, figures)
    write_card(options.models / "voice_emotion.md", content)
    print(json.dumps({name: figures[name] for name in ("curve", "unseen_sets", "timing_ms")}, indent=1))
    print(f"alone {figures['alone']['uar']}, session {figures['session']['uar']}")


if __name__ == "__main__":
    main()
