"""Make the pictures of the documentation from a real run of the demo: `python scripts/screenshots.py [FOLDER]`.

Needs Chromium. Runs the demo in real time, opens its report (light, dark, on a phone), and shows the live view of the
terminal from the messages of a replay of the same clip.
"""

from __future__ import annotations

import base64
import json
import sys
import tempfile
from io import StringIO
from pathlib import Path

from rich.console import Console

from emoedge.config import Settings
from emoedge.demo import DEMO_SPEECH_MODEL, run_demo
from emoedge.demo_clip import ensure_demo_clip
from emoedge.pipeline import Pipeline
from emoedge.record.store import Store
from emoedge.report import find_source, write_page
from emoedge.watch.subscription import Received
from emoedge.watch.view import WatchState, render

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.report.browser import Browser  # noqa: E402 - the test's browser serves here too

SHOWN_AT_S = 8.0
"""A moment of the clip when somebody is there and has spoken."""


def main() -> None:
    """Write report.png, report-dark.png, report-phone.png and watch.png."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "images"
    folder.mkdir(parents=True, exist_ok=True)
    clip = ensure_demo_clip()
    with tempfile.TemporaryDirectory() as work:
        output = Path(work) / "recordings"
        result = run_demo(Settings(), clip, output, print, own_clip=False)
        page = Path(work) / "report.html"
        write_page(find_source(str(result.recording), Store(output)), page, "en")
        view = Path(work) / "watch.html"
        view.write_text(live_view(clip), encoding="utf-8")
        browser = Browser(Path(work) / "profile")
        for name, file, width, height, scheme, phone in (
            ("report.png", page, 1200, 1000, "light", False),
            ("report-dark.png", page, 1200, 1000, "dark", False),
            ("report-phone.png", page, 390, 844, "light", True),
        ):
            browser.open(file, width, height, scheme, phone)
            seek(browser)
            save(browser, folder / name)
        browser.call("Page.navigate", url=view.as_uri())
        browser.call(
            "Emulation.setDeviceMetricsOverride", width=1000, height=640, deviceScaleFactor=1, mobile=False
        )
        browser.call("Runtime.evaluate", expression="new Promise(r => setTimeout(r, 500))", awaitPromise=True)
        save(browser, folder / "watch.png")
        browser.close()


def seek(browser: Browser) -> None:
    """Show the picture of a moment and wait until it is there."""
    browser.call(
        "Runtime.evaluate",
        awaitPromise=True,
        expression=f"""new Promise(done => {{ const v = document.querySelector('video');
            v.addEventListener('seeked', () => setTimeout(done, 300), {{once: true}}); v.currentTime = {SHOWN_AT_S}; }})""",
    )


def save(browser: Browser, path: Path) -> None:
    """A picture of what the window shows."""
    data = browser.call("Page.captureScreenshot", format="png")["data"]
    path.write_bytes(base64.b64decode(data))
    print(path)


def live_view(clip: Path) -> str:
    """The terminal's view at a moment of the clip, as a page."""
    settings = Settings(device_id="livingroom", language="en")
    speech = settings.speech.model_copy(update={"model": DEMO_SPEECH_MODEL})
    publish = settings.publish.model_copy(update={"transcript": True})
    pipeline = Pipeline(settings.model_copy(update={"speech": speech, "publish": publish}))
    state = WatchState("en")
    state.apply(Received("livingroom", "status", "online"))
    for message in pipeline.replay(clip):
        if message.time_s > SHOWN_AT_S:
            break
        payload = message.payload if isinstance(message.payload, str) else json.loads(message.encode())
        state.apply(Received("livingroom", message.suffix, payload))
    console = Console(record=True, width=88, height=24, file=StringIO(), force_terminal=True)
    console.print(render(state))
    return f"<body style='margin:0'>{console.export_svg(title='emoedge watch')}</body>"


if __name__ == "__main__":
    main()
