"""Cost of recording, part by part, against a bare encode: `python -m benchmarks.recording --json FILE`.

Instructions are counted as in `benchmarks.instructions`; they do not show what happens in the caches.
Therefore the same work is also timed as it takes place in a daemon: half a second of frames at a time,
between the analysis of the same clip. The bare encode is timed there too, without any of the recorder's code.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from benchmarks import valgrind
from benchmarks.instructions import SkippedError, by_callgrind
from emoedge.bench.clips import DEMO_BEGIN_S, looped
from emoedge.bench.machine import describe_machine
from emoedge.bench.measure import keep_to_one_core, short
from emoedge.bench.stages import FPS, bare_encode
from emoedge.bench.whole import DEMO_SPEECH_MODEL
from emoedge.capture.media import MediaReader
from emoedge.clock import MediaClock
from emoedge.config import Settings
from emoedge.config.recording_settings import RecordingSettings
from emoedge.demo.clip import ensure_demo_clip
from emoedge.frames import AudioBlock, Frame
from emoedge.observations import FacesObservation
from emoedge.outcomes import FusedState, Outcome
from emoedge.pipeline.pipeline import Pipeline
from emoedge.record.mux import SegmentWriter, VideoFormat
from emoedge.record.recorder import LATE_S, TURN_S, Recorder
from faults.surroundings import until

SECONDS: Final = 10.0
ROUNDS: Final = 7
PATIENCE_S: Final = 600.0
"""Seconds to wait for the recorder, which Valgrind slows down."""
OFFERED_HZ: Final = 10.0
"""States and faces a second, of which the recorder keeps half."""
BARE, RECORDER = "bare encode", "recorder"
Item = Frame | AudioBlock


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--child", choices=(BARE, RECORDER), help=argparse.SUPPRESS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="emoedge-bench-") as folder:
        clip = looped(ensure_demo_clip(), Path(folder) / "clip.mp4", SECONDS, DEMO_BEGIN_S)
        if options.child:
            count(options.child, clip, Path(folder))
            return
        result: dict[str, Any] = {"schema": 1, "machine": describe_machine(), "seconds": SECONDS}
        result |= timed(clip, Path(folder))
    try:
        counts = [by_callgrind(["benchmarks.recording", "--child", name]) for name in (BARE, RECORDER)]
        result["millions"] = {name: short(n / 1e6, 2) for one in counts for name, n in one.items()}
    except SkippedError as error:
        result["skipped"] = str(error)
    text = json.dumps(result, ensure_ascii=False, indent=1) + "\n"
    print(text)
    if options.json is not None:
        options.json.write_text(text, encoding="utf-8")


def settings() -> Settings:
    """Return the default settings with the demo's recogniser."""
    return Settings.model_validate({"speech": {"model": DEMO_SPEECH_MODEL}})


def items_of(clip: Path) -> list[Item]:
    """Return frames, as the recorder gets them, and blocks of a clip, in order."""
    items: list[Item] = list(MediaReader(clip).in_order(lambda _time_s: True))
    for item in items:
        _ = item.data if isinstance(item, Frame) else None
    return items


def count(name: str, clip: Path, folder: Path) -> None:
    """Count the instructions of one part, after one warm-up."""
    items = items_of(clip)
    frames = [item for item in items if isinstance(item, Frame)]
    blocks = [item for item in items if isinstance(item, AudioBlock)]
    outcomes = _outcomes(clip) if name == RECORDER else []
    whole = sorted([*items, *outcomes], key=lambda item: item.time_s)
    work: Callable[[int], None] = (
        (lambda turn: record(whole, folder / str(turn)))
        if name == RECORDER
        else (lambda _turn: bare_encode(frames, blocks))
    )
    work(0)
    valgrind.request(valgrind.ZERO)
    valgrind.request(valgrind.START)
    work(1)
    valgrind.request(valgrind.STOP)
    valgrind.request(valgrind.DUMP_AT, name)


def _outcomes(clip: Path) -> list[Outcome]:
    """Return what is published of a clip, and states and faces as often as a daemon offers them."""
    outcomes = list(Pipeline(settings()).replay(clip))
    for kind in (FusedState, FacesObservation):
        last = [outcome for outcome in outcomes if isinstance(outcome, kind)][-1]
        outcomes += [replace(last, time_s=index / OFFERED_HZ) for index in range(round(SECONDS * OFFERED_HZ))]
    return outcomes


def record(items: list[Item | Outcome], folder: Path) -> None:
    """Have a recorder write one segment with everything that belongs to it."""
    clock = MediaClock()
    done: list[str] = []
    recorder = Recorder(
        RecordingSettings(mode="manual", dir=folder, min_free_bytes=0),
        clock=clock,
        fps=FPS,
        on_change=lambda change: done.append(change.kind),
    )
    recorder.start()
    recorder.record(True)
    due_s = TURN_S
    for item in items:
        clock.advance(item.time_s)
        if item.time_s >= due_s:
            until(lambda: recorder.health().figures["queue"] == 0, "the recorder has caught up", PATIENCE_S)
            due_s += TURN_S
        offer(recorder, item)
    recorder.record(False)
    clock.advance(items[-1].time_s + 2 * LATE_S)
    until(lambda: "finished" in done, "the segment is finished", PATIENCE_S)
    recorder.stop()


def offer(recorder: Recorder, item: Item | Outcome) -> None:
    """Give the recorder what a daemon gives it."""
    if isinstance(item, Frame):
        recorder.offer_frame(item)
    elif isinstance(item, AudioBlock):
        recorder.offer_sound(item)
    elif isinstance(item, FusedState):
        recorder.offer_state(item)
        recorder.offer_published(item)
    elif isinstance(item, FacesObservation):
        recorder.offer_faces(item)
    elif item.topic in {"voice", "text", "event"}:
        recorder.offer_published(item)


def timed(clip: Path, folder: Path) -> dict[str, Any]:
    """Time the encode in one go, the same between the analysis, and the recorder's writer there.

    Returns:
        Seconds per second of media, the medians of rounds in turn; and the medians of the ratios.
    """
    keep_to_one_core()
    items = items_of(clip)
    frames = [item for item in items if isinstance(item, Frame)]
    blocks = [item for item in items if isinstance(item, AudioBlock)]
    pipeline = Pipeline(settings())

    def in_one_go(_turn: int) -> float:
        return _taken(partial(bare_encode, frames, blocks))

    def between(_turn: int) -> float:
        analysis = Analysis(pipeline, clip)
        whole_s = _taken(lambda: bare_encode(analysis.frames(), blocks))
        return whole_s - analysis.taken_s

    def written(turn: int) -> float:
        analysis = Analysis(pipeline, clip)
        path = folder / f"{turn}.mp4"

        def write() -> None:
            writer = SegmentWriter(path, 0.0, VideoFormat.of(frames[0], FPS), sound=True)
            for item in analysis.items():
                if isinstance(item, Frame):
                    writer.write_frame(item)
                else:
                    writer.write_sound(item)
            writer.close()

        return _taken(write) - analysis.taken_s

    ways = {"in one go": in_one_go, "between the analysis": between, "the recorder's writer there": written}
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(ROUNDS + 1):
        for name, way in ways.items():
            seconds = way(turn)
            if turn:  # the first round loads what is loaded late
                taken[name].append(seconds / SECONDS)
    first, second, third = taken.values()
    return {
        "cpu_s_per_media_s": {name: short(statistics.median(times)) for name, times in taken.items()},
        "caches": short(statistics.median(b / a for a, b in zip(first, second, strict=True))),
        "writer": short(statistics.median(c / b for b, c in zip(second, third, strict=True))),
    }


class Analysis:
    """The analysis of a clip, half a second at a time, whose own time is taken.

    Attributes:
        taken_s: processor time of the analysis, with the decoding.
    """

    def __init__(self, pipeline: Pipeline, clip: Path) -> None:
        self.taken_s = 0.0
        self._pipeline = pipeline
        self._clip = clip

    def items(self) -> Iterator[Item]:
        """Yield the items of a turn once all of them are analysed."""
        begun_s = time.thread_time()
        self._pipeline.reset()
        waiting: list[Item] = []
        due_s = TURN_S
        for item in MediaReader(self._clip).in_order(lambda _time_s: True):
            if item.time_s >= due_s:
                self.taken_s += time.thread_time() - begun_s
                yield from waiting
                begun_s = time.thread_time()
                waiting.clear()
                due_s += TURN_S
            for _outcome in self._pipeline.feed(item):
                pass
            if isinstance(item, Frame):
                _ = item.data  # as when it is offered to the recorder
            waiting.append(item)
        self.taken_s += time.thread_time() - begun_s
        yield from waiting

    def frames(self) -> Iterator[Frame]:
        """Yield the frames only."""
        return (item for item in self.items() if isinstance(item, Frame))


def _taken(work: Callable[[], None]) -> float:
    begun_s = time.thread_time()
    work()
    return time.thread_time() - begun_s


if __name__ == "__main__":
    main()
