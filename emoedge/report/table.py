"""A segment or clip as a table: CSV, a pandas frame, Parquet. One line a moment, or one a frame and face."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from emoedge.circumplex import affect
from emoedge.clock import rfc3339
from emoedge.emotions import EMOTION_COUNT, EMOTIONS, Probabilities
from emoedge.errors import EmoedgeError
from emoedge.observations import FaceObservation, FacesObservation, Speaker
from emoedge.outcomes import FusedState
from emoedge.report.data import CHANNELS, Curve, ReportData, hold, started_of
from emoedge.report.speakers import speakers_at
from emoedge.translation import tr

if TYPE_CHECKING:
    import pandas as pd

DIGITS: Final = 3
FACE_HOLD_S: Final = 0.5
"""Seconds for which a face is still where it was seen last; a recording keeps about five a second."""
SAME_S: Final = 0.004
"""Seconds by which results may be stamped after their frame: times are rounded to milliseconds."""
AFFECT: Final = ("valence", "arousal")
INTEGERS: Final = frozenset({"frame", "face_id", "success"})
TEXTS: Final = frozenset({"time", "emotion", "fused_emotion", "speaker"})

Value = str | float | int | None
Table = tuple[list[str], list[list[Value]]]
"""Names of the columns, and the rows; None where there is no opinion."""


@dataclass(frozen=True)
class Sampling:
    """Rows a frame and face, in place of one a moment.

    Attributes:
        times: of the rows, seconds from the start, in order.
        all_faces: a row for each face in the picture, in place of the primary one alone.
    """

    times: Sequence[float]
    all_faces: bool = False

    @classmethod
    def at(cls, rate_hz: float, duration_s: float, *, all_faces: bool = False) -> Sampling:
        """Rows at a constant rate, > 0."""
        count = max(1, math.ceil(duration_s * rate_hz - 1e-9))
        return cls((np.arange(count) / rate_hz).tolist(), all_faces)


def table(data: ReportData, sampling: Sampling | None = None) -> Table:
    """The columns and rows of a segment or clip.

    Without `sampling`: `time_s, time, emotion, confidence, face_quality, speaker` (whose voice is heard: the
    id of a face, "unseen", "unknown", or nothing), and for each of fused, face, voice and text the seven
    probabilities, valence and arousal. With it, as OpenFace has it: `frame` (from 1),
    `face_id` (0 where no face is seen), `timestamp` (s), `success` (1 where a face is seen), its quality
    (0..1), box (fractions of the picture), emotion, seven probabilities, valence and arousal, `speaker`, and
    the fused state.
    """
    return _moments(data) if sampling is None else _frames(data, sampling)


def to_csv(data: ReportData, sampling: Sampling | None = None) -> str:
    """The table as CSV: a header, comma, decimal point; empty where there is no opinion."""
    columns, rows = table(data, sampling)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    stamp = columns.index("timestamp" if sampling else "time_s")
    for row in rows:
        shown: list[Any] = ["" if value is None else value for value in row]
        shown[stamp] = f"{row[stamp]:.3f}"
        writer.writerow(shown)
    return text.getvalue()


def to_frame(data: ReportData, sampling: Sampling | None = None) -> pd.DataFrame:
    """The table as a pandas DataFrame; needs the extra `tables`.

    Raises:
        EmoedgeError: pandas is not installed.
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise EmoedgeError(
            tr("{name} is not installed", name="pandas"), tr("run: pip install 'emoedge[tables]'")
        ) from error
    columns, rows = table(data, sampling)
    frame = pd.DataFrame(rows, columns=columns)
    for name in columns:
        kind = "int64" if name in INTEGERS else "object" if name in TEXTS else "float64"
        frame[name] = frame[name].astype(kind)
    return frame


def to_parquet(data: ReportData, sampling: Sampling | None = None) -> bytes:
    """The table as a Parquet file; needs the extra `tables`.

    Raises:
        EmoedgeError: pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise EmoedgeError(
            tr("{name} is not installed", name="pyarrow"), tr("run: pip install 'emoedge[tables]'")
        ) from error
    columns, rows = table(data, sampling)
    kinds = [
        pa.int64() if name in INTEGERS else pa.string() if name in TEXTS else pa.float64() for name in columns
    ]
    arrays = [
        pa.array([row[index] for row in rows], type=kind, from_pandas=True)
        for index, kind in enumerate(kinds)
    ]
    target = pa.BufferOutputStream()
    pq.write_table(pa.table(arrays, names=columns), target)
    return bytes(target.getvalue().to_pybytes())


def _moments(data: ReportData) -> Table:
    columns = ["time_s", "time", "emotion", "confidence", "face_quality", "speaker"]
    columns += [f"{channel}_{name}" for channel in CHANNELS for name in (*EMOTIONS, *AFFECT)]
    curves = [data.curves.get(channel) for channel in CHANNELS]
    started = started_of(data)
    fused, face = data.curves["fused"], data.curves.get("face")
    times = data.times.tolist()
    heard = speakers_at(data.spoken, times)
    rows: list[list[Value]] = []
    for index, moment in enumerate(times):
        row: list[Value] = [round(moment, DIGITS), _wall(started, moment), data.emotions[index]]
        row += [_trust(fused, index), _trust(face, index), _speaker(heard[index])]
        for curve in curves:
            row += posterior(None if curve is None else curve.at(index))
        rows.append(row)
    return columns, rows


def _frames(data: ReportData, sampling: Sampling) -> Table:
    columns = ["frame", "face_id", "timestamp", "success", "quality", "x", "y", "width", "height", "emotion"]
    columns += [*EMOTIONS, *AFFECT, "speaker", "fused_emotion", "fused_confidence"]
    columns += [f"fused_{name}" for name in (*EMOTIONS, *AFFECT)]
    states = data.timeline.states
    seen = [one for one in data.timeline.outcomes if isinstance(one, FacesObservation)]
    times = np.asarray(sampling.times, dtype=np.float64) + SAME_S
    faces_at = hold([one.time_s for one in seen], times, FACE_HOLD_S)
    state_at = hold([one.time_s for one in states], times, data.timeline.hold_s)
    heard = speakers_at(data.spoken, sampling.times)
    rows: list[list[Value]] = []
    for number, moment in enumerate(sampling.times):
        faces = _faces(seen[faces_at[number]] if faces_at[number] >= 0 else None, sampling)
        state = states[state_at[number]] if state_at[number] >= 0 else None
        for face in faces:
            row: list[Value] = [number + 1, 0 if face is None else face.track_id, round(moment, DIGITS)]
            rows.append([*row, *_face(face), _speaker(heard[number]), *_fused(state)])
    return columns, rows


def _faces(seen: FacesObservation | None, sampling: Sampling) -> list[FaceObservation | None]:
    """The faces to show of a frame; None alone where there is none."""
    if seen is None:
        return [None]
    return [*seen.faces] or [None] if sampling.all_faces else [seen.primary]


def _face(face: FaceObservation | None) -> Iterator[Value]:
    if face is None:
        yield from (0, *[None] * 6, *posterior(None))
        return
    box = face.box
    yield from (1, round(face.quality, DIGITS))
    yield from (round(value, DIGITS + 1) for value in (box.x, box.y, box.width, box.height))
    yield from (face.emotion, *posterior(face.probabilities))


def _fused(state: FusedState | None) -> Iterator[Value]:
    named = state is not None and state.emotion is not None
    yield state.emotion if state is not None else None
    yield round(state.confidence, DIGITS) if state is not None and named else None
    yield from posterior(None if state is None else state.probabilities)


def posterior(probabilities: Probabilities | None) -> list[Value]:
    """Seven rounded probabilities, valence and arousal; None where there is no opinion."""
    if probabilities is None:
        return [None] * (EMOTION_COUNT + len(AFFECT))
    return [round(float(value), DIGITS) for value in (*probabilities, *affect(probabilities))]


def _wall(started: datetime | None, moment: float) -> str | None:
    return None if started is None else rfc3339(started + timedelta(seconds=moment))


def _speaker(speaker: Speaker | None) -> str | None:
    """As text, as in every row: numbers and words share a column."""
    return None if speaker is None else str(speaker)


def _trust(curve: Curve | None, index: int) -> float | None:
    value = math.nan if curve is None else float(curve.trust[index])
    return None if math.isnan(value) else round(value, DIGITS)
