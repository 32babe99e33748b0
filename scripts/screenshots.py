"""Make the screenshots of the documentation: `python scripts/screenshots.py [FOLDER] [options]`.

Needs Chromium. Runs the demo in real time, opens its report (light, dark, on a phone), and shows the live
view of the terminal from the messages of the same run, or of a daemon that runs (`--daemon`). The pages of a
day and of a week are those of a day that the tests make up.

The pictures of the integrations need them to run, on 127.0.0.1 and connected to that daemon: `--node-red URL`
with the flow imported, `--home-assistant URL` with the dashboard at `/emoedge-devices/livingroom`, where
`--tokens FILE` is a JSON file with what its frontend keeps under `hassTokens`.
"""

from __future__ import annotations

import argparse
import base64
import json
import re
import sys
import tempfile
import threading
import time
from datetime import datetime, timedelta, timezone
from io import StringIO
from pathlib import Path
from typing import Any

from rich.console import Console

from emoedge.config import MqttSettings, Settings
from emoedge.demo.clip import ensure_demo_clip
from emoedge.demo.run import DEVICE, run_demo
from emoedge.emotions import Language
from emoedge.record.store import Store
from emoedge.report import find_source, write_day, write_page, write_week
from emoedge.watch.subscription import Subscription
from emoedge.watch.view import WatchState, render

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.report.browser import Browser  # noqa: E402 - the test's browser serves here too
from tests.report.days import live_a_day  # noqa: E402
from tests.web.conftest import start_console, stop  # noqa: E402
from tests.web.test_live import end, start_daemon, until  # noqa: E402

SHOWN_AT_S = 23.2
"""Second of the clip at which a person is in view and has spoken."""
WIDTH, HEIGHT = 88, 31
"""Of the terminal."""
DAEMON_WAIT_S = 120.0
PAGE_WAIT_S = 2.0
"""Seconds until thumbnails and the frame of a video are loaded."""


def main() -> None:
    """Write the pictures of report, day, week and watch, and those asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "docs" / "images")
    parser.add_argument("--daemon", metavar="HOST:PORT/DEVICE", help="show this one in the terminal")
    parser.add_argument(
        "--console", metavar="URL", help="a console's address with its key; nothing else then"
    )
    parser.add_argument(
        "--pages", action="store_true", help="every page of a console with a day; nothing else then"
    )
    parser.add_argument("--language", choices=("en", "es"), help="only its pictures of the console")
    parser.add_argument("--node-red", metavar="URL")
    parser.add_argument("--home-assistant", metavar="URL")
    parser.add_argument("--tokens", type=Path, metavar="FILE")
    parser.add_argument("--wait", type=float, default=20.0, help="seconds until such a page stands still")
    parser.add_argument("--only-integrations", action="store_true")
    wanted = parser.parse_args()
    wanted.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as work:  # the browser may still write
        if wanted.console:
            console_pictures(wanted, Path(work))
            return
        if wanted.pages:
            page_pictures(wanted, Path(work))
            return
        if not wanted.only_integrations:
            own_pictures(wanted, Path(work))
        if wanted.node_red or wanted.home_assistant:
            integrations(wanted, Path(work))


def console_pictures(wanted: argparse.Namespace, work: Path) -> None:
    """The console's first page with the picture, in both languages, light, dark and on a phone."""
    browser = Browser(work / "console", loopback=True)
    for name, language, width, height, scheme in (
        ("console.png", "en", 1280, 860, "light"),
        ("console-dark.png", "en", 1280, 860, "dark"),
        ("console-es.png", "es", 1280, 860, "light"),
        ("console-es-dark.png", "es", 1280, 860, "dark"),
        ("console-phone.png", "en", 390, 844, "light"),
    ):
        if wanted.language not in (None, language):
            continue
        browser.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=width < 500,
        )  # fmt: skip
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        browser.call("Emulation.setEmulatedMedia", features=features)
        browser.call(
            "Emulation.setUserAgentOverride", userAgent="Mozilla/5.0 Chrome", acceptLanguage=language
        )
        browser.call("Page.navigate", url="about:blank")
        browser.call("Page.navigate", url=wanted.console)
        browser.wait("document.documentElement?.dataset.ready === 'now'")
        browser.wait("!document.getElementById('ask-picture').disabled")
        browser.click("#ask-picture")
        browser.wait("document.getElementById('picture').naturalWidth > 100")
        browser.wait("document.querySelector('#bars .chosen') !== null")
        browser.evaluate("scrollTo(0, 0)")
        save(browser, wanted.folder / name)
    browser.close()


def page_pictures(wanted: argparse.Namespace, work: Path) -> None:
    """Every page of a console with a day that the tests make up: light, dark and on a phone, whole."""
    yesterday = datetime.now(timezone.utc).date() - timedelta(days=1)
    settings, day, _ = live_a_day(work / "home", yesterday)
    (work / "emoedge.toml").write_text(
        f'device_id = "livingroom"\ntimezone = "{settings.timezone}"\n'
        '[camera]\nsource = "none"\n[microphone]\nsource = "none"\n'
        + "".join(f"[{part}]\nenabled = false\n" for part in ("mqtt", "speech", "face", "voice"))
        + f'[recording]\nmode = "off"\ndir = "{settings.recording.dir}"\n'
        f'[paths]\nstate = "{settings.paths.state}"\nsocket = "{work / "daemon.sock"}"\n'
        '[web]\nbind = "127.0.0.1:0"\n',
        encoding="utf-8",
    )
    console = start_console(work)
    daemon = start_daemon(console)
    browser = Browser(work / "console", loopback=True)
    with console.client(console.key) as client:
        until(lambda: client.get("/api/state").json()["daemon"] == "running")
        segment = client.get("/api/recordings").json()["items"][0]["id"]
    pages = {
        "history": f"history?day={day}",
        "week": f"history?week={day.isocalendar()[0]}-W{day.isocalendar()[1]:02}",
        "recordings": f"recordings?play={segment}&at=5",
        "settings": "settings",
        "setup": "setup",
        "about": "about",
    }
    try:
        for name, address in pages.items():
            for kind, width, scheme in (
                ("", 1280, "light"), ("-dark", 1280, "dark"), ("-phone", 390, "light"),
            ):  # fmt: skip
                size(browser, width, 860)
                features = [{"name": "prefers-color-scheme", "value": scheme}]
                browser.call("Emulation.setEmulatedMedia", features=features)
                language = wanted.language or "en"
                browser.call(
                    "Emulation.setUserAgentOverride", userAgent="Mozilla/5.0 Chrome", acceptLanguage=language
                )
                browser.call("Page.navigate", url="about:blank")
                browser.call("Page.navigate", url=f"{console.url}/{address}#key={console.key}")
                browser.wait("document.documentElement?.dataset.ready !== undefined")
                time.sleep(PAGE_WAIT_S)
                browser.evaluate("document.activeElement.blur(), scrollTo(0, 0)")
                # The window keeps its height: what is measured in it, such as the video, keeps its own.
                height = browser.evaluate("document.documentElement.scrollHeight")
                save(browser, wanted.folder / f"console-{name}{kind}.png", (width, height))
    finally:
        browser.close()
        end(daemon)
        stop(console)


def own_pictures(wanted: argparse.Namespace, work: Path) -> None:
    """The pages and the terminal."""
    clip = ensure_demo_clip()
    watching = (Watching("en"), Watching("es"))
    pages = {}
    for one in watching:
        language = one.state.language
        store = work / language
        result = run_demo(Settings(language=language), clip, store, one.hear, own_clip=False)
        pages[language] = work / f"report-{language}.html"
        write_page(find_source(str(result.recording), Store(store)), pages[language])
    settings, day, now = live_a_day(work / "home")
    for kind, write, first in (
        ("day", write_day, day),
        ("week", write_week, day - timedelta(days=day.weekday())),
    ):
        write(settings, first, work / f"{kind}.html", "en", now)
    browser = Browser(work / "profile")
    for name, language, width, height, scheme in (
        ("report.png", "en", 1200, 1400, "light"),
        ("report-dark.png", "en", 1200, 1400, "dark"),
        ("report-phone.png", "en", 390, 844, "light"),
        ("report-es.png", "es", 1200, 1400, "light"),
        ("report-es-dark.png", "es", 1200, 1400, "dark"),
    ):
        browser.open(pages[language], width, height, scheme, width < 500)
        seek(browser)
        save(browser, wanted.folder / name)
    for name, width, height, scheme, phone in (
        ("day.png", 1200, 1000, "light", False),
        ("day-dark.png", 1200, 1000, "dark", False),
        ("day-phone.png", 390, 844, "light", True),
        ("week.png", 1200, 840, "light", False),
    ):
        browser.open(work / f"{re.split('[.-]', name)[0]}.html", width, height, scheme, phone)
        save(browser, wanted.folder / name)
    states = [state_of_daemon(wanted.daemon, "en")] if wanted.daemon else [one.state for one in watching]
    for state in states:
        view = work / f"watch-{state.language}.html"
        view.write_text(terminal(state), encoding="utf-8")
        browser.open(view, 1000, 760)
        box = browser.evaluate(
            "(() => { const b = document.querySelector('svg').getBoundingClientRect(); return [b.width, b.height]; })()"  # noqa: E501
        )
        name = "watch.png" if state.language == "en" else f"watch-{state.language}.png"
        save(browser, wanted.folder / name, (box[0], box[1]))
    browser.close()


def integrations(wanted: argparse.Namespace, work: Path) -> None:
    """Node-RED and Home Assistant as they run."""
    browser = Browser(work / "loopback", loopback=True)
    if wanted.node_red:
        size(browser, 1400, 860)
        browser.call("Page.navigate", url=wanted.node_red)
        browser.wait("typeof RED !== 'undefined' && RED.nodes && RED.nodes.workspace && RED.sidebar", 120)
        time.sleep(wanted.wait / 2)
        browser.evaluate(
            "RED.sidebar.show('debug'), document.querySelector('a[href=\"#red-ui-tab-debug-link-button\"]')?.click(), 1"  # noqa: E501
        )
        time.sleep(wanted.wait)  # until some messages have come
        save(browser, wanted.folder / "node-red.png")
    if wanted.home_assistant:
        size(browser, 1500, 1085)
        browser.call("Page.navigate", url=f"{wanted.home_assistant}/manifest.json")
        browser.wait("document.readyState === 'complete'")
        tokens = json.dumps(wanted.tokens.read_text(encoding="utf-8"))
        browser.evaluate(f"localStorage.setItem('hassTokens', {tokens}), 1")
        browser.call("Page.navigate", url=f"{wanted.home_assistant}/emoedge-devices/livingroom")
        time.sleep(2 * wanted.wait)
        for scheme, name in (("light", "home-assistant.png"), ("dark", "home-assistant-dark.png")):
            features = [{"name": "prefers-color-scheme", "value": scheme}]
            browser.call("Emulation.setEmulatedMedia", features=features)
            time.sleep(wanted.wait / 2)
            save(browser, wanted.folder / name)
    browser.close()


def size(browser: Browser, width: int, height: int) -> None:
    """Size of the window."""
    browser.call(
        "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
    )


def seek(browser: Browser) -> None:
    """Show the picture of a moment and wait until it is there."""
    browser.wait("document.documentElement.dataset.ready === 'video'")
    browser.call(
        "Runtime.evaluate",
        awaitPromise=True,
        expression=f"""new Promise(done => {{ const v = document.querySelector('video');
            v.addEventListener('seeked', () => setTimeout(done, 1500), {{once: true}}); v.currentTime = {SHOWN_AT_S}; }})""",  # noqa: E501
    )


def save(browser: Browser, path: Path, box: tuple[float, float] | None = None) -> None:
    """A picture of what the window shows, or of its upper left part."""
    part: dict[str, Any] = {}
    if box is not None:
        clip = {"x": 0, "y": 0, "width": box[0], "height": box[1], "scale": 1}
        part = {"clip": clip, "captureBeyondViewport": True}
    data = browser.call("Page.captureScreenshot", format="png", **part)["data"]
    path.write_bytes(base64.b64decode(data))
    print(path)


class Watching:
    """Looks at the demo's daemon over the broker that the demo starts and names."""

    def __init__(self, language: Language) -> None:
        self.state = WatchState(language)

    def hear(self, line: str) -> None:
        """Take a line that the demo says."""
        print(line)
        if match := re.search(r"\b(127\.0\.0\.1:\d+)$", line):
            threading.Thread(target=self._watch, args=(match[1],), daemon=True).start()

    def _watch(self, place: str) -> None:
        self.state = state_of_daemon(f"{place}/{DEVICE}", self.state.language)


def state_of_daemon(address: str, language: Language) -> WatchState:
    """The state of a running daemon, when all three modalities agree and some episodes were seen."""
    place, _, device = address.partition("/")
    host, _, port = place.rpartition(":")
    state = WatchState(language)
    deadline = time.monotonic() + DAEMON_WAIT_S
    with Subscription(MqttSettings(host=host, port=int(port)), device) as subscription:
        while time.monotonic() < deadline:
            received = subscription.take(1.0)
            if received is None:
                continue
            state.apply(received)
            parts = state.mapping("emotion").get("modalities") or {}
            named = [(parts.get(name) or {}).get("emotion") for name in ("face", "voice", "text")]
            if named == [state.mapping("emotion").get("emotion")] * 3 and len(state.events) > 10:
                break
    return state


def terminal(state: WatchState) -> str:
    """The terminal's view as a page."""
    console = Console(record=True, width=WIDTH, height=HEIGHT, file=StringIO(), force_terminal=True)
    console.print(render(state))
    svg = console.export_svg(title="emoedge watch")
    return f"<!doctype html><style>svg {{ width: 1000px; display: block }}</style><body style='margin:0'>{svg}</body>"  # noqa: E501


if __name__ == "__main__":
    main()
