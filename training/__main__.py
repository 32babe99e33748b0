"""One command a model, from raw data to card: `python -m training train|evaluate MODEL --data DIR`.

Every step keeps checkpoints in the work folder; a run that was broken off goes on where it was. The steps are
modules of their own and can be called alone, with more options.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

Step = tuple[str, list[str]]


def steps(task: str, model: str, data: Path, work: Path, models: Path) -> list[Step]:
    """The modules to run, in order, with their arguments."""
    source, store = ["--data", str(data)], str(models)
    weights = str(work / "face" / "ema.pt")
    train: dict[str, list[Step]] = {
        "face": face_rounds(source, work / "face", store),
        "voice": [("training.voice.train", [*source, "--out", str(work / "voice"), "--models", store])],
        "text": [("training.text.train", [*source, "--out", store, "--cache", str(work / "text")])],
        "vosk_demo": [("training.vosk_demo.train", ["--out", str(models / "vosk-es-demo")])],
        "fusion": [
            (
                "training.fusion.posteriors",
                [
                    *source,
                    "--voice",
                    str(work / "voice"),
                    "--text",
                    str(work / "text"),
                    "--models",
                    store,
                    "--out",
                    str(work / "fusion"),
                ],
            ),
            ("training.fusion.train", ["--posteriors", str(work / "fusion"), "--out", store]),
        ],
    }
    evaluate: dict[str, list[Step]] = {
        "face": [
            (
                "training.face.evaluate",
                [*source, "--out", store, *(["--weights", weights] if Path(weights).exists() else [])],
            )
        ],
        "voice": [("training.voice.evaluate", [*source, "--out", str(work / "voice"), "--models", store])],
        "text": [
            (
                "training.text.evaluate",
                [*source, "--models", store, "--work", str(work / "text")],
            )
        ],
        "vosk_demo": [("training.vosk_demo.evaluate", [str(models / "vosk-es-demo")])],
        "fusion": train["fusion"][1:],
    }
    return train[model] + evaluate[model] if task == "train" else evaluate[model]


def face_rounds(source: list[str], work: Path, store: str) -> list[Step]:
    """Two trainings one after the other; then the last layer is fitted to the majority of the annotators."""
    first, second, weights = work / "first", work / "second", str(work / "ema.pt")
    learned, quantized = str(second / "ema.pt"), str(second / "face_emotion.tflite")
    return [
        ("training.face.train", [*source, "--out", str(first)]),
        (
            "training.face.train",
            [*source, "--init", str(first / "ema.pt"), "--out", str(second), "--seed", "2"],
        ),
        ("training.face.export", [*source, "--weights", learned, "--out", str(second)]),
        (
            "training.face.rescale",
            [*source, "--model", quantized, "--weights", learned, "--models", store, "--out", weights],
        ),
        ("training.face.export", [*source, "--weights", weights, "--out", store]),
    ]


def main() -> None:
    """Run the steps of one model."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m training")
    parser.add_argument("task", choices=["train", "evaluate"], help="train also evaluates")
    parser.add_argument("model", choices=["face", "voice", "text", "vosk_demo", "fusion"])
    parser.add_argument(
        "--data", type=Path, default=Path("data"), help="folder with faces/, speech/ and text/"
    )
    parser.add_argument("--work", type=Path, default=Path("build/training"), help="checkpoints and caches")
    parser.add_argument(
        "--models", type=Path, default=Path("models"), help="where model and card are written"
    )
    options = parser.parse_args()
    if options.model != "vosk_demo" and not options.data.is_dir():
        parser.error(f"no folder {options.data}: say where the data sets are with --data (docs/training.md)")
    for module, arguments in steps(options.task, options.model, options.data, options.work, options.models):
        print(f"== python -m {module} {' '.join(arguments)}", file=sys.stderr, flush=True)
        # A process each: libvosk waits for ever when it is loaded into one that has loaded PyTorch.
        done = subprocess.run([sys.executable, "-m", module, *arguments], check=False)
        if done.returncode:
            sys.exit(done.returncode)


if __name__ == "__main__":
    main()
