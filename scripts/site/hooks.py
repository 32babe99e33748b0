"""MkDocs hooks for the site: generated pages, and a separate menu for each language."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.nav import Navigation, Section
from mkdocs.structure.pages import Page

ROOT: Final = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from emoedge.publish.schemas import generate as schemas  # noqa: E402
from scripts.site import reasons, reference  # noqa: E402

SPANISH: Final = "es/"
SPANISH_MENU: Final = "Español"

TRANSLATIONS: Final = {
    "index.md": "es/index.md",
    "tutorial.md": "es/tutorial.md",
    "install.md": "es/instalacion.md",
    "mqtt.md": "es/mqtt.md",
    "configuration.md": "es/configuracion.md",
    "troubleshooting.md": "es/problemas.md",
    "lawful-use.md": "es/privacidad.md",
    "howto/broker.md": "es/broker.md",
    "howto/camera-and-microphone.md": "es/camara-y-microfono.md",
    "howto/privacy.md": "es/privacidad.md",
    "howto/record-and-fetch.md": "es/grabaciones.md",
    "howto/tune.md": "es/ajustar.md",
    "privacy.md": "es/privacidad.md",
    "integrations/index.md": "es/integrations.md",
}
"""English page -> the Spanish one that the switch in the head leads to; for others it leads to the first
page."""


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Add pages that are missing in the menu to the guides of their language."""
    menu = config.nav or []
    known = set(_pages_in(menu))
    spanish = next(item[SPANISH_MENU] for item in menu if SPANISH_MENU in item)
    english = next(item["Guides"] for item in menu if "Guides" in item)
    guides = next(item["Guías"] for item in spanish if "Guías" in item)
    for path in sorted((ROOT / "docs").rglob("*.md")):
        page = path.relative_to(ROOT / "docs").as_posix()
        if page not in known:
            # The last one is about trouble, and stays the last.
            (guides if page.startswith(SPANISH) else english).insert(-1, page)
    return config


def _pages_in(menu: Iterable[Any]) -> Iterator[str]:
    for item in menu:
        if isinstance(item, str):
            yield item
        else:
            for value in item.values():
                yield from [value] if isinstance(value, str) else _pages_in(value)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages made from the code, the models' cards and the files beside README.md."""
    pages = {
        "reference/commands.md": reference.commands_page(),
        "reference/messages.md": reference.messages_page(),
        "reference/checks.md": reference.checks_page(),
        "reference/reasons.md": reasons.page(),
        "reference/python.md": reference.python_page(),
        "reference/models/index.md": reference.models_page(),
        "privacy.md": beside_readme("PRIVACY.md"),
        "security.md": beside_readme("SECURITY.md"),
        "contributing.md": beside_readme("CONTRIBUTING.md"),
    }
    for card in sorted((ROOT / "models").glob("*.md")):
        pages[f"reference/models/{card.name}"] = reference.card_page(card)
    pages["reference/models/vosk-es-demo.md"] = reference.card_page(ROOT / "models/vosk-es-demo/README.md")
    for path, text in schemas():
        pages[f"reference/schemas/{path.name}"] = text
    for path, text in pages.items():
        files.append(File.generated(config, path, content=text))
    models = ROOT / "models"
    for path in (*sorted((models / "figures").iterdir()), *sorted(models.glob("*.LICENSE"))):
        name = f"reference/models/{path.relative_to(models).as_posix()}"
        files.append(File.generated(config, name, abs_src_path=str(path)))
    return files


def beside_readme(name: str) -> str:
    """A file from the root of the repository, its links as seen from docs/."""
    text = (ROOT / name).read_text(encoding="utf-8")
    text = re.sub(r"\]\(docs/", "](", text)
    return re.sub(r"\]\((PRIVACY|SECURITY|CONTRIBUTING)\.md", lambda match: f"]({match[1].lower()}.md", text)


def on_page_markdown(markdown: str, page: Page, **_others: object) -> str:
    """Links to the files beside README.md, which GitHub shows where they are, lead to their pages here."""
    up = "../" * page.file.src_uri.count("/")
    return re.sub(
        r"\]\((?:\.\./)+(PRIVACY|SECURITY|CONTRIBUTING)\.md",
        lambda match: f"]({up}{match[1].lower()}.md",
        markdown,
    )


def on_page_content(html: str, **_others: object) -> str:
    """A column without a heading has an empty cell there, not a heading that says nothing."""
    return re.sub(r"<th[^>]*></th>", "<td></td>", html)


def on_page_context(
    context: dict[str, Any], page: Page, config: MkDocsConfig, nav: Navigation
) -> dict[str, Any]:
    """Language of the page's own words, and the menu of that language alone."""
    spanish = page.file.src_uri.startswith(SPANISH)
    config.theme["language"] = "es" if spanish else "en"
    menu: list[Any] = []
    for item in nav.items:
        if isinstance(item, Section) and item.title == SPANISH_MENU:
            menu += item.children if spanish else []
        elif not spanish:
            menu.append(item)
    mine = [entry for entry in nav.pages if entry.file.src_uri.startswith(SPANISH) == spanish]
    own = Navigation(menu, mine)
    own.homepage = mine[0]
    context["nav"] = own
    config.extra["alternate"] = [
        {"name": "English", "lang": "en", "link": _address(nav, page, "en")},
        {"name": "Español", "lang": "es", "link": _address(nav, page, "es")},
    ]
    return context


def _address(nav: Navigation, page: Page, language: str) -> str:
    """Return the target of the language switch: the page itself, its translation, or the first page."""
    here = page.file.src_uri
    if here.startswith(SPANISH) == (language == "es"):
        return str(page.url) or "./"
    if language == "es":
        there = TRANSLATIONS.get(here, "es/index.md")
    else:
        there = next((english for english, spanish in TRANSLATIONS.items() if spanish == here), "index.md")
    return next((entry.url for entry in nav.pages if entry.file.src_uri == there), "") or "./"


def on_nav(nav: Navigation, **_others: object) -> Navigation:
    """Keep the links at the foot of a page in its language."""
    for page in nav.pages:
        for end in ("previous_page", "next_page"):
            other = getattr(page, end)
            if other and other.file.src_uri.startswith(SPANISH) != page.file.src_uri.startswith(SPANISH):
                setattr(page, end, None)
    return nav
