"""One recorded segment for all tests of the report, and a browser where there is one."""

from __future__ import annotations

from pathlib import Path

import pytest

from emoedge.record.store import Store
from emoedge.report import ReportSource
from emoedge.report.exports import SUFFIXES, export
from emoedge.report.source import load

from .browser import Browser, chromium
from .days import live_a_day
from .helpers import make_segment


@pytest.fixture(scope="session")
def store(tmp_path_factory) -> Store:
    root = tmp_path_factory.mktemp("recordings")
    make_segment(root)
    return Store(root)


@pytest.fixture(scope="session")
def source(store) -> ReportSource:
    return load(store.segments()[0])


@pytest.fixture(scope="session")
def page(source, tmp_path_factory) -> Path:
    from emoedge.report import write_page

    path = tmp_path_factory.mktemp("page") / "page.html"
    write_page(source, path)
    return path


@pytest.fixture(scope="session")
def made(source) -> dict[str, bytes]:
    """The segment in every form that is not a page."""
    return {
        kind: export(source.data, source.segment_id, kind, "es")
        for kind in SUFFIXES
        if kind not in ("html", "parquet")
    }


@pytest.fixture
def lived_day(tmp_path):
    """Settings, a day with a history and a recording, and the moment at which it is looked at."""
    return live_a_day(tmp_path)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    if chromium() is None:
        pytest.skip("no Chromium here (apt-get install chromium)")
    pytest.importorskip("websockets")
    one = Browser(tmp_path_factory.mktemp("profile"))
    yield one
    one.close()
