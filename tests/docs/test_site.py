"""The site builds strictly, is complete in both languages, and asks no other host for anything."""

from __future__ import annotations

import importlib.util
import re
from html.parser import HTMLParser

import pytest

from emoedge.cli import COMMANDS
from emoedge.doctor.checks import CHECKS
from emoedge.publish.payloads import PAYLOADS

from .pages import ROOT, text_of

pytestmark = [
    pytest.mark.skipif(
        importlib.util.find_spec("material") is None, reason="mkdocs-material is not installed (extra docs)"
    ),
    pytest.mark.timeout(900),  # eight seconds of one core, which a busy machine may take minutes for
]

# What a browser fetches by itself; a link that somebody clicks is another matter.
FETCHED = {
    "script": "src",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "video": "src",
    "audio": "src",
    "link": "href",
}


class Fetches(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        address = values.get(FETCHED.get(tag, ""))
        if address and not (
            tag == "link" and values.get("rel") in ("canonical", "alternate", "prev", "next")
        ):
            self.addresses.append(address)


def test_nothing_is_fetched_from_another_host(site):
    for page in site.rglob("*.html"):
        fetches = Fetches()
        fetches.feed(page.read_text(encoding="utf-8"))
        assert fetches.addresses
        for address in fetches.addresses:
            assert not re.match(r"(https?:)?//", address), f"{page.relative_to(site)}: {address}"
    for sheet in site.rglob("*.css"):
        assert not re.search(r"(url\(|@import)\s*[\"']?(https?:)?//", sheet.read_text(encoding="utf-8"))


def test_every_command_topic_check_and_model_has_its_place(site):
    commands = (site / "reference/commands/index.html").read_text(encoding="utf-8")
    for name in COMMANDS:
        assert f'id="emoedge-{name}"' in commands
    messages = (site / "reference/messages/index.html").read_text(encoding="utf-8")
    for suffix in PAYLOADS:
        assert f'id="{suffix.replace("/", "")}"' in messages
        assert (site / f"reference/schemas/{suffix.replace('/', '-')}.json").is_file()
    for card in (ROOT / "models").glob("*.md"):
        assert (site / f"reference/models/{card.stem}/index.html").is_file()
    assert (site / "reference/reasons/index.html").is_file()


def test_each_language_has_its_own_menu_and_words(site):
    for page, language, menu, other in (
        ("tutorial", "en", "Troubleshooting", "Problemas y remedios"),
        ("es/tutorial", "es", "Problemas y remedios", "Troubleshooting"),
    ):
        text = (site / page / "index.html").read_text(encoding="utf-8")
        assert re.search(rf'<html lang="?{language}', text)
        navigation = text.partition('data-md-component="sidebar"')[2].partition("</nav>")[0]
        assert menu in navigation or menu in text.partition('class="md-tabs"')[2]
        assert other not in text.partition('data-md-level="0"')[2].partition("<article")[0]
    english = (site / "tutorial/index.html").read_text(encoding="utf-8")
    assert 'href="../es/tutorial/" hreflang="es"' in english
    spanish = (site / "es/instalacion/index.html").read_text(encoding="utf-8")
    assert 'href="../../install/" hreflang="en"' in spanish


def test_every_check_of_the_doctor_has_its_remedy():
    for page in ("docs/troubleshooting.md", "docs/es/problemas.md"):
        for name, _ in CHECKS:
            assert f"\n### {name}\n" in text_of(page), f"{page}: {name}"
