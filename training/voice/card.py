"""Card and plots of the voice model, rendered from measured figures only."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from emoedge.emotions import EMOTIONS
from training.voice import metrics
from training.voice.answers import Answers
from training.voice.data import SPEAKERS, TERMS


def write_figures(folder: Path, alone: Answers, session: Answers, figures: dict[str, Any]) -> None:
    """Confusion matrix, reliability diagrams and adaptation curve as ``voice_*.png``."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    folder.mkdir(parents=True, exist_ok=True)
    figure, both = plt.subplots(1, 2, figsize=(12, 5.6), layout="constrained")
    for axes, answers, title in zip(
        both, (alone, session), ("each clip alone", "in sessions, adapting"), strict=True
    ):
        table = metrics.confusion(answers.probabilities, answers.labels)
        share = table / table.sum(axis=1, keepdims=True)
        axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
        for (row, column), value in np.ndenumerate(share):
            ink = "white" if value > 0.5 else "black"
            axes.text(column, row, f"{value:.2f}", ha="center", va="center", color=ink, fontsize=9)
        axes.set_xticks(range(len(EMOTIONS)), EMOTIONS, rotation=40, ha="right")
        axes.set_yticks(range(len(EMOTIONS)), EMOTIONS)
        axes.set(xlabel="predicted", ylabel="meant by the speaker", title=title)
    figure.savefig(folder / "voice_confusion.png", dpi=100)
    plt.close(figure)

    figure, both = plt.subplots(1, 2, figsize=(9, 4.4), layout="constrained")
    for axes, answers, title in zip(both, (alone, session), ("alone", "in sessions"), strict=True):
        found = answers.found
        parts = metrics.reliability(answers.probabilities[found], answers.labels[found])
        confidence, hits, rows = (np.array(column) for column in zip(*parts, strict=True))
        error = metrics.calibration_error(answers.probabilities[found], answers.labels[found])
        axes.plot([0, 1], [0, 1], color="0.6", linewidth=1)
        axes.plot(confidence, hits, color="#0072B2", linewidth=1)
        axes.scatter(confidence, hits, s=8 + 300 * rows / rows.sum(), color="#0072B2")
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="top probability", ylabel="accuracy")
        axes.set_title(f"{title}: calibration error {error:.3f}")
    figure.savefig(folder / "voice_reliability.png", dpi=100)
    plt.close(figure)

    figure, axes = plt.subplots(figsize=(5, 3.6), layout="constrained")
    counts = [int(count) for count in figures["curve"]]
    axes.plot(range(len(counts)), list(figures["curve"].values()), marker="o", color="#0072B2")
    axes.set_xticks(range(len(counts)), [str(count) for count in counts])
    axes.set(xlabel="utterances heard before", ylabel="unweighted average recall", ylim=(0.3, 0.8))
    axes.grid(alpha=0.3)
    figure.savefig(folder / "voice_adaptation.png", dpi=100)
    plt.close(figure)


def _interval(values: list[float]) -> str:
    return f"{values[0]:.3f} ({values[1]:.3f} to {values[2]:.3f})"


def _kinds(row: dict[str, Any], figure: str, kinds: tuple[str, ...]) -> str:
    return " / ".join(f"{row[kind][figure]:.3f}" for kind in kinds)


def _table(header: str, rows: list[str]) -> str:
    return "\n".join([header, "|" + "---|" * (header.count("|") - 1), *rows])


def _worst(answers: dict[str, Any]) -> str:
    """Return the three emotions with the lowest recall."""
    ranked = sorted(EMOTIONS, key=lambda name: answers["recall"][name][0])
    return ", ".join(ranked[:3])


def _pitch(groups: dict[str, Any]) -> str:
    """Describe the recall for low and high voices."""
    return "; ".join(
        f"{group['speakers']} speakers with {name} voices {group['alone']:.3f} alone, {group['session']:.3f} in sessions"
        for name, group in groups.items()
    )


def _errors(answers: dict[str, Any]) -> str:
    """Describe the four largest off-diagonal shares of the confusion matrix."""
    table = np.array(answers["confusion"], dtype=float)
    share = table / table.sum(axis=1, keepdims=True)
    np.fill_diagonal(share, 0)
    places = np.argsort(share, axis=None)[::-1][:4]
    pairs = [np.unravel_index(place, share.shape) for place in places]
    return ", ".join(
        f"{EMOTIONS[row]} taken for {EMOTIONS[column]} ({share[row, column]:.0%})" for row, column in pairs
    )


def write_card(path: Path, content: dict[str, Any]) -> None:
    """Render ``voice_emotion.md`` from the sidecar's content."""
    figures, training = content["metrics"], content["training"]
    alone, session, timing = figures["alone"], figures["session"], figures["timing_ms"]
    measures = {"uar": "unweighted average recall", "accuracy": "accuracy", "macro_f1": "macro F1"}
    overall = _table(
        "| left-one-speaker-out, int8, deployed path | each clip alone | in sessions, adapting |",
        [
            f"| {text} | {_interval(alone[name])} | {_interval(session[name])} |"
            for name, text in measures.items()
        ]
        + [
            f"| expected calibration error | {alone['calibration_error']:.3f} | {session['calibration_error']:.3f} |"
        ]
        + [
            f"| clips in which no speech was found (count as errors) | {alone['no_voice']} of {alone['clips']} | |"
        ],
    )
    recalls = _table(
        "| recall | alone | in sessions |",
        [
            f"| {name} | {_interval(alone['recall'][name])} | {_interval(session['recall'][name])} |"
            for name in EMOTIONS
        ],
    )
    curve = _table(
        "| utterances heard before | " + " | ".join(figures["curve"]) + " |",
        [
            "| unweighted average recall | "
            + " | ".join(f"{value:.3f}" for value in figures["curve"].values())
            + " |"
        ],
    )
    deployed = _table(
        "| set left out as a whole | alone | ECE | in sessions | ECE | device of everybody | ECE | no answer |",
        [
            f"| {name} | "
            + " | ".join(
                f"{figures['deployed'][kind][name]['uar']:.3f} | "
                f"{figures['deployed'][kind][name]['calibration_error']:.3f}"
                for kind in ("alone", "session", "device")
            )
            + f" | {figures['deployed']['alone'][name]['no_voice']} |"
            for name in figures["deployed"]["alone"]
        ],
    )
    left_out = _table(
        "| set | trained without: alone / session / device | trained with: alone / session "
        "| ECE: alone / session / device | confidence less accuracy, alone | a short word |",
        [
            f"| {name} | {_kinds(row, 'uar', ('alone', 'session', 'device'))} "
            f"| {row['known']['alone']:.3f} / {row['known']['session']:.3f} "
            f"| {_kinds(row, 'calibration_error', ('alone', 'session', 'device'))} "
            f"| {row['alone']['overconfidence']:+.3f} "
            f"| {row['short']['uar']:.3f}, ECE {row['short']['calibration_error']:.3f} |"
            for name, row in figures["left_out_sets"].items()
        ],
    )
    shares = _table(
        "| share of the answers | " + " | ".join(EMOTIONS) + " |",
        [
            f"| {name}, {kind} | "
            + " | ".join(f"{share:.0%}" for share in row[kind]["shares"].values())
            + " |"
            for name, row in figures["left_out_sets"].items()
            for kind in ("alone", "session")
        ],
    )
    spoilt = _table(
        "| condition | alone | in sessions | no speech found | median SNR estimate |",
        [
            f"| {name} | {row['alone']:.3f} | {row['session']:.3f} | {row['no_voice']} of {row['clips']} "
            f"| {row['snr_db']:.0f} dB |"
            for name, row in figures["robustness"].items()
        ],
    )
    sentences = ""
    if "sentences" in figures:
        known, unknown = figures["sentences"]["known"], figures["sentences"]["unknown"]
        sentences = (
            f"\nUnknown sentences: with pairs of speakers left out, one perceptron and each clip alone, the recall is "
            f"{known:.3f} when the sentences were heard from other speakers in training, and {unknown:.3f} when those "
            "sentences were left out of the training, too.\n"
        )
    path.write_text(
        TEMPLATE.format(
            overall=overall,
            recalls=recalls,
            curve=curve,
            few=next(iter(figures["robustness"].values()))["clips"] ** -0.5,
            deployed=deployed,
            left_out=left_out,
            shares=shares,
            spoilt=spoilt,
            sentences=sentences,
            worst=_worst(alone),
            pitch=_pitch(figures["by_pitch"]),
            errors=_errors(alone),
            index_order=figures["session_in_index_order"],
            size=content["bytes"] / 1000,
            features_ms=timing["features"],
            network_ms=timing["network"],
            count=len(content["features"]),
            clips=training["clips"],
            speakers=training["speakers"],
            agreement=training["int8_agreement"],
            calibration=content["calibration"],
            short_factor=math.exp(content["calibration"]["short"]),
            strange=math.exp(content["calibration"]["stranger"]),
            settled=math.exp(sum(content["calibration"][name] for name in ("stranger", "person", "device"))),
            sha256=content["sha256"],
            terms="\n".join(
                f"| {name} (`{key}`) | {language} | {SPEAKERS[key]} | {terms} |"
                for key, (name, language, terms) in TERMS.items()
            ),
        ),
        encoding="utf-8",
    )


TEMPLATE = """# Voice emotion

`voice_emotion.tflite`, {size:.0f} kB, int8 in and out; sha256 `{sha256}`. It converts a window of speech (0.4 to 4 s, 16 kHz)
to seven calibrated probabilities. Made by `python -m training.voice.train`, measured by `python -m training.voice.evaluate`.

## How it works
Components below speech (offset, hum, rumble) are filtered out (`emoedge/high_pass.py`). {count} functionals of pitch, energy, voice quality,
spectrum, cepstrum and rhythm (`emoedge/voice/features.py`, numpy and one transform of OpenCV, the same function in training and on the
device; all but the level are invariant to gain) are input three times: relative to the population, to the running statistics of the device
(room, microphone, language; all speakers, kept over restarts), and to those of the person, which start from the device's
(`emoedge/voice/adapt.py`). Five perceptrons with two hidden layers vote in one graph. In training, each epoch distributes every speaker's
utterances over simulated sessions of random length and mood, and the sessions of each set over simulated devices, so that the network learns
both strangers on new devices and people who are heard often. Sets are weighted, emotions balanced within each. Augmentation: smaller and larger
speakers (pitch and vocal tract × 0.82 to 0.95 and × 1.1 to 1.35, the tempo kept), speed, crop down to a word, room, microphone slope, noise, babble, band limits,
clipping; label smoothing.

Logits become probabilities by a temperature: {strange:.2f} for strangers, {settled:.2f} when device and person are known, times
{short_factor:.2f} for each halving of the speech below 1.6 s, times the standard deviation of the logits to the power of
{calibration[spread_power]:.2f}, because a voice unlike those of the training gives large logits, whether right or wrong. Where one class takes more than 40 % of the latest
answers, the temperature grows with the excess (factor {calibration[one_sided]:.2f} in the exponent): the result becomes less certain but does not change. All of these values are fitted on
speakers and sets that were not used to train the networks, with equal weight for each set.

Processor time for 3 s of speech, one thread of a shared x86-64 machine (fastest of 200 runs): features {features_ms} ms, network {network_ms} ms.

## Accuracy
Spanish (Spain), 14 speakers who are not actors, 12 fixed sentences in 7 elicited emotions. Each speaker is classified by a network trained
without them (two perceptrons instead of the shipped five), exported to int8, through the program's speech activity, features,
adaptation and interpreter. The population statistics include no speaker of this set, and the calibration comes from the other speakers.
"In sessions" takes a speaker's clips in random order (mean of five orders), each classified with the statistics of those before it;
the first ones of a session are included. 95 % intervals by drawing speakers. The training method was chosen by the sets left out below and these
figures together, among three complete methods and about twenty quick variants: the figures are therefore slightly optimistic.

{overall}

{recalls}

![confusion](figures/voice_confusion.png)
![reliability](figures/voice_reliability.png)

Adaptation, other utterances of the speaker drawn at random:

{curve}

![adaptation](figures/voice_adaptation.png)

In the order of the index, where each emotion is one block, sessions reach {index_order:.3f}: the statistics then mistake a mood
for the person. A person who is in one mood all day is classified relative to that mood.

## Strangers: sets left out completely
Nothing of the evaluated set was used in training: no clip, no population statistics, no calibration (`scripts/train voice --leave-out SET`). Alone: every clip
separately. In sessions: every speaker's clips in random order on a new device. Shared device: people in turns of ten clips on one
device, each starting from its statistics. A result outside the classes of a set is replaced by the most probable class of the set; a missing result
counts as wrong. Through the program, int8:

{deployed}

All sets, float networks, clips trimmed by loudness. "Trained with": half of the speakers of every set in training, the others evaluated. ECE: expected
calibration error. A short word: 0.3 to 1.2 s of each clip, alone. TESS has only two voices, so it proves nothing.

{left_out}

Shares of the results (a class far above its share in the set suppresses the others):

{shares}
{sentences}
Shipped int8 network compared with its float original: same result for {agreement:.1%} of the inputs.

## Robustness
The same folds on some of the sentences, with noise, line, room and gain applied to the whole clip before speech activity. The noise
ratio is over the whole clip; +20 dB clips the louder recordings. With so few clips a recall is accurate to about {few:.2f}.

{spoilt}

## Known weaknesses
- Elicited and acted emotion only: everyday speech is milder, and its emotion is not known from a label. Take the result as a hint.
- For a stranger it is worst at {worst}. The commonest errors: {errors}.
- The Spanish set is from Spain; no Latin American accent was trained or measured here. Children and old people are absent or rare.
- The copy of the Spanish set used here does not record the sex of the speakers. By the pitch of the voice: {pitch}.
  With so few speakers the difference is not meaningful. Age, accent and health are unknown, so nothing was measured by them.
- On recordings of another origin it is worse and can be overconfident (see the sets left out completely).
- Illness, smoking, hearing loss and a second language change the voice and therefore the result.
- Several people at once share one set of running statistics; a new person is assumed after two minutes without speech.

## Data and terms
{clips} clips, {speakers} speakers; none of it is in this repository.

| set | language | speakers | terms |
|---|---|---|---|
{terms}

The weights are derived from sets for research and non-commercial use: the same terms apply to them. The code is MIT, the weights are not free
for every use. Emotion inference at work and in education is prohibited in the European Union (AI Act, article 5), and people who
are heard must be informed.
"""
