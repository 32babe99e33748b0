"""Whose voice is heard when: spans, tables, ELAN, JSON and the page."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoedge.observations import UNKNOWN, UNSEEN, TextObservation, VoiceObservation, Word
from emoedge.record.timeline import Timeline
from emoedge.report.data import build
from emoedge.report.exports import export
from emoedge.report.page import render
from emoedge.report.speakers import SpokenSpan, speakers_at, spoken_spans
from emoedge.report.table import Sampling, to_csv

from .helpers import probabilities


def voice(start_s, end_s, speaker):
    return VoiceObservation(start_s, end_s, None, 20.0, -20.0, speaker=speaker)


def text(start_s, end_s, speaker, said="hola"):
    posterior = probabilities("sadness", 0.0, 2.0)
    return TextObservation(start_s, end_s, said, posterior, (Word(said, start_s, end_s, 1.0),), speaker)


def spans(*heard, duration_s=100.0):
    timeline = Timeline(tuple(sorted(heard, key=lambda one: one.time_s)))
    return [(one.start_s, one.end_s, one.speaker) for one in spoken_spans(timeline, duration_s)]


def test_what_is_known_goes_before_what_is_not_and_an_utterance_before_a_window():
    assert spans() == []
    assert spans(voice(1, 3, 1)) == [(1, 3, 1)]
    assert spans(voice(1, 3, 1), voice(2, 4, 1)) == [(1, 4, 1)]
    assert spans(voice(1, 3, 1), voice(2, 4, UNKNOWN)) == [(1, 3, 1), (3, 4, UNKNOWN)]
    assert spans(voice(1, 3, 1), voice(2, 4, 2)) == [(1, 2, 1), (2, 4, 2)]
    assert spans(voice(1, 3, 1), text(2, 5, UNSEEN)) == [(1, 2, 1), (2, 5, UNSEEN)]
    assert spans(voice(1, 3, 1), voice(5, 6, 1)) == [(1, 3, 1), (5, 6, 1)]
    assert spans(voice(-2, 3, 1), voice(8, 12, UNSEEN), duration_s=10.0) == [(0, 3, 1), (8, 10, UNSEEN)]


HEARD = st.lists(
    st.tuples(
        st.sampled_from([voice, text]),
        st.integers(-5, 40),
        st.integers(0, 8),
        st.sampled_from([0, 1, UNSEEN, UNKNOWN]),
    ),
    max_size=20,
)


@given(HEARD)
def test_spans_cover_the_speech_and_nothing_else(heard):
    made = [make(start_s, start_s + length_s, who) for make, start_s, length_s, who in heard]
    found = spoken_spans(Timeline(tuple(sorted(made, key=lambda one: one.time_s))), 30.0)
    times = [i + 0.5 for i in range(30)]
    for time_s, speaker in zip(times, speakers_at(found, times), strict=True):
        there = [one for one in made if one.start_s <= time_s < one.end_s]
        assert (speaker is None) == (not there)
        if speaker == UNKNOWN:
            assert all(one.speaker == UNKNOWN for one in there)
        elif there:
            assert speaker in {one.speaker for one in there}
    assert all(a.end_s <= b.start_s for a, b in pairwise(found))


def test_at_an_end_nobody_speaks_any_more():
    assert speakers_at([SpokenSpan(1.0, 2.0, 3)], [0.5, 1.0, 1.9, 2.0, 9.0]) == [None, 3, 3, None, None]


@pytest.fixture
def heard(source):
    said = (
        text(2.0, 4.0, 7, "primero"),
        text(6.0, 8.0, UNSEEN, "segundo"),
        text(9.0, 9.6, UNKNOWN, "tercero"),
    )
    others = [one for one in source.data.timeline.outcomes if not isinstance(one, TextObservation)]
    outcomes = sorted([*others, *said], key=lambda one: one.time_s)
    timeline = replace(source.data.timeline, outcomes=tuple(outcomes))
    return replace(source, data=build(timeline, source.data.details, source.data.duration_s))


def test_tables_say_who_speaks_in_each_row(heard):
    for sampling, clock in ((None, "time_s"), (Sampling.at(5.0, heard.data.duration_s), "timestamp")):
        rows = list(csv.DictReader(io.StringIO(to_csv(heard.data, sampling))))
        spoken = [(float(row[clock]), row["speaker"]) for row in rows]
        at = [next(who for t, who in spoken if t >= moment) for moment in (1.0, 3.0, 7.0, 9.2, 12.0)]
        assert at == ["", "7", "unseen", "unknown", ""]


def test_elan_and_json_have_the_stretches(heard):
    root = ET.fromstring(export(heard.data, "a", "elan", "es"))
    tier = root.find("TIER[@TIER_ID='speaker']")
    values = [one.findtext("ANNOTATION_VALUE") for one in tier.iter("ALIGNABLE_ANNOTATION")]
    assert values == ["7", "unseen", "unknown"]
    spoken = json.loads(export(heard.data, "a", "json", "es"))["speakers"]
    assert [(one["start"], one["end"], one["speaker"]) for one in spoken] == [
        (2.0, 4.0, 7),
        (6.0, 8.0, "unseen"),
        (9.0, 9.6, "unknown"),
    ]


@pytest.mark.parametrize(
    ("language", "face", "unseen"),
    [("es", "Cara 7", "Fuera de la imagen"), ("en", "Face 7", "Out of the picture")],
)
def test_the_page_says_it_before_the_words(heard, language, face, unseen):
    page = render(heard, language, None, "mark")
    lines = [line for line in page.split("<p>") if 'class="word' in line]
    assert face in lines[0]
    assert unseen in lines[1]
    assert "whose" not in lines[2]
