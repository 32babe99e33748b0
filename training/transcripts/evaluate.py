"""Measure a speech engine as the daemon uses it.

    python -m training.transcripts.evaluate --data DIR --engine whisper --model FOLDER

Speech activity gates the sound, the engine transcribes, and the words are compared with
what is known to be said: word error rate with a 95 % interval over speakers, CPU time
per second of sound, load time and memory.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from pathlib import Path

import numpy as np

from emoedge.frames import AudioBlock
from emoedge.process import resident_mb
from emoedge.speech.factory import open_recogniser
from emoedge.speech.recogniser import Recogniser, Utterance
from emoedge.speech.stage import SpeechStage
from emoedge.vad.detector import SpeechActivity

from .recordings import RATE, UNCERTAIN, Clip, sample, sounds

BLOCK = 1600
TAIL_S = 1.0
"""Silence after each clip in seconds, so that speech activity detects the end of speech."""

RESAMPLES = 2000


class Timed:
    """Recogniser that measures its CPU seconds, of all threads."""

    def __init__(self, inner: Recogniser) -> None:
        self._inner = inner
        self.cpu_s = 0.0

    def accept(self, samples: np.ndarray) -> list[Utterance]:
        """Forward the call and measure its time."""
        began = time.process_time()
        try:
            return self._inner.accept(samples)
        finally:
            self.cpu_s += time.process_time() - began

    def finish(self) -> Utterance | None:
        """Forward the call and measure its time."""
        began = time.process_time()
        try:
            return self._inner.finish()
        finally:
            self.cpu_s += time.process_time() - began

    def reset(self) -> None:
        """Forward the call."""
        self._inner.reset()

    def renew(self) -> None:
        """Forward the call."""
        self._inner.renew()


def main() -> None:
    """Print the figures as one JSON object; details to a file when asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with speech/index.csv and clips.zip")
    parser.add_argument("--engine", choices=("vosk", "whisper"), required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--per-speaker", type=int, default=6)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--details", type=Path, help="write what was said and heard, one JSON line a clip")
    arguments = parser.parse_args()
    before_mb = resident_mb() or 0.0
    started = time.perf_counter()
    recogniser = Timed(open_recogniser(arguments.engine, arguments.model))
    load_s = time.perf_counter() - started
    loaded_mb = resident_mb() or 0.0
    clips = sample(arguments.data, arguments.per_speaker, arguments.seed)
    stage, activity = SpeechStage(recogniser, None), SpeechActivity()
    heard: list[str] = []
    cpu_s = sound_s = at_s = 0.0
    for _, samples in sounds(arguments.data, clips):
        padded = np.concatenate([samples, np.zeros(round(TAIL_S * RATE), np.int16)])
        began = time.process_time()
        texts = []
        for start in range(0, len(padded), BLOCK):
            block = AudioBlock(at_s + start / RATE, padded[start : start + BLOCK])
            texts += stage.process(block, activity.process(block))
        at_s += len(padded) / RATE
        texts += stage.flush(at_s)
        cpu_s += time.process_time() - began
        sound_s += len(samples) / RATE
        heard.append(" ".join(text.transcript for text in texts))
    certain = [index for index, clip in enumerate(clips) if clip.sentence not in UNCERTAIN]
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        json.dumps(
            {
                "engine": arguments.engine,
                "model": arguments.model.name,
                "clips": len(clips),
                "speakers": len({clip.speaker for clip in clips}),
                "sound_s": round(sound_s, 1),
                "wer": with_interval(clips, heard, list(range(len(clips)))),
                "wer_without_uncertain_sentences": with_interval(clips, heard, certain),
                "clips_without_text": sum(not text for text in heard),
                "cpu_real_time_factor": {
                    "engine": round(recogniser.cpu_s / sound_s, 3),
                    "with_speech_activity": round(cpu_s / sound_s, 3),
                },
                "load_s": round(load_s, 2),
                "memory_mb": {
                    "engine": round(loaded_mb - before_mb),
                    "process_peak": round(peak_mb),
                },
            },
            ensure_ascii=False,
            indent=1,
        )
    )
    if arguments.details:
        lines = (
            json.dumps({"file": c.file, "said": c.words, "heard": h}, ensure_ascii=False)
            for c, h in zip(clips, heard, strict=True)
        )
        arguments.details.write_text("\n".join(lines) + "\n", encoding="utf-8")


def with_interval(clips: list[Clip], heard: list[str], indices: list[int]) -> list[float]:
    """Return [word error rate, lower, upper]: 95 % percentile bootstrap over speakers."""
    import jiwer

    by_speaker: dict[str, np.ndarray] = {}
    for index in indices:
        clip = clips[index]
        out = jiwer.process_words(clip.words, heard[index] or " ")
        counts = np.array([out.substitutions + out.deletions + out.insertions, len(clip.words.split())])
        by_speaker[clip.speaker] = by_speaker.get(clip.speaker, 0) + counts
    table = np.stack(list(by_speaker.values())).astype(float)
    rng = np.random.default_rng(0)
    drawn = table[rng.integers(0, len(table), (RESAMPLES, len(table)))].sum(1)
    low, high = np.percentile(drawn[:, 0] / drawn[:, 1], [2.5, 97.5])
    total = table.sum(0)
    return [round(float(value), 3) for value in (total[0] / total[1], low, high)]


if __name__ == "__main__":
    main()
