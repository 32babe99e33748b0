"""Peers of the face path: `fer` with its default detector, YuNet with our classifier, a bare encode.

All run on the same decoded frames, on one core, as often as our path and in turn with it. `fer` has its own
environment under build/, which keeps its TensorFlow and OpenCV separate.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from emoedge.bench.measure import keep_to_one_core
from emoedge.bench.stages import bare_encode
from emoedge.capture.media import MediaReader
from emoedge.config import Settings
from emoedge.frames import AudioBlock, Frame
from emoedge.model_store import resolve
from emoedge.model_store.manifest import FACE_CLASSIFIER
from emoedge.pipeline.perception import build_face

FER: Final = "fer==25.10.3"
FER_NEEDS: Final = (
    "tensorflow-cpu",
    "opencv-contrib-python-headless<5",
    "setuptools<81",
    "moviepy<2",
    "pandas",
    "requests",
    "ffmpeg-python",
    "pillow",
    "matplotlib",
    "tqdm",
)
"""Packages that fer 25.10.3 imports; facenet-pytorch is not needed by its default detector."""
YUNET_SIZE: Final = (320, 240)
FER_FRAMES: Final = 60
"""Number of frames for fer, spread over the clip: each takes a tenth of a second."""
ENCODE_S: Final = 10.0
"""Seconds of the clip that are encoded."""

_FER_PROGRAM: Final = """
import json, sys, time
import numpy as np, cv2, tensorflow as tf
cv2.setNumThreads(1)
tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)
from fer.fer import FER
frames = np.load(sys.argv[1])
judge = FER()
judge.detect_emotions(frames[0])
taken, seen = [], 0
for frame in frames:
    begun = time.process_time()
    seen += len(judge.detect_emotions(frame))
    taken.append(time.process_time() - begun)
print(json.dumps({"frames": len(frames), "faces_per_frame": seen / len(frames), "cpu_s_per_frame": sum(taken) / len(taken)}))
"""  # noqa: E501


def measure_peers(
    settings: Settings,
    clip: Path,
    build: Path,
    yunet: Path | None,
    *,
    fer: bool,
    say: Callable[[str], None],
    rounds: int = 2,
) -> tuple[dict[str, Any], dict[str, str]]:
    """Measure the processor time per frame of our face path, the peers and a bare encode.

    Args:
        settings: settings for our models.
        clip: video clip.
        build: folder for the environment of fer.
        yunet: ONNX file of YuNet.
        fer: whether to measure fer.
        say: callback for progress messages.
        rounds: number of rounds of our path and YuNet, in turn.

    Returns:
        (figures by peer, reason by peer that could not be measured).
    """
    keep_to_one_core()
    import cv2

    cv2.setNumThreads(1)
    frames: list[Frame] = []
    blocks: list[AudioBlock] = []
    for item in MediaReader(clip):
        (frames if isinstance(item, Frame) else blocks).append(item)  # type: ignore[arg-type]
    peers: dict[str, Any] = {}
    skipped: dict[str, str] = {}
    work: dict[str, Callable[[], tuple[int, float]]] = {"face_path": lambda: _ours(settings, frames)}
    if yunet is None or not yunet.is_file():
        skipped["yunet"] = f"no model{f' at {yunet}' if yunet else ''}; pass --yunet FILE"
    else:
        work["yunet"] = lambda: _yunet(settings, frames, yunet)
    taken: dict[str, list[tuple[int, float]]] = {name: [] for name in work}
    for _turn in range(rounds):
        for name, run in work.items():
            say(name)
            taken[name].append(run())
    for name, runs in taken.items():
        peers[name] = {
            "frames": len(frames),
            "faces_per_frame": round(runs[0][0] / len(frames), 4),
            "cpu_s_per_frame": round(statistics.median(cpu_s for _seen, cpu_s in runs) / len(frames), 6),
        }
    say("encode")
    peers["encode"] = _encode(frames, blocks)
    if fer:
        say("fer")
        try:
            peers["fer"] = _fer(frames, build, say)
        except (subprocess.SubprocessError, OSError, ValueError) as error:
            skipped["fer"] = f"{type(error).__name__}: {error}"[:200]
    else:
        skipped["fer"] = "not requested"
    return peers, skipped


def _ours(settings: Settings, frames: list[Frame]) -> tuple[int, float]:
    """Return the number of faces found and the processor time for all frames."""
    stage = build_face(settings)
    begun, seen = time.process_time(), 0
    for frame in frames:
        seen += len(stage.process(frame).faces)
    return seen, time.process_time() - begun


def _yunet(settings: Settings, frames: list[Frame], model: Path) -> tuple[int, float]:
    """Run YuNet on every frame at 320 x 240, then our classifier on the crop of every face."""
    import cv2

    from emoedge.face.classify import FaceClassifier

    detector = cv2.FaceDetectorYN.create(str(model), "", YUNET_SIZE)
    classifier = FaceClassifier(resolve(FACE_CLASSIFIER, settings.paths.models))
    begun, seen = time.process_time(), 0
    for frame in frames:
        picture = cv2.cvtColor(frame.data, cv2.COLOR_YUV2BGR_I420)
        small = cv2.resize(picture, YUNET_SIZE, interpolation=cv2.INTER_AREA)
        _count, faces = detector.detect(small)
        for face in () if faces is None else faces:
            x, y, width, height = (face[:4] * (frame.width / YUNET_SIZE[0])).astype(int)
            part = frame.luma[max(0, y) : y + height, max(0, x) : x + width]
            if part.size:
                crop = cv2.resize(part, (classifier.size, classifier.size), interpolation=cv2.INTER_AREA)
                classifier.probabilities(np.asarray(crop, np.uint8)[None])
                seen += 1
    return seen, time.process_time() - begun


def _encode(frames: list[Frame], blocks: list[AudioBlock]) -> dict[str, Any]:
    end_s = frames[0].time_s + ENCODE_S
    frames = [frame for frame in frames if frame.time_s < end_s]
    blocks = [block for block in blocks if block.time_s < end_s]
    media_s = min(ENCODE_S, frames[-1].time_s - frames[0].time_s + 1e-9)
    bare_encode(frames[:5], [])  # selects the encoder
    taken = []
    for _ in range(3):
        begun = time.process_time()
        bare_encode(frames, blocks)
        taken.append(time.process_time() - begun)
    return {"media_s": round(media_s, 2), "cpu_s_per_media_s": round(statistics.median(taken) / media_s, 5)}


def _fer(frames: list[Frame], build: Path, say: Callable[[str], None]) -> dict[str, Any]:
    python = _fer_environment(build, say)
    every = max(1, len(frames) // FER_FRAMES)
    pictures = build / "fer-frames.npy"
    np.save(pictures, np.stack([frame.bgr for frame in frames[::every]]))
    environment = os.environ | {
        "OMP_NUM_THREADS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "",
    }
    done = subprocess.run(
        [str(python), "-c", _FER_PROGRAM, str(pictures)],
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
        env=environment,
    )
    pictures.unlink()
    if done.returncode:
        raise ValueError((done.stderr.strip().splitlines() or ["no reason given"])[-1])
    figures: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return figures


def _fer_environment(build: Path, say: Callable[[str], None]) -> Path:
    """Return the Python of an environment with fer, which the first call creates."""
    folder = build / "peer-fer"
    python = folder / "bin" / "python"
    if not (folder / ".ready").exists():
        say(f"installing {FER} with TensorFlow into {folder} (minutes)")
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, capture_output=True)
        pip = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        subprocess.run([*pip, *FER_NEEDS], check=True, capture_output=True, timeout=3600)
        subprocess.run([*pip, "--no-deps", FER], check=True, capture_output=True, timeout=600)
        (folder / ".ready").touch()
    return python
