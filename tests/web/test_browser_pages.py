"""Recordings, the page about the device, and all pages below a prefix, in a headless Chromium."""

from __future__ import annotations

import contextlib
import http.client
import http.server
import json
import threading
from datetime import datetime, timezone

import pytest

from emoedge.record.labels import prevailing_label, read_labels
from tests.report.browser import chromium
from tests.report.helpers import make_segment
from tests.web.conftest import start_console, stop
from tests.web.test_app import PREFIX
from tests.web.test_browser import READY, look, text
from tests.web.test_live import end, start_daemon, until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(chromium() is None, reason="no Chromium here (apt-get install chromium)"),
]
STARTED = datetime(2024, 11, 26, 9, 10, tzinfo=timezone.utc)
QUIET = "".join(f"[{part}]\nenabled = false\n" for part in ("mqtt", "speech", "face", "voice"))


@pytest.fixture(scope="module")
def quiet(tmp_path_factory):
    """A console beside a daemon without devices, with one recording."""
    console = start_console(tmp_path_factory.mktemp("pages"), QUIET)
    make_segment(console.recordings, STARTED)
    daemon = start_daemon(console)
    with console.client(console.key) as client:
        until(lambda: client.get("/api/state").json()["daemon"] == "running")
    yield (console,)
    end(daemon)
    stop(console)


def test_filters_have_an_address(browser, quiet):
    look(browser, quiet, "recordings?from=2024-11-26&to=2024-11-26&emotion=sadness")
    browser.wait("document.querySelectorAll('#list article').length === 1")
    assert browser.evaluate("document.getElementById('filters').emotion.value") == "sadness"
    browser.evaluate("document.getElementById('filters').emotion.value = 'fear'")
    browser.click("#filters button")
    browser.wait("document.querySelectorAll('#list article').length === 0")
    assert browser.evaluate("document.getElementById('none').hidden") is False
    assert "emotion=fear" in browser.evaluate("location.search")
    browser.evaluate("history.back()")
    browser.wait("document.querySelectorAll('#list article').length === 1")


def test_what_was_wrong_is_kept_for_evaluate(browser, quiet):
    console = quiet[0]
    media = next(console.recordings.rglob("*.mp4"))
    look(browser, quiet, f"recordings?play={media.stem}&at=20")
    browser.wait("!document.getElementById('player').hidden")
    browser.wait("document.querySelectorAll('#curves svg path').length > 7")
    assert browser.evaluate("document.querySelectorAll('#curves .chart').length") >= 2, (
        "each modality's curves"
    )
    browser.wait("document.getElementById('video').currentTime > 19")
    browser.wait(
        "document.getElementById('wrong-here').part.selectedOptions[0].textContent.includes('tristeza')"
    )
    browser.evaluate("document.getElementById('wrong-here').instead.value = 'fear'")
    browser.evaluate("document.getElementById('wrong-here').note.value = 'la película'")
    browser.click("#label")
    browser.wait("document.querySelector('#labels li') !== null")
    assert "la película" in text(browser, "#labels")
    label = until(lambda: read_labels(media))[0]
    assert (label.emotion, label.note) == ("fear", "la película")
    assert label.from_s < 20 < label.to_s
    assert prevailing_label(media) == "fear"
    browser.call("Page.reload")
    browser.wait("document.querySelector('#labels li') !== null")


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark"), (320, "light")])
@pytest.mark.parametrize("page", ["about", "recordings?play={media}"])
def test_they_fit_and_axe_finds_nothing(browser, quiet, page, width, scheme):
    media = next(quiet[0].recordings.rglob("*.mp4"))
    look(browser, quiet, page.format(media=media.stem), width, scheme)
    if "play" in page:
        browser.wait("document.querySelectorAll('#curves svg path').length > 7")
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    assert browser.violations() == []


def test_about_leads_to_cards_and_documents(browser, quiet):
    browser.complaints.clear()
    look(browser, quiet, "about")
    assert "Lo que sale de este aparato" in text(browser, "#content")
    for place in ("models", "documents"):
        address = browser.evaluate(f"document.querySelector('a[href*=\"about/{place}/\"]').href")
        said = browser.evaluate(f"fetch({json.dumps(address)}).then((one) => one.text())")
        assert said.startswith("# ")
    assert browser.complaints == []


class _Ingress(http.server.BaseHTTPRequestHandler):
    """Takes PREFIX off and passes everything on, as Home Assistant does."""

    protocol_version = "HTTP/1.0"
    port = 0

    def do_GET(self) -> None:
        if not self.path.startswith(f"{PREFIX}/"):
            self.send_error(404)
            return
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        headers = {**dict(self.headers.items()), "X-Ingress-Path": PREFIX, "X-Forwarded-For": "192.0.2.9"}
        with contextlib.closing(connection), contextlib.suppress(OSError):
            connection.request(self.command, self.path.removeprefix(PREFIX), body or None, headers)
            answer = connection.getresponse()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("transfer-encoding", "connection", "date", "server"):
                    self.send_header(name, value)
            self.end_headers()
            while data := answer.read1(65536):
                self.wfile.write(data)
                self.wfile.flush()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize("page", ["", "history", "recordings", "settings", "about"])
def test_every_page_works_below_a_prefix(browser, behind_proxy, page):
    browser.requests.clear()
    browser.complaints.clear()
    browser.call("Page.navigate", url="about:blank")
    browser.call("Page.navigate", url=f"{behind_proxy}{PREFIX}/{page}")
    browser.wait(READY.format(page=json.dumps(page or "now")))
    browser.wait("document.querySelector('nav a[aria-current]') !== null")
    assert browser.complaints == []
    asked = [one for one in browser.requests if one.startswith("http")]
    assert any(one.endswith("/api/events") for one in asked)
    assert all(one.startswith(f"{behind_proxy}{PREFIX}/") for one in asked), "nothing outside the prefix"
    browser.click("nav a[href='about']")
    browser.wait(READY.format(page='"about"'))
    assert browser.evaluate("location.pathname") == f"{PREFIX}/about"


@pytest.fixture(scope="module")
def behind_proxy(tmp_path_factory):
    """Address of a proxy that shows a console below PREFIX."""
    console = start_console(tmp_path_factory.mktemp("ingress"), 'login = "proxy"\nproxies = ["127.0.0.1"]\n')
    handler = type("Ingress", (_Ingress,), {"port": console.port})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    stop(console)
