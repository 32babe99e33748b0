"""The history as a table of plain text; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from emoedge.emotions import EMOTIONS, Language, display_name
from emoedge.history.data import HistoryBucket, HistoryGap, HistorySpan

_WORDS: Final[Mapping[Language, Mapping[str, str]]] = {
    "es": {
        "minute": "hora",
        "hour": "hora",
        "day": "día",
        "total": "en total",
        "unsure": "sin opinión",
        "nobody": "nadie",
        "unknown": "sin datos",
        "private": "privado",
        "stopped": "parado",
        "speech": "habla",
        "people": "personas",
        "episodes": "episodios",
        "clock": "el reloj no estaba en hora",
        "privacy_gap": "privacidad",
        "stopped_gap": "parado",
        "clock_gap": "cambio de hora del reloj",
        "nothing": "no se sabe nada de este tiempo",
    },
    "en": {
        "minute": "time",
        "hour": "time",
        "day": "day",
        "total": "in all",
        "unsure": "no opinion",
        "nobody": "nobody",
        "unknown": "no data",
        "private": "private",
        "stopped": "stopped",
        "speech": "speech",
        "people": "people",
        "episodes": "episodes",
        "clock": "the clock was not synchronized",
        "privacy_gap": "privacy",
        "stopped_gap": "stopped",
        "clock_gap": "the clock was set",
        "nothing": "nothing is known of this time",
    },
}
_MOST_GAPS: Final = 12
"""Gaps named under the table; `--json` has all."""


def to_table(history: HistorySpan, language: Language) -> str:
    """Lines for people: a column for each emotion that was named and each other state, as h:mm:ss."""
    words = _WORDS[language]
    heading = f"{history.start:%Y-%m-%d %H:%M} – {history.end:%Y-%m-%d %H:%M}  {history.timezone}"
    if history.is_empty:
        return f"{history.device}  {heading}\n{words['nothing']}\n"
    places = [place for place, seconds in history.totals.seconds.items() if seconds >= 0.5]
    names = [display_name(place, language) if place in EMOTIONS else words[place] for place in places]
    rows = [[words[history.bucket], *names, words["speech"], words["people"], words["episodes"]]]
    rows += [[_label(bucket, history), *_cells(bucket, places)] for bucket in history.buckets]
    rows.append([words["total"], *_cells(history.totals, places)])
    lines = [f"{history.device}  {heading}", *_aligned(rows)]
    if not history.totals.clock_synced:
        lines.append(f"* {words['clock']}")
    lines += [_gap(gap, words) for gap in history.gaps[:_MOST_GAPS]]
    if len(history.gaps) > _MOST_GAPS:
        lines.append(f"… +{len(history.gaps) - _MOST_GAPS}")
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _label(bucket: HistoryBucket, history: HistorySpan) -> str:
    mark = "" if bucket.clock_synced else "*"
    if history.bucket == "day":
        return f"{bucket.start:%Y-%m-%d}{mark}"
    is_one_day = all(one.start.date() == history.start.date() for one in history.buckets)
    form = "%H:%M" if is_one_day else "%m-%d %H:%M"
    offsets = {one.start.utcoffset() for one in history.buckets}
    offset = bucket.start.isoformat()[-6:] if len(offsets) > 1 else ""
    return f"{bucket.start:{form}}{offset}{mark}"


def _cells(bucket: HistoryBucket, places: Sequence[str]) -> list[str]:
    return [
        *(_length(bucket.seconds[place]) for place in places),
        _length(bucket.speech_s),
        str(bucket.people_max or "·"),
        str(sum(bucket.episodes.values()) or "·"),
    ]


def _length(seconds: float) -> str:
    whole = round(seconds)
    if whole == 0:
        return "·"
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]


def _gap(gap: HistoryGap, words: Mapping[str, str]) -> str:
    same_day = gap.start.date() == gap.end.date()
    end = f"{gap.end:%H:%M:%S}" if same_day else f"{gap.end:%Y-%m-%d %H:%M:%S}"
    return f"{gap.start:%Y-%m-%d %H:%M:%S} – {end}  {words[gap.reason + '_gap']}"
