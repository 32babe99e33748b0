"""The page in a headless Chromium without a network."""

from __future__ import annotations

from datetime import timedelta

import pytest

from emoedge.report import write_page

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

STATE = """(() => { const v = document.getElementById('video'), p = document.getElementById('plots');
  const c = document.getElementById('cursor').getBoundingClientRect(), b = p.getBoundingClientRect();
  return { video: v.currentTime, curves: Number(p.dataset.time), index: Number(p.dataset.index), paused: v.paused,
           cursor: (c.left + c.width / 2 - b.left) / b.width * v.duration, seeking: v.seeking }; })()"""  # noqa: E501


@pytest.fixture
def opened(browser, page):
    browser.requests.clear()
    browser.complaints.clear()
    browser.open(page)
    browser.wait("document.documentElement.dataset.ready === 'video'")
    return browser


def settled(browser) -> dict:
    browser.wait("!document.getElementById('video').seeking")
    return browser.evaluate(STATE)


def test_click_on_an_event_brings_video_and_curves_there(opened, source):
    for number, event in enumerate(source.data.events, 1):
        opened.click(f"#band button:nth-child({number})")
        state = settled(opened)
        for value in (state["video"], state["curves"], state["cursor"]):
            assert value == pytest.approx(event.start_s, abs=0.1)
        assert state["index"] == pytest.approx(event.start_s / source.data.step_s, abs=1)


def test_curves_follow_while_it_plays(opened):
    opened.evaluate("document.getElementById('video').play().then(() => 1)")
    opened.wait("document.getElementById('video').currentTime > 1.5")
    state = opened.evaluate(STATE)
    assert state["curves"] == pytest.approx(state["video"], abs=0.1)
    assert state["cursor"] == pytest.approx(state["video"], abs=0.1)


def test_keyboard(opened, source):
    opened.key("n")
    first = source.data.events[0].start_s
    assert settled(opened)["curves"] == pytest.approx(first, abs=0.1)
    opened.key("n")
    assert settled(opened)["curves"] == pytest.approx(source.data.events[1].start_s, abs=0.1)
    opened.key("p")
    assert settled(opened)["curves"] == pytest.approx(first, abs=0.1)
    opened.key("ArrowRight")
    assert settled(opened)["video"] == pytest.approx(first + 5, abs=0.1)
    opened.key("ArrowLeft", shift=True)
    assert settled(opened)["video"] == pytest.approx(first + 4, abs=0.1)
    opened.key(" ")
    opened.wait("!document.getElementById('video').paused")
    opened.key(" ")
    opened.wait("document.getElementById('video').paused")


def test_words_are_lit_as_they_are_spoken(opened, source):
    word = next(index for index, word in enumerate(source.data.words) if word.text == "alegría")
    middle = (source.data.words[word].start_s + source.data.words[word].end_s) / 2
    opened.evaluate(f"document.getElementById('video').currentTime = {middle}")
    settled(opened)
    assert opened.evaluate("[...document.querySelectorAll('.word.lit')].map(w => w.textContent)") == [
        "alegría"
    ]
    assert opened.evaluate("document.querySelectorAll('#bars .chosen').length") == 1


def test_nothing_is_asked_of_any_host_and_nothing_goes_wrong(opened):
    schemes = {address.split(":")[0] for address in opened.requests}
    assert schemes <= {"file", "data", "blob"}
    assert opened.complaints == []


@pytest.mark.parametrize(("width", "phone"), [(1200, False), (390, True), (320, True)])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_fits_the_screen_in_light_and_dark(browser, page, width, phone, scheme):
    browser.open(page, width, 844, scheme, phone)
    browser.wait("document.documentElement.dataset.ready === 'video'")
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    paper, ink = (
        browser.evaluate(f"getComputedStyle(document.body).{name}.match(/\\d+/g).map(Number)")
        for name in ("backgroundColor", "color")
    )
    assert (sum(paper) > sum(ink)) == (scheme == "light")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(browser, page, scheme):
    browser.open(page, 1200, 900, scheme)
    browser.wait("document.documentElement.dataset.ready === 'video'")
    browser.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    assert browser.violations() == []


def test_names_that_do_not_fit_are_left_out_whole(browser, page):
    """A name on an episode is either all there or out of sight."""
    for width in (1200, 390, 320):
        browser.open(page, width, 844, phone=width < 500)
        shown = browser.evaluate("""[...document.querySelectorAll('#band button')].map(button => {
          const box = button.getBoundingClientRect();
          return [...button.querySelectorAll('span')].map(part => {
            const own = part.getBoundingClientRect();
            return { text: part.textContent, seen: own.top < box.bottom - 1,
                     inside: own.right <= box.right + 0.5 };
          });
        })""")
        parts = [part for block in shown for part in block]
        assert all(part["inside"] for part in parts if part["seen"]), (width, parts)
        assert any(part["seen"] for part in parts)
    assert not all(part["seen"] for part in parts), "on the narrowest screen some do not fit"


def test_before_it_is_played_the_strongest_moment_is_shown(opened, source):
    from emoedge.report.headline import peak_of

    shown = float(opened.evaluate("document.getElementById('plots').dataset.time"))
    assert shown == pytest.approx(peak_of(source.data).time_s, abs=0.01)
    assert opened.evaluate("document.getElementById('video').currentTime") == 0


def test_downloads_are_what_the_exports_are(opened, source):
    from emoedge.report.exports import export

    addresses = opened.evaluate(
        "[...document.querySelectorAll('.downloads a')]"
        ".map(a => decodeURIComponent(a.href.slice(a.href.indexOf(',') + 1)))"
    )
    names = opened.evaluate("[...document.querySelectorAll('.downloads a')].map(a => a.download)")
    assert names == [source.segment_id + suffix for suffix in (".mp4", ".csv", ".vtt")]
    for text, kind in zip(addresses[1:], ("csv", "vtt"), strict=True):
        assert text.encode() == export(source.data, source.segment_id, kind, "es")
    assert not opened.evaluate("document.getElementById('download-video').hidden")
    assert opened.evaluate("document.getElementById('download-video').href").startswith("blob:")


def test_a_row_of_the_episodes_leads_there(opened, source):
    opened.click("#episodes tbody tr:nth-child(3) .link")
    assert settled(opened)["video"] == pytest.approx(source.data.events[2].start_s, abs=0.1)


def test_linked_video_plays_from_beside_the_page(browser, source, tmp_path):
    target = tmp_path / "linked.html"
    (tmp_path / source.media.name).write_bytes(source.media.read_bytes())
    for suffix in (".json", ".jsonl"):
        (tmp_path / source.media.with_suffix(suffix).name).write_bytes(
            source.media.with_suffix(suffix).read_bytes()
        )
    from emoedge.report import find_source

    write_page(find_source(str(tmp_path / source.media.name), None), target, link_video=True)
    browser.open(target)
    browser.wait("document.documentElement.dataset.ready === 'video'")
    browser.click("#band button:nth-child(2)")
    assert settled(browser)["video"] == pytest.approx(source.data.events[1].start_s, abs=0.1)


def test_without_its_video_the_curves_can_still_be_walked(browser, source, tmp_path):
    target = tmp_path / "lonely.html"
    write_page(source, target, link_video=True)
    target.write_text(target.read_text().replace(".mp4", ".gone"))
    browser.open(target)
    browser.wait("document.documentElement.dataset.ready === 'no video'")
    browser.click("#band button:nth-child(2)")
    time = float(browser.evaluate("document.getElementById('plots').dataset.time"))
    assert time == pytest.approx(source.data.events[1].start_s, abs=0.1)


def test_browser_shows_and_plays_sound_in_step(browser, tmp_path):
    """The segment's own file in a browser: the beep decoded by it is where the flash is."""
    import base64

    from emoedge.record.remux import measure, remux
    from tests.record.helpers import write_claps

    write_claps(tmp_path / "claps.partial", 7.0, [1.0, 2.5], 4.0)
    media = tmp_path / "claps.mp4"
    remux(tmp_path / "claps.partial", media, [], measure(tmp_path / "claps.partial"))
    (tmp_path / "empty.html").write_text("<!doctype html><title>empty</title>")
    browser.open(tmp_path / "empty.html")
    encoded = base64.b64encode(media.read_bytes()).decode()
    onset, bright = browser.evaluate(
        f"""(async () => {{
          const bytes = Uint8Array.from(atob('{encoded}'), c => c.charCodeAt(0));
          const video = document.createElement('video');
          video.src = URL.createObjectURL(new Blob([bytes], {{ type: 'video/mp4' }}));
          await new Promise(done => video.addEventListener('loadeddata', done, {{ once: true }}));
          const canvas = new OffscreenCanvas(8, 8);
          const draw = canvas.getContext('2d', {{ willReadFrequently: true }});
          let bright = -1;
          for (let t = 0.8; t < 1.3 && bright < 0; t += 0.01) {{
            video.currentTime = t;
            await new Promise(done => video.addEventListener('seeked', done, {{ once: true }}));
            draw.drawImage(video, 0, 0, 8, 8);
            if (draw.getImageData(4, 4, 1, 1).data[0] > 120) bright = t;
          }}
          const sound = await new OfflineAudioContext(1, 16000, 16000).decodeAudioData(bytes.buffer);
          return [sound.getChannelData(0).findIndex(x => Math.abs(x) > 0.1) / sound.sampleRate, bright];
        }})()"""
    )
    assert onset == pytest.approx(1.0, abs=0.04)
    assert bright == pytest.approx(1.0, abs=0.04)


@pytest.mark.parametrize("kind", ["day", "week"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_day_and_week_fit_and_axe_finds_nothing(browser, lived_day, tmp_path, kind, scheme):
    from emoedge.report import write_day, write_week

    settings, day, now = lived_day
    target = tmp_path / f"{kind}.html"
    if kind == "day":
        assert write_day(settings, day, target, "es", now)
    else:
        assert write_week(settings, day - timedelta(days=day.weekday()), target, "es", now)
    browser.complaints.clear()
    for width in (1200, 390, 320):
        browser.open(target, width, 800, scheme, phone=width < 500)
        assert browser.evaluate("document.documentElement.scrollWidth") <= width
    browser.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    assert browser.violations() == []
    assert browser.complaints == []
