"""The page of the history in a headless Chromium, without a daemon."""

from __future__ import annotations

import json

import pytest

from tests.report.browser import chromium
from tests.report.days import live_a_day
from tests.web.conftest import start_console, stop
from tests.web.test_browser import look, text
from tests.web.test_history_api import DAY, config_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(chromium() is None, reason="no Chromium here (apt-get install chromium)"),
]

WEDNESDAY = "2024-11-27"
SHOWN = "document.documentElement?.dataset.shown === {day}"


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    """A console with a day, as `look` takes it."""
    folder = tmp_path_factory.mktemp("history")
    live_a_day(folder, DAY)
    config_of(folder)
    console = start_console(folder)
    yield (console,)
    stop(console)


def see(browser, day: str) -> None:
    browser.wait(SHOWN.format(day=json.dumps(day)))


def choose(browser, name: str, value: str) -> None:
    browser.evaluate(
        f"(() => {{ const one = document.getElementById('filters').{name}; one.value = {json.dumps(value)};"
        " one.dispatchEvent(new Event('change', {bubbles: true})); })()"
    )


def test_a_day_is_drawn_and_told(browser, lived):
    browser.requests.clear()
    browser.complaints.clear()
    look(browser, lived, f"history?day={DAY}")
    see(browser, str(DAY))
    assert "Martes, 26 de noviembre de 2024" in text(browser, "h2.name")
    assert "5 h 35 min" in text(browser, ".headline")
    assert browser.evaluate("document.querySelectorAll('.hours .hour').length") == 24
    drawn = browser.evaluate(
        "[...document.querySelectorAll('.strip.tall i')].filter(one => one.getBoundingClientRect().width > 1)"
        ".map(one => one.className)"
    )
    assert {"is-happiness", "is-private", "is-stopped", "is-nobody"} <= set(drawn)
    assert browser.complaints == [], "no style or script that the policy forbids"
    hosts = {address.split("/")[2] for address in browser.requests if address.startswith("http")}
    assert hosts == {f"127.0.0.1:{lived[0].port}"}, "no request to another host"


def test_days_by_keyboard_and_the_back_key(browser, lived):
    look(browser, lived, f"history?day={DAY}")
    see(browser, str(DAY))
    browser.evaluate("document.getElementById('next').focus()")
    for kind in ("rawKeyDown", "char", "keyUp"):
        browser.call(
            "Input.dispatchKeyEvent",
            type=kind,
            key="Enter",
            text="\r",
            windowsVirtualKeyCode=13,
            code="Enter",
        )
    see(browser, WEDNESDAY)
    assert "no se sabe nada" in text(browser, "#content")
    assert browser.evaluate("document.activeElement.id") == "next", "the focus stays for the next day"
    browser.evaluate("history.back()")
    see(browser, str(DAY))
    browser.call("Page.reload")
    see(browser, str(DAY))


def test_filters_have_an_address_and_dim_the_rest(browser, lived):
    look(browser, lived, f"history?day={DAY}")
    see(browser, str(DAY))
    choose(browser, "emotion", "sadness")
    browser.wait("document.querySelectorAll('.episode').length === 2")
    assert browser.evaluate("document.querySelectorAll('.strip i.is-happiness:not(.dim)').length") == 0
    assert browser.evaluate("document.querySelectorAll('.strip i.is-sadness:not(.dim)').length") > 0
    choose(browser, "part", "evening")
    browser.wait("document.querySelectorAll('.hours .hour').length === 6")
    address = browser.evaluate("location.search")
    assert {"part=evening", "emotion=sadness"} <= set(address[1:].split("&"))
    browser.call("Page.reload")
    browser.wait("document.querySelectorAll('.hours .hour').length === 6")
    assert browser.evaluate("document.getElementById('filters').emotion.value") == "sadness"


def test_a_week_leads_to_its_days_and_an_episode_to_its_recording(browser, lived):
    look(browser, lived, "history?week=2024-W48")
    see(browser, "2024-W48")
    assert browser.evaluate("document.querySelectorAll('.week-day .strip').length") == 7
    browser.click(f".week-day a[href*='{DAY}']")
    see(browser, str(DAY))
    choose(browser, "span", "week")
    see(browser, "2024-W48")
    browser.evaluate("history.back()")
    see(browser, str(DAY))
    browser.click(".episode a")
    browser.wait("document.documentElement?.dataset.ready === 'recordings'")
    browser.wait("!document.getElementById('player').hidden")


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark"), (320, "light")])
@pytest.mark.parametrize("place", [f"day={DAY}", "week=2024-W48", "day=2020-01-01"])
def test_it_fits_and_axe_finds_nothing(browser, lived, place, width, scheme):
    look(browser, lived, f"history?{place}", width, scheme)
    browser.wait("document.documentElement?.dataset.shown !== undefined")
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    assert browser.violations() == []
