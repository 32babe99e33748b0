"""Stability and delay of the published emotion: `python -m benchmarks.decision --json FILE [CLIP...]`.

The observations of a clip are cached (`build/decision`), so that the decision alone can be repeated with
other settings within a second. A change of expression is built from two passages of one face in sequence; the
delay is measured from the joint to the message with the new expression.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import math
import pickle
import statistics
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from emoedge.config import Settings
from emoedge.demo.clip import ensure_demo_clip
from emoedge.emotions import EMOTIONS, INDEX, Emotion, Probabilities, leader
from emoedge.files import sha256_of
from emoedge.observations import FaceObservation, FacesObservation
from emoedge.outcomes import EmotionEvent, FusedState, Outcome
from emoedge.pipeline.decisions import DecisionStage
from emoedge.pipeline.perception import learned_fusion, load_confidence
from emoedge.pipeline.pipeline import Pipeline

ROOT: Final = Path(__file__).resolve().parent.parent
KEPT: Final = ROOT / "build" / "decision"
BRIEF_S: Final = 0.5
"""Seconds; an emotion that is published for less than this is a flicker."""
CLEAR_QUALITY: Final = 0.5
"""Minimum quality of a face that is good enough for an opinion."""
SAYS_NOTHING: Final = 1 / 7
"""Probability below which a text does not support a class."""
DOUBTFUL: Final = 0.3
STRETCH_S: Final = 3.0
"""Length of each of the two passages of a change of expression, in seconds."""
PLAIN: Final = 0.9
"""A passage counts as one expression if at least this share of its posteriors has the same leader."""

HOLDS_S: Final = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5)
SPEECH_STEP_S: Final = 7.3
"""From the words of one change of expression to those of the next."""
SPLICES: Final = 100
"""Changes of expression for a delay."""
SPOKEN_SPLICES: Final = 30
"""Changes of expression under the speech of a clip."""

Call = tuple[str, tuple[Any, ...]]
"""Method of `DecisionStage` and its arguments."""
Trace = list[Call]


class _Tracing(DecisionStage):
    """Decision stage that also records its calls."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.trace: Trace = []
        self._within = False

    def _note(self, name: str, *args: Any) -> list[Outcome]:
        if self._within:  # on_faces and similar methods call tick
            return list(getattr(super(), name)(*args))
        self.trace.append((name, args))
        self._within = True
        try:
            return list(getattr(super(), name)(*args))
        finally:
            self._within = False

    def on_faces(self, *args: Any) -> list[Outcome]:
        return self._note("on_faces", *args)

    def on_sound(self, *args: Any) -> None:
        self.trace.append(("on_sound", args))
        super().on_sound(*args)

    def on_voice(self, *args: Any) -> list[Outcome]:
        return self._note("on_voice", *args)

    def on_text(self, *args: Any) -> list[Outcome]:
        return self._note("on_text", *args)

    def tick(self, *args: Any) -> list[Outcome]:
        return self._note("tick", *args)

    def close(self, *args: Any) -> list[Outcome]:
        return self._note("close", *args)


class _TracingPipeline(Pipeline):
    def _new_decisions(self) -> DecisionStage:
        self.stage = _Tracing(
            self.settings, self._event_id, learned_fusion(self.settings), load_confidence(self.settings)
        )
        return self.stage


def trace(clip: Path, settings: Settings) -> Trace:
    """Return the observations of a clip, from the cache in `build/decision` if they are there."""
    sign = hashlib.sha256(
        f"{sha256_of(clip)} {settings.speech.model_dump_json()} {settings.face.model_dump_json()} "
        f"{FaceObservation.__slots__}".encode()
    )
    path = KEPT / f"{clip.stem}-{sign.hexdigest()[:12]}.pickle"
    if path.is_file():
        return pickle.loads(path.read_bytes())  # type: ignore[no-any-return]
    pipeline = _TracingPipeline(settings)
    for _ in pipeline.replay(clip):
        pass
    KEPT.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(pipeline.stage.trace))
    return pipeline.stage.trace


def decide(calls: Iterable[Call], settings: Settings) -> list[Outcome]:
    """Run the decision on recorded calls."""
    numbers = itertools.count(1)
    stage = DecisionStage(
        settings, lambda _: f"event-{next(numbers)}", learned_fusion(settings), load_confidence(settings)
    )
    return [outcome for name, args in calls for outcome in getattr(stage, name)(*args) or ()]


@dataclass(frozen=True, slots=True)
class Steadiness:
    """Statistics of the topic `emotion` for a clip.

    Attributes:
        seconds: length of the clip.
        changes_a_minute: changes of the published emotion, including to and from no emotion.
        brief: number of `namings` shorter than BRIEF_S, without the last one of the clip.
        states: messages with an emotion.
        by_text: of these, decided by a text.
        unled: of these, with an emotion that no modality ranks first among the candidates.
        unbacked: of these, decided by a text that gives the emotion less than SAYS_NOTHING.
        doubtful: of these, with a confidence below DOUBTFUL.
        messages_a_minute: messages on `emotion`.
        repeats_share: share of messages with the same emotion as the previous message.
        named_share: share of the time with a face of at least CLEAR_QUALITY in which an emotion is published.
        episodes: number of episodes that began.
    """

    seconds: float
    changes_a_minute: float
    brief: int
    namings: int
    states: int
    by_text: int
    unled: int
    unbacked: int
    doubtful: int
    messages_a_minute: float
    repeats_share: float
    named_share: float | None
    episodes: int


def steadiness(calls: Sequence[Call], outcomes: Iterable[Outcome]) -> Steadiness:
    """Return the statistics of `outcomes`, which `decide` returned for `calls`."""
    told = list(outcomes)
    states = [outcome for outcome in told if isinstance(outcome, FusedState)]
    end_s = max(float(args[-1]) for name, args in calls if name != "on_sound")
    runs = _runs(states, end_s)
    named = [state for state in states if state.emotion is not None]
    texts = [state for state in named if state.decided_by == "text"]
    minutes = end_s / 60.0
    return Steadiness(
        seconds=round(end_s, 1),
        changes_a_minute=round((len(runs) - 1) / minutes, 1),
        brief=sum(e is not None and until - since < BRIEF_S - 1e-6 for e, since, until in runs[:-1]),
        namings=sum(emotion is not None for emotion, _, _ in runs),
        states=len(named),
        by_text=len(texts),
        unled=sum(not is_led(state) for state in named),
        unbacked=sum(bool(_of(state, "text")[INDEX[str(state.emotion)]] < SAYS_NOTHING) for state in texts),
        doubtful=sum(state.confidence < DOUBTFUL for state in named),
        messages_a_minute=round(len(states) / minutes, 1),
        repeats_share=round(
            sum(a.emotion == b.emotion for a, b in pairwise(states)) / max(1, len(states) - 1), 3
        ),
        named_share=_named_share(calls, runs),
        episodes=sum(isinstance(one, EmotionEvent) and one.kind == "begin" for one in told),
    )


def is_led(state: FusedState) -> bool:
    """Return whether a modality ranks the published emotion first among the candidates."""
    candidates = [INDEX[name] for name in state.candidates]
    return any(
        state.emotion == EMOTIONS[max(candidates, key=opinion.probabilities.tolist().__getitem__)]
        for opinion in state.opinions
    )


def _of(state: FusedState, modality: str) -> Probabilities:
    return next(opinion.probabilities for opinion in state.opinions if opinion.modality == modality)


def _runs(states: Sequence[FusedState], end_s: float) -> list[tuple[Emotion | None, float, float]]:
    """Return the published emotions with their begin and end."""
    runs: list[tuple[Emotion | None, float, float]] = []
    for key, group in itertools.groupby(states, key=lambda state: state.emotion):
        since_s = next(group).time_s
        if runs:
            runs[-1] = (*runs[-1][:2], since_s)
        runs.append((key, since_s, end_s))
    return runs


def _named_share(calls: Iterable[Call], runs: Sequence[tuple[Emotion | None, float, float]]) -> float | None:
    seen = [
        args[0].time_s
        for name, args in calls
        if name == "on_faces" and args[0].primary and args[0].primary.quality >= CLEAR_QUALITY
    ]
    if not seen:
        return None
    spans = [(since_s, until_s) for emotion, since_s, until_s in runs if emotion is not None]
    return round(sum(any(a <= t < b for a, b in spans) for t in seen) / len(seen), 3)


def splices(calls: Iterable[Call]) -> Iterator[tuple[Trace, Emotion]]:
    """Return pairs of passages of one face with two clear expressions, joined at STRETCH_S."""
    found = [args[0].primary for name, args in calls if name == "on_faces" and args[0].primary]
    times = [args[0].time_s for name, args in calls if name == "on_faces" and args[0].primary]
    stretches = []
    at_s = times[0] if times else math.inf
    while times and at_s + STRETCH_S <= times[-1]:
        inside = [
            (t - at_s, face) for t, face in zip(times, found, strict=True) if at_s <= t < at_s + STRETCH_S
        ]
        said = [face.probabilities for _, face in inside if face.probabilities is not None]
        if len(said) == len(inside) > STRETCH_S * 5:
            emotion, count = Counter(map(leader, said)).most_common(1)[0]
            if count >= PLAIN * len(said):
                stretches.append((emotion, inside))
        at_s += STRETCH_S / 3
    for (one, before), (other, after) in itertools.permutations(stretches, 2):
        if one != other:
            joined = [*before, *((STRETCH_S + t, face) for t, face in after)]
            yield [_face_call(t, face) for t, face in joined], other


def _face_call(time_s: float, face: FaceObservation) -> Call:
    return "on_faces", (FacesObservation(time_s, (replace(face, track_id=1),)), time_s)


def thinned(spliced: Sequence[tuple[Trace, Emotion]], most: int) -> Sequence[tuple[Trace, Emotion]]:
    """Some of the changes of expression, evenly."""
    return spliced[:: max(1, len(spliced) // most)]


def under_speech(
    spliced: Sequence[tuple[Trace, Emotion]], calls: Sequence[Call]
) -> list[tuple[Trace, Emotion]]:
    """Changes of expression during speech, each with a different stretch of voice and words from a clip."""
    spoken = [call for call in calls if call[0] in ("on_voice", "on_text")]
    room_s = max((args[-1] for _, args in spoken), default=0.0) - 2 * STRETCH_S
    if room_s <= 0:
        return []
    found = []
    for number, (trace, wanted) in enumerate(spliced):
        since_s = number * SPEECH_STEP_S % room_s
        heard = [
            (name, (_earlier(args[0], since_s), args[-1] - since_s))
            for name, args in spoken
            if since_s <= args[-1] < since_s + 2 * STRETCH_S
        ]
        found.append((sorted([*trace, *heard], key=lambda call: float(call[1][-1])), wanted))
    return found


def _earlier(heard: Any, by_s: float) -> Any:
    return replace(heard, start_s=heard.start_s - by_s, end_s=heard.end_s - by_s)


def delays(spliced: Iterable[tuple[Trace, Emotion]], settings: Settings) -> list[float]:
    """Return the seconds from each joint to the message with the new expression, or infinity."""
    found = []
    for calls, wanted in spliced:
        named_s = (
            outcome.time_s - STRETCH_S
            for outcome in decide(calls, settings)
            if isinstance(outcome, FusedState) and outcome.time_s >= STRETCH_S and outcome.emotion == wanted
        )
        found.append(next(named_s, math.inf))
    return found


def summary(found: Sequence[float]) -> dict[str, Any]:
    """Return the median and 95th percentile of the delays."""
    ordered = sorted(found)
    return {
        "changes": len(found),
        "never": sum(math.isinf(one) for one in found),
        "p50_s": round(statistics.median(ordered), 2) if ordered else None,
        "p95_s": round(ordered[math.ceil(0.95 * len(ordered)) - 1], 2) if ordered else None,
    }


def frontier(
    clips: Mapping[str, Sequence[Call]], spliced: Sequence[tuple[Trace, Emotion]], settings: Settings
) -> list[dict[str, Any]]:
    """Return changes per minute on each clip, and the delay, for several hold times."""
    rows = []
    for hold_s in HOLDS_S:
        held = with_fusion(settings, hold_s=hold_s)
        counts = {name: steadiness(calls, decide(calls, held)) for name, calls in clips.items()}
        changes = {name: one.changes_a_minute for name, one in counts.items()}
        rows.append({"hold_s": hold_s, "changes_a_minute": changes, **summary(delays(spliced, held))})
    return rows


def with_fusion(settings: Settings, **values: Any) -> Settings:
    """Return the settings with other values in the section fusion."""
    return settings.model_copy(update={"fusion": settings.fusion.model_copy(update=values)})


def main() -> int:
    """Measure and write the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.decision", description=__doc__)
    parser.add_argument("clips", nargs="*", type=Path, metavar="CLIP", help="clips; the demo clip by default")
    parser.add_argument(
        "--faces",
        nargs="*",
        type=Path,
        default=[],
        help="clips whose faces are spliced into changes of expression",
    )
    parser.add_argument("--engine", choices=("vosk", "whisper"), default="vosk")
    parser.add_argument("--speech", default="vosk-es-demo", help="speech model")
    parser.add_argument("--method", choices=("weighted", "learned"), default="weighted")
    parser.add_argument(
        "--frontier", nargs="+", type=Path, default=[], metavar="CLIP", help="measure several hold times"
    )
    parser.add_argument("--json", type=Path, required=True)
    options = parser.parse_args()
    settings = Settings()
    speech = settings.speech.model_copy(update={"engine": options.engine, "model": options.speech})
    settings = with_fusion(settings.model_copy(update={"speech": speech}), method=options.method)
    found = {clip.stem: trace(clip, settings) for clip in options.clips or [ensure_demo_clip()]}
    rows = {name: asdict(steadiness(calls, decide(calls, settings))) for name, calls in found.items()}
    for name, row in rows.items():
        print(name, json.dumps(row))
    joints = [pair for clip in options.faces for pair in splices(trace(clip, settings))]
    result = {
        "schema": 1,
        "made": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "method": options.method,
        "speech_model": Path(options.speech).name,
        "clips": rows,
        "delay": summary(delays(thinned(joints, SPLICES), settings)),
        "delay_under_speech": {
            name: summary(delays(under_speech(thinned(joints, SPOKEN_SPLICES), calls), settings))
            for name, calls in found.items()
        },
    }
    print(result["delay"], result["delay_under_speech"])
    if options.frontier:
        clips = {clip.stem: trace(clip, settings) for clip in options.frontier}
        result["frontier"] = frontier(clips, thinned(joints, SPLICES), settings)
        for row in result["frontier"]:
            print(row)
    options.json.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
