"""The page for those who upgrade names the present defaults."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from emoedge.config import Settings

ROW = re.compile(r"^\| `([a-z_]+)\.([a-z_]+)` \| [^|]* \| `([^`]+)` \|", re.MULTILINE)


@pytest.mark.parametrize("page", ["docs/upgrading.md", "docs/es/actualizar.md"])
def test_what_is_said_to_be_the_default_is(repository: Path, page: str) -> None:
    defaults = Settings().model_dump(mode="json")
    rows = ROW.findall((repository / page).read_text(encoding="utf-8"))
    assert len(rows) >= 7
    assert {f"{section}.{key}": json.loads(value) for section, key, value in rows} == {
        f"{section}.{key}": defaults[section][key] for section, key, _ in rows
    }


def test_the_changelog_leads_there(repository: Path) -> None:
    text = (repository / "CHANGELOG.md").read_text(encoding="utf-8")
    assert "docs/upgrading.md" in text[text.index("## Unreleased") : text.index("### Added")]
