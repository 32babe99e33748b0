#!/usr/bin/env python3
"""Make the picture and the sound of the demonstration clip: emoedge/data/demo/{portrait.jpg,speech.ogg}.

Run `python -m scripts.make_demo_media` after a change of emoedge.demo.clip.SENTENCES. Needs the `dev` extra
and what `scripts/demo_voice.py` names. The styles come from `scripts/tune_demo_voice.py`.
"""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
from skimage import data

from emoedge.demo import clip as demo_clip
from scripts.demo_voice import RATE, Style, speak

TARGET = Path(demo_clip.__file__).parents[1] / "data" / "demo"
BIT_RATE = 56_000  # of the speech: transparent at 16 kHz
CALM = Style(
    height=9.78,
    expand=0.92,
    slope=-1.2,
    arch=1.5,
    final=-2.08,
    tremor=0.03,
    jitter=0.08,
    tempo=1.14,
    tract=1.0,
    tilt=-2.0,
    effort=0.02,
    swell=-2.91,
    accent=0.0,
    breath=0.1,
    gain=0.1,
)
JOYFUL = Style(
    height=15.58,
    expand=2.2,
    slope=0.01,
    arch=6.0,
    final=6.32,
    tremor=0.29,
    jitter=0.3,
    tempo=1.17,
    tract=1.02,
    tilt=-1.88,
    effort=1.33,
    swell=4.84,
    accent=0.13,
    breath=0.28,
    gain=4.45,
)
SURPRISED = Style(
    height=17.87,
    expand=3.84,
    slope=-4.0,
    arch=2.79,
    final=10.0,
    tremor=0.24,
    jitter=0.1,
    tempo=1.18,
    tract=1.01,
    tilt=0.33,
    effort=0.92,
    swell=1.16,
    accent=0.0,
    breath=0.1,
    gain=1.62,
)
SAD = Style(
    height=10.34,
    expand=0.23,
    slope=-0.8,
    arch=0.0,
    final=0.0,
    tremor=0.12,
    jitter=0.09,
    tempo=0.81,
    tract=0.94,
    tilt=-5.0,
    effort=0.65,
    swell=-5.32,
    accent=0.2,
    breath=0.5,
    gain=-2.96,
)
CHEERFUL = Style(
    height=14.29,
    expand=1.74,
    slope=-2.85,
    arch=6.0,
    final=1.83,
    tremor=0.22,
    jitter=0.27,
    tempo=1.07,
    tract=1.02,
    tilt=-2.0,
    effort=3.0,
    swell=-2.66,
    accent=0.57,
    breath=0.0,
    gain=4.52,
)
STYLES = {
    "hola buenos días": CALM,
    "son las tres de la tarde": CALM,
    "qué alegría verte": JOYFUL,
    "qué sorpresa no me lo esperaba": SURPRISED,
    "estoy muy triste hoy": SAD,
    "te echo mucho de menos": CHEERFUL,
}
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
    for start_s, words, *_ in demo_clip.SENTENCES:
        speech = speak(words, STYLES[words])
        begin = round(start_s * RATE)
        print(f"{start_s:5.1f} s to {start_s + len(speech) / RATE:5.1f} s: {words}")
        track[begin : begin + len(speech)] += speech.astype(np.float32)
    samples = np.rint(np.clip(track, -1, 1) * 32767).astype(np.int16)
    with av.open(str(path), "w", format="ogg") as container:
        stream = container.add_stream("libopus", rate=RATE, layout="mono", bit_rate=BIT_RATE)
        frame = av.AudioFrame.from_ndarray(samples[None, :], format="s16", layout="mono")
        frame.sample_rate = RATE
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


if __name__ == "__main__":
    main()
