"""The figures of both READMEs are those of the models that are shipped."""

from __future__ import annotations

import re

import pytest

from emoedge.emotions import EMOTIONS, display_name
from training import update_readme

from .pages import ROOT, text_of


@pytest.mark.parametrize("name", sorted(update_readme.TABLES))
def test_tables_are_those_of_the_sidecars(name):
    stale = update_readme.stale(ROOT)
    assert ROOT / name not in stale, "run: python -m training.update_readme"


def test_a_changed_figure_is_noticed():
    figures = update_readme.read_figures(ROOT / "models")
    before = update_readme.english(figures)
    figures["face_emotion"]["metrics"]["test"]["accuracy"] -= 0.01
    assert update_readme.english(figures) != before


def test_marks_are_needed():
    with pytest.raises(ValueError, match="no <!-- figures"):
        update_readme.updated("# a page without marks", "")


def test_the_seven_are_named_in_both_languages():
    for page, language in (("README.md", "en"), ("README.es.md", "es")):
        text = text_of(page)
        for emotion in EMOTIONS:
            assert re.search(rf"\b{display_name(emotion, language)}\b", text)


@pytest.mark.parametrize(
    "page", ["README.md", "README.es.md", "CONTRIBUTING.md", "PRIVACY.md", "SECURITY.md"]
)
def test_links_beside_the_readme_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)[^)]*\)", text_of(page)):
        assert (ROOT / target).exists(), f"{page}: {target}"
