"""Card and plots of the face model, rendered from measured figures only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emoedge.emotions import EMOTIONS
from training.face import metrics
from training.face.offsets import LEAST_ACCURACY, MOST_DOUBT, SEEN, SESSIONS


def write_figures(
    folder: Path,
    probabilities: NDArray[np.float32],
    labels: NDArray[np.int64],
    curves: dict[str, dict[str, list[float]]],
) -> None:
    """Confusion matrix, reliability diagram, baseline curves: `face_confusion.png`, `face_reliability.png`, `face_baseline.png`."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    folder.mkdir(parents=True, exist_ok=True)
    table = metrics.confusion(probabilities.argmax(axis=1), labels)
    share = table / table.sum(axis=1, keepdims=True)
    figure, axes = plt.subplots(figsize=(6, 5.4), layout="constrained")
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for i in range(len(EMOTIONS)):
        for j in range(len(EMOTIONS)):
            ink = "white" if share[i, j] > 0.5 else "black"
            axes.text(
                j, i, f"{share[i, j]:.2f}\n{table[i, j]}", ha="center", va="center", color=ink, fontsize=8
            )
    axes.set_xticks(range(len(EMOTIONS)), EMOTIONS, rotation=40, ha="right")
    axes.set_yticks(range(len(EMOTIONS)), EMOTIONS)
    axes.set_xlabel("predicted")
    axes.set_ylabel("majority of the annotators")
    axes.set_title(f"FER+ Test, {len(labels):,} faces")
    figure.savefig(folder / "face_confusion.png", dpi=110)
    plt.close(figure)

    parts = metrics.reliability(probabilities, labels)
    figure, axes = plt.subplots(figsize=(5, 4.6), layout="constrained")
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=1)
    confidence, hits, rows = (np.array(column) for column in zip(*parts, strict=True))
    axes.plot(confidence, hits, color="#0072B2", linewidth=1)
    axes.scatter(confidence, hits, s=8 + 400 * rows / rows.sum(), color="#0072B2")
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="top probability", ylabel="accuracy")
    axes.set_title(f"Expected calibration error {metrics.calibration_error(probabilities, labels):.3f}")
    figure.savefig(folder / "face_reliability.png", dpi=110)
    plt.close(figure)

    figure, axes = plt.subplots(figsize=(5, 4), layout="constrained")
    for name, curve in curves.items():
        mean = np.mean(list(curve.values()), axis=0)
        axes.plot(range(len(mean)), mean, marker="o", markersize=3, linewidth=1, label=name)
    axes.set_xticks(range(len(SEEN)), [str(seen) for seen in SEEN])
    axes.set(xlabel="looks at the person before", ylabel="macro recall, mean of the left-out sets")
    axes.legend(fontsize=6)
    figure.savefig(folder / "face_baseline.png", dpi=110)
    plt.close(figure)


def _percent(pair: list[float]) -> str:
    return f"{pair[0]:.3f} to {pair[1]:.3f}"


def _table(header: str, rows: list[str]) -> str:
    columns = header.count("|") - 1
    return "\n".join([header, "|" + "---|" * columns, *rows])


MACHINE = "x86-64 with AVX-512 and AMX, LiteRT, two busy cores"
"""Machine on which the times in the card were measured."""

HISTORY = """The start is a network trained on FER+ and ExpW only (`training/face/checkpoints/ferplus_expw.tflite`; two trainings of 97 and 118
minutes, `training.face.train`, and a map of its logits fitted to FER+ Valid, `training.face.rescale`). It has not been trained on RAF-DB, Extended Cohn-Kanade
or JAFFE, so it is a fair start for every run that leaves out one of them.

`training.face.transfer` continues the training of its last block (two thirds of the weights) and last layer: 2,400 batches of 128 views, under three minutes of processor time,
50 FER+ (its votes, with 35 % of the first network's opinion), 40 RAF-DB (labels smoothed by 0.1; without copies of test and held-out images), 16 ExpW
(labels mixed with the first network's opinion), 14 Extended Cohn-Kanade, 8 JAFFE (smoothed by 0.2). Stem and the first three blocks are frozen; their output
for augmented views (mirror, size, aspect, shift, turn, blur, low resolution, JPEG, gamma, side light, low light, noise, patches) is
computed once (`training.face.held`). SGD, rate 0.02, half a cosine; averaged weights; seed 1. Seven offsets for each set are learned with the weights.
`training/face/checkpoints` contains the result in half precision, from which training can continue.

The outputs for covered and askew faces are logistic regressions on the same features (`training.face.occlusion`), fitted to images of RAF-DB, FER+ and Extended
Cohn-Kanade with masks, hands, objects, dark and clear glasses drawn onto them, and rotated by 55 degrees and more.

The start, before RAF-DB and the posed sets: FER+ Test 0.873 / 0.788 (calibration error 0.022), RAF-DB Test 0.737 / 0.586 (0.139), Extended Cohn-Kanade 0.821 / 0.769
(0.148), JAFFE 0.451 / 0.450 (0.464). This training improves RAF-DB, JAFFE and the calibration on strangers, and adds the reasons for covered and askew
faces. It costs three points on FER+, where confidence is now below accuracy, and Extended Cohn-Kanade, left out, did not improve.
With 1,200 batches instead of 2,400, on the held-out tenth of RAF-DB with its own offsets, accuracy / macro recall were 0.777 / 0.667, now 0.787 / 0.691: a longer training of
more blocks could improve the result. A crop tighter by a tenth lost 2.7 points on FER+ Valid inserted into frames and a point on JAFFE left out, and was reverted;
the Test parts had been measured once with it (FER+ 0.841 / 0.779, RAF-DB 0.793 / 0.676). The threshold of a covered mouth was
relaxed after RAF-DB Test had shown 1.4 % without a result (0.986 with a result before, 0.993 after), and the limits on the offsets and on the
temperature were set after left-out and validation figures were known: the figures above are therefore slightly optimistic."""


SET_NAMES = {
    "ckplus": "Extended Cohn-Kanade, six classes",
    "jaffe": "JAFFE, through detection",
    "rafdb": "RAF-DB Test",
}


def _stranger_row(name: str, row: dict[str, Any]) -> str:
    return (
        f"| {name} | {row['rows']} | {row['answered']:.3f} | {row['accuracy']:.3f} ({_percent(row['accuracy_95'])}) "
        f"| {row['macro_recall']:.3f} ({_percent(row['macro_recall_95'])}) "
        f"| {row['calibration_error']:.3f} ({row['calibration_by_chance']:.3f}), {row['confidence_bias']:+.3f} |"
    )


def _strangers(figures: dict[str, Any]) -> str:
    rows = [_stranger_row("RAF-DB Test, RAF-DB trained on", figures["rafdb_test"])]
    rows += [_stranger_row(f"{SET_NAMES[name]}, left out", row) for name, row in figures["left_out"].items()]
    header = "| set | rows | answered | accuracy | macro recall | calibration error (by chance), confidence less accuracy |"
    return _table(header, rows)


def _without_with(figures: dict[str, Any]) -> str:
    """Return the benefit of a set's own images in training: the run without it beside the one with it."""
    known = figures["trained_on"] | {"rafdb": figures["rafdb_test"]}
    rows = [
        f"| {SET_NAMES[name]} | {row['accuracy']:.3f} / {row['macro_recall']:.3f} "
        f"| {known[name]['accuracy']:.3f} / {known[name]['macro_recall']:.3f} "
        f"| {row['calibration_error']:.3f} | {known[name]['calibration_error']:.3f} |"
        for name, row in figures["left_out"].items()
    ]
    return _table("| set | trained without | trained with | calibration error, without | with |", rows)


def _distance(figures: dict[str, Any]) -> str:
    def value(row: dict[str, Any], name: str, digits: int) -> str:
        return f"{row[name]:.{digits}f}" if name in row else "–"

    rows = [
        f"| {row['metres']:.1f} | {row['pixels']} | {row['frame_width']} | {row['min_size']} | {row['found']:.2f} "
        f"| {value(row, 'seconds', 1)} | {row['answered']:.2f} | {value(row, 'accuracy_of_answered', 2)} |"
        for row in figures["distance"]
    ]
    header = "| metres | face, pixels | picture's width | `min_size` | found | after seconds | answered | accuracy of the answers |"
    return _table(header, rows)


def _groups(figures: dict[str, Any]) -> str:
    """Return the table of two visual inspections of the same images; only the table is kept."""
    header = "| seen in both passes | rows | agreement (κ) | accuracy | expected by its emotions | all others | mean confidence |"
    rows = [
        f"| {row['group']} | {row['rows']} | {row['kappa']:.2f} | {row['accuracy']:.2f} ({row['accuracy_95'][0]:.2f} to "
        f"{row['accuracy_95'][1]:.2f}) | {row['by_its_emotions']:.2f} | {row['others']:.2f} | {row['confidence']:.2f} |"
        for row in figures["groups"]["groups"]
    ]
    return _table(header, rows)


def _stranger_recalls(figures: dict[str, Any]) -> str:
    rows = {"RAF-DB Test": figures["rafdb_test"]} | {
        SET_NAMES[n] + ", left out": r for n, r in figures["left_out"].items()
    }
    return _table(
        "| recall | " + " | ".join(EMOTIONS) + " |",
        [
            f"| {name} | "
            + " | ".join(f"{row['recall'][e]:.2f}" if e in row["recall"] else "–" for e in EMOTIONS)
            + " |"
            for name, row in rows.items()
        ],
    )


def _baseline(decision: dict[str, Any]) -> str:
    rows = []
    for name, table in decision["baseline_curves"].items():
        rows += [
            f"| {name} | {SET_NAMES[part].split(',')[0]} | "
            + " | ".join(f"{value:.3f}" for value in values)
            + " |"
            for part, values in table.items()
        ]
    return _table("| | left out | " + " | ".join(str(seen) for seen in SEEN) + " |", rows)


def _answers(table: dict[str, dict[str, float]], first: str, *, noticed: bool = False) -> str:
    header = f"| {first} | found | answered | accuracy of the answers | mean quality |" + (
        " noticed |" if noticed else ""
    )
    return _table(
        header,
        [
            f"| {name} | {row['found']:.3f} | {row['answered']:.3f} | {row['accuracy_of_answered']:.3f} | {row['mean_quality']:.2f} |"
            + (f" {row['noticed']:.3f} |" if noticed else "")
            for name, row in table.items()
        ],
    )


def write_card(path: Path, content: dict[str, Any]) -> None:
    """Render `face_emotion.md` from the sidecar's content."""
    figures = content["metrics"]
    test, pictures, speed = figures["test"], figures["pictures"], figures["timing"]
    recalls = _table(
        "| emotion | rows | recall |",
        [
            f"| {name} | {sum(test['confusion'][i])} | {test['recall'][name]:.3f} |"
            for i, name in enumerate(EMOTIONS)
        ],
    )
    degraded = _table(
        "| crops | accuracy | macro recall | mean quality |",
        [
            f"| {name} | {row['accuracy']:.3f} | {row['macro_recall']:.3f} | {row['mean_quality']:.2f} |"
            for name, row in figures["degraded"].items()
        ],
    )
    quality = _table(
        "| quality from | share of faces | accuracy |",
        [f"| {row['from']:.2f} | {row['share']:.3f} | {row['accuracy']:.3f} |" for row in figures["quality"]],
    )
    once, decision = figures["test_one_view"], content["decision"]
    size = content["input"]["shape"][1]
    views = (
        "the mean of the logits of the crop and of its mirror image"
        if content["mirror"]
        else "the logits of the crop"
    )
    text = f"""# face_emotion.tflite

Seven emotions from a gray face crop of {size} × {size} pixels: a residual network of plain 3 × 3 convolutions, int8 in and out.

| | |
|---|---|
| file | `face_emotion.tflite`, {content["bytes"]:,} bytes, SHA-256 `{content["sha256"]}` |
| cost | {content["multiply_adds"] / 1e6:.1f} M multiply-adds; {speed["model_ms"]:.2f} ms a run, one thread, {MACHINE} |
| rate | {speed["crops_per_second"]:.0f} crops a second through `classify face --crop` on one thread (processor time), same machine |
| input | (1, {size}, {size}, 1) int8: luma, mean 0 and deviation 1 over the crop, clipped at 4, quantized |
| output | (1, {7 + len(content["conditions"])}) int8: logits of {", ".join(EMOTIONS)}; a quarter of the log-odds of {", ".join(content["conditions"])} |
| after it | {views}; class balance and temperature {content["temperature"]:.3f} from `face_emotion.json` |
| runtimes | ai-edge-litert 2.3.0; tflite-runtime 2.14.0 ran the file before this one, which has the same operators |

## Accuracy
FER+ Test, 7 classes, majority mode, {test["rows"]:,} faces, through the deployed classifier (`emoedge classify face --crop`).
Intervals are 95 % bootstrap over faces. Offsets and temperature were decided on left-out sets (below).

| | value | 95 % interval |
|---|---|---|
| accuracy | **{test["accuracy"]:.4f}** | {_percent(test["accuracy_95"])} |
| macro recall | **{test["macro_recall"]:.4f}** | {_percent(test["macro_recall_95"])} |
| macro F1 | {test["macro_f1"]:.4f} | |
| expected calibration error | {test["calibration_error"]:.4f} | |
| accuracy / macro recall on Valid | {figures["valid"]["accuracy"]:.4f} / {figures["valid"]["macro_recall"]:.4f} | |

A still image is classified more than once: first the unchanged crop, and, unless the result is certain to 90 %, two views of the face that the
detector finds in it, with half of the weight; each with its mirror image. The daemon, which sees a face repeatedly, classifies one view (and its mirror
image) per frame, which alone scores {once["accuracy"]:.4f} / {once["macro_recall"]:.4f}, calibration error {once["calibration_error"]:.4f}.
For comparison, on the same rows: `fer` 25.10.3 0.674 / 0.657, `facex` 1.1.0 0.473 / 0.516.

{recalls}

![confusion matrix](figures/face_confusion.png) ![reliability](figures/face_reliability.png)

## Strangers
Results for sets on which neither the network nor its offsets and temperature were fitted. Each row "left out" is from a network trained
in the same way without that set. A missing result counts as wrong. For Extended Cohn-Kanade only its 927 peaks count, best of six.

{_strangers(figures)}

{_stranger_recalls(figures)}

Accuracy / macro recall of the same sets with the run without them and with the shipped one. For Extended Cohn-Kanade and JAFFE the shipped run was
trained on the same images; for RAF-DB the Test part is measured and the training part was used:

{_without_with(figures)}

Training gives every set its own seven offsets; in production the mixture is {decision["shares"]["ferplus"]:.1f} FER+, {decision["shares"]["rafdb"]:.1f} RAF-DB,
{decision["shares"]["posed"]:.1f} posed sets, chosen for the best mean of accuracy and macro recall over FER+ Valid, a tenth of RAF-DB kept out of training, and
Extended Cohn-Kanade and JAFFE left out, with an accuracy of at least {LEAST_ACCURACY} on FER+ Valid; the temperature is the one with the lowest mean log-loss over the four, or the
highest at which confidence on FER+ Valid is {MOST_DOUBT} under accuracy. JAFFE would need a higher temperature than FER+ allows.
Accuracy / macro recall of the logits on these sets: {"; ".join(f"{name} {a:.3f} / {m:.3f}" for name, (a, m) in decision["decided_on"].items())}.

## By group
{figures["groups"]["rows"]} pictures of the held-out tenth of RAF-DB, drawn at random and sorted visually by one observer in two passes in different
order; accuracy of all {figures["groups"]["accuracy"]:.2f}, with the file of SHA-256 `{figures["groups"]["sha256"][:12]}…`. In gray images of 64 pixels the colour of skin is
hard to determine. "Expected" is the mean over the group of the accuracy of faces with the same label in the whole sample.

{_groups(figures)}

The intervals are wide: a difference of ten points would not be visible in the smaller groups.

## The person's baseline
Macro recall of all seven classes after a number of results for the same person, 70 % of them neutral (simulated sessions, {SESSIONS} for each picture).
`face.adapt` and `classify face --adapt` take {decision["baseline"]["strength"]} of the difference off, a pseudo-count of {decision["baseline"]["pseudo_count"]:.0f}.

{_baseline(decision)}

![baseline curves](figures/face_baseline.png)

## Through detection
{pictures["rows"]:,} of the same faces set into 640 × 480 pictures at 120 to 260 pixels, found by the detector and cut upright: found
{pictures["found"]:.3f}; of those, accuracy {pictures["accuracy_of_found"]:.3f} and macro recall {pictures["macro_recall_of_found"]:.3f};
accuracy over all {pictures["accuracy_of_all"]:.3f}. The 48-pixel originals are enlarged for this, so it measures detection and
alignment, not a camera.

## At a distance
{figures["distance"][0]["rows"]} of JAFFE's whole pictures, heads with hair and neck, scaled so that the detector's box has the given width, in frames of a camera's size with
noise and JPEG, analysed by the daemon's own stage for up to ten seconds. Metres are for a face 15 cm wide and a view of 60 degrees. These images were used in training: only the
loss from row to row is meaningful.

{_distance(figures)}

`face.min_size` (0.06: 28.8 pixels of 640 × 480, 2.9 m) sets the resolution of the search while nobody is tracked: the parts of the frame are so small that such
a face is 18 pixels wide in the detector's input, where 0.98 of the heads are found; at 14 pixels 0.03 are. Parts of 0.6 of the frame's height
would not find faces under about 36 pixels. A smaller `min_size` reaches farther, but the search of the frame takes longer. A higher resolution of the same scene does not find more faces, because the
detector sees every part at 128 pixels; it makes the 48-pixel crop sharper.

## Robustness
{pictures["rows"]:,} of the same faces, drawn at random.

{degraded}

## Covered and turned
{pictures["rows"]:,} of the same faces, enlarged, with occluders drawn over them; `classify face --crop`. There is no result where a mouth is clearly covered or a crop
clearly askew; "noticed" is the share with the reason `covered`.

{_answers(figures["covered"], "drawn", noticed=True)}

Whole images rotated in their plane, in degrees; `classify face`:

{_answers(figures["rolled"], "turned by")}

## Quality and abstention
Crops with up to two random degradations and a random size, by the quality estimate of each result. Below
`face.min_quality` (default 0.15) the daemon gives no emotion.

{quality}

## Training
{HISTORY}

## Data and terms
| set | images used | terms |
|---|---|---|
| FER2013 with the FER+ votes (Goodfellow et al. 2013; Barsoum et al. 2016) | about 27,000 | images from web search, for research; the FER+ labels are MIT |
| ExpW, a part (Zhang et al. 2018) | 42,159 | for non-commercial research |
| RAF-DB, basic classes (Li, Deng, Du 2017) | about 11,000 | for research, not to be passed on |
| Extended Cohn-Kanade (Lucey et al. 2010) | 1,502 | for research; pictures of subjects not to be published |
| JAFFE (Lyons et al. 1998) | 213 | for non-commercial research, pictures not to be passed on or published |

No set is part of this repository. Whether weights trained on them may be used commercially is not settled: ask a lawyer.

## Known weaknesses
* It classifies expressions as ten crowd workers labelled photographs from the web, most of them posed, acted or chosen for effect. It
does not know what a person feels.
* Disgust and fear are rare in FER+ (18 and 83 faces in Test): their recalls are uncertain, see the intervals. Fear is confused with
surprise, disgust with anger, and sadness with neutral, also by people; sadness is
classified as neutral more often than the reverse.
* No set records age, sex or ethnicity; a visual sorting is above ("By group"). According to other studies, web sets like these are mostly
adult, light-skinned and Western; expect more errors on others and on old people.
* The quality estimate mistakes noise for sharpness; covered mouths and eyes are not always noticed (see the table above).
* Faces turned by more than about 45 degrees, covered mouths and strong blur reduce the accuracy considerably (table above).
* Inferring emotions of people at work or in education is prohibited in the European Union (Regulation 2024/1689, article 5).
"""
    path.write_text(text, encoding="utf-8")
