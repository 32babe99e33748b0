"""Calibrate and measure the shipped face model: ``python -m training.face.evaluate --data DIR --out models``.

Everything goes through the deployed classifier. Balance and temperature are fitted on FER+ Valid; Test is
only measured. Writes ``face_emotion.json`` (read by the classifier), ``face_emotion.md`` and two figures.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from emoedge.doctor.self_check import drawn_face
from emoedge.emotions import EMOTIONS, softmax
from emoedge.face.align import from_crop
from emoedge.face.classify import FaceClassifier
from emoedge.face.detect import FaceDetector
from emoedge.face.quality import assess
from emoedge.face.still import classify_crop, classify_picture, crop_logits
from emoedge.files import sha256_of
from training.face import metrics
from training.face.card import write_card, write_figures
from training.face.data import load_ferplus_split
from training.face.net import FaceNet, multiply_adds
from training.face.robustness import DEGRADATIONS, randomly_degraded, whole_picture
from training.face.train import predict

MODEL = "face_emotion"

ROBUSTNESS_ROWS = 600
"""Test rows for the tables beside the main one, drawn once at random: intervals of about 3 points are enough
there."""


def judge(
    classifier: FaceClassifier, detector: FaceDetector, images: NDArray[np.uint8]
) -> NDArray[np.float32]:
    """Posteriors (N, 7) of crops of any size, by the way that ``classify face --crop`` goes."""
    return classifier.calibrated(np.stack([crop_logits(classifier, detector, image) for image in images]))


def judge_once(classifier: FaceClassifier, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Posteriors (N, 7) of crops, one view and its mirror image: what the daemon does with a frame."""
    return classifier.probabilities(np.stack([from_crop(image, classifier.size) for image in images]))


def write_sidecar(path: Path, content: dict[str, Any]) -> None:
    """Write the JSON beside the model."""
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def deployed_logits(
    model: Path, detector: FaceDetector, images: NDArray[np.uint8], *, mirror: bool
) -> NDArray[np.float32]:
    """Raw logits (N, 7) of an int8 model by the path of ``classify face --crop`` for unsure crops.

    Whatever its sidecar says: how sure it may be is yet to be fitted.
    """
    with TemporaryDirectory() as folder:
        copy = Path(shutil.copy(model, folder))
        write_sidecar(copy.with_suffix(".json"), neutral(mirror=mirror))
        classifier = FaceClassifier(copy)
        return np.stack([crop_logits(classifier, detector, image, sure=np.inf) for image in images])


def neutral(*, mirror: bool) -> dict[str, Any]:
    """The part of the sidecar that the classifier reads, before anything is fitted."""
    return {"labels": EMOTIONS, "temperature": 1.0, "bias": [0.0] * len(EMOTIONS), "mirror": mirror}


def calibrate(
    model: Path,
    detector: FaceDetector,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    *,
    mirror: bool,
) -> dict[str, Any]:
    """Fit balance and temperature on the int8 model's own logits and write a first sidecar."""
    logits = deployed_logits(model, detector, images, mirror=mirror)
    bias = metrics.fit_bias(logits, labels)
    temperature = metrics.fit_temperature(logits + bias, labels)
    fitted = {
        **neutral(mirror=mirror),
        "temperature": round(temperature, 4),
        "bias": [round(float(b), 4) for b in bias],
    }
    write_sidecar(model.with_suffix(".json"), fitted)
    return fitted


def summary(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> dict[str, Any]:
    """All scores of one set of rows."""
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
    """Accuracy and macro recall alone."""
    predicted = probabilities.argmax(axis=1)
    return {
        "accuracy": round(metrics.accuracy(predicted, labels), 4),
        "macro_recall": round(metrics.macro_recall(predicted, labels), 4),
    }


def float_scores(
    weights: Path, card: dict[str, Any], size: int, images: NDArray[np.uint8], labels: NDArray[np.int64]
) -> dict[str, float]:
    """The float network with the same calibration on the same rows."""
    net = FaceNet()
    net.load_state_dict(torch.load(weights, weights_only=True))
    logits = predict(net, images, size=size, mirror=card["mirror"], bf16=False)
    return brief(softmax(logits + np.array(card["bias"], np.float32), card["temperature"]), labels)


def degraded_scores(
    classifier: FaceClassifier, detector: FaceDetector, images: NDArray[np.uint8], labels: NDArray[np.int64]
) -> dict[str, dict[str, float]]:
    """Scores and mean quality under each degradation of the crops."""
    table = {}
    for name, degrade in {"as they are": lambda image: image, **DEGRADATIONS}.items():
        views = np.stack([degrade(image) for image in images])
        scores = brief(judge(classifier, detector, views), labels)
        scores["mean_quality"] = round(
            float(np.mean([assess(view, view.shape[0]).value for view in views])), 3
        )
        table[name] = scores
    return table


def picture_scores(
    classifier: FaceClassifier, detector: FaceDetector, images: NDArray[np.uint8], labels: NDArray[np.int64]
) -> dict[str, float]:
    """Crops set into 640 x 480 pictures and found again: what detection and alignment cost."""
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


def quality_table(
    classifier: FaceClassifier, detector: FaceDetector, images: NDArray[np.uint8], labels: NDArray[np.int64]
) -> list[dict[str, float]]:
    """Accuracy by quality over degraded crops: a useful estimate rises with it."""
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
    """Median time of the bare model and rate of the whole crop path in processor time, one thread."""
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
    """The recorded answer, and how far another runtime may be from it: two steps of the int8 output."""
    logits = classifier.logits(drawn_face(classifier.size)[None])[0]
    step = classifier._interpreter._outputs[0][1]  # noqa: SLF001
    return {"logits": [round(float(v), 4) for v in logits], "tolerance": round(2.01 * step, 4)}


def evaluate(data: Path, out: Path, weights: Path | None, *, mirror: bool = True) -> dict[str, Any]:
    """Calibrate, measure, and write sidecar, card and figures; returns the sidecar's content."""
    model = out / f"{MODEL}.tflite"
    valid_images, valid_labels = load_ferplus_split(data / "faces", "Valid")
    test_images, test_labels = load_ferplus_split(data / "faces", "Test")
    detector = FaceDetector(out / "face_detector.tflite")
    card = calibrate(model, detector, valid_images, valid_labels, mirror=mirror)
    classifier = FaceClassifier(model)
    probabilities = judge(classifier, detector, test_images)
    once = judge_once(classifier, test_images)
    some = np.random.default_rng(0).choice(
        len(test_images), min(ROBUSTNESS_ROWS, len(test_images)), replace=False
    )
    some_images, some_labels = test_images[some], test_labels[some]
    result: dict[str, Any] = {
        "valid": brief(judge(classifier, detector, valid_images), valid_labels),
        "test": summary(probabilities, test_labels),
        "test_one_view": summary(once, test_labels),
        "degraded": degraded_scores(classifier, detector, some_images, some_labels),
        "pictures": picture_scores(classifier, detector, some_images, some_labels),
        "quality": quality_table(classifier, detector, some_images, some_labels),
        "timing": timing(classifier, detector, test_images),
    }
    if weights is not None:
        result["float_test"] = float_scores(weights, card, classifier.size, test_images, test_labels)
    content = {
        **card,
        "name": MODEL,
        "sha256": sha256_of(model),
        "bytes": model.stat().st_size,
        "input": {
            "shape": [1, classifier.size, classifier.size, 1],
            "standardised": "mean 0, deviation 1, clip 4",
        },
        "multiply_adds": multiply_adds(FaceNet(), classifier.size),
        "data": ["FER+ (Train, without duplicates of Valid and Test)", "ExpW (subset, relabelled)"],
        "self_check": self_check(classifier),
        "metrics": result,
    }
    write_sidecar(model.with_suffix(".json"), content)
    write_figures(out / "figures", probabilities, test_labels)
    write_card(model.with_suffix(".md"), content)
    return content


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with faces/")
    parser.add_argument("--out", type=Path, default=Path("models"), help="folder with the model")
    parser.add_argument("--weights", type=Path, help="ema.pt, to compare with the float network")
    parser.add_argument(
        "--no-mirror", action="store_true", help="classify the crop alone, without its mirror image"
    )
    args = parser.parse_args()
    torch.set_num_threads(1)
    content = evaluate(args.data, args.out, args.weights, mirror=not args.no_mirror)
    print(json.dumps({key: value for key, value in content["metrics"].items() if key != "confusion"}))


if __name__ == "__main__":
    main()
