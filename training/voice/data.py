"""Speech corpora: index, decoded clips, and the part of each clip that contains speech.

`DIR/speech/index.csv` and `index_more.csv` have one row a clip (file, set, language, speaker, emotion,
sentence); `clips.zip` and `clips_more.zip` hold the sound. It is decoded and filtered as on the device, which
takes a minute, and kept in a cache file.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emoedge.emotions import INDEX
from emoedge.high_pass import HighPass
from emoedge.voice.contours import HOP, MIN_SAMPLES, SAMPLE_RATE, contours

TARGET_SET: Final = "uem"
"""Target set: Spanish, non-actors, all seven emotions; measured with one speaker left out at a time."""
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
    "ased": ("ASED (Retta et al. 2022)", "Amharic", "no licence stated; research, cite its authors"),
    "savee": ("SAVEE (Haq & Jackson 2009)", "English", "free for research, see its authors"),
    "tess": ("TESS (Pichora-Fuller & Dupuis 2020)", "English", "CC BY-NC-ND 4.0"),
}
"""Name, language and terms of each set."""
SPEAKERS: Final = {
    "uem": "14 in the copy used here, of the 50 of the original; no actors; elicited",
    "emovo": "6 actors, three of each sex",
    "ravdess": "24 actors, twelve of each sex, young adults, North American",
    "emodb": "10 actors, five of each sex",
    "nemo": "9 actors, four women and five men",
    "urdu": "29, from unscripted talk shows",
    "ased": "65 adults, no actors; what five of eight judges accepted",
    "savee": "4 men, British, acted",
    "tess": "2 women, Canadian, acted",
}
"""Speakers of each set according to its authors."""
PARTS: Final = (("index.csv", "clips.zip"), ("index_more.csv", "clips_more.zip"))
"""Tables of clips and their archives."""
TRIM_MARGIN: Final = SAMPLE_RATE // 10
"""Samples kept before and after the loud part of a clip; speech activity keeps about as much."""


@dataclass(frozen=True)
class Corpus:
    """All usable clips in the order of the index.

    Attributes:
        clips: int16 arrays at 16 kHz, trimmed to the speech.
        file: str (n,), names in the archives, which differ.
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

    def only(self, kept: NDArray[np.bool_]) -> Corpus:
        """Return some of the clips."""
        clips = [clip for clip, keep in zip(self.clips, kept, strict=True) if keep]
        arrays = (
            getattr(self, name)[kept] for name in ("file", "emotion", "origin", "speaker", "calm", "sentence")
        )
        return Corpus(clips, *arrays)


def decode(data: bytes) -> NDArray[np.int16]:
    """Read one Ogg Opus or WAV file as int16 mono; its rate must be 16 kHz."""
    import soundfile

    samples, rate = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    if rate != SAMPLE_RATE:
        raise ValueError(f"expected {SAMPLE_RATE} Hz, got {rate}")
    return np.clip(samples.mean(axis=1) * 32768, -32768, 32767).astype(np.int16)


def trim(samples: NDArray[np.int16]) -> NDArray[np.int16]:
    """Trim the pauses before and after the speech by loudness."""
    loud = np.flatnonzero(contours(samples).speech)
    first, last = loud[0] * HOP - TRIM_MARGIN, (loud[-1] + 4) * HOP + TRIM_MARGIN
    cut = samples[max(0, first) : last]
    return cut if len(cut) >= MIN_SAMPLES else samples


def load(data: Path, cache: Path) -> Corpus:
    """Read the tables and the clips below `data`/speech; decoded and trimmed clips are cached in `cache`."""
    folder, stored = data / "speech", cache / "clips.npz"
    tables = [list(csv.DictReader((folder / table).read_text("utf-8").splitlines())) for table, _ in PARTS]
    rows = [row for table in tables for row in table]
    if not stored.exists():
        clips = [trim(HighPass()(clip)) for clip in read_whole(data, [row["file"] for row in rows])]
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
    """Yield clips as recorded, neither filtered nor trimmed."""
    with ExitStack() as stack:
        archives = [stack.enter_context(zipfile.ZipFile(data / "speech" / name)) for _, name in PARTS]
        holder = {name: archive for archive in archives for name in archive.namelist()}
        for file in files:
            yield decode(holder[file].read(file))
