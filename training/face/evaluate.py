"""Measure the shipped face model: `python -m training.face.evaluate --data DIR --out models`.

Everything goes through the deployed classifier, with what `training.face.offsets` has decided (`--decision`,
or what the sidecar holds already); the Test parts of FER+ and RAF-DB are only measured. With `--runs` the
sets that were left out of a run are measured by that run's network, otherwise the sidecar's figures of them
stay. Writes `face_emotion.json` (read by the classifier), `face_emotion.md` and three figures.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from emoedge.doctor.self_check import drawn_face
from emoedge.emotions import EMOTIONS
from emoedge.face.align import from_crop
from emoedge.face.classify import CONDITIONS, FaceClassifier, FaceResult
from emoedge.face.detect import FaceDetector
from emoedge.face.quality import assess
from emoedge.face.still import classify_crop, classify_picture, crop_outputs
from emoedge.files import sha256_of
from training.face import metrics
from training.face.card import write_card, write_figures
from training.face.corpora import load_ckplus, load_jaffe, load_rafdb
from training.face.data import load_ferplus_split
from training.face.distance import distance_scores
from training.face.net import FaceNet, multiply_adds
from training.face.occlusion import (
    draw_clear_glasses,
    draw_dark_glasses,
    draw_hand,
    draw_mask,
    draw_thing,
    found_face,
)
from training.face.restore import restore
from training.face.robustness import DEGRADATIONS, randomly_degraded, whole_picture
from training.face.sidecar import neutral, write_sidecar
from training.face.strangers import stranger_scores, trained_on_scores

MODEL = "face_emotion"

ROBUSTNESS_ROWS = 400
"""Number of random test rows for the secondary tables, in which intervals of about 4 points are enough."""


def judge(
    classifier: FaceClassifier,
    detector: FaceDetector,
    images: Sequence[NDArray[np.uint8]] | NDArray[np.uint8],
) -> NDArray[np.float32]:
    """Return posteriors (N, 7) of crops of any size, as `classify face --crop` computes them."""
    return classifier.calibrated(
        np.concatenate([crop_outputs(classifier, detector, image).logits for image in images])
    )


def judge_once(classifier: FaceClassifier, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return posteriors (N, 7) of crops from one view and its mirror image, as the daemon computes them."""
    return classifier.probabilities(np.stack([from_crop(image, classifier.size) for image in images]))


def deployed_logits(
    model: Path, detector: FaceDetector, images: NDArray[np.uint8], *, mirror: bool
) -> NDArray[np.float32]:
    """Return raw logits (N, 7) of an int8 model by the path of `classify face --crop` for uncertain crops.

    The calibration in its sidecar is ignored, because it has not been fitted yet.
    """
    with TemporaryDirectory() as folder:
        copy = Path(shutil.copy(model, folder))
        write_sidecar(copy.with_suffix(".json"), neutral(mirror=mirror))
        classifier = FaceClassifier(copy)
        return np.concatenate(
            [crop_outputs(classifier, detector, image, sure=np.inf).logits for image in images]
        )


def summary(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> dict[str, Any]:
    """Return all scores of one set of rows."""
    predicted = probabilities.argmax(axis=1)
    return {
        "rows": len(labels),
        "accuracy": round(metrics.accuracy(predicted, labels), 4),
        "accuracy_95": [round(v, 4) for v in metrics.interval(metrics.accuracy, predicted, labels)],
        "macro_recall": round(metrics.macro_recall(predicted, labels), 4),
        "macro_recall_95": [round(v, 4) for v in metrics.interval(metrics.macro_recall, predicted, labels)],
        "macro_f1": round(metrics.macro_f1(predicted, labels), 4),
        "recall": dict(zip(EMOTIONS, [round(r, 4) for r in metrics.recalls(predicted, labels)], strict=True)),
        "calibration_error": round(metrics.calibration_error(probabilities, labels), 4),
        "confusion": metrics.confusion(predicted, labels).tolist(),
    }


def brief(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> dict[str, float]:
    """Return only accuracy and macro recall."""
    predicted = probabilities.argmax(axis=1)
    return {
        "accuracy": round(metrics.accuracy(predicted, labels), 4),
        "macro_recall": round(metrics.macro_recall(predicted, labels), 4),
    }


def degraded_scores(
    classifier: FaceClassifier, detector: FaceDetector, images: NDArray[np.uint8], labels: NDArray[np.int64]
) -> dict[str, dict[str, float]]:
    """Return scores and mean quality under each degradation of the crops."""
    table = {}
    for name, degrade in {"as they are": lambda image: image, **DEGRADATIONS}.items():
        views = np.stack([degrade(image) for image in images])
        scores = brief(judge(classifier, detector, views), labels)
        scores["mean_quality"] = round(
            float(np.mean([classify_crop(classifier, detector, view).quality for view in views])), 3
        )
        table[name] = scores
    return table


def picture_scores(
    classifier: FaceClassifier, detector: FaceDetector, images: NDArray[np.uint8], labels: NDArray[np.int64]
) -> dict[str, float]:
    """Measure the cost of detection and alignment on crops that are inserted into 640 x 480 frames."""
    rng = np.random.default_rng(0)
    found, hit, predicted = [], [], []
    for image, label in zip(images, labels, strict=True):
        result = classify_picture(classifier, detector, whole_picture(image, rng))
        found.append(result.emotion is not None)
        index = EMOTIONS.index(result.emotion) if result.emotion else -1
        predicted.append(index)
        hit.append(index == label)
    rows = np.array(found)
    recall = metrics.macro_recall(np.array(predicted)[rows], labels[rows])
    return {
        "rows": len(labels),
        "found": round(float(np.mean(found)), 4),
        "accuracy_of_found": round(float(np.mean(np.array(hit)[rows])), 4),
        "macro_recall_of_found": round(recall, 4),
        "accuracy_of_all": round(float(np.mean(hit)), 4),
    }


ROLLED_ROWS = 100
ROLLS_DEG = (0, 20, 40, 60, 90, 135, 180)


def rolled_scores(
    classifier: FaceClassifier, detector: FaceDetector, images: NDArray[np.uint8], labels: NDArray[np.int64]
) -> dict[str, dict[str, float]]:
    """Measure whole images that are rotated in their plane."""
    table = {}
    for roll in ROLLS_DEG:
        rng = np.random.default_rng(0)
        results = []
        for image in images:
            picture = whole_picture(image, rng)
            centre = (picture.shape[1] / 2, picture.shape[0] / 2)
            turned = cv2.warpAffine(
                picture,
                cv2.getRotationMatrix2D(centre, roll, 0.75),
                picture.shape[1::-1],
                borderMode=cv2.BORDER_REPLICATE,
            )
            results.append(classify_picture(classifier, detector, np.asarray(turned, np.uint8)))
        table[str(roll)] = answer_scores(results, labels)
    return table


def answer_scores(results: list[FaceResult], labels: NDArray[np.int64]) -> dict[str, float]:
    """Return the shares of faces found and classified, the accuracy, and the mean quality of found faces."""
    found = [result for result in results if result.reason != "no_face"]
    hits = [
        result.emotion == EMOTIONS[label]
        for result, label in zip(results, labels, strict=True)
        if result.emotion is not None
    ]
    return {
        "found": round(len(found) / len(labels), 3),
        "answered": round(len(hits) / len(labels), 3),
        "accuracy_of_answered": round(float(np.mean(hits)), 3) if hits else float("nan"),
        "mean_quality": round(float(np.mean([result.quality for result in found])), 3) if found else 0.0,
    }


def covered_scores(
    classifier: FaceClassifier, detector: FaceDetector, images: NDArray[np.uint8], labels: NDArray[np.int64]
) -> dict[str, dict[str, float]]:
    """Measure crops with occluders drawn over the face, and whether they are detected."""
    table = {}
    for draw in (None, draw_clear_glasses, draw_dark_glasses, draw_mask, draw_hand, draw_thing):
        rng = np.random.default_rng(3)
        results = []
        chosen = []
        for image, label in zip(images, labels, strict=True):
            face = found_face(image, detector)
            if face is None:
                continue
            if draw is not None:
                draw(face, rng)
            results.append(classify_crop(classifier, detector, face.image))
            chosen.append(label)
        name = "as they are" if draw is None else draw.__name__.removeprefix("draw_").replace("_", " ")
        table[name] = answer_scores(results, np.array(chosen))
        table[name]["noticed"] = round(
            float(np.mean(["covered" in result.quality_reasons for result in results])), 3
        )
    return table


def quality_table(
    classifier: FaceClassifier, detector: FaceDetector, images: NDArray[np.uint8], labels: NDArray[np.int64]
) -> list[dict[str, float]]:
    """Return the accuracy by quality over degraded crops, which should rise with the quality."""
    views, sides = randomly_degraded(images, seed=1)
    values = np.array([assess(view, float(side)).value for view, side in zip(views, sides, strict=True)])
    hit = judge(classifier, detector, views).argmax(axis=1) == labels
    table = []
    for low, high in ((0.0, 0.15), (0.15, 0.35), (0.35, 0.55), (0.55, 0.75), (0.75, 1.01)):
        rows = (values >= low) & (values < high)
        if rows.any():
            share, right = float(rows.mean()), float(hit[rows].mean())
            table.append({"from": low, "share": round(share, 4), "accuracy": round(right, 4)})
    return table


def timing(classifier: FaceClassifier, detector: FaceDetector, images: NDArray[np.uint8]) -> dict[str, float]:
    """Measure the median time of the bare model and the rate of the crop path, on one thread."""
    single = classifier._interpreter.quantize(np.zeros((1, classifier.size, classifier.size, 1), np.float32))  # noqa: SLF001
    times = []
    for _ in range(300):
        began = time.perf_counter()
        classifier._interpreter.run_quantized(single)  # noqa: SLF001
        times.append(time.perf_counter() - began)
    began = time.process_time()
    for image in images[:500]:
        classify_crop(classifier, detector, image)
    rate = len(images[:500]) / (time.process_time() - began)
    return {"model_ms": round(1000 * float(np.median(times)), 3), "crops_per_second": round(rate, 1)}


def self_check(classifier: FaceClassifier) -> dict[str, Any]:
    """Return the recorded output and the tolerance for other runtimes: two steps of the int8 output."""
    logits = classifier.logits(drawn_face(classifier.size)[None])[0]
    step = classifier._interpreter._outputs[0][1]  # noqa: SLF001
    return {"logits": [round(float(v), 4) for v in logits], "tolerance": round(2.01 * step, 4)}


SETS_IN_TRAINING = [
    "FER+ (Train, without duplicates of Valid and Test)",
    "ExpW (subset, relabelled)",
    "RAF-DB (train, without copies of test pictures)",
    "Extended Cohn-Kanade",
    "JAFFE",
]


def fitted(decision: dict[str, Any], run: str) -> dict[str, Any]:
    """Return the part of the sidecar that the classifier reads, for the network of a run."""
    return {
        **neutral(),
        "temperature": decision["temperature"],
        "bias": decision["bias"][run],
        "baseline": decision["baseline"],
    }


def run_classifier(runs: Path, run: str, decision: dict[str, Any]) -> FaceClassifier:
    """Return the classifier of a run that left out a set."""
    with TemporaryDirectory() as folder:
        copy = Path(shutil.copy(runs / run / f"{MODEL}.tflite", folder))
        write_sidecar(copy.with_suffix(".json"), fitted(decision, run))
        return FaceClassifier(copy)


def left_out_scores(
    data: Path, runs: Path, decision: dict[str, Any], detector: FaceDetector
) -> dict[str, Any]:
    """Measure sets that a run has not seen, with its network and the shipped decision."""
    faces = data / "faces"
    result = {}
    for name, run, corpus in (
        ("ckplus", "without_ckplus", load_ckplus(faces)),
        ("jaffe", "without_jaffe", load_jaffe(faces)),
        ("rafdb", "without_rafdb", load_rafdb(faces, "test")),
    ):
        if not (runs / run / f"{MODEL}.tflite").exists():
            continue
        classifier = run_classifier(runs, run, decision)
        how = {"whole": name == "jaffe", "posed": name == "ckplus"}
        result[name] = stranger_scores(classifier, detector, corpus, **how)
    return result


def evaluate(
    data: Path, out: Path, decision_file: Path | None, runs: Path | None, only: Sequence[str] = ()
) -> dict[str, Any]:
    """Measure, and write sidecar, card and plots; return the content of the sidecar.

    Args:
        data: folder that contains `faces/`.
        out: folder with the model.
        decision_file: output of `training.face.offsets`; by default the sidecar's own decision.
        runs: folder with the networks that left out a set.
        only: names of the metrics to measure, by default all; the others are taken from the sidecar.
    """
    model = out / f"{MODEL}.tflite"
    sidecar = model.with_suffix(".json")
    before = json.loads(sidecar.read_text(encoding="utf-8")) if sidecar.exists() else {}
    decision = json.loads(decision_file.read_text(encoding="utf-8")) if decision_file else before["decision"]
    write_sidecar(sidecar, fitted(decision, "all"))
    valid_images, valid_labels = load_ferplus_split(data / "faces", "Valid")
    test_images, test_labels = load_ferplus_split(data / "faces", "Test")
    detector = FaceDetector(out / "face_detector.tflite")
    classifier = FaceClassifier(model)
    rows = min(ROBUSTNESS_ROWS, len(test_images))
    some = np.random.default_rng(0).choice(len(test_images), rows, replace=False)
    sample = classifier, detector, test_images[some], test_labels[some]
    few = classifier, detector, test_images[some][:ROLLED_ROWS], test_labels[some][:ROLLED_ROWS]

    def test() -> dict[str, Any]:
        probabilities = judge(classifier, detector, test_images)
        write_figures(out / "figures", probabilities, test_labels, decision["baseline_curves"])
        return summary(probabilities, test_labels)

    def rafdb_test() -> dict[str, Any]:
        corpus = load_rafdb(data / "faces", "test")
        return stranger_scores(classifier, detector, corpus, whole=False, posed=False)

    parts: dict[str, Callable[[], Any]] = {
        "valid": lambda: brief(judge(classifier, detector, valid_images), valid_labels),
        "test": test,
        "test_one_view": lambda: summary(judge_once(classifier, test_images), test_labels),
        "rafdb_test": rafdb_test,
        "trained_on": lambda: trained_on_scores(data, classifier, detector),
        "degraded": lambda: degraded_scores(*sample),
        "pictures": lambda: picture_scores(*sample),
        "rolled": lambda: rolled_scores(*few),
        "covered": lambda: covered_scores(*sample),
        "quality": lambda: quality_table(*sample),
        "distance": lambda: distance_scores(data, classifier, detector),
        "timing": lambda: timing(classifier, detector, test_images),
    }
    if runs:
        parts["left_out"] = lambda: left_out_scores(data, runs, decision, detector)
    measured = {name: make() for name, make in parts.items() if not only or name in only}
    content = {
        **fitted(decision, "all"),
        "name": MODEL,
        "sha256": sha256_of(model),
        "bytes": model.stat().st_size,
        "input": {
            "shape": [1, classifier.size, classifier.size, 1],
            "standardised": "mean 0, deviation 1, clip 4",
        },
        "conditions": CONDITIONS,
        "multiply_adds": multiply_adds(
            FaceNet(restore(model).widths, conditions=len(CONDITIONS)), classifier.size
        ),
        "data": SETS_IN_TRAINING,
        "self_check": self_check(classifier),
        "decision": decision,
        "metrics": before.get("metrics", {}) | measured,
    }
    write_sidecar(sidecar, content)
    write_card(model.with_suffix(".md"), content)
    return content


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with faces/")
    parser.add_argument("--out", type=Path, default=Path("models"), help="folder with the model")
    parser.add_argument("--decision", type=Path, help="file of training.face.offsets")
    parser.add_argument("--runs", type=Path, help="folder with the networks that left a set out")
    parser.add_argument(
        "--only", nargs="+", default=(), metavar="METRIC", help="such as: distance trained_on"
    )
    args = parser.parse_args()
    torch.set_num_threads(1)
    content = evaluate(args.data, args.out, args.decision, args.runs, args.only)
    print(json.dumps({key: value for key, value in content["metrics"].items() if key != "confusion"}))


if __name__ == "__main__":
    main()
