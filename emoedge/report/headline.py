"""A segment in words: how it felt, when, how sure, and each curve as a sentence or a table. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emoedge.emotions import EMOTIONS, Emotion, Language, display_name, percent
from emoedge.outcomes import FusedState
from emoedge.record.strongest import strongest
from emoedge.report.chart import clock_label
from emoedge.report.data import Channel, Curve, Episode, ReportData, leading_runs, summarize
from emoedge.report.language import duration_label, enumeration, sentence
from emoedge.report.texts import TEXTS

MOSTLY: Final = 0.5
"""Share of the named time above which one emotion prevails."""
ALL_THE_TIME: Final = 0.97
"""Share of a time that counts as all of it."""
MANY: Final = 3
"""Emotions named in one sentence."""
MENTIONED: Final = 0.1
"""Share of a time below which an emotion, or the time without one, is not mentioned."""
FLAT: Final = 0.15
"""Maximum change of a probability in a curve that is described in words."""
STRETCH_S: Final = 1.0
"""Minimum length of a stretch in the table of a curve, in seconds."""
MOST_STRETCHES: Final = 30


def headline(data: ReportData, language: Language) -> list[str]:
    """Sentences that answer how this person felt, when and how sure that is."""
    texts = TEXTS[language]
    summary = summarize(data)
    named_s = sum(summary.seconds.values())
    if named_s <= 0:
        reason = Counter(data.reasons).most_common(1)[0][0]
        return [sentence(texts["never"].format(reason=reason_words(reason, language)))]
    said = [_what(data, summary.seconds, language)]
    if data.events:
        longest = max(data.events, key=lambda event: event.duration_s)
        said.append(
            texts["longest_episode"].format(
                emotion=display_name(longest.emotion, language),
                start=clock_label(longest.start_s),
                end=clock_label(longest.end_s),
            )
        )
    peak = peak_of(data)
    if peak is not None and peak.emotion is not None:
        said.append(
            texts["clearest"].format(
                emotion=display_name(peak.emotion, language),
                at=clock_label(peak.time_s),
                sure=percent(peak.confidence),
            )
        )
    if summary.none_s > MENTIONED * data.duration_s:
        reason = Counter(one for one in data.reasons if one).most_common(1)[0][0]
        said.append(
            texts["besides"].format(
                duration=duration_label(summary.none_s, language), reason=reason_words(reason, language)
            )
        )
    return [sentence(one) for one in said]


def peak_of(data: ReportData) -> FusedState | None:
    """The strongest moment, the one that the thumbnail shows; without a face, the surest one."""
    states = data.timeline.states
    named = (state for state in states if state.emotion is not None)
    return strongest(states) or max(named, key=lambda state: state.confidence, default=None)


def reason_words(reason: str, language: Language) -> str:
    """Return why there is no emotion, for people."""
    texts = TEXTS[language]
    return texts.get(f"reason_{reason}", texts["none"])


def channel_words(data: ReportData, channel: Channel, language: Language) -> str:
    """A curve in words, such as "happiness all the time, 82 % on average"."""
    texts = TEXTS[language]
    curve = data.curves.get(channel)
    known_s = 0.0 if curve is None else _seconds(data, curve.known)
    if curve is None or known_s <= 0:
        return texts["nothing"]
    counts = Counter(np.argmax(curve.values[curve.known], axis=1).tolist())
    total = sum(counts.values())
    often = [(EMOTIONS[index], count / total) for index, count in counts.most_common(MANY)]
    first, share = often[0]
    if share >= ALL_THE_TIME:
        mean = float(np.mean(curve.values[curve.known, EMOTIONS.index(first)]))
        always = known_s >= ALL_THE_TIME * data.duration_s
        return texts["all_the_time" if always else "whenever"].format(
            emotion=display_name(first, language), mean=percent(mean), time=duration_label(known_s, language)
        )
    parts = [
        f"{display_name(emotion, language)} {percent(part)}" for emotion, part in often if part >= MENTIONED
    ]
    return texts["of_its_time"].format(
        parts=enumeration(parts, language), time=duration_label(known_s, language)
    )


def is_flat(curve: Curve) -> bool:
    """Return whether nothing moves in a curve."""
    values = curve.values[curve.known]
    return len(values) > 0 and float(np.ptp(values, axis=0).max()) <= FLAT


def leading(data: ReportData, curve: Curve) -> list[Episode]:
    """The curve as stretches of the emotion in front; the longest ones, in order of time."""
    found = [run for run in leading_runs(data, curve) if run.duration_s >= STRETCH_S]
    found.sort(key=lambda run: -run.duration_s)
    return sorted(found[:MOST_STRETCHES], key=lambda run: run.start_s)


def _what(data: ReportData, seconds: Mapping[Emotion, float], language: Language) -> str:
    """Return what prevailed, when, and how sure that is."""
    texts = TEXTS[language]
    trust = data.curves["fused"].trust
    named = np.array([emotion is not None for emotion in data.emotions]) & np.isfinite(trust)
    ranked = sorted(seconds.items(), key=lambda item: -item[1])
    named_s = sum(seconds.values())
    emotion, spent = ranked[0]
    name = display_name(emotion, language)
    if spent >= ALL_THE_TIME * data.duration_s:
        said = texts["only"].format(emotion=name)
    elif spent >= MOSTLY * named_s:
        said = texts["mostly"].format(
            emotion=name,
            spent=duration_label(spent, language),
            total=duration_label(data.duration_s, language),
        )
        own = [event for event in data.events if event.emotion == emotion]
        if own:
            longest = max(own, key=lambda event: event.duration_s)
            start, end = clock_label(longest.start_s), clock_label(longest.end_s)
            said = texts["chiefly"].format(what=said, start=start, end=end)
    else:
        parts = [
            f"{display_name(one, language)} ({duration_label(time, language)})"
            for one, time in ranked[:MANY]
            if time >= MENTIONED * named_s
        ]
        said = texts["several"].format(parts=enumeration(parts, language))
    if not named.any():
        return said
    return texts["how_sure"].format(what=said, sure=percent(float(trust[named].mean())))


def _seconds(data: ReportData, known: NDArray[np.bool_]) -> float:
    return min(float(known.sum()) * data.step_s, data.duration_s)
