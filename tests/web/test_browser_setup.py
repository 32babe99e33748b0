"""The first run in a headless Chromium, from nothing, on a phone and with the keyboard alone."""

from __future__ import annotations

import json
import re
import threading
import uuid

import pytest

from emoedge.demo.clip import ensure_demo_clip
from emoedge.web.app import STATIC
from tests.publish.conftest import make_mosquitto, mosquitto  # noqa: F401
from tests.report.browser import AXE, chromium
from tests.web.conftest import Console, start_console, stop
from tests.web.test_live import end, start_daemon, until

if not chromium():
    pytest.skip("no Chromium here (apt-get install chromium)", allow_module_level=True)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

PATIENCE_S = 600.0
"""The daemon loads its models meanwhile, on a machine that may be busy with other tests."""


class Service:
    """Starts a daemon again whenever it asks for that, as systemd does."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._ending = threading.Event()
        self.daemon = start_daemon(console)
        self.restarts = 0
        self._thread = threading.Thread(target=self._keep_up)
        self._thread.start()

    def _keep_up(self) -> None:
        while self.daemon.wait() == 129 and not self._ending.is_set():
            self.restarts += 1
            self.daemon = start_daemon(self._console)

    def end(self) -> None:
        self._ending.set()
        end(self.daemon)
        self._thread.join()


@pytest.fixture
def nothing(tmp_path):
    """A console and a daemon that nobody has set up; their folders are elsewhere alone."""
    (tmp_path / "emoedge.toml").write_text(
        f'[recording]\ndir = "{tmp_path / "recordings"}"\n[web]\nbind = "127.0.0.1:0"\n'
        f'[paths]\nstate = "{tmp_path / "daemon"}"\nmodels = "{tmp_path / "models"}"\n'
        # One of its own, as two daemons with one client id do not run on a machine.
        f'[mqtt]\nclient_id = "{uuid.uuid4().hex}"\n'
    )
    console = start_console(tmp_path)
    service = Service(console)
    with console.client(console.key) as client:
        until(lambda: client.get("/api/state").json()["daemon"] == "running", PATIENCE_S)
    yield console, service
    service.end()
    stop(console)


def phone(browser, accepted: str) -> None:
    browser.call("Emulation.setUserAgentOverride", userAgent="Mozilla/5.0 Chrome", acceptLanguage=accepted)
    browser.call(
        "Emulation.setDeviceMetricsOverride", width=390, height=844, deviceScaleFactor=1, mobile=True
    )


def open_page(browser, address: str) -> None:
    """Load an address; by way of an empty page, as another key alone is no new page to the browser."""
    browser.call("Page.navigate", url="about:blank")
    browser.call("Page.navigate", url=address)


def at(browser, step: str) -> None:
    """Wait for a step; it fits the screen, and axe finds nothing."""
    browser.wait(f"document.documentElement?.dataset.step === {json.dumps(step)}", PATIENCE_S)
    assert browser.evaluate("document.documentElement.scrollWidth") <= 390, step
    look_for_violations(browser)


def look_for_violations(browser) -> None:
    """What axe-core finds, where it is there: without it the rest is tested all the same."""
    if AXE.is_file():
        assert browser.violations() == []


def fill(browser, selector: str, value: str) -> None:
    browser.evaluate(
        f"(() => {{ const one = document.querySelector({json.dumps(selector)}); one.focus();"
        f" one.value = {json.dumps(value)}; one.dispatchEvent(new Event('input', {{ bubbles: true }})); }})()"
    )


def tried(browser) -> str:
    """Try it, and again where a busy machine did not answer within the ten seconds of a test."""
    for _ in range(20):
        browser.evaluate("delete document.querySelector('.answer').dataset.ok")
        browser.click("#try")
        browser.wait("document.querySelector('.answer').dataset.ok !== undefined")
        if "sin respuesta" not in answer(browser):
            break
    assert browser.evaluate("document.querySelector('.answer').dataset.ok") == "true", answer(browser)
    return answer(browser)


def answer(browser) -> str:
    return browser.evaluate("document.querySelector('.answer').textContent")


def test_from_nothing_to_a_device_that_runs(browser, nothing, mosquitto):  # noqa: F811
    console, service = nothing
    clip = ensure_demo_clip()
    phone(browser, "en")
    open_page(browser, f"{console.url}/#key={console.key}")
    at(browser, "name")
    assert browser.evaluate("location.pathname") == "/setup", "it opens by itself"
    assert browser.evaluate("document.querySelector('h1').textContent") == "First steps"
    browser.click("input[value=es]")
    browser.wait("document.querySelector('h1').textContent === 'Primeros pasos'")
    assert browser.evaluate("document.querySelector('nav a').textContent") == "Ahora"
    fill(browser, "#set-device_id", "mi casa")
    browser.click("#next")
    browser.wait("document.querySelector('.step-error') !== null")
    fill(browser, "#set-device_id", "cocina")
    browser.click("#next")
    at(browser, "lawful")
    assert "«cocina»" in browser.evaluate("document.querySelector('#sheet').textContent")
    browser.click("input[name=notice][value=en]")
    browser.wait("document.querySelector('#sheet').lang === 'en'")
    assert "sent to localhost" in browser.evaluate("document.querySelector('#sheet').textContent")
    assert "Emotion recognition" in browser.evaluate("document.querySelector('#sheet').textContent")
    browser.call("Emulation.setEmulatedMedia", media="print")
    seen = browser.evaluate(
        "[...document.querySelectorAll('body *')]"
        ".filter(one => one.checkVisibility() && !one.childElementCount).every(one => one.closest('#sheet'))"
    )
    assert seen, "the notice alone is printed"
    browser.call("Emulation.setEmulatedMedia", media="")
    browser.click("#next")
    browser.wait("document.querySelector('.step-error') !== null")
    browser.click("#informed")
    browser.click("#next")
    at(browser, "camera")
    browser.click("input[value=other]")
    fill(browser, "[id='set-camera.source']", f"file:{clip}")
    assert "imágenes por segundo" in tried(browser)
    browser.call("Page.reload")
    at(browser, "name")
    browser.click("#next")
    at(browser, "lawful")
    browser.click("#next")
    at(browser, "camera")
    assert browser.evaluate("document.querySelector(\"[id='set-camera.source']\").value") == f"file:{clip}"
    browser.click("#next")
    at(browser, "microphone")
    browser.click("input[value=other]")
    fill(browser, "[id='set-microphone.source']", f"file:{clip}")
    assert "dBFS" in tried(browser)
    browser.click("#next")
    at(browser, "broker")
    fill(browser, "[id='set-mqtt.host']", "127.0.0.1")
    fill(browser, "[id='set-mqtt.port']", str(mosquitto.port))
    tried(browser)
    browser.click("#next")
    at(browser, "speech")
    assert "no está instalado" in browser.evaluate("document.querySelector('#model').textContent")
    browser.click("[id='set-speech.enabled']")
    browser.click("#next")
    at(browser, "keep")
    browser.click("input[value=manual]")
    fill(browser, "[id='set-recording.keep_days']", "-1")
    browser.click("#next")
    at(browser, "access")
    browser.click("#next")
    at(browser, "summary")
    assert "se envían a 127.0.0.1" in browser.evaluate("document.querySelector('#sheet').textContent")
    assert not (console.folder / "conf.d" / "50-console.toml").exists(), "nothing is saved before"
    browser.click("#next")
    browser.wait("document.querySelector('.summary .wrong') !== null")
    browser.evaluate("history.go(-2)")
    at(browser, "keep")
    assert browser.evaluate("document.querySelector('.wrong').textContent"), "refused at the field, too"
    fill(browser, "[id='set-recording.keep_days']", "7")
    browser.click("#next")
    at(browser, "access")
    browser.click("#next")
    at(browser, "summary")
    browser.click("#next")
    at(browser, "finished")
    assert service.restarts == 1
    browser.wait(
        "/píxeles de ancho.*luz en la cara/s.test(document.querySelector('#placement').textContent)",
        PATIENCE_S,
    )
    look_for_violations(browser)
    browser.click("#ask-picture")
    browser.wait("document.getElementById('picture').naturalWidth > 100")
    browser.wait("document.querySelector('.notice.watched') !== null")
    assert browser.evaluate("document.documentElement.scrollWidth") <= 390
    browser.click("#to-now")
    browser.wait("document.documentElement?.dataset.ready === 'now'")
    browser.wait("document.querySelector('#people').textContent.includes('Person')", PATIENCE_S)
    with console.client(console.key) as client:
        state = client.get("/api/state").json()
        assert (state["device"], state["setup"]) == ("cocina", False)
        shown = client.get("/api/settings").json()
        assert shown["values"]["camera.source"] == f"file:{clip}"
        assert shown["values"]["recording.keep_days"] == 7
        assert (shown["sources"]["language"], shown["values"]["speech.enabled"]) == ("console", False)
    until(lambda: "emoedge/cocina" in mosquitto.log(), PATIENCE_S)


def press(browser, key: str, code: int, text: str = "") -> None:
    values = {"key": key, "code": key, "windowsVirtualKeyCode": code}
    browser.call("Input.dispatchKeyEvent", type="keyDown", text=text, **values)
    browser.call("Input.dispatchKeyEvent", type="keyUp", **values)


def tab_to(browser, selector: str) -> None:
    for _ in range(60):
        if browser.evaluate(f"document.activeElement?.matches({json.dumps(selector)})"):
            return
        press(browser, "Tab", 9)
    raise AssertionError(f"the keyboard does not reach {selector}")


def test_with_the_keyboard_alone(browser, nothing):
    console, _ = nothing
    phone(browser, "es")
    open_page(browser, f"{console.url}/setup#key={console.key}")
    for step in ("name", "lawful", "camera", "microphone", "broker", "speech", "keep", "access"):
        browser.wait(f"document.documentElement?.dataset.step === {json.dumps(step)}")
        if step == "lawful":
            tab_to(browser, "#informed")
            press(browser, " ", 32, " ")
        tab_to(browser, "#next")
        press(browser, "Enter", 13, "\r")
    browser.wait("document.documentElement?.dataset.step === 'summary'")
    press(browser, "Tab", 9)
    browser.evaluate("history.back()")
    browser.wait("document.documentElement?.dataset.step === 'access'")


def test_what_is_not_well_has_a_button(browser, nothing):
    console, _ = nothing
    browser.call("Network.clearBrowserCookies")
    phone(browser, "es")
    with console.client(console.key) as client:
        assert client.post("/api/setup", json={"finished": True}).status_code == 204
    open_page(browser, f"{console.url}/#key={console.key}")
    browser.wait("document.documentElement?.dataset.ready === 'now'")
    remedy = "[...document.querySelectorAll('.health .remedy')].find(one => {which})"
    fetch = remedy.format(which="one.textContent === 'Descargar el modelo'")
    camera = remedy.format(which="one.hash === '#section-camera'")
    browser.wait(f"{fetch} !== undefined && {camera} !== undefined", PATIENCE_S)
    assert "palabras, falla" in browser.evaluate("document.querySelector('#health').textContent")
    look_for_violations(browser)
    # The folder of the models cannot be made: the download ends at once, without a network.
    (console.folder / "models").write_text("not a folder")
    browser.evaluate(f"{fetch}.click()")
    browser.wait("document.querySelector('.toast')?.textContent.includes('No se pudo')")
    browser.evaluate(f"{camera}.click()")
    browser.wait("document.getElementById('section-camera')?.open === true")


def test_it_can_wait_and_is_not_for_the_view_key(browser, nothing):
    console, _ = nothing
    browser.call("Network.clearBrowserCookies")
    phone(browser, "en")
    open_page(browser, f"{console.url}/#key={console.view_key}")
    browser.wait("document.documentElement?.dataset.ready === 'now'")
    with console.client(console.view_key) as viewer:
        assert viewer.post("/api/setup", json={"finished": True}).status_code == 403
    browser.call("Network.clearBrowserCookies")
    open_page(browser, f"{console.url}/#key={console.key}")
    browser.wait("document.documentElement?.dataset.step === 'name'")
    browser.click("#later")
    browser.wait("document.documentElement?.dataset.ready === 'now'")
    with console.client(console.key) as client:
        assert client.get("/api/state").json()["setup"] is True


def test_every_text_is_there_in_both_languages():
    spanish, english = (
        set(re.findall(r"(\w+): \"", part))
        for part in (STATIC / "setup_texts.js").read_text(encoding="utf-8").split("const EN")[:2]
    )
    assert spanish == english
    said = set(re.findall(r"say\(\"(\w+)\"", (STATIC / "setup.js").read_text(encoding="utf-8")))
    assert said <= spanish | set(re.findall(r"(\w+): \"", (STATIC / "texts.js").read_text(encoding="utf-8")))
