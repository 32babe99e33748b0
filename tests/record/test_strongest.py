"""The thumbnail shows the strongest moment."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import cv2
import numpy as np
import pytest

from emoedge.emotions import EMOTIONS, as_probabilities
from emoedge.outcomes import FusedState, ModalityOpinion
from emoedge.record.finish import finish
from emoedge.record.mux import VideoFormat
from emoedge.record.recover import recover
from emoedge.record.segment import OpenSegment, SegmentPlan
from emoedge.record.store import Store
from emoedge.record.strongest import SEEN_S, strongest
from emoedge.record.timeline import TimelineEntry

from .helpers import FPS, HEIGHT, WIDTH, make_frame

STARTED = datetime(2026, 11, 22, 9, 0, tzinfo=timezone.utc)
SEGMENT_ID = "20261122T090000Z-0123abcd"
SECONDS = 4.0


def state(t: float, emotion: str | None, sure: float, age_s: float = 0.0, seen: str = "face") -> FusedState:
    p = as_probabilities([0.7 if one == (emotion or "neutral") else 0.05 for one in EMOTIONS])
    opinions = (ModalityOpinion(seen, t - age_s, p),)
    return FusedState(t, p, emotion, sure if emotion else 0.0, seen if emotion else None, (), opinions)


def luma_at(t: float) -> int:
    """Each second has its own grey: 40, 90, 140, 190."""
    return 40 + 50 * int(t)


def opened(root, states) -> OpenSegment:
    media = root / "2026-11-22" / f"{SEGMENT_ID}.mp4"
    media.parent.mkdir(parents=True)
    plan = SegmentPlan(SEGMENT_ID, media, 0.0, STARTED, 0.0, {"reason": "event", "clock_synced": True})
    segment = OpenSegment(plan, VideoFormat(WIDTH, HEIGHT, FPS), sound=False, encoder="auto", overlay=None)
    times = np.arange(0.0, SECONDS, 1 / FPS).tolist()
    items: list[Any] = [make_frame(t, index, luma_at(t)) for index, t in enumerate(times)]
    items += [TimelineEntry("state", one) for one in states]
    for item in sorted(items, key=lambda item: item.time_s):
        segment.write(item)
    return segment


def second_of(jpeg: bytes) -> int:
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    return round((float(np.median(picture)) - 40) / 50)


CASES = [
    ([], 0),
    ([state(1.5, None, 0), state(2.5, "neutral", 0.9)], 2),
    ([state(1.5, "fear", 0.4), state(2.5, "neutral", 0.9)], 1),
    ([state(1.5, "fear", 0.4), state(2.5, "fear", 0.6), state(3.5, "fear", 0.5)], 2),
    ([state(1.5, "fear", 0.9, seen="voice"), state(3.5, "fear", 0.5)], 3),
    ([state(2.5, "fear", 0.9, age_s=2 * SEEN_S)], 0),
    # Whoever was seen in the second before has left the newest frame.
    ([state(2.05, "fear", 0.9, age_s=0.15)], 1),
    ([state(1.5, "fear", 0.6), state(3.2, "fear", 0.9, age_s=0.3)], 2),
]


@pytest.mark.parametrize(("states", "second"), CASES)
def test_thumbnail_of_a_segment(tmp_path, states, second):
    media = finish(opened(tmp_path, states).close("finished", STARTED + timedelta(seconds=SECONDS))).media
    assert second_of(media.with_suffix(".jpg").read_bytes()) == second


@pytest.mark.parametrize(("states", "second"), [case for case in CASES if case[0]])
def test_thumbnail_after_a_power_cut(tmp_path, states, second):
    segment = opened(tmp_path, states)
    closed = segment.close("finished", STARTED)
    assert closed.lock is not None
    closed.lock.release()
    (finished,) = recover(Store(tmp_path), "es")
    assert second_of(finished.media.with_suffix(".jpg").read_bytes()) == second


def test_of_equals_the_first():
    states = [state(t, "fear", 0.5) for t in (1.0, 2.0)]
    assert strongest(states) is states[0]
    assert strongest([]) is None
