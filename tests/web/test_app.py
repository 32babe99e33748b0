"""What the pages are made of: about the device, below a prefix, and what the console imports for them."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from emoedge.version import __version__
from emoedge.web.app import PAGES, SHARED, STATIC, page_html
from tests.web.conftest import start_console, stop

pytestmark = pytest.mark.timeout(600)
PREFIX = "/api/hassio_ingress/abc"
MAX_PAGE_BYTES = 150_000


def test_about(full):
    shown = full.get("/api/about").json()
    assert (shown["version"], shown["licence"]) == (__version__, "MIT")
    models = {one["name"]: one for one in shown["models"]}
    assert {"face_detector", "face_emotion", "voice_emotion", "text_emotion", "fusion"} <= set(models)
    for name in ("face_emotion", "voice_emotion", "text_emotion", "fusion"):
        assert models[name]["figures"], name
        assert all(0.3 < one["value"] <= 1 for one in models[name]["figures"]), name
        card = full.get(f"/api/about/models/{name}")
        assert card.status_code == 200
        assert card.headers["content-type"].startswith("text/plain")
        for one in models[name]["figures"]:
            assert f"{one['value']:.3f}"[:4] in card.text, "the card has the same figure"


def test_about_says_what_leaves_the_device(tmp_path):
    broker = 'host = "broker.example"\nusername = "me"\npassword = "hidden-one"'
    more = f"[publish]\ntranscript = true\n[mqtt]\n{broker}\n"
    console = start_console(tmp_path, f"picture = false\n{more}")
    try:
        with console.client(console.key) as client:
            answer = client.get("/api/about")
    finally:
        stop(console)
    told = {one["what"]: one for one in answer.json()["leaves"]}
    assert (told["mqtt_words"]["is_on"], told["mqtt_words"]["to"]) == (True, "broker.example:1883")
    assert (told["mqtt_pictures"]["is_on"], told["console_picture"]["is_on"]) == (False, False)
    assert "hidden-one" not in answer.text


@pytest.mark.parametrize("language", ["en", "es"])
def test_documents_are_readable_without_the_internet(full, language):
    shown = full.get("/api/about", headers={"Accept-Language": language}).json()["documents"]
    assert len(shown) == 9
    for one in shown:
        page = full.get(f"/api/about/documents/{one['name']}")
        assert page.status_code == 200
        assert f"# {one['title']}" in page.text


@pytest.mark.parametrize(
    "path",
    [
        "documents/../../pyproject",
        "documents/architecture",
        "documents/%2e%2e/README",
        "models/x",
        "models/..%2fmanifest",
    ],
)
def test_no_other_file_is_read(full, path):
    assert full.get(f"/api/about/{path}").status_code in (400, 404)


def test_no_page_is_larger_than_its_bound():
    shared = sum((SHARED / name).stat().st_size for name in ("palette.css", "components.css", "charts.js"))
    for page in PAGES.values():
        text = page_html(page)
        parts, found = set(), [STATIC / name for name in re.findall(r'"static/([^"]+)"', text)]
        while found:
            part = found.pop()
            if part not in parts:
                parts.add(part)
                imported = re.findall(r'from "\./([^"]+)"', part.read_text(encoding="utf-8"))
                found += [STATIC / name for name in imported]
        assert STATIC / f"{page}.js" in parts
        bytes_ = shared + len(text.encode()) + sum(part.stat().st_size for part in parts)
        assert bytes_ <= MAX_PAGE_BYTES, page


@pytest.fixture(scope="module")
def behind(tmp_path_factory):
    """A console that a proxy shows below a path, as Home Assistant's ingress does."""
    console = start_console(
        tmp_path_factory.mktemp("ingress"), 'login = "proxy"\nproxies = ["127.0.0.0/8"]\n'
    )
    yield console
    stop(console)


@pytest.mark.parametrize("path", sorted(PAGES))
def test_pages_below_a_prefix_name_nothing_outside_it(behind, path):
    with behind.client(headers={"X-Ingress-Path": PREFIX, "X-Forwarded-For": "192.0.2.7"}) as client:
        page = client.get(path)
        assert page.status_code == 200
        addresses = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        assert addresses
        for address in addresses:
            assert not address.startswith("/"), address
            if not address.startswith("data:"):
                assert client.get(f"/{address}").status_code == 200, address
    for script in STATIC.glob("*.js"):
        text = script.read_text(encoding="utf-8")
        assert not re.search(
            r"""["'`]/(?:api|static|shared|recordings|history|settings|setup|about)\b""", text
        ), f"{script.name} has an address that is not relative"


def test_events_below_a_prefix(behind):
    headers = {"X-Ingress-Path": PREFIX, "X-Forwarded-For": "192.0.2.8"}
    with behind.client(headers=headers) as client, client.stream("GET", "/api/events") as stream:
        assert stream.status_code == 200
        assert next(stream.iter_lines()) == "event: state"


def test_nothing_heavy_is_imported_to_serve_pages():
    code = (
        "import sys, emoedge.web.app, emoedge.web.server;"
        "print([one for one in ('av', 'cv2', 'jinja2', 'scipy', 'pandas') if one in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300
    )
    assert done.stdout.strip() == "[]"
