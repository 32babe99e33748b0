"""The site in a browser, in light and in dark: axe-core finds nothing wrong with it."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator

import pytest

from tests.report.browser import Browser, chromium

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        importlib.util.find_spec("material") is None, reason="mkdocs-material is not installed (extra docs)"
    ),
    pytest.mark.skipif(not chromium(), reason="chromium is not installed"),
]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    pytest.importorskip("websockets", reason="websockets drives the browser")
    driven = Browser(tmp_path_factory.mktemp("chromium"))
    yield driven
    driven.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "page", ["", "tutorial", "history", "reference/commands", "troubleshooting", "es", "es/mqtt"]
)
def test_axe_finds_nothing(browser, site, page, scheme):
    browser.open(site / page / "index.html", scheme=scheme)
    browser.evaluate("localStorage.clear()")  # the theme keeps the colours of the page before
    browser.open(site / page / "index.html", scheme=scheme)
    wanted = {"light": "default", "dark": "slate"}[scheme]
    browser.wait(f"document.body.dataset.mdColorScheme === '{wanted}'")
    assert browser.violations() == []
