"""Pages of a day and of a week, from a real history file and real recordings."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import date, datetime, timedelta, timezone

import pytest

from emoedge.emotions import EMOTIONS
from emoedge.local_time import day_span, midnight
from emoedge.report import write_day, write_week
from emoedge.report.day import WORDS_ON_CARD
from emoedge.report.day_view import MOST_EPISODES
from emoedge.report.strip import STATES

from .days import DAY, ZONE, episode, home, keep, live_a_day, minute, minutes
from .helpers import make_segment

MAX_BYTES = 300_000


def page_of(settings, day, now, target, language="es", write=write_day) -> str:
    assert write(settings, day, target, language, now)
    return target.read_text(encoding="utf-8")


def strip_of(page: str) -> list[tuple[str, float, float]]:
    """State, left and width of each slice of the first strip."""
    strip = re.search(r'<div class="strip[^>]*>(.*?)</div>', page, re.DOTALL).group(1)
    found = re.findall(r'<i class="is-(\w+)" style="left:([\d.]+)%;width:([\d.]+)%"', strip)
    return [(state, float(left), float(width)) for state, left, width in found]


def state_at(page: str, hour: float, hours: int = 24) -> str | None:
    at = 100 * hour / hours
    return next((state for state, left, width in strip_of(page) if left <= at < left + width), None)


@pytest.fixture
def page(lived_day, tmp_path) -> str:
    settings, day, now = lived_day
    return page_of(settings, day, now, tmp_path / "day.html")


def test_it_begins_with_a_sentence(page):
    said = re.search(r'<p class="headline">(.*?)</p>', page).group(1)
    assert said.startswith("Hubo alguien delante 5 h 35 min; varias emociones: alegría (1 h 43 min), neutro")
    assert said.endswith("seguridad de los episodios: 72 %.")


def test_each_slice_has_the_one_state_that_prevailed(page):
    assert {state for state, _, _ in strip_of(page)} <= set(STATES)
    for hour, state in (
        (3, "nobody"), (7.1, "neutral"), (7.8, "happiness"), (9, "nobody"), (11, "private"), (12.5, "nobody"),
        (13.3, "happiness"), (14.5, "unsure"), (15.5, "stopped"), (18, "unknown"),
        (20, "sadness"), (22, None),
    ):  # fmt: skip
        assert state_at(page, hour) == state, hour


def test_hours_are_filled_by_what_was_seen(page):
    chart = re.search(r'<div class="hours".*?</div></div>\n', page, re.DOTALL).group(0)
    columns = [
        {state: float(height) for state, height in re.findall(r'is-(\w+)" style="height:([\d.]+)%', hour)}
        for hour in chart.split('class="hour"')[1:]
    ]
    assert len(columns) == 24
    assert columns[13]["happiness"] == pytest.approx(100 * 25 * 40 / 3600, abs=0.1)
    assert columns[12]["surprise"] == pytest.approx(100 / 6, abs=0.1)
    assert columns[12]["nobody"] == pytest.approx(500 / 6, abs=0.1)
    assert sum(columns[7].values()) == pytest.approx(100, abs=0.1)
    assert columns[22] == {}


def test_gaps_are_told_apart_without_colour(page):
    for state in ("unsure", "nobody", "unknown", "private", "stopped"):
        rule = re.search(rf"\.is-{state} {{ (background: [^}}]+) }}", page).group(1)
        if state != "nobody":
            assert "gradient" in rule, state
    assert "10:00–12:00 privacidad" in page
    assert "15:00–16:00 el dispositivo no funcionaba" in page


def test_episodes_have_time_length_certainty_and_the_way_to_their_recording(page, lived_day, tmp_path):
    rows = re.findall(r"<tr><td>(\d\d:\d\d:\d\d)</td>.*?</tr>", page)
    assert rows == ["07:36:00", "13:12:00", "17:01:48", "19:36:00"]
    assert '<td class="number">91 %</td>' in page
    links = re.findall(r'href="([^"]+\.mp4)"', page)
    assert len(links) == 2, "of the episode and of the card"
    assert all((tmp_path / link).resolve().is_file() for link in links)
    assert "17:02:00" in page, "the card has the time of the configured zone"


def test_it_needs_no_recording(tmp_path):
    settings = home(tmp_path)
    zero = midnight(DAY, settings.zone)
    keep(settings, minutes(zero + timedelta(hours=9), 60, happiness=60))
    text = page_of(settings, DAY, zero + timedelta(hours=12), tmp_path / "day.html", "en")
    assert "Somebody was there for 1 h; above all happiness (1 h)." in text
    assert 'class="card"' not in text
    assert "<script" not in text


def test_a_moment_is_not_listed_as_no_time(tmp_path):
    settings = home(tmp_path)
    zero = midnight(DAY, settings.zone)
    keep(settings, minutes(zero + timedelta(hours=9), 1, happiness=59.999, sadness=0.001))
    for write, day in ((write_day, DAY), (write_week, DAY - timedelta(days=DAY.weekday()))):
        text = page_of(settings, day, zero + timedelta(hours=12), tmp_path / "page.html", "en", write)
        assert "happiness" in text
        assert "sadness" not in re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL)


def test_recordings_fill_what_the_history_does_not_know(tmp_path):
    settings = home(tmp_path)
    zero = midnight(DAY, settings.zone)
    made = make_segment(
        settings.recording.dir,
        (zero + timedelta(hours=10)).astimezone(timezone.utc),
        seconds=30.0,
        size=(64, 48),
    )
    text = page_of(settings, DAY, zero + timedelta(hours=12), tmp_path / "day.html")
    assert made.media.name in text
    assert text.count("<tr><td>10:00:") == 4
    totals = re.search(r"Hubo alguien delante (\d+),\d s", text)
    assert 24 <= int(totals.group(1)) <= 30
    keep(settings, minutes(zero + timedelta(hours=9.5), 60, nobody=60))
    known = page_of(settings, DAY, zero + timedelta(hours=12), tmp_path / "day.html")
    assert "No hubo nadie delante" in known, "what the history knows counts"


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (DAY, 24)])
def test_days_of_23_and_25_hours(tmp_path, day, hours):
    settings = home(tmp_path)
    end = day_span(day, settings.zone)[1]
    # Somebody is there in the last hour of the day, whose place would be another with 24 hours.
    keep(settings, minutes(end - timedelta(hours=1), 60, fear=60))
    text = page_of(settings, day, end + timedelta(days=1), tmp_path / "day.html")
    assert text.count('<div class="hour">') == hours
    assert strip_of(text)[-1] == (
        "fear",
        pytest.approx(100 * (hours - 1) / hours, abs=0.01),
        pytest.approx(100 / hours, abs=0.01),
    )
    names = re.findall(r"<tr><td>(\d\d:00(?:[+-]\d{4})?)</td>", text)
    assert len(names) == len(set(names)) == hours
    assert ("02:00+0200" in names) == (hours == 25)
    assert ("02:00" in names) == (hours == 24)


def test_words_and_rows_are_limited(tmp_path):
    settings = home(tmp_path)
    zero = midnight(DAY, settings.zone)
    states = [*EMOTIONS, "unsure", "nobody"]
    rows = [minute(zero + timedelta(minutes=index), **{states[index % 9]: 60}) for index in range(1440)]
    many = [
        episode(zero + timedelta(seconds=20 * index), 15 + index % 7, "fear", 0.6) for index in range(4320)
    ]
    keep(settings, rows, many)
    make_segment(settings.recording.dir, (zero + timedelta(hours=3)).astimezone(timezone.utc), size=(64, 48))
    text = page_of(settings, DAY, zero + timedelta(days=2), tmp_path / "day.html")
    assert len(re.findall(r"<tr><td>\d\d:\d\d:\d\d</td>", text)) == MOST_EPISODES
    assert f"y otros {4320 - MOST_EPISODES}, más cortos" in text
    words = re.search(r'<div class="text"><p>.*?</p><p>(.*?)</p>', text).group(1)
    assert words.count(",") == WORDS_ON_CARD - 1
    assert words.endswith("+2")
    pictures = sum(len(one) for one in re.findall(r"data:image/jpeg[^\"]+", text))
    assert len(text.encode()) - pictures < MAX_BYTES


def test_a_day_of_which_nothing_is_known_has_no_page(tmp_path):
    target = tmp_path / "day.html"
    assert not write_day(home(tmp_path), DAY, target, "es")
    assert not write_week(home(tmp_path), DAY - timedelta(days=1), target, "es")
    assert not target.exists()


def test_a_week_shows_its_days_on_one_scale_beside_the_week_before(lived_day, tmp_path):
    settings, day, now = lived_day
    text = page_of(settings, day - timedelta(days=1), now, tmp_path / "week.html", write=write_week)
    assert len(re.findall(r'<div class="strip', text)) == 7
    assert "lunes 23" in text
    assert "domingo 29" in text
    row = re.search(r"tristeza</td>(.*?)</tr>", text).group(1)
    assert re.findall(r">([^<]+)</td>", row) == ["38 min", "7 %", "1 h 40 min", "33 %"]
    assert len(text) < MAX_BYTES
    alone = page_of(settings, day - timedelta(days=8), now, tmp_path / "before.html", "en", write=write_week)
    assert "Nothing is known about the week before." in alone


def run(*arguments, settings, cwd) -> subprocess.CompletedProcess[str]:
    config = cwd / "emoedge.toml"
    config.write_text(
        f'device_id = "salon"\ntimezone = "{ZONE}"\nlanguage = "en"\n'
        f'[paths]\nstate = "{settings.paths.state}"\n'
        f'[recording]\ndir = "{settings.recording.dir}"\n'
    )
    command = [sys.executable, "-m", "emoedge", "report", "--config", str(config), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=500, cwd=cwd)


def test_the_command(tmp_path):
    settings, day, _ = live_a_day(tmp_path, datetime.now(timezone.utc).date() - timedelta(days=2))
    year, number, _ = day.isocalendar()
    made = run("--day", str(day), settings=settings, cwd=tmp_path)
    assert (made.returncode, made.stdout) == (0, f"{day}.html\n"), made.stderr
    assert (tmp_path / f"{day}.html").stat().st_mode & 0o777 == 0o640
    week = run("--week", f"{year}-W{number:02}", settings=settings, cwd=tmp_path)
    assert (week.returncode, week.stdout) == (0, f"{year}-W{number:02}.html\n"), week.stderr
    empty = run("--day", "1999-01-01", settings=settings, cwd=tmp_path)
    assert (empty.returncode, empty.stdout) == (0, "")
    assert "no data about 1999-01-01: no page was written" in empty.stderr
    assert not (tmp_path / "1999-01-01.html").exists()
    for arguments in (
        ("--day", "2026-99-99"),
        ("--week", "2026-W99"),
        ("--day", "today", "--week", "2026-W48"),
        (),
    ):
        refused = run(*arguments, settings=settings, cwd=tmp_path)
        assert refused.returncode == 2, arguments
        assert "Traceback" not in refused.stderr


def test_yesterday_is_that_of_the_zone(tmp_path):
    settings = home(tmp_path)
    yesterday = datetime.now(timezone.utc).astimezone(settings.zone).date() - timedelta(days=1)
    keep(settings, minutes(midnight(yesterday, settings.zone) + timedelta(hours=9), 20, happiness=60))
    made = run("--day", "ayer", "-o", "day.html", settings=settings, cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    assert "happiness" in (tmp_path / "day.html").read_text()
