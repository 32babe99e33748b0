"""A segment as the recorder leaves it, with everything that a report can show."""

from __future__ import annotations

import functools
import math
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np

from emoedge.emotions import EMOTIONS, INDEX, as_probabilities
from emoedge.frames import SAMPLE_RATE_HZ, AudioBlock, Frame
from emoedge.observations import Box, FaceObservation, FacesObservation, TextObservation, Word
from emoedge.outcomes import EmotionEvent, FusedState, ModalityOpinion
from emoedge.record.finish import FinishedSegment, finish
from emoedge.record.mux import VideoFormat
from emoedge.record.names import day_of, new_segment_id
from emoedge.record.segment import OpenSegment, SegmentPlan
from emoedge.record.timeline import TimelineEntry

STARTED = datetime(2026, 11, 22, 9, 30, 0, tzinfo=timezone.utc)
ZERO_S = 500.0
EPISODES = (
    (0.0, 4.0, "neutral"),
    (4.0, 11.0, "happiness"),
    (13.0, 18.0, "surprise"),
    (18.0, 24.0, "sadness"),
    (24.0, 30.0, "anger"),
)
EVENTS = ((4.5, 11.2, "happiness"), (13.4, 17.9, "surprise"), (18.6, 24.1, "sadness"), (25.0, None, "anger"))
SENTENCES = (
    (2.0, "hoy ha venido mi hermana <b>"),
    (6.2, "qué alegría me ha dado verla"),
    (19.0, "pero ya se marcha mañana"),
)


def probabilities(emotion: str | None, t: float, sharp: float):
    """A vector that leans towards an emotion and breathes a little."""
    logits = np.array([0.6 * math.sin(t * (1.1 + 0.3 * index) + index) for index in range(7)])
    if emotion is not None:
        logits[INDEX[emotion]] += sharp
    shares = np.exp(logits)
    return as_probabilities(shares / shares.sum())


def emotion_at(t: float) -> str | None:
    return next((name for start, end, name in EPISODES if start <= t < end), None)


@functools.cache
def scenery(width: int, height: int) -> tuple[np.ndarray, np.ndarray | None]:
    """A ground, and scikit-image's astronaut (NASA, public domain) where it is installed; BGR."""
    import cv2

    y, x = np.mgrid[0:height, 0:width]
    base = (96 + 80 * np.sin(x / 23) * np.cos(y / 31)).clip(0, 255).astype(np.uint8)
    ground = np.dstack([base, np.roll(base, 20, 1), np.roll(base, 40, 0)])
    try:
        from skimage.data import astronaut
    except ImportError:
        return ground, None
    side = height * 4 // 5
    person = np.ascontiguousarray(astronaut()[:, :, ::-1])
    return ground, cv2.resize(person, (side, side), interpolation=cv2.INTER_AREA)


def picture(t: float, width: int, height: int) -> Frame:
    """A person who moves about."""
    ground, person = scenery(width, height)
    bgr = np.roll(ground, round(8 * t), 1)
    if person is not None:
        side = person.shape[0]
        left = round((width - side) / 2 + (width - side) / 3 * math.sin(t))
        bgr[height - side :, left : left + side] = person
    return Frame(ZERO_S + t, bgr, "bgr", width, height, round(t * 15))


def make_segment(
    root: Path, started: datetime = STARTED, seconds: float = 30.0, size: tuple[int, int] = (320, 240)
) -> FinishedSegment:
    """Record a segment of `seconds` into a store."""
    segment_id = new_segment_id(started)
    folder = root / day_of(started)
    folder.mkdir(parents=True, exist_ok=True)
    about = {"reason": "event", "clock_synced": True, "language": "es", "device": "salón", "models": {}}
    plan = SegmentPlan(segment_id, folder / f"{segment_id}.mp4", ZERO_S, started, ZERO_S + 5, about)
    segment = OpenSegment(plan, VideoFormat(*size, 15.0), sound=True, encoder="auto", overlay=None)
    for item in sorted(timeline(started, seconds, size), key=lambda item: item.time_s):
        segment.write(item)
    return finish(segment.close("finished", started + timedelta(seconds=seconds)))


def timeline(started: datetime, seconds: float, size: tuple[int, int]) -> list:
    items: list = [picture(index / 15, *size) for index in range(round(seconds * 15))]
    tone = (2000 * np.sin(np.arange(1600) * 0.15)).astype(np.int16)
    items += [AudioBlock(ZERO_S + i / 10, tone) for i in range(round(seconds * SAMPLE_RATE_HZ / 1600))]
    for step in range(round(seconds * 5)):
        t = step / 5
        items += entries_at(t)
    for number, (start, end, emotion) in enumerate(EVENTS):
        begun = EmotionEvent("begin", f"e{number}", emotion, ZERO_S + start, None, 0.6)
        items.append(TimelineEntry("event", begun))
        if end is not None:
            ended = replace(begun, kind="end", ended_s=ZERO_S + end, peak_confidence=0.86)
            items.append(TimelineEntry("event", ended))
    for start, sentence in SENTENCES:
        words = tuple(
            Word(word, ZERO_S + start + i * 0.45, ZERO_S + start + i * 0.45 + 0.4, 0.4 if i == 2 else 0.95)
            for i, word in enumerate(sentence.split())
        )
        heard = TextObservation(words[0].start_s, words[-1].end_s, sentence, None, words)
        items.append(TimelineEntry("transcript", heard))
    return [item for item in items if item.time_s < ZERO_S + seconds]


def entries_at(t: float) -> list[TimelineEntry]:
    """State and faces at a moment; between 11 s and 13 s nobody is there."""
    emotion, at = emotion_at(t), ZERO_S + t
    if emotion is None:
        state = FusedState(at, None, None, 0.0, None, reason="nobody")
        return [
            TimelineEntry("state", state),
            TimelineEntry("faces", FacesObservation(at, ())),
        ]
    opinions = [ModalityOpinion("face", at, probabilities(emotion, t + 1, 2.2), 0.9)]
    if 5 < t < 10 or 18 < t < 23:
        opinions.append(ModalityOpinion("voice", at, probabilities(emotion, t + 2, 1.4), 0.7))
    if 9 < t < 11 or 22 < t < 25:
        opinions.append(ModalityOpinion("text", at, probabilities(emotion, t + 3, 1.8), 0.8))
    fused = probabilities(emotion, t, 2.4)
    quality = 0.55 + 0.4 * math.sin(t / 3)
    face = FaceObservation(1, Box(0.4, 0.2, 0.3, 0.4), opinions[0].probabilities, quality, primary=True)
    state = FusedState(
        at, fused, EMOTIONS[int(np.argmax(fused))], float(fused.max()), "fusion", (), tuple(opinions)
    )
    return [
        TimelineEntry("state", state),
        TimelineEntry("faces", FacesObservation(at, (face,))),
    ]
