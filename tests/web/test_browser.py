"""The pages in a headless Chromium, with a daemon that plays the demonstration clip."""

from __future__ import annotations

import json
import re
import time

import pytest

from emoedge.demo.clip import ensure_demo_clip
from emoedge.web.app import STATIC
from faults.surroundings import open_files
from tests.report.browser import chromium
from tests.report.helpers import make_segment
from tests.web.conftest import start_console, stop
from tests.web.test_live import end, start_daemon, until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(chromium() is None, reason="no Chromium here (apt-get install chromium)"),
]

READY = "document.documentElement?.dataset.ready === {page}"


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """A console and a daemon."""
    folder = tmp_path_factory.mktemp("browser")
    clip = ensure_demo_clip()
    (folder / "emoedge.toml").write_text(
        f'device_id = "salon"\n[camera]\nsource = "file:{clip}"\n[microphone]\nsource = "file:{clip}"\n'
        "[speech]\nenabled = false\n[mqtt]\nenabled = false\n"
        f'[recording]\nmode = "manual"\ndir = "{folder / "recordings"}"\n'
        f'[paths]\nstate = "{folder / "daemon"}"\n[web]\nbind = "127.0.0.1:0"\n'
    )
    console = start_console(folder)
    daemon = start_daemon(console)
    with console.client(console.key) as client:
        until(lambda: client.get("/api/state").json()["emotion"] is not None)
    yield console, daemon, clip
    end(daemon)
    stop(console)


def look(
    browser,
    running,
    page: str = "",
    width: int = 1280,
    scheme: str = "light",
    key: bool = True,
    wanted: str = "es",
) -> None:
    """Open a page in Spanish, logged in, and wait until it is finished."""
    language(browser, wanted)
    time.sleep(1)  # an address may make 20 requests a second, and a page is some
    browser.call(
        "Emulation.setDeviceMetricsOverride", width=width, height=844, deviceScaleFactor=1, mobile=width < 500
    )
    browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    fragment = f"#key={running[0].key}" if key else ""
    browser.call("Page.navigate", url="about:blank")
    browser.call("Page.navigate", url=f"{running[0].url}/{page}{fragment}")
    if key:
        browser.wait(READY.format(page=json.dumps(page.partition("?")[0] or "now")))


def text(browser, selector: str) -> str:
    return browser.evaluate(f"document.querySelector({json.dumps(selector)}).textContent")


def language(browser, name: str) -> None:
    browser.call("Emulation.setUserAgentOverride", userAgent="Mozilla/5.0 Chrome", acceptLanguage=name)


def test_values_are_live(browser, running):
    browser.requests.clear()
    browser.complaints.clear()
    look(browser, running)
    assert "#" not in browser.evaluate("location.href"), "the key leaves the address"
    browser.wait("Number(document.documentElement.dataset.events) > 20")
    browser.wait("[...document.querySelectorAll('#bars .value')].some(one => one.textContent.includes('%'))")
    first = text(browser, "#bars")
    browser.wait(f"document.querySelector('#bars').textContent !== {json.dumps(first)}")
    browser.wait("document.querySelectorAll('#stack path').length > 0")
    browser.wait("document.querySelector('#people').textContent.includes('Persona')")
    assert browser.complaints == []
    hosts = {address.split("/")[2] for address in browser.requests if address.startswith("http")}
    assert hosts == {f"127.0.0.1:{running[0].port}"}, "no request to another host"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("page", ["", "recordings", "settings"])
def test_axe_finds_nothing(browser, running, page, width, scheme):
    look(browser, running, page, width, scheme)
    assert browser.violations() == []


def test_sliders_change_the_daemon(browser, running):
    look(browser, running)
    browser.wait("!document.getElementById('margin').disabled")
    browser.evaluate(
        "(() => { const one = document.getElementById('margin'); one.value = 0.4;"
        " one.dispatchEvent(new Event('input')); one.dispatchEvent(new Event('change')); })()"
    )
    with running[0].client(running[0].key) as client:
        until(lambda: client.get("/api/controls").json()["margin"]["value"] == "0.4")
    assert text(browser, "#margin-value") == "0.40"


def test_privacy_closes_the_devices(browser, running):
    _, daemon, clip = running
    look(browser, running)
    browser.wait("!document.getElementById('privacy').disabled")

    def clip_is_open() -> bool:
        return any(str(clip) in str(one) for one in open_files(daemon.pid))

    until(clip_is_open)
    browser.click("#privacy")
    browser.wait("document.querySelector('.notice.privacy') !== null")
    until(lambda: not clip_is_open())
    browser.wait("!document.querySelector('#bars').textContent.includes('%')")
    browser.click("#privacy")
    browser.wait("document.querySelector('.notice.privacy') === null")
    until(clip_is_open)


def test_the_picture_appears_is_announced_and_ends(browser, running):
    console = running[0]
    look(browser, running)
    browser.wait("!document.getElementById('ask-picture').disabled")
    assert browser.evaluate("document.getElementById('picture').hidden") is True
    with console.client(console.key) as client:
        refused = client.get("/api/picture/stream")
        assert (refused.status_code, refused.json()["error"]) == (409, "unasked")
        browser.click("#ask-picture")
        browser.wait("document.getElementById('picture').naturalWidth > 100")
        browser.wait("document.getElementById('crop').naturalWidth > 20")
        browser.wait("document.querySelector('.notice.watched') !== null")
        assert client.get("/api/state").json()["picture"]["on"] is True
        assert client.put("/api/controls/privacy", json={"value": "ON"}).status_code == 200
        browser.wait("document.getElementById('picture').hidden")
        until(lambda: client.get("/api/state").json()["picture"]["on"] is False)
        for method, path in (("POST", "/api/picture"), ("GET", "/api/picture/stream")):
            answer = client.request(method, path)
            assert (answer.status_code, answer.json()["error"]) == (409, "privacy")
        assert client.put("/api/controls/privacy", json={"value": "OFF"}).status_code == 200
    browser.wait("!document.getElementById('ask-picture').disabled")
    browser.click("#ask-picture")
    browser.wait("document.getElementById('picture').naturalWidth > 100")
    browser.call("Page.navigate", url="about:blank")
    with console.client(console.key) as client:  # nobody watches any more
        until(lambda: client.get("/api/state").json()["picture"]["on"] is False)


def test_a_recording_is_made_played_and_downloaded(browser, running):
    console = running[0]
    look(browser, running)
    browser.wait("!document.getElementById('record').disabled")
    with console.client(console.key) as client:
        before = {one["id"] for one in client.get("/api/recordings").json()["items"]}
    browser.click("#record")
    browser.wait("/[(]\\d+:(0[2-9]|[1-9]\\d)[)]/.test(document.getElementById('record').textContent)")
    browser.click("#record")
    with console.client(console.key) as client:
        item = until(
            lambda: [one for one in client.get("/api/recordings").json()["items"] if one["id"] not in before]
        )[0]
    look(browser, running, "recordings")
    browser.wait("document.querySelector('.play') !== null")
    browser.click(".play")
    browser.wait("document.getElementById('video').readyState > 1")
    assert browser.evaluate("location.search") == f"?play={item['id']}"
    browser.evaluate("document.getElementById('video').play().then(() => 1)")
    browser.wait("document.getElementById('video').currentTime > 0.3")
    size = browser.evaluate(
        "fetch(document.querySelector('#files a').href).then(one => one.blob()).then(one => one.size)"
    )
    assert (
        size == (console.recordings / item["started"][:10] / f"{item['id']}.mp4").stat().st_size
        or size > 10_000
    )
    browser.evaluate("history.back()")
    browser.wait("document.getElementById('player').hidden")


def test_delete_can_be_undone(browser, running):
    make_segment(running[0].recordings)
    look(browser, running, "recordings")
    browser.wait("document.querySelector('.remove') !== null")
    browser.click(".remove")
    browser.wait("document.querySelector('.toast button') !== null")
    browser.click(".toast button")
    browser.wait("document.querySelector('article') !== null && !document.querySelector('article').hidden")
    browser.click(".keep")
    browser.wait("document.querySelector('.keep').getAttribute('aria-pressed') === 'true'")


def test_without_a_key_it_asks_for_one(browser, running):
    browser.call("Network.clearBrowserCookies")
    look(browser, running, key=False)
    browser.wait("document.querySelector('form.login') !== null")
    assert browser.evaluate("document.querySelector('main').hidden") is True
    browser.evaluate(f"document.querySelector('#secret').value = {json.dumps('wrong' * 4)}")
    browser.click("form.login button")
    browser.wait("!document.querySelector('.wrong').hidden")
    assert "no es correcta" in text(browser, ".wrong")
    browser.evaluate(f"document.querySelector('#secret').value = {json.dumps(running[0].key)}")
    browser.click("form.login button")
    browser.wait(READY.format(page='"now"'))


def test_settings_are_saved_and_refused_at_the_field(browser, running):
    console = running[0]
    look(browser, running, "settings")
    browser.evaluate("document.getElementById('section-fusion').open = true")
    put = (
        "(() => {{ const one = document.getElementById('key-{key}'); one.value = '{value}';"
        " one.dispatchEvent(new Event('input')); }})()"
    )
    browser.evaluate(put.format(key="fusion.margin", value="7"))
    browser.click("#save")
    browser.wait("!document.getElementById('key-fusion.margin-error').hidden")
    assert "7" in text(browser, "[id='key-fusion.margin-error']")
    browser.evaluate(put.format(key="fusion.margin", value="0.25"))
    browser.click("#save")
    browser.wait("document.getElementById('save').disabled")
    assert browser.evaluate("document.getElementById('restart').hidden"), "a margin applies at once"
    with console.client(console.key) as client:
        assert client.get("/api/state").json()["controls"]["margin"] == "0.25"
        client.put("/api/controls/margin", json={"value": 0.4})
    look(browser, running, "settings")
    browser.evaluate("document.getElementById('section-fusion').open = true")
    assert browser.evaluate("document.getElementById('key-fusion.margin').value") == "0.4"
    assert "de un mando" in text(browser, "[id='key-fusion.margin-about']")
    browser.click(".clear")
    browser.wait("document.getElementById('key-fusion.margin').value === '0.25'")
    with console.client(console.key) as client:
        assert client.get("/api/state").json()["controls"]["margin"] == "0.25"
    browser.evaluate(put.format(key="fusion.hold_s", value="0.9"))
    browser.click("#save")
    browser.wait("!document.getElementById('restart').hidden")
    assert "margin = 0.25" in (console.folder / "conf.d" / "50-console.toml").read_text()
    browser.wait("document.getElementById('key-fusion.margin').value === '0.25'")
    with console.client(console.key) as client:
        back = client.patch("/api/settings", json={"fusion.margin": None, "fusion.hold_s": None})
        assert back.status_code == 200


@pytest.mark.parametrize("page", ["", "recordings", "settings"])
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark"), (320, "light")])
def test_fits_the_screen(browser, running, page, width, scheme):
    look(browser, running, page, width, scheme)
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    paper, ink = (
        browser.evaluate(f"getComputedStyle(document.body).{name}.match(/\\d+/g).map(Number)")
        for name in ("backgroundColor", "color")
    )
    assert (sum(paper) > sum(ink)) == (scheme == "light")
    small = browser.evaluate(
        "[...document.querySelectorAll('button, select')].filter(one => one.offsetHeight"
        " && one.offsetHeight < 40 && one.offsetWidth && !one.closest('.band'))"
        ".map(one => one.id || one.textContent)"
    )
    assert small == [], "a finger finds every button"


def test_keyboard_alone(browser, running):
    look(browser, running)
    browser.wait("!document.getElementById('privacy').disabled")
    names = "['skip', 'nav', 'privacy', 'record', 'snapshot', 'face_weight', 'margin', 'recording_mode']"
    reached = set()
    for _ in range(25):
        for kind in ("keyDown", "keyUp"):
            browser.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
        reached.add(
            browser.evaluate(
                "(() => { const one = document.activeElement;"
                " return one.id || (one.closest('nav') ? 'nav' : one.className); })()"
            )
        )
    assert set(json.loads(names.replace("'", '"'))) <= reached


@pytest.mark.parametrize(("wanted", "words"), [("es", "Ahora"), ("en", "Now")])
def test_both_languages(browser, running, wanted, words):
    look(browser, running, wanted=wanted)
    assert text(browser, "h1") == words
    assert browser.evaluate("document.documentElement.lang") == wanted
    missing = browser.evaluate(
        "[...document.querySelectorAll('[data-say]')].filter(one => !one.textContent).length"
    )
    assert missing == 0


def test_every_text_is_there_in_both_languages():
    spanish, english = (
        set(re.findall(r"(\w+): \"", part))
        for part in (STATIC / "texts.js").read_text(encoding="utf-8").split("const EN")[:2]
    )
    assert spanish == english
