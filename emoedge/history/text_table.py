"""The history as a table of plain text; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from emoedge.emotions import EMOTIONS, Language, display_name
from emoedge.history.data import HistoryBucket, HistoryGap, HistorySpan
from emoedge.reasons import NO_OPINION, NOBODY, PRIVATE
from emoedge.translation import Phrase, localized, tr

_STATES: Final[Mapping[str, Mapping[Language, str] | Phrase]] = {
    "unsure": NO_OPINION,
    "nobody": NOBODY,
    "unknown": tr("no data"),
    "private": PRIVATE,
    "stopped": tr("stopped"),
}
_GAPS: Final[Mapping[str, Phrase]] = {
    "privacy": tr("privacy"),
    "stopped": tr("stopped"),
    "clock": tr("the clock was set"),
}
_MOST_GAPS: Final = 12
"""Gaps named under the table; `--json` has all."""


def to_table(history: HistorySpan, language: Language) -> str:
    """Lines for people: a column for each emotion that was named and each other state, as h:mm:ss.

    Minutes of which nothing is known are left out.
    """
    heading = f"{history.start:%Y-%m-%d %H:%M} – {history.end:%Y-%m-%d %H:%M}  {history.timezone}"
    if history.is_empty:
        return f"{history.device}  {heading}\n{localized(tr('there are no data for this time'), language)}\n"
    places = [place for place, seconds in history.totals.seconds.items() if seconds >= 0.5]
    first = tr("DAY") if history.bucket == "day" else tr("TIME")
    last = (tr("speech"), tr("people"), tr("episodes"))
    heads = [_name(place, language) for place in places]
    rows = [[localized(first, language), *heads, *(localized(word, language) for word in last)]]
    form, offsets = _form(history), {one.start.utcoffset() for one in history.buckets}
    is_twice = len(offsets) > 1 and history.bucket != "day"  # an hour may be there twice
    rows += [
        [_label(bucket, form, offset=is_twice), *_cells(bucket, places)]
        for bucket in history.buckets
        if history.bucket != "minute" or bucket.seconds["unknown"] < bucket.length_s or bucket.episodes
    ]
    rows.append([localized(tr("in all"), language), *_cells(history.totals, places)])
    lines = [f"{history.device}  {heading}", *_aligned(rows)]
    if not history.totals.clock_synced:
        lines.append(f"* {localized(tr('the clock was not synchronized'), language)}")
    lines += [_gap(gap, language) for gap in history.gaps[:_MOST_GAPS]]
    if len(history.gaps) > _MOST_GAPS:
        lines.append(f"… +{len(history.gaps) - _MOST_GAPS}")
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _name(place: str, language: Language) -> str:
    if place in EMOTIONS:
        return display_name(place, language)
    state = _STATES[place]
    return str(localized(state, language) if isinstance(state, Phrase) else state[language])


def _label(bucket: HistoryBucket, form: str, *, offset: bool) -> str:
    return (
        f"{bucket.start:{form}}"
        f"{bucket.start.isoformat()[-6:] if offset else ''}"
        f"{'' if bucket.clock_synced else '*'}"
    )


def _form(history: HistorySpan) -> str:
    """Form of the first column."""
    if history.bucket == "day":
        return "%Y-%m-%d"
    is_one_day = all(one.start.date() == history.start.date() for one in history.buckets)
    return "%H:%M" if is_one_day else "%m-%d %H:%M"


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


def _gap(gap: HistoryGap, language: Language) -> str:
    same_day = gap.start.date() == gap.end.date()
    end = f"{gap.end:%H:%M:%S}" if same_day else f"{gap.end:%Y-%m-%d %H:%M:%S}"
    return f"{gap.start:%Y-%m-%d %H:%M:%S} – {end}  {localized(_GAPS[gap.reason], language)}"
