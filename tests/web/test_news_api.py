"""What is new after an upgrade, in the console."""

from __future__ import annotations

import pytest

from emoedge.changelog import note_seen
from emoedge.version import __version__

pytestmark = pytest.mark.timeout(600)


def test_it_is_said_until_somebody_with_the_key_has_seen_it(console, full):
    assert full.get("/api/news").status_code == 204
    note_seen(console.store.path.parent, "0.0.1")
    with console.client(console.view_key) as view:
        assert view.post("/api/news/seen").status_code == 403
        news = view.get("/api/news").json()
    assert (news["version"], news["before"]) == (__version__, "0.0.1")
    assert len(news["entries"]) > 10
    assert full.get("/api/news").json() == news
    assert full.post("/api/news/seen").status_code == 204
    assert full.get("/api/news").status_code == 204
