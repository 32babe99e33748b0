"""Make the clips on which the decision is measured: `python -m benchmarks.heads MEDIA SPEECH OUT`.

MEDIA is a folder with clips of faces, SPEECH one with `index.csv` and `clips.zip` of Spanish utterances, OUT
a folder. Needs ffmpeg. The clips in CHOOSING are those that chose the settings; those in JUDGING, with other
faces and other speakers, were looked at less; those in CHECKING were measured once, when all was chosen.
"""

from __future__ import annotations

import argparse
import csv
import random
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from emoedge.capture.media import hear
from emoedge.frames import SAMPLE_RATE_HZ

PAUSE_S: Final = 0.8
"""Between two utterances: long enough to end them."""


class Head(NamedTuple):
    """A face and a voice, each from the start again at its end.

    Attributes:
        name: of the clip.
        face: file of MEDIA.
        part_s: stretch of it with a face in view, or None for all of it.
        voice: file of MEDIA, or a speaker of SPEECH, or None for the face's own sound.
        seconds: length.
    """

    name: str
    face: str
    part_s: tuple[float, float] | None
    voice: str | None
    seconds: float


_WOMAN: Final = "expressive_woman_silent.mp4"
CHOOSING: Final = (
    Head("head_synthetic", _WOMAN, None, "synthetic_spanish.wav", 91.0),
    Head("head_acted", _WOMAN, None, "uem03", 91.0),
    Head("talking_man_1", "talking_man_1.mpg", None, None, 18.0),
    Head("talking_man_2", "talking_man_2.mpg", None, None, 18.0),
    Head("woman", _WOMAN, None, None, 19.6),
)
JUDGING: Final = (
    Head("judge_woman", _WOMAN, None, "uem09", 60.0),
    Head("judge_man_1", "talking_man_1.mpg", None, "uem05", 60.0),
    Head("judge_man_2", "talking_man_2.mpg", None, "uem12", 60.0),
    Head("judge_leaving", "face_then_none.mov", (0.0, 2.0), "uem07", 60.0),
    Head("judge_entering", "none_then_face.mov", (4.0, 6.3), "uem10", 60.0),
)
CHECKING: Final = (
    Head("check_woman_1", _WOMAN, None, "uem01", 60.0),
    Head("check_woman_2", _WOMAN, None, "uem06", 60.0),
    Head("check_man_1", "talking_man_1.mpg", None, "uem04", 60.0),
    Head("check_man_2", "talking_man_2.mpg", None, "uem11", 60.0),
)


def spoken(speech: Path, speaker: str, seconds: float) -> NDArray[np.int16]:
    """Utterances of a speaker in an order by chance (the same each time), int16 (n,) with pauses."""
    with (speech / "index.csv").open(encoding="utf-8", newline="") as rows:
        files = [row["file"] for row in csv.DictReader(rows) if row["speaker"] == speaker]
    random.Random(26).shuffle(files)
    pause = np.zeros(round(PAUSE_S * SAMPLE_RATE_HZ), np.int16)
    parts: list[NDArray[np.int16]] = []
    with zipfile.ZipFile(speech / "clips.zip") as clips, tempfile.TemporaryDirectory() as folder:
        for name in files:
            path = Path(folder) / Path(name).name
            path.write_bytes(clips.read(name))
            parts += [np.round(hear(path).samples * 32767).astype(np.int16), pause]
            if sum(map(len, parts)) >= seconds * SAMPLE_RATE_HZ:
                break
    return np.concatenate(parts)


def make(head: Head, media: Path, speech: Path, out: Path) -> Path:
    """Write a clip; one that is there stays."""
    path = out / f"{head.name}.mp4"
    if path.is_file():
        return path
    out.mkdir(parents=True, exist_ok=True)
    face = media / head.face
    part = ["-ss", str(head.part_s[0]), "-t", str(head.part_s[1] - head.part_s[0])] if head.part_s else []
    with tempfile.TemporaryDirectory() as folder:
        looped = Path(folder) / "face.mp4"
        encode = ["-c:v", "libx264", "-crf", "12", "-preset", "veryfast", "-pix_fmt", "yuv420p"]
        _ffmpeg(*part, "-i", str(face), *encode, "-c:a", "aac", str(looped))
        sound = ["-stream_loop", "-1", "-i", str(looped if head.voice is None else media / head.voice)]
        given = b""
        if head.voice is not None and not (media / head.voice).is_file():
            sound = ["-f", "s16le", "-ar", str(SAMPLE_RATE_HZ), "-ac", "1", "-i", "-"]
            given = spoken(speech, head.voice, head.seconds).tobytes()
        wanted = ["-map", "0:v", "-map", "1:a?", "-t", str(head.seconds), "-c:v", "copy", "-c:a", "aac"]
        _ffmpeg("-stream_loop", "-1", "-i", str(looped), *sound, *wanted, str(path), given=given)
    return path


def _ffmpeg(*arguments: str, given: bytes = b"") -> None:
    subprocess.run(["ffmpeg", "-v", "error", "-y", *arguments], check=True, input=given)


def main() -> int:
    """Make all clips."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.heads", description=__doc__)
    parser.add_argument("media", type=Path)
    parser.add_argument("speech", type=Path)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    for head in (*CHOOSING, *JUDGING, *CHECKING):
        print(make(head, options.media, options.speech, options.out))
    return 0


if __name__ == "__main__":
    sys.exit(main())
