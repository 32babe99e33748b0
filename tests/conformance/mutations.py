"""Damaged files of ten formats, each played, classified and transcribed in a child of its own with limits.

`python -m tests.conformance.mutations [COUNT]` prints what became of them. A child that crashes, hangs, needs
too much memory, or raises anything but an error for the user is a failure, and its file is kept.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from emoedge.capture.media import hear, read_image
from emoedge.capture.notes import Notes
from emoedge.errors import EmoedgeError
from emoedge.face.classify import FaceClassifier
from emoedge.face.detect import FaceDetector
from emoedge.face.still import classify_picture
from emoedge.pipeline import Pipeline
from emoedge.pipeline.transcripts import Transcriber
from emoedge.speech.factory import open_recogniser

from .judge import MODELS, ffmpeg, repository_settings, write_base

LIMIT_S: Final = 30
LIMIT_BYTES: Final = 1_000_000_000
ADDRESS_SPACE_BYTES: Final = 6_000_000_000
"""Libraries map much that they never touch; what counts is what is resident."""
FORMATS: Final = {
    "mp4": "-t 1 -c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac",
    "mkv": "-t 1 -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -pix_fmt yuv420p -c:a libopus",
    "avi": "-t 1 -c:v mjpeg -q:v 5 -pix_fmt yuvj420p -c:a pcm_s16le",
    "ts": "-t 1 -c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac",
    "wav": "-t 1 -vn -c:a pcm_s16le",
    "caf": "-t 1 -vn -c:a pcm_s16be",
    "flac": "-t 1 -vn -c:a flac",
    "opus": "-t 1 -vn -c:a libopus",
    "gif": "-t 0.4 -an -vf scale=160:-2 -r 5",
    "jpg": "-an -frames:v 1 -q:v 4 -pix_fmt yuvj420p",
}
EXTREMES: Final = tuple(
    bytes.fromhex(value) for value in ("00000000", "ffffffff", "7fffffff", "ffffff7f", "80000000", "00000001")
)


def mutated(whole: bytes, random: np.random.Generator) -> bytes:
    """The file with one to three kinds of damage."""
    data = bytearray(whole)
    for _ in range(random.integers(1, 4)):
        at = int(random.integers(0, max(1, len(data))))
        if random.random() < 0.5:  # headers are where it hurts
            at = int(random.integers(0, max(1, min(len(data), 600))))
        length = int(random.integers(1, 400))
        match random.integers(0, 6):
            case 0:
                for place in random.integers(0, max(1, len(data)), 20):
                    data[place : place + 1] = random.bytes(1)
            case 1:
                data[at : at + 4] = EXTREMES[random.integers(len(EXTREMES))]
            case 2:
                del data[at : at + length]
            case 3:
                data[at:at] = random.bytes(length)
            case 4:
                data[at : at + length] = data[: len(data[at : at + length])]
            case _:
                del data[max(at, 1) :]
    return bytes(data) or b"\0"


class Commands:
    """What the commands do, with models that are loaded once."""

    def __init__(self) -> None:
        settings = repository_settings()
        self._pipeline = Pipeline(settings)
        self._transcriber = Transcriber(open_recogniser("vosk", MODELS / "vosk-es-demo"))
        self._classifier = FaceClassifier(MODELS / "face_emotion.tflite")
        self._detector = FaceDetector(MODELS / "face_detector.tflite")

    def run(self, path: Path) -> str:
        """Play, transcribe, classify; a letter for each: . is an answer, e an error with a remedy."""
        commands = (self._replay, self._transcribe, self._voice, self._face)
        return "".join(self._said(command, path) for command in commands)

    def _said(self, command: Callable[[Path], object], path: Path) -> str:
        try:
            command(path)
        except EmoedgeError as error:
            assert error.remedy, f"no remedy: {error}"  # noqa: PT017
            assert "\n" not in str(error)  # noqa: PT017
            return "e"
        return "."

    def _replay(self, path: Path) -> object:
        return [outcome.to_payload() for outcome in self._pipeline.replay(path)]

    def _transcribe(self, path: Path) -> object:
        return self._transcriber.transcribe(path)

    def _voice(self, path: Path) -> object:
        return hear(path)

    def _face(self, path: Path) -> object:
        return classify_picture(self._classifier, self._detector, read_image(path, Notes(str(path))), None)


def in_child(commands: Commands, path: Path) -> tuple[str, int]:
    """What became of a file, and the memory of its child, bytes."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE_BYTES, ADDRESS_SPACE_BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(LIMIT_S)
        try:
            said = commands.run(path)
        except BaseException:  # noqa: BLE001 - whatever it is, it is what we look for
            said = traceback.format_exc()
        os.write(writer, said.encode()[-4000:])
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read().decode(errors="replace")
    _, status, usage = os.wait4(child, 0)
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        said = "hang" if number == signal.SIGALRM else f"crash: {signal.Signals(number).name}"
    return said, usage.ru_maxrss * 1024


def main(count: int, seed: int = 1) -> int:
    """Make and try so many files; the number of failures."""
    kept = Path(tempfile.gettempdir()) / "emoedge-mutations"
    commands = Commands()
    failures = 0
    figures: dict[str, Counter[str]] = {name: Counter() for name in FORMATS}
    largest, started_s = 0, time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        base = write_base(Path(folder))
        whole = {}
        for suffix, options in FORMATS.items():
            path = Path(folder) / f"whole.{suffix}"
            ffmpeg("-i", base, *options.split(), path)
            whole[suffix] = path.read_bytes()
        for number in range(count):
            suffix = list(FORMATS)[number % len(FORMATS)]
            random = np.random.default_rng((seed, number))
            path = Path(folder) / f"{number}.{suffix}"
            path.write_bytes(mutated(whole[suffix], random))
            said, memory = in_child(commands, path)
            largest = max(largest, memory)
            figures[suffix].update(said if set(said) <= set(".e") else ["!"])
            if set(said) - set(".e") or memory > LIMIT_BYTES:
                failures += 1
                kept.mkdir(exist_ok=True)
                (kept / path.name).write_bytes(path.read_bytes())
                print(f"{kept / path.name}: {memory / 1e6:.0f} MB: {said}", flush=True)  # noqa: T201
            path.unlink()
    for suffix, counts in figures.items():
        counted = f"{counts['.']} answers, {counts['e']} errors with a remedy, {counts['!']} failures"
        print(f"{suffix}: {counted}")  # noqa: T201
    took_s = time.monotonic() - started_s
    print(f"{count} files, {failures} failures, {largest / 1e6:.0f} MB, {took_s:.0f} s")  # noqa: T201
    return failures


if __name__ == "__main__":
    sys.exit(bool(main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)))
