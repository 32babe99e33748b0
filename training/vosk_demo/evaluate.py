"""Measure the demonstration model: ``python -m training.vosk_demo.evaluate MODEL``.

Through unmodified libvosk: word error rate on sentences that training never saw (by
voices it knew and by voices it did not, clean and degraded), error of the word times
against espeak-ng's own, load time, real-time factor and memory.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from emoedge.process import resident_mb

from .corpus import UNSEEN_VOICES, VOICES, Reading, test_readings
from .degrade import Placed, degrade, pad
from .espeak import RATE, Speech

SEED = 2024
BLOCK = 1600
"""Samples given to the recogniser at a time: 100 ms, as the daemon does."""

LEAD_S = 0.3
"""Silence before and after clean sentences."""


@dataclass
class Tally:
    """Figures of one condition, growing sentence by sentence."""

    references: list[str] = field(default_factory=list)
    hypotheses: list[str] = field(default_factory=list)
    start_errors_s: list[float] = field(default_factory=list)
    end_errors_s: list[float] = field(default_factory=list)
    sound_s: float = 0.0
    cpu_s: float = 0.0

    def row(self) -> str:
        """Return one line of the table of the model card."""
        import jiwer

        starts, ends = np.array(self.start_errors_s), np.array(self.end_errors_s)
        both = np.abs(np.concatenate([starts, ends]))
        return (
            f"{len(self.references)} sentences, WER {jiwer.wer(self.references, self.hypotheses):.3f}; "
            f"word times: start {1e3 * np.abs(starts).mean():.0f} ms mean absolute "
            f"({1e3 * starts.mean():+.0f} bias), end {1e3 * np.abs(ends).mean():.0f} ms "
            f"({1e3 * ends.mean():+.0f}), 95 % within {1e3 * np.percentile(both, 95):.0f} ms; "
            f"RTF {self.cpu_s / self.sound_s:.4f}"
        )


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--repeats", type=int, default=4, help="readings of each sentence kept apart")
    parser.add_argument("--show-errors", action="store_true")
    arguments = parser.parse_args()
    import vosk

    vosk.SetLogLevel(-1)
    before = resident_mb()
    started = time.perf_counter()
    model = vosk.Model(str(arguments.model))
    print(f"load {time.perf_counter() - started:.2f} s")
    for name, voices in (("known voices", VOICES), ("unseen voices", UNSEEN_VOICES)):
        for clean in (True, False):
            rng = np.random.default_rng(SEED)
            tally = Tally()
            for _ in range(arguments.repeats):
                for reading in test_readings(rng, voices):
                    _score(model, rng, reading, tally, clean=clean)
            print(f"{name}, {'clean' if clean else 'degraded'}: {tally.row()}", flush=True)
            if arguments.show_errors:
                for reference, heard in zip(tally.references, tally.hypotheses, strict=True):
                    if reference != heard:
                        print(f"    {reference!r} heard as {heard!r}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"resident: {before:.0f} MB before loading, {peak:.0f} MB at most")


def _score(model, rng, reading: Reading, tally: Tally, *, clean: bool) -> None:
    speech = reading.speak()
    placed = Placed(pad(speech.samples, LEAD_S, LEAD_S), LEAD_S)
    if not clean:
        placed = degrade(rng, speech.samples)
    started = time.process_time()
    words = recognise(model, placed.samples)
    tally.cpu_s += time.process_time() - started
    tally.sound_s += len(placed.samples) / RATE
    tally.references.append(reading.text)
    tally.hypotheses.append(" ".join(word["word"] for word in words))
    for heard, spoken in _matches(words, speech):
        tally.start_errors_s.append(heard["start"] - spoken.start_s - placed.offset_s)
        tally.end_errors_s.append(heard["end"] - spoken.end_s - placed.offset_s)


def recognise(model, samples: np.ndarray) -> list[dict]:
    """Return libvosk's words (word, start, end, conf) for float samples in -1…1."""
    import vosk

    recogniser = vosk.KaldiRecognizer(model, RATE)
    recogniser.SetWords(True)
    pcm = np.round(np.clip(samples, -1, 1) * 32767).astype("<i2")
    words: list[dict] = []
    for start in range(0, len(pcm), BLOCK):
        if recogniser.AcceptWaveform(pcm[start : start + BLOCK].tobytes()):
            words += json.loads(recogniser.Result()).get("result", [])
    return words + json.loads(recogniser.FinalResult()).get("result", [])


def _matches(words: list[dict], speech: Speech) -> Iterator[tuple]:
    """Yield (heard, spoken) pairs of equal words in order."""
    from difflib import SequenceMatcher

    heard = [word["word"] for word in words]
    spoken = [word.text for word in speech.words]
    for block in SequenceMatcher(None, heard, spoken, autojunk=False).get_matching_blocks():
        for index in range(block.size):
            yield words[block.a + index], speech.words[block.b + index]


if __name__ == "__main__":
    main()
