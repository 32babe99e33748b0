"""Every link between the pages leads somewhere, as GitHub resolves it, anchors included."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from pathlib import Path

import pytest

from .pages import FENCE, PAGES, ROOT, blocks

LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(<?([^()\s>]+)>?(?:\s+\"[^\"]*\")?\)")
REFERENCE = re.compile(r"^\[[^\]]+\]:\s*(\S+)", re.MULTILINE)
HTML = re.compile(r"<(?:a|img|source)\b[^>]*?\b(?:href|src|srcset)=\"([^\"]+)\"")
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*\s*$", re.MULTILINE)
ANCHOR = re.compile(r"<a\s+(?:id|name)=\"([^\"]+)\"|\{#([\w-]+)\}")
MARKUP = re.compile(r"[`*]|!?\[([^\]]*)\]\([^)]*\)")


def without_code(text: str) -> str:
    """A page without its code, in which brackets are not links."""
    return re.sub(r"`[^`\n]*`", "", FENCE.sub("", text))


def slug(heading: str) -> str:
    """The anchor that GitHub gives a heading: lower case, accents kept, no punctuation, "-" for a space."""
    text = MARKUP.sub(lambda match: match[1] or "", heading)
    kept = [
        character
        for character in text.lower()
        if character in "-_ " or unicodedata.category(character)[0] in "LNM"
    ]
    return "".join(kept).replace(" ", "-")


@cache
def anchors(page: Path) -> set[str]:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    found: set[str] = set()
    for match in HEADING.finditer(text):
        name, number = slug(match[1]), 1
        plain = name
        while name in found:
            name, number = f"{plain}-{number}", number + 1
        found.add(name)
    return found | {one or other for one, other in ANCHOR.findall(text)}


def links(page: str) -> list[str]:
    text = without_code((ROOT / page).read_text(encoding="utf-8"))
    found = [*LINK.findall(text), *REFERENCE.findall(text)]
    found += [one.split()[0] for one in HTML.findall(text)]
    return [link for link in found if not re.match(r"[a-z][a-z0-9+.-]*:", link)]


def test_the_rules_of_anchors():
    assert slug("8. La primera automatización") == "8-la-primera-automatización"
    assert slug("What `health` says: a *table*") == "what-health-says-a-table"
    assert slug("C++ / Python_3 — now") == "c--python_3--now"
    assert slug("[Times](x.md) and 90 %") == "times-and-90-"


def test_links_are_found():
    assert sum(len(links(page)) for page in PAGES) > 150


def is_dead(page: str, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = (ROOT / page).parent / path if path else ROOT / page
    if not target.exists() or not target.resolve().is_relative_to(ROOT):
        return True
    return bool(anchor) and target.suffix == ".md" and anchor not in anchors(target)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    assert [link for link in links(page) if is_dead(page, link)] == []


@pytest.mark.parametrize("block", blocks("sh"), ids=str)
def test_what_is_said_of_a_command_is_seen_on_a_phone(block):
    """A comment behind a long command is outside of the screen; it stands above it."""
    behind = [line for line in block.text.splitlines() if re.search(r"\S {2,}# ", line) and len(line) > 60]
    assert behind == []
