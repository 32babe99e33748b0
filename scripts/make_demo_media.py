#!/usr/bin/env python3
"""Make the picture and the sound of the demonstration clip: emoedge/data/demo/{portrait.jpg,speech.ogg}.

Run it after a change of emoedge.demo.clip.SENTENCES; needs espeak-ng and the `dev` extra.
"""

from __future__ import annotations

import io
import subprocess
import wave
from pathlib import Path

import av
import cv2
import numpy as np
import soxr
from skimage import data

from emoedge.demo import clip as demo_clip

TARGET = Path(demo_clip.__file__).parents[1] / "data" / "demo"
RATE = 16_000
LEVEL_DBFS = -22.0  # of the speech: what somebody at arm's length of a microphone gives
BIT_RATE = 56_000  # of the speech: transparent at 16 kHz
VOICE = ("-v", "es+f2", "-s", "135", "-p", "30")
# Head and shoulders in scikit-image's astronaut: left, top, right, bottom in pixels.
CROP = (95, 0, 355, 290)


def main() -> None:
    """Write both files."""
    TARGET.mkdir(parents=True, exist_ok=True)
    write_portrait(TARGET / "portrait.jpg")
    write_speech(TARGET / "speech.ogg")
    for path in sorted(TARGET.iterdir()):
        print(f"{path}: {path.stat().st_size} bytes")


def write_portrait(path: Path) -> None:
    """Cut head and shoulders out of the portrait."""
    left, top, right, bottom = CROP
    picture = data.astronaut()[top:bottom, left:right]
    cv2.imwrite(str(path), picture[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])


def write_speech(path: Path) -> None:
    """Speak every sentence at its time; digital silence between them costs no bytes."""
    track = np.zeros(round(demo_clip.DURATION_S * RATE), np.float32)
    for start_s, sentence in demo_clip.SENTENCES:
        speech = speak(sentence)
        begin = round(start_s * RATE)
        print(f"{start_s:5.1f} s to {start_s + len(speech) / RATE:5.1f} s: {sentence}")
        track[begin : begin + len(speech)] = speech
    samples = np.rint(np.clip(track, -1, 1) * 32767).astype(np.int16)
    with av.open(str(path), "w", format="ogg") as container:
        stream = container.add_stream("libopus", rate=RATE, layout="mono", bit_rate=BIT_RATE)
        frame = av.AudioFrame.from_ndarray(samples[None, :], format="s16", layout="mono")
        frame.sample_rate = RATE
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def speak(sentence: str) -> np.ndarray:
    """One sentence by espeak-ng: float32 at RATE, at LEVEL_DBFS."""
    command = ["espeak-ng", *VOICE, "--stdout", sentence]
    sound = subprocess.run(command, check=True, capture_output=True).stdout
    with wave.open(io.BytesIO(sound)) as reader:
        rate = reader.getframerate()
        samples = np.frombuffer(reader.readframes(reader.getnframes()), np.int16)
    speech = soxr.resample(samples.astype(np.float32) / 32768, rate, RATE)
    level = np.sqrt(np.mean(speech[np.abs(speech) > 0.001] ** 2))
    return speech * (10 ** (LEVEL_DBFS / 20) / level)


if __name__ == "__main__":
    main()
