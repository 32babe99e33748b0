"""`emoedge history`: a table, JSON, CSV; what is not a date ends with 2."""

from __future__ import annotations

import csv
import json
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from emoedge.cli import cli
from emoedge.history.database import FILE_NAME, HistoryFile
from emoedge.history.rows import Changes, EpisodeRow, GapRow
from emoedge.local_time import day_span, zone_of
from tests.history.test_buckets import whole

ZONE = zone_of("Europe/Madrid")
AUTUMN = date(2025, 10, 26)


@pytest.fixture
def device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EMOEDGE_PATHS__STATE", str(tmp_path / "state"))
    monkeypatch.setenv("EMOEDGE_RECORDING__DIR", str(tmp_path / "recordings"))
    monkeypatch.setenv("EMOEDGE_TIMEZONE", "Europe/Madrid")
    monkeypatch.setenv("EMOEDGE_DEVICE_ID", "salon")
    monkeypatch.setenv("EMOEDGE_LANGUAGE", "es")
    start, _ = day_span(AUTUMN, ZONE)
    at = int(start.timestamp()) * 1000
    episode = EpisodeRow("00", "happiness", at + 5000, at + 9000, 7000)
    gap = GapRow(at + 26 * 3_600_000 - 7_200_000, at + 26 * 3_600_000 - 3_600_000, "privacy")
    file = HistoryFile(tmp_path / "state")
    file.write([Changes(whole(start, 24 * 60), (episode,), (gap,))])
    file.close()
    return tmp_path


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, ["history", *words], catch_exceptions=True)


def exit_code(result: Result) -> int:
    """As `emoedge.cli.main` gives it."""
    return getattr(result.exception, "exit_code", result.exit_code)


def test_a_day_of_25_hours_as_a_table(device: Path) -> None:
    result = run("--day", "2025-10-26")
    lines = result.stdout.splitlines()
    assert "Europe/Madrid" in lines[0]
    assert "alegría" in lines[1]
    assert sum("02:00+0" in line for line in lines) == 2
    assert lines[-2].startswith("en total")
    assert "24:00:00" in lines[-2]
    assert lines[-1].endswith("privacidad")


def test_minutes_of_which_nothing_is_known_are_left_out_of_the_table(device: Path) -> None:
    words = ("--from", "2025-10-26T21:55+00:00", "--to", "2025-10-27T00:30", "--bucket", "minute")
    lines = run(*words).stdout.splitlines()
    assert len(lines) == 2 + 5 + 60 + 2, "two heads, five minutes, an hour of privacy, the sum and the gap"
    assert len(json.loads(run(*words, "--json").stdout)["buckets"]) == 95


def test_json_and_csv_say_the_same(device: Path) -> None:
    found = json.loads(run("--day", "2025-10-26", "--json").stdout)
    assert (found["schema"], found["device"], found["bucket"]) == (1, "salon", "hour")
    assert found["from"] == "2025-10-26T00:00:00+02:00"
    assert found["to"] == "2025-10-27T00:00:00+01:00"
    assert len(found["buckets"]) == 25
    for row in (*found["buckets"], found["totals"]):
        length = datetime.fromisoformat(row["end"]) - datetime.fromisoformat(row["start"])
        assert sum(row["seconds"].values()) == length.total_seconds()
    assert found["totals"]["episodes"] == {"happiness": 1}
    assert found["episodes"][0]["peak_confidence"] == 0.7
    assert [gap["reason"] for gap in found["gaps"]] == ["privacy"]
    rows = list(csv.DictReader(run("--day", "2025-10-26", "--csv").stdout.splitlines()))
    assert [row["start"] for row in rows] == [row["start"] for row in found["buckets"]]
    assert [float(row["happiness_s"]) for row in rows] == [
        row["seconds"]["happiness"] for row in found["buckets"]
    ]
    assert rows[0]["episodes"] == "1"
    assert rows[0]["anger_p"] == ""


def test_a_week_is_by_days_unless_something_else_is_asked_for(device: Path) -> None:
    week = json.loads(run("--week", "2025-W43", "--json").stdout)
    assert (week["bucket"], len(week["buckets"])) == ("day", 7)
    hours = json.loads(run("--week", "2025-W43", "--bucket", "hour", "--json").stdout)
    assert len(hours["buckets"]) == 7 * 24 + 1
    assert hours["totals"] == week["totals"]


@pytest.mark.parametrize("word", ["today", "hoy", "yesterday", "ayer", "2031-01-01", "1970-01-01"])
def test_days_of_which_nothing_is_known_are_no_error(device: Path, word: str) -> None:
    assert run("--day", word).exit_code == 0
    json.loads(run("--day", word, "--json").stdout)


def test_a_time_to_a_time(device: Path) -> None:
    words = ("--from", "2025-10-26T01:30", "--to", "2025-10-26T02:00:30Z", "--bucket", "minute", "--json")
    found = json.loads(run(*words).stdout)
    assert (found["from"], found["to"]) == ("2025-10-26T01:30:00+02:00", "2025-10-26T03:00:30+01:00")
    assert len(found["buckets"]) == 151
    assert found["buckets"][-1]["seconds"]["happiness"] == 30


@pytest.mark.parametrize(
    "words",
    [
        ("--day", "26-10-2025"),
        ("--day", "2025-02-30"),
        ("--day", ""),
        ("--day", "mañana"),
        ("--week", "2025-W60"),
        ("--week", "2025-43"),
        ("--from", "now"),
        ("--from", "2025-10-26T25:00"),
        ("--from", "0001-01-01"),
        ("--from", "9999-12-31T23:59"),
        ("--from", "2025-10-26", "--to", "x"),
        ("--from", "2025-10-26", "--to", "2025-10-25"),
        ("--to", "2025-10-26"),
        ("--day", "today", "--week", "2025-W43"),
        ("--from", "1970-01-01", "--bucket", "minute"),
        ("--json", "--csv"),
        ("--bucket", "year"),
        ("purge",),
        ("purge", "--before", "x"),
        ("purge", "--before", "2025-10-26", "--all"),
    ],
    ids=" ".join,
)
def test_what_is_not_a_date_ends_with_2(device: Path, words: tuple[str, ...]) -> None:
    assert exit_code(run(*words)) == 2


def test_output_to_a_file(device: Path) -> None:
    target = device / "day.csv"
    assert run("--day", "2025-10-26", "--csv", "-o", str(target)).exit_code == 0
    assert target.read_text().startswith("start,end,anger_s,")
    assert exit_code(run("--json", "-o", str(device / "no" / "day.json"))) == 1


def test_purging(device: Path) -> None:
    assert run("purge", "--before", "2025-10-26").exit_code == 0
    assert json.loads(run("--day", "2025-10-26", "--json").stdout)["episodes"]
    assert run("purge", "--before", "2025-10-27").exit_code == 0
    assert json.loads(run("--day", "2025-10-26", "--json").stdout)["totals"]["seconds"]["happiness"] <= 3600
    assert run("purge", "--all", "--yes").exit_code == 0
    assert not (device / "state" / FILE_NAME).exists()
    assert run("purge", "--all").exit_code == 0


def test_recordings_purge_reaches_the_history(device: Path) -> None:
    days = (datetime.now(timezone.utc) - day_span(AUTUMN, ZONE)[1]) / timedelta(days=1)
    assert CliRunner().invoke(cli, ["recordings", "purge", "--older-than", str(days - 1)]).exit_code == 0
    assert json.loads(run("--day", "2025-10-26", "--json").stdout)["totals"]["seconds"]["happiness"] == 0
    assert CliRunner().invoke(cli, ["recordings", "purge", "--all"]).exit_code == 0
    assert not (device / "state" / FILE_NAME).exists()
