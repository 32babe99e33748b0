"""Cost of the newer parts of the result: `python -m benchmarks.answer_costs --json FILE [CLIP]`.

Measures the processor time of mouth motion and stillness per face and frame: stages with and without them
take turns at each frame. Also measures a decision, the level of an audio block, and the assignment of a voice
to a face.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from emoedge.bench.measure import processor_s, short
from emoedge.capture.media import MediaReader
from emoedge.config import FaceSettings, Settings
from emoedge.demo.clip import ensure_demo_clip
from emoedge.face.mouth import Mouths
from emoedge.face.stage import FaceStage
from emoedge.frames import AudioBlock, Frame
from emoedge.fusion.active_speaker import ActiveSpeaker
from emoedge.observations import FacesObservation
from emoedge.pipeline.decisions import DecisionStage
from emoedge.pipeline.perception import build_face, load_confidence
from emoedge.rate_limit import Pacer
from emoedge.voice.level import sound_level

ROUNDS: Final = 7
STRETCH_S: Final = 3.0


class _NoMouths(Mouths):
    """Mouth tracker that ignores the mouth."""

    def movement(self, *_: Any) -> None:
        return None


def stage_of(settings: Settings, *, mouths: bool = True) -> FaceStage:
    """Return a face stage, without mouth motion if `mouths` is False."""
    stage = build_face(settings)
    assert isinstance(stage, FaceStage)
    if not mouths:
        stage._mouths = _NoMouths()  # noqa: SLF001 - no setting leaves the mouth out
    return stage


def paired(
    stages: Sequence[FaceStage], frames: Sequence[Frame]
) -> tuple[list[float], list[FacesObservation]]:
    """Return the mean milliseconds per frame of stages that take turns, and the results of the first."""
    spent_s = [0.0] * len(stages)
    found: list[FacesObservation] = []
    for number, frame in enumerate(frames):
        for turn in range(len(stages)):
            index = (number + turn) % len(stages)
            begun_s = time.process_time()
            faces = stages[index].process(frame)
            spent_s[index] += time.process_time() - begun_s
            if index == 0:
                found.append(faces)
    return [1000 * spent / len(frames) for spent in spent_s], found


def mean_ms(work: Callable[[], object], count: int) -> float:
    """Return the milliseconds of one call, the median of ROUNDS."""
    return statistics.median(
        1000 * processor_s(lambda: [work() for _ in range(count)]) / count for _ in range(ROUNDS)
    )


def main() -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.answer_costs", description=__doc__)
    parser.add_argument(
        "clip", nargs="?", type=Path, help="clip with one face and speech; the demo clip by default"
    )
    parser.add_argument("--json", type=Path, required=True)
    options = parser.parse_args()
    settings = Settings()
    pacer = Pacer(settings.performance.analysis_fps)
    items = list(MediaReader(options.clip or ensure_demo_clip()))
    frames = [item for item in items if isinstance(item, Frame) and pacer.due(item.time_s)]
    blocks = [item for item in items if isinstance(item, AudioBlock)]
    no_stillness = settings.model_copy(update={"face": FaceSettings(still_s=0)})
    found: list[FacesObservation] = []
    rounds = []
    for _ in range(ROUNDS):
        stages = [stage_of(settings), stage_of(settings, mouths=False), stage_of(no_stillness)]
        taken, found = paired(stages, frames)
        rounds.append(taken)
    whole = statistics.median(one[0] for one in rounds)
    faces = sum(len(one.faces) for one in found) / len(found)
    speaker = ActiveSpeaker()
    for block in blocks:
        speaker.on_sound(sound_level(block))
    for faces_seen in found:
        speaker.on_faces(faces_seen)
    middle_s = frames[len(frames) // 2].time_s
    numbers = itertools.count(1)
    stage = DecisionStage(settings, lambda _: str(next(numbers)), confidence=load_confidence(settings))
    seen = itertools.cycle(found)
    now_s = itertools.count(0.0, 1.0 / settings.performance.analysis_fps)

    def decide() -> None:
        time_s = next(now_s)
        stage.on_faces(replace(next(seen), time_s=time_s), time_s)

    figures = {
        "face_ms": whole,
        "mouth_ms": statistics.median(one[0] - one[1] for one in rounds) / faces,
        "stillness_ms": statistics.median(one[0] - one[2] for one in rounds) / faces,
        "decision_ms": mean_ms(decide, len(found)),
        "level_ms": mean_ms(lambda: sound_level(blocks[0]), 200),
        "speaker_ms": mean_ms(lambda: speaker.speaker(middle_s - STRETCH_S, middle_s), 20),
    }
    result = {"schema": 1} | {name: short(value) for name, value in figures.items()}
    print(json.dumps(result))
    options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
