"""One command per model, from raw data to card: `python -m training train|evaluate MODEL --data DIR`.

Every step keeps checkpoints in the work folder; an interrupted run is resumed. The steps are
modules of their own and can be called alone, with more options.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

Step = tuple[str, list[str]]

LEAVES_OUT = {("train", "text"), ("train", "voice")}
"""Trainings that can leave out a set."""


def steps(
    task: str,
    model: str,
    data: Path,
    work: Path,
    models: Path,
    *,
    scratch: bool = False,
    long: bool = False,
    left_out: str | None = None,
) -> list[Step]:
    """Return the modules to run in order, with their arguments; `left_out` names a set to train without."""
    source, store = ["--data", str(data)], str(models)
    train: dict[str, list[Step]] = {
        "face": face_long(source, work / "face", store)
        if long
        else face_rounds(source, work / "face", store, scratch=scratch),
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
                [*source, "--out", store, *face_decision(work / "face", made=task == "train")],
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
    if left_out is not None:
        return [(module, [*arguments, "--leave-out", left_out]) for module, arguments in train[model]]
    return train[model] + evaluate[model] if task == "train" else evaluate[model]


def face_decision(work: Path, *, made: bool) -> list[str]:
    """Return the runs of a training, or nothing where the sidecar's own decision is measured again."""
    decision = work / "decision.json"
    return ["--decision", str(decision), "--runs", str(work / "runs")] if made or decision.exists() else []


FACE_START = Path(__file__).parent / "face" / "checkpoints" / "ferplus_expw.tflite"
"""Network trained on FER+ and ExpW only: the start of every run."""
FACE_RUNS = ("all", "without_ckplus", "without_jaffe", "without_rafdb")
"""The shipped run, and one without each set on which strangers are measured."""


def face_start(source: list[str], work: Path, models: str) -> list[Step]:
    """Make the start of all runs from random weights: two trainings, and a fit of the last layer."""
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
            [*source, "--model", quantized, "--weights", learned, "--models", models, "--out", weights],
        ),
        ("training.face.export", [*source, "--weights", weights, "--out", str(work)]),
    ]


def face_rounds(source: list[str], work: Path, models: str, *, scratch: bool) -> list[Step]:
    """Train all runs from one start, decide on left-out sets, and export the shipped network."""
    start = str(work / "start" / "face_emotion.tflite") if scratch else str(FACE_START)
    held = str(work / "held")
    steps = face_start(source, work / "start", models) if scratch else []
    steps.append(("training.face.held", [*source, "--init", start, "--models", models, "--out", held]))
    how = ["--held", held, "--init", start]
    return steps + face_runs("training.face.transfer", how, FACE_RUNS, source, work, models)


FACE_KEPT = Path(__file__).parent / "face" / "checkpoints" / "scratch.pt"
"""Checkpoint from which the long training continues; without it, it starts from random weights."""


def face_long(source: list[str], work: Path, models: str) -> list[Step]:
    """Run the long training from random weights, over days, with its branches and the shipped network.

    RAF-DB is in the trunk of all branches, so no branch can leave it out.
    """
    trunk, runs = work / "trunk", ("all", "without_ckplus", "without_jaffe")
    init = ["--init", str(FACE_KEPT)] if FACE_KEPT.exists() else []
    how = [*source, "--models", models, *init, "--out", str(trunk)]
    finish = ["--models", models, "--init", str(trunk / "kept.pt"), "--finish"]
    return [
        ("training.face.scratch", how),
        *face_runs("training.face.scratch", finish, runs, source, work, models),
    ]


def face_runs(
    module: str, how: list[str], runs: tuple[str, ...], source: list[str], work: Path, models: str
) -> list[Step]:
    """Train and export every run, decide on those that left out a set, and export the shipped one."""
    samples, decision = str(work / "samples.npz"), str(work / "decision.json")
    steps: list[Step] = [("training.face.occlusion", [*source, "--models", models, "--out", samples])]
    for run in runs:
        folder = work / "runs" / run
        left_out = [] if run == "all" else ["--leave-out", run.removeprefix("without_")]
        steps.append((module, [*source, *how, "--out", str(folder), *left_out]))
        to_file = ["--weights", str(folder / "ema.pt"), "--samples", samples, "--out", str(folder)]
        steps.append(("training.face.export", [*source, *to_file]))
    decide = ["--runs", str(work / "runs"), "--models", models, "--out", decision]
    steps.append(("training.face.offsets", [*source, *decide]))
    to_file = ["--weights", str(work / "runs" / "all" / "ema.pt"), "--samples", samples, "--out", models]
    return [*steps, ("training.face.export", [*source, *to_file])]


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
    parser.add_argument(
        "--from-scratch", action="store_true", help="face: begin with random weights, four hours more"
    )
    parser.add_argument(
        "--long",
        action="store_true",
        help="face: go on with the training from random weights that takes days",
    )
    parser.add_argument("--leave-out", metavar="SET", help="train without this set; models/ is not touched")
    options = parser.parse_args()
    if options.leave_out and (options.task, options.model) not in LEAVES_OUT:
        parser.error("--leave-out: a set can be left out of the training of: text, voice")
    if options.model != "vosk_demo" and not options.data.is_dir():
        parser.error(f"no folder {options.data}: say where the data sets are with --data (docs/training.md)")
    where = options.data, options.work, options.models
    for module, arguments in steps(
        options.task,
        options.model,
        *where,
        scratch=options.from_scratch,
        long=options.long,
        left_out=options.leave_out,
    ):
        print(f"== python -m {module} {' '.join(arguments)}", file=sys.stderr, flush=True)
        # Separate processes: libvosk hangs when it is loaded into a process that has loaded PyTorch.
        done = subprocess.run([sys.executable, "-m", module, *arguments], check=False)
        if done.returncode:
            sys.exit(done.returncode)


if __name__ == "__main__":
    main()
