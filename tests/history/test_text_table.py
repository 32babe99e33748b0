"""The history as text, JSON and CSV: the same figures in all three."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from emoedge.emotions import EMOTIONS
from emoedge.history.data import HistoryBucket, HistoryEpisode, HistoryGap, HistorySpan
from emoedge.history.text_table import to_table

ZONE = ZoneInfo("Europe/Madrid")
NINE = datetime(2026, 11, 30, 9, tzinfo=ZONE)
NOBODY_KNOWS = dict.fromkeys((*EMOTIONS, "unsure", "nobody", "unknown", "private", "stopped"), 0.0)


def bucket(start=NINE, length_s=3600.0, *, synced=True, people=0, episodes=None, speech_s=0.0, **seconds):
    known = NOBODY_KNOWS | seconds
    known["unknown"] = length_s - sum(known.values())
    return HistoryBucket(
        start,
        start + timedelta(seconds=length_s),
        known,
        speech_s,
        dict.fromkeys(EMOTIONS, 1 / 7) if known["happiness"] else None,
        episodes or {},
        people,
        synced,
    )


def span(*buckets, kind="hour", gaps=(), episodes=()):
    end = buckets[-1].end
    totals = bucket(
        NINE,
        (end - NINE).total_seconds(),
        synced=all(one.clock_synced for one in buckets),
        people=max(one.people_max for one in buckets),
        episodes={name: count for one in buckets for name, count in one.episodes.items()},
        speech_s=sum(one.speech_s for one in buckets),
        **{
            name: sum(one.seconds[name] for one in buckets)
            for name in NOBODY_KNOWS
            if name != "unknown" and any(one.seconds[name] for one in buckets)
        },
    )
    return HistorySpan("salon", "Europe/Madrid", NINE, end, kind, totals, buckets, episodes, gaps)


LIVED = span(
    bucket(happiness=3000.0, nobody=300.0, people=2, episodes={"happiness": 3}, speech_s=75.0),
    bucket(NINE + timedelta(hours=1), sadness=61.4, synced=False),
)


def test_a_row_a_bucket_and_one_for_all():
    lines = to_table(LIVED, "en").splitlines()
    assert lines[0] == "salon  2026-11-30 09:00 – 2026-11-30 11:00  Europe/Madrid"
    assert lines[1].split() == [
        "TIME",
        "happiness",
        "sadness",
        "nobody",
        "no",
        "data",
        "speech",
        "people",
        "episodes",
    ]
    assert lines[2].split() == ["09:00", "50:00", "·", "5:00", "5:00", "1:15", "2", "3"]
    assert lines[3].split() == ["10:00*", "·", "1:01", "·", "58:59", "·", "·", "·"]
    assert lines[4].split()[2:4] == ["50:00", "1:01"]
    assert lines[5] == "* the clock was not synchronized"
    assert len({len(line) for line in lines[1:5]}) == 1, "columns are aligned"


def test_it_is_told_in_the_language_asked_for():
    assert "alegría" in to_table(LIVED, "es")
    assert "happiness" not in to_table(LIVED, "es")


def test_minutes_without_anything_are_left_out():
    minutes = [
        bucket(NINE + timedelta(minutes=n), 60.0, **({"nobody": 60.0} if n == 1 else {})) for n in range(3)
    ]
    lines = to_table(span(*minutes, kind="minute"), "en").splitlines()
    assert [line.split()[0] for line in lines[2:-1]] == ["09:01"]


def test_a_time_of_which_nothing_is_known_says_so():
    assert to_table(span(bucket()), "en").endswith("there are no data for this time\n")


def test_an_hour_that_is_there_twice_has_its_offset():
    autumn = datetime(2026, 10, 25, 2, tzinfo=ZONE)
    twice = [bucket(autumn.replace(fold=fold), 3600.0, nobody=3600.0) for fold in (0, 1)]
    history = HistorySpan("s", "z", autumn, autumn, "hour", twice[0], tuple(twice), (), ())
    rows = to_table(history, "en").splitlines()[2:4]
    assert [row.split()[0][-6:] for row in rows] == ["+02:00", "+01:00"]


def test_gaps_are_named_and_the_rest_of_many_counted():
    gaps = tuple(
        HistoryGap(NINE + timedelta(minutes=n), NINE + timedelta(minutes=n, seconds=5), "privacy")
        for n in range(14)
    )
    lines = to_table(span(bucket(nobody=10.0), gaps=gaps), "en").splitlines()
    assert "2026-11-30 09:00:00 – 09:00:05  privacy" in lines
    assert lines[-1] == "… +2"


def test_csv_and_json_have_the_figures_of_the_buckets():
    rows = list(csv.DictReader(io.StringIO(LIVED.to_csv())))
    whole = json.loads(json.dumps(LIVED.to_json(), allow_nan=False))
    assert len(rows) == len(whole["buckets"]) == 2
    assert float(rows[0]["happiness_s"]) == whole["buckets"][0]["seconds"]["happiness"] == 3000
    assert rows[0]["start"] == whole["buckets"][0]["start"] == "2026-11-30T09:00:00+01:00"
    assert rows[0]["happiness_p"] == "0.1429"
    assert (rows[1]["happiness_p"], whole["buckets"][1]["probabilities"]) == ("", None)
    assert [row["clock_synced"] for row in rows] == ["true", "false"]
    assert sum(whole["totals"]["seconds"].values()) == pytest.approx(7200)


def test_for_how_long_somebody_was_there():
    one = bucket(happiness=30.0, sadness=20.0, unsure=5.0)
    assert (one.named_s, one.seen_s) == (50.0, 55.0)


def test_an_episode_has_its_length():
    episode = HistoryEpisode("x", "fear", NINE, NINE + timedelta(seconds=2.5), 0.5, None)
    assert episode.duration_s == 2.5
    assert episode.to_json()["ended"] == "2026-11-30T09:00:02.500+01:00"
