"""Real Spanish recordings with known words: the `uem` clips, and a sample of them."""

from __future__ import annotations

import csv
import io
import random
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

SENTENCES = {
    1: "el médico dijo a tu padre que no tome más vino",
    2: "donde crece la hierba siempre pueden crecer las setas",
    3: "la gata gris estaba en la casa",
    4: "es mucho mejor si tienen hielo de sobra que no que falte",
    5: "si haces el bestia es fácil que te lesiones",
    6: "el caballo pesado aguantará subir los cinco picos del valle pero un toro no",
    7: "es muy raro que pise todo el rato",
    8: "la sala nunca ha estado tan lisa todo el año",
    9: "hoy he visto cinco veces a la misma monja",
    10: "la deuda que tenían costó unos pisos",
    11: "cuidado perro con rabia",
    12: "mi cordero ha ganado",
}
"""Text of each numbered sentence, as agreed by machine transcripts over many speakers."""

UNCERTAIN = frozenset({6, 10})
"""Sentences with the least agreement on their wording: included in one figure and excluded from a second."""

RATE = 16000


@dataclass(frozen=True)
class Clip:
    """One recording: file in the archive, speaker, emotion and sentence."""

    file: str
    speaker: str
    emotion: str
    sentence: int

    @property
    def words(self) -> str:
        """Text of the sentence."""
        return SENTENCES[self.sentence]


def sample(data: Path, per_speaker: int, seed: int) -> list[Clip]:
    """Return `per_speaker` clips of each speaker, with as many different sentences as possible."""
    with (data / "speech" / "index.csv").open(encoding="utf-8", newline="") as file:
        clips = [
            Clip(row["file"], row["speaker"], row["emotion"], int(row["sentence"]))
            for row in csv.DictReader(file)
            if row["set"] == "uem" and row["sentence"]
        ]
    rng = random.Random(seed)
    rng.shuffle(clips)
    chosen: list[Clip] = []
    for speaker in sorted({clip.speaker for clip in clips}):
        own = [clip for clip in clips if clip.speaker == speaker]
        seen: dict[int, int] = {}
        ranked = []
        for clip in own:
            ranked.append((seen.get(clip.sentence, 0), clip))
            seen[clip.sentence] = seen.get(clip.sentence, 0) + 1
        ranked.sort(key=lambda item: item[0])
        chosen += [clip for _, clip in ranked[:per_speaker]]
    return chosen


def sounds(data: Path, clips: list[Clip]) -> Iterator[tuple[Clip, np.ndarray]]:
    """Yield each clip with its samples, int16 (n,) at 16 kHz."""
    import soundfile

    with zipfile.ZipFile(data / "speech" / "clips.zip") as archive:
        for clip in clips:
            samples, rate = soundfile.read(io.BytesIO(archive.read(clip.file)), dtype="int16")
            if rate != RATE or samples.ndim != 1:
                raise ValueError(f"{clip.file}: expected {RATE} Hz mono, got {rate} Hz")
            yield clip, samples
