"""A day and a week of the history, as the console's page gets them."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import pytest

from emoedge.local_time import day_span, midnight
from tests.report.days import ZONE, episode, home, keep, live_a_day, minutes
from tests.report.helpers import make_segment
from tests.web.conftest import start_console, stop

pytestmark = pytest.mark.timeout(600)

pytestmark = pytest.mark.timeout(900)

DAY, SPRING, AUTUMN = date(2024, 11, 26), date(2024, 3, 31), date(2024, 10, 27)
"""Long past: the console's present is the real one."""


def config_of(folder, more: str = "") -> None:
    """The configuration of a console beside a history made by the tests."""
    (folder / "emoedge.toml").write_text(
        f'device_id = "salon"\ntimezone = "{ZONE}"\n'
        '[camera]\nsource = "none"\n[microphone]\nsource = "none"\n'
        f'[recording]\nmode = "off"\ndir = "{folder / "recordings"}"\n'
        f'[paths]\nstate = "{folder / "state"}"\n[web]\nbind = "127.0.0.1:0"\n{more}'
    )


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    """A console whose recording is off now, with a day that has a recording, and two changes of the clock."""
    folder = tmp_path_factory.mktemp("history")
    settings, _, _ = live_a_day(folder, DAY)
    for day in (SPRING, AUTUMN):
        end = day_span(day, settings.zone)[1]
        keep(settings, minutes(end - timedelta(hours=1), 60, fear=60))
    config_of(folder)
    console = start_console(folder)
    yield console
    stop(console)


@pytest.fixture
def client(lived):
    with lived.client(lived.key) as one:
        yield one


def get(client, address: str) -> dict:
    answer = client.get(f"/api/history/{address}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_day_has_the_strip_and_episodes_of_its_page(client):
    shown = get(client, f"day?day={DAY}")
    assert (shown["day"], shown["previous"], shown["next"], shown["week"]) == (
        "2024-11-26", "2024-11-25", "2024-11-27", "2024-W48",
    )  # fmt: skip
    at = {round(24 * one["left"] / 100, 2): one["state"] for one in shown["strip"]}
    assert (at[0.0], at[7.5], at[10.0], at[15.0], at[16.0]) == (
        "nobody", "happiness", "private", "stopped", "happiness",
    )  # fmt: skip
    assert len(shown["hours"]) == 24
    assert [one["clock"] for one in shown["episodes"]] == ["07:36:00", "13:12:00", "17:01:48", "19:36:00"]
    assert shown["gaps"][0].startswith("10:00–12:00")
    assert not shown["is_empty"]


def test_an_episode_leads_to_its_place_in_the_recording(client):
    shown = get(client, f"day?day={DAY}")
    linked = [one for one in shown["episodes"] if one["recording"]]
    assert len(linked) == shown["recordings"] == 1
    assert client.get(f"/api/recordings/{linked[0]['recording']}").status_code == 200
    assert linked[0]["at_s"] == 0, "the episode had begun before the recording did"


def test_it_is_told_in_the_callers_language(client):
    for language, name in (("es", "Martes, 26 de noviembre de 2024"), ("en", "Tuesday, 26 November 2024")):
        answer = client.get(f"/api/history/day?day={DAY}", headers={"Accept-Language": language}).json()
        assert answer["name"] == name


def test_a_part_of_a_day_is_told_alone(client):
    shown = get(client, f"day?day={DAY}&part=evening")
    assert len(shown["hours"]) == 6
    assert [one["clock"] for one in shown["episodes"]] == ["19:36:00"]
    assert (shown["marks"][0]["label"], shown["marks"][-1]["label"]) == ("18:00", "24:00")
    assert {one["state"]: one["duration"] for one in shown["totals"]}["sadness"] == "25 min"


def test_one_emotions_episodes(client):
    shown = get(client, f"day?day={DAY}&emotion=sadness")
    assert [one["emotion"] for one in shown["episodes"]] == ["sadness", "sadness"]
    assert get(client, f"day?day={DAY}&emotion=disgust")["episodes"] == []


def test_a_week_and_the_week_before(client):
    shown = get(client, "week?week=2024-W48")
    assert (shown["previous"], [one["day"] for one in shown["days"]][::6]) == (
        "2024-W47", ["2024-11-25", "2024-12-01"],
    )  # fmt: skip
    row = {one["state"]: one for one in shown["compared"]}["sadness"]
    assert (row["duration"], row["old_duration"]) == ("38 min", "1 h 40 min")
    part = get(client, "week?week=2024-W48&part=evening")
    row = {one["state"]: one for one in part["compared"]}["sadness"]
    assert (row["duration"], row["old_duration"]) == ("25 min", "–")
    assert part["episodes"] == ["1", "0"]


@pytest.mark.parametrize(("day", "hours"), [(SPRING, 23), (AUTUMN, 25)])
def test_days_of_23_and_25_hours(client, day, hours):
    shown = get(client, f"day?day={day}")
    names = [one["full_name"] for one in shown["hours"]]
    assert len(names) == len(set(names)) == hours
    last = next(one for one in shown["strip"] if one["state"] == "fear")
    assert last["left"] == pytest.approx(100 * (hours - 1) / hours, abs=0.01)
    assert last["title"].startswith("23:00–00:00")
    night = get(client, f"day?day={day}&part=night")
    assert len(night["hours"]) == hours - 18
    assert get(client, f"day?day={day}&part=evening")["strip"][-1]["state"] == "fear"


def test_a_day_of_which_nothing_is_known(client):
    shown = get(client, "day?day=2020-01-01")
    assert (shown["is_empty"], shown["is_future"], shown["recordings"]) == (True, False, 0)
    ahead = get(client, f"day?day={datetime.now(timezone.utc).date() + timedelta(days=30)}")
    assert (ahead["is_empty"], ahead["is_future"], ahead["next"]) == (True, True, None)
    assert get(client, "week?week=2020-W01")["is_empty"]
    today = get(client, "day")
    assert (today["next"], today["is_future"]) == (None, False)


def test_recordings_tell_where_the_history_does_not(tmp_path):
    settings = home(tmp_path)
    zero = midnight(DAY, settings.zone)
    make_segment(settings.recording.dir, (zero + timedelta(hours=10)).astimezone(timezone.utc), seconds=30.0)
    config_of(tmp_path, "[history]\nenabled = false\n")
    console = start_console(tmp_path)
    try:
        with console.client(console.key) as client:
            shown = get(client, f"day?day={DAY}")
    finally:
        stop(console)
    assert not shown["enabled"]
    assert not shown["is_empty"]
    assert len(shown["episodes"]) == 4
    assert all(one["recording"] for one in shown["episodes"])
    assert shown["episodes"][0]["at_s"] > 0


def test_the_view_key_may_read_it(lived):
    with lived.client(lived.view_key) as client:
        assert get(client, f"day?day={DAY}")["day"] == str(DAY)
    with lived.client() as client:
        assert client.get("/api/history/day").status_code == 401


@pytest.mark.parametrize(
    "query",
    [
        "day?day=x", "day?day=9999-99-99", "day?day=0001-01-01", "day?day=2026-11-24T00:00", "day?part=noon",
        "day?emotion=joy", "week?week=2026-W60", "week?week=2026-11-24", "week?part=x",
    ],
)  # fmt: skip
def test_bad_parameters(client, query):
    answer = client.get(f"/api/history/{query}")
    assert (answer.status_code, answer.json()["error"]) == (400, "parameter")


def test_more_than_a_week_of_minutes_is_refused(client):
    address = "/api/history?from=2024-11-01&to=2024-11-20&bucket=minute"
    answer = client.get(address)
    assert (answer.status_code, answer.json()["error"]) == (400, "parameter")
    shorter = client.get(address.replace("11-20", "11-02")).json()
    assert len(shorter["buckets"]) == 1440


def test_an_episode_of_the_last_seconds_is_there(tmp_path):
    settings = home(tmp_path)
    now = datetime.now(timezone.utc).astimezone(settings.zone)
    keep(settings, (), [episode(now - timedelta(seconds=5), 4, "happiness", 0.8)])
    config_of(tmp_path)
    console = start_console(tmp_path)
    try:
        with console.client(console.key) as client:
            day = (now - timedelta(seconds=5)).date()
            assert [one["emotion"] for one in get(client, f"day?day={day}")["episodes"]] == ["happiness"]
    finally:
        stop(console)


def test_history(full):
    shown = full.get("/api/history?bucket=hour").json()
    assert shown["schema"] == 1
    assert shown["device"] == "salon"
    span = full.get(
        "/api/history", params={"from": "2026-11-22T10:00:00+01:00", "to": "2026-11-22T12:00:00Z"}
    ).json()
    assert len(span["buckets"]) in (3, 4)
    for query in ("bucket=year", "from=x"):
        assert full.get(f"/api/history?{query}").status_code == 400
