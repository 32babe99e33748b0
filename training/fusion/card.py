"""Card and reliability diagram of the learned fusion, rendered from measured figures only."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from emoedge.fusion.confidence import KNOTS, Method
from emoedge.fusion.learned import MODALITIES
from training.fusion import cases

if TYPE_CHECKING:
    from training.fusion.measure import Answers

METHODS = ("rule", "learned")


def write_figure(folder: Path, answers: dict[str, Answers]) -> None:
    """``fusion_reliability.png``: the weighted rule beside the pool."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    folder.mkdir(parents=True, exist_ok=True)
    figure, both = plt.subplots(1, 2, figsize=(9, 4.4), layout="constrained")
    for axes, (who, one) in zip(both, answers.items(), strict=True):
        confidence, right, rows = (np.array(column) for column in zip(*one.reliability(), strict=True))
        axes.plot([0, 1], [0, 1], color="0.6", linewidth=1)
        axes.plot(confidence, right, color="#0072B2", linewidth=1)
        axes.scatter(confidence, right, s=8 + 300 * rows / rows.sum(), color="#0072B2")
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence", ylabel="right answers")
        axes.set_title(f"{who}: calibration error {one.calibration_error():.3f}")
    figure.savefig(folder / "fusion_reliability.png", dpi=100)
    plt.close(figure)


def write_card(path: Path, content: dict[str, Any]) -> None:
    """Render ``fusion.md`` from the content of `fusion.json`."""
    table = content["metrics"]
    columns = [*MODALITIES, *METHODS]
    rows = "\n".join(
        f"| {name} | "
        + " | ".join(f"{line['recall'][c]:.3f}" if c in line["recall"] else "–" for c in columns)
        + " | "
        + " | ".join(f"{line['calibration_error'][who]:.3f}" for who in METHODS)
        + " |"
        for name, line in table.items()
    )
    weights = "\n".join(
        f"| {name} | {w['weight']} | {w['reliability_exponent']} | {w['age_constant_s']} s |"
        for name, w in content["weights"].items()
    )
    subsets = "\n".join(
        f"| {name} | {scale['sharpness']:.2f} | {scale['bias_share']:.2f} |"
        for name, scale in content["subsets"].items()
    )
    path.write_text(
        CARD.format(
            weights=weights,
            subsets=subsets,
            draws=f"{cases.DRAWS:,}",
            rows=rows,
            verdict=verdict(table),
            worst=worst(table),
        ),
        encoding="utf-8",
    )


def verdict(table: dict[str, dict[str, Any]]) -> str:
    """Describe where the pool is below the rule or below the best modality."""
    lost = [
        name
        for name, line in table.items()
        if line["recall"]["learned"] < max(v for who, v in line["recall"].items() if who != "learned")
    ]
    if not lost:
        return "at least level with every modality alone and with the rule in each line above"
    return "below the rule or the best modality in: " + "; ".join(lost)


def worst(table: dict[str, dict[str, Any]]) -> str:
    """Describe the range of the pool's calibration error."""
    errors = {name: line["calibration_error"]["learned"] for name, line in table.items()}
    name = max(errors, key=lambda key: errors[key])
    return f"{min(errors.values()):.3f} to {errors[name]:.3f} (the largest: {name})"


def write_confidence_figure(
    folder: Path, answers: Mapping[tuple[Method, str], Mapping[str, Answers]]
) -> None:
    """``confidence_reliability.png``: right answers by chance, at home and abroad, for each line."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    folder.mkdir(parents=True, exist_ok=True)
    methods = get_args(Method)
    columns = len(answers) // len(methods)
    figure, grid = plt.subplots(
        len(methods), columns, figsize=(2.6 * columns, 5.6), layout="constrained", sharex=True, sharey=True
    )
    for axes, ((method, subset), by_kind) in zip(grid.flat, answers.items(), strict=True):
        axes.plot([0, 1], [0, 1], color="0.6", linewidth=1)
        for color, (kind, one) in zip(("#0072B2", "#D55E00"), by_kind.items(), strict=True):
            chance, right, rows = (np.array(column) for column in zip(*one.reliability(), strict=True))
            axes.plot(chance, right, color=color, linewidth=1, label=kind)
            axes.scatter(chance, right, s=4 + 100 * rows / rows.sum(), color=color)
        axes.set(xlim=(0, 1), ylim=(0, 1))
        axes.set_title(f"{method}: {subset}", fontsize=8)
    grid.flat[0].legend(fontsize=8)
    figure.supxlabel("confidence")
    figure.supylabel("right answers")
    figure.savefig(folder / "confidence_reliability.png", dpi=90)
    plt.close(figure)


def write_confidence_card(path: Path, content: dict[str, Any]) -> None:
    """Render ``confidence.md`` from the content of `confidence.json`."""
    chances = "\n".join(
        f"| {method}, {name} | " + " | ".join(f"{chance:.2f}" for chance in line) + " |"
        for method in get_args(Method)
        for name, line in content[method].items()
    )
    rows = "\n".join(
        f"| {name} | {line['right']['home']:.3f} | {line['right']['abroad']:.3f} | "
        + " | ".join(
            f"{line[when][kind]:.3f}" for when in ("before", "after") for kind in ("home", "abroad", "both")
        )
        + " |"
        for name, line in content["metrics"].items()
    )
    knots = " | ".join(f"{knot:g}" for knot in KNOTS)
    path.write_text(
        CONFIDENCE_CARD.format(chances=chances, rows=rows, knots=knots, draws=f"{cases.DRAWS:,}"),
        encoding="utf-8",
    )


CARD = """# Learned fusion

`fusion.json`: a log-linear pool of the calibrated posteriors of face, voice and text, used with
`fusion.method = "learned"` (the form is in `emoedge/fusion/learned.py`). Made by `python -m training.fusion.train`
from the output of `python -m training.fusion.posteriors`; both in one: `python -m training train fusion`.

| | weight | exponent of the reliability | constant of the age (not learned) |
|---|---|---|---|
{weights}

| modalities | sharpness | share of the bias |
|---|---|---|
{subsets}

## Fitting and evaluation
Triples are drawn at random with the same label from validation data of the three models: faces of FER+ Valid
(half of them degraded), speakers of `uem` left out of the voice networks that classify them (clean, and with noise at 5 dB), and
text rows that were not used in training, as transcripts with errors. Modalities are left out at random, and one in twenty has
another label. The groups (speakers, videos, rows) are halved: pools fitted on each half are measured on the other, and
the shipped one is fitted on both. **These are not people
with real emotions**: no person in the data has face, voice and words of the same emotion at once, so the figures compare
methods of fusion; they do not predict accuracy.

Macro recall, and the expected calibration error of the fused probability of the emotion, on the half not used for fitting; twice {draws} cases a line, every
label equally often. "Degraded" faces are blurred, noisy, dark or small at random, degraded voices have noise at 5 dB.

| modalities present | face | voice | text | rule | learned | error of the rule | error of the learned pool |
|---|---|---|---|---|---|---|---|
{rows}

![reliability](figures/fusion_reliability.png)

The pool is {verdict}.

## Confidence
The errors above are those of the fused probability of the emotion; that of the pool ranges from {worst}.
Some emotions are rare in the validation data (FER+ Valid has two dozen of disgust), and each label is drawn equally often, so
the errors of the lines with a face are only known to a few hundredths.
The probability of the weighted rule is too low where face and voice agree, because a mean of two opinions is never
more confident than the more confident one, and because the text affects the decision but not the probability. The published `confidence` is the
calibrated probability for both methods: [Confidence](confidence.md).

The weighted rule remains the default: users rely on it, and the pool was never
measured on real people. To use the pool, change one setting.

## Terms
The coefficients were fitted on outputs of the three models for the sets named in their cards, some of which are for research and
non-commercial use only; none of the data is in this repository.
"""

CONFIDENCE_CARD = """# Confidence of the fused emotion

`confidence.json`: the probability that the emotion is right, for both methods of fusion, each set of modalities, and each kind of
decision (one candidate, several candidates, or candidates among which the text decided). The fused probability of the emotion is mapped by a
monotonic piecewise linear curve with five knots (`emoedge/fusion/confidence.py`). Made by
`python -m training.fusion.train` from the output of `python -m training.fusion.posteriors`.

| fused probability | {knots} |
|---|---|---|---|---|---|
{chances}

## Fitting and evaluation
Cases are drawn as for the [learned fusion](fusion.md), every label equally often, one opinion in twenty has another label; half of them are in-domain and half
out-of-domain. *In-domain* are faces of FER+ Valid, speakers of `uem` not used to train the networks, and text rows not used in
training. *Out-of-domain* are faces of the held-out part of RAF-DB, voices of ASED, SAVEE and TESS with networks trained without the set,
and texts of each set with a model trained without it. Half of the faces and some of the voices are degraded. The shipped face network
was trained on other images of RAF-DB, which makes these faces a little easier than those of strangers. The curves are fitted by maximum likelihood.

The groups (speakers, videos, rows) are halved: curves and pools fitted on each half are measured on the other, and the shipped ones are fitted on
both. Share of correct results, and expected calibration error of the fused probability ("before") and of the confidence ("after"); twice {draws}
cases at home and as many abroad a line:

| method, what took part | right at home | abroad | before: home | abroad | both | after: home | abroad | both |
|---|---|---|---|---|---|---|---|---|
{rows}

![reliability](figures/confidence_reliability.png)

One curve cannot fit both kinds: it is slightly too low in-domain and slightly too high out-of-domain. It applies to the default weight and margin, to recent
opinions, and to emotions that are equally frequent; it has not been measured on people with face, voice and words of one emotion at once.

## Terms
Fitted on outputs of the three models for the sets named in their cards, some of which are for research and non-commercial use only; none of
the data is in this repository.
"""
