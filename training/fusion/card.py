"""The card and the reliability diagram of the learned fusion, rendered from measured figures alone."""

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
    """Where the pool is below the rule or below the best modality, in words."""
    lost = [
        name
        for name, line in table.items()
        if line["recall"]["learned"] < max(v for who, v in line["recall"].items() if who != "learned")
    ]
    if not lost:
        return "at least level with every modality alone and with the rule in each line above"
    return "below the rule or the best modality in: " + "; ".join(lost)


def worst(table: dict[str, dict[str, Any]]) -> str:
    """The range of the pool's calibration error, in words."""
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
from what `python -m training.fusion.posteriors` wrote; both in one: `python -m training train fusion`.

| | weight | exponent of the reliability | constant of the age (not learned) |
|---|---|---|---|
{weights}

| what takes part | sharpness | share of the bias |
|---|---|---|
{subsets}

## How it was made and measured
Triples are drawn at random with the same label from validation data of the three models: faces of FER+ Valid
(half of them degraded), speakers of `uem` left out of the voice networks that judge them (clean, and with noise at 5 dB), and
text rows that training never saw, as transcripts with errors. Modalities are left out at random, and one in twenty is
of another label. The groups (speakers, videos, rows) are halved: pools fitted on each half are measured on the other, and
what ships is fitted on both. **These are not people
who felt something**: nobody in the data shows, says and sounds the same emotion at once, so the figures compare
ways of combining, they do not predict accuracy.

Macro recall, and the expected calibration error of the fused probability of what is named, on the half that was not fitted on; twice {draws} cases a line, every
label equally often. "Degraded" faces are blurred, noisy, dark or small at random, degraded voices have noise at 5 dB.

| what is there | face | voice | text | rule | learned | error of the rule | error of the learned |
|---|---|---|---|---|---|---|---|
{rows}

![reliability](figures/fusion_reliability.png)

The pool is {verdict}.

## Confidence
The errors above are those of the fused probability of what is named; that of the pool goes from {worst}.
Some emotions are rare in the validation data (FER+ Valid has two dozen of disgust), and each label is drawn equally often, so
the errors of the lines with a face are themselves known to a few hundredths only.
The probability of the weighted rule says less than the rule knows wherever face and voice agree, because a mean of two opinions is never
surer than the surer one, and because the text moves the decision but not the probability. What is published as `confidence` is the
chance behind it, for both methods: [Confidence](confidence.md).

The weighted rule of the original stays the default: it is the contract that its users rely on, and the pool was never
measured on people. The pool is one setting away.

## Terms
The coefficients were fitted on answers of the three models to the sets named in their cards, some of which are for research and
non-commercial use only; none of the data is in this repository.
"""

CONFIDENCE_CARD = """# Confidence of the fused emotion

`confidence.json`: the chance that the emotion named is right, for both methods of fusion, for each set of modalities that took part, and by
whether nothing was in doubt, a doubt stands, or the text settled it. The fused probability of the emotion named is looked up on a line
through five knots, which never falls (`emoedge/fusion/confidence.py`). Made by
`python -m training.fusion.train` from what `python -m training.fusion.posteriors` wrote.

| fused probability | {knots} |
|---|---|---|---|---|---|
{chances}

## How it was made and measured
Cases are drawn as for the [learned fusion](fusion.md), every label equally often, one opinion in twenty meant for another label; half of them at home and half
abroad. *At home* are faces of FER+ Valid, speakers of `uem` that the networks had not heard, and text rows that training had not
read. *Abroad* are faces of the held-out part of RAF-DB, voices of ASED, SAVEE and TESS by networks that heard nothing of the set,
and texts of each set by a model that had read nothing of it. Half of the faces and some of the voices are degraded. RAF-DB itself
is known to the shipped face network, which makes faces abroad a little easier than strangers are. The lines are of maximum likelihood.

The groups (speakers, videos, rows) are halved: lines and pools fitted on each half are measured on the other, and what ships is fitted on
both. Share of right answers, and expected calibration error of the fused probability ("before") and of the chance ("after"); twice {draws}
cases at home and as many abroad a line:

| method, what took part | right at home | abroad | before: home | abroad | both | after: home | abroad | both |
|---|---|---|---|---|---|---|---|---|
{rows}

![reliability](figures/confidence_reliability.png)

One line cannot serve both: it says a little too little at home and a little too much abroad. It holds for the default weight and margin, for opinions
that are fresh, and for emotions that are equally frequent; of people who show, say and sound something at once nobody has measured it.

## Terms
Fitted on answers of the three models to the sets named in their cards, some of which are for research and non-commercial use only; none of
the data is in this repository.
"""
