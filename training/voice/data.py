"""The speech corpora: index, decoded clips, and the part of each clip that holds speech.

`DIR/speech/index.csv` has one row a clip (file, set, language, speaker, emotion, sentence);
`DIR/speech/clips.zip` holds the sound. Decoding takes half a minute and is kept in a cache file.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emoedge.emotions import INDEX
from emoedge.voice.contours import HOP, MIN_SAMPLES, SAMPLE_RATE, contours

TARGET_SET: Final = "uem"
"""Spanish, non-actors, all seven emotions: the set that is measured, one speaker left out at a time."""
TERMS: Final = {
    "uem": (
        "UEM / EmoMatchSpanishDB (Garcia-Cuesta et al. 2023)",
        "Spanish (Spain)",
        "research only, see its authors",
    ),
    "emovo": ("EMOVO (Costantini et al. 2014)", "Italian", "research, see its authors"),
    "ravdess": ('RAVDESS (Livingstone & Russo 2018; without "calm")', "English", "CC BY-NC-SA 4.0"),
    "emodb": ("EmoDB (Burkhardt et al. 2005)", "German", "free for research, see its authors"),
    "nemo": ("nEMO (Christop 2024)", "Polish", "CC BY-NC-SA 4.0"),
    "urdu": ("URDU (Latif et al. 2018; talk shows)", "Urdu", "see its authors"),
}
"""Name, language and terms of each set."""
SPEAKERS: Final = {
    "uem": "14 in the copy used here, of the 50 of the original; no actors; elicited",
    "emovo": "6 actors, three of each sex",
    "ravdess": "24 actors, twelve of each sex, young adults, North American",
    "emodb": "10 actors, five of each sex",
    "nemo": "9 actors, four women and five men",
    "urdu": "29, from unscripted talk shows",
}
"""Who speaks, as their authors say."""
TRIM_MARGIN: Final = SAMPLE_RATE // 10
"""Samples kept before and after the loud part of a clip; speech activity keeps about as much."""


@dataclass(frozen=True)
class Corpus:
    """All usable clips, in the order of the index.

    Attributes:
        clips: int16 arrays at 16 kHz, trimmed to the speech.
        file: str (n,), names in clips.zip.
        emotion: int (n,), index into EMOTIONS.
        origin: str (n,), name of the set.
        speaker: str (n,), unique over the sets.
        calm: bool (n,), recorded as "calm" (one set; the emotion says neutral).
        sentence: str (n,), unique within a set; empty where unknown.
    """

    clips: list[NDArray[np.int16]]
    file: NDArray[np.str_]
    emotion: NDArray[np.int64]
    origin: NDArray[np.str_]
    speaker: NDArray[np.str_]
    calm: NDArray[np.bool_]
    sentence: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.emotion)


def decode(data: bytes) -> NDArray[np.int16]:
    """One Ogg Opus or WAV file as int16 mono at its own rate, which must be 16 kHz."""
    import soundfile

    samples, rate = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    if rate != SAMPLE_RATE:
        raise ValueError(f"expected {SAMPLE_RATE} Hz, got {rate}")
    return np.clip(samples.mean(axis=1) * 32768, -32768, 32767).astype(np.int16)


def trim(samples: NDArray[np.int16]) -> NDArray[np.int16]:
    """Cut the pauses before and after the speech, by loudness."""
    loud = np.flatnonzero(contours(samples).speech)
    first, last = loud[0] * HOP - TRIM_MARGIN, (loud[-1] + 4) * HOP + TRIM_MARGIN
    cut = samples[max(0, first) : last]
    return cut if len(cut) >= MIN_SAMPLES else samples


def load(data: Path, cache: Path) -> Corpus:
    """Read the index and the clips below `data`/speech; decoded and trimmed clips are kept in `cache`."""
    folder = data / "speech"
    with (folder / "index.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    stored = cache / "clips.npz"
    if not stored.exists():
        with zipfile.ZipFile(folder / "clips.zip") as archive:
            clips = [trim(decode(archive.read(row["file"]))) for row in rows]
        cache.mkdir(parents=True, exist_ok=True)
        np.savez(stored, samples=np.concatenate(clips), lengths=[len(clip) for clip in clips])
    with np.load(stored) as arrays:
        clips = np.split(arrays["samples"], np.cumsum(arrays["lengths"])[:-1])
    labels = ["neutral" if row["emotion"] == "calm" else row["emotion"] for row in rows]
    return Corpus(
        clips=clips,
        file=np.array([row["file"] for row in rows]),
        emotion=np.array([INDEX[label] for label in labels]),
        origin=np.array([row["set"] for row in rows]),
        speaker=np.array([f"{row['set']}/{row['speaker']}" for row in rows]),
        calm=np.array([row["emotion"] == "calm" for row in rows]),
        sentence=np.array([row["sentence"] for row in rows]),
    )


def read_whole(data: Path, files: Iterable[str]) -> Iterator[NDArray[np.int16]]:
    """Clips as they were recorded, not trimmed, one after the other."""
    with zipfile.ZipFile(data / "speech" / "clips.zip") as archive:
        for file in files:
            yield decode(archive.read(file))
