"""A page that stands in both languages says the same in both: sections, tables, names, examples."""

from __future__ import annotations

import re

import pytest

from .pages import FENCE, text_of

PAIRS = {"docs/mqtt.md": "docs/es/mqtt.md"}
"""English page to the Spanish one that is its whole translation."""
DEVICE = {"salon": "living-room"}
"""What is called otherwise in the Spanish examples."""
NAME = re.compile(r"`([^`\n]+)`")
ROW = re.compile(r"^\|(?!-)(.+)\|$", re.MULTILINE)


def in_english_names(text: str) -> str:
    for spanish, english in DEVICE.items():
        text = text.replace(spanish, english).replace(spanish.replace("-", "_"), english.replace("-", "_"))
    return text.replace("living_room", "living-room")


def sections(page: str) -> list[tuple[int, str, str]]:
    """(level, names in the heading, text below it), in order."""
    text = FENCE.sub("", text_of(page))
    parts = re.split(r"^(#+) (.+)$", text, flags=re.MULTILINE)
    return [
        (len(marks), " ".join(NAME.findall(heading)), in_english_names(below))
        for marks, heading, below in zip(parts[1::3], parts[2::3], parts[3::3], strict=True)
    ]


def names(text: str) -> set[str]:
    """What stands in backticks; what is free to be named in a language is left out."""
    return {re.sub(r"<[^>]*>", "<…>", name) for name in NAME.findall(text)}


def rows(text: str) -> list[list[str]]:
    """The names in the first cell of each row of the tables."""
    return [NAME.findall(row.split(" | ")[0]) for row in ROW.findall(text)]


def code(page: str) -> list[tuple[str, list[str]]]:
    """(language, lines without comments) of each block; words for people do not count."""
    found = []
    for match in FENCE.finditer(text_of(page)):
        lines = [re.sub(r"\s*#.*", "", line) for line in match["text"].splitlines()]
        text = in_english_names("\n".join(line for line in lines if line.strip()))
        text = re.sub(r'("(?:reason_text|label)": )"[^"]*"', r'\1"…"', text)
        found.append((match["language"], text.splitlines()))
    return found


@pytest.mark.parametrize(("english", "spanish"), PAIRS.items())
def test_sections_are_the_same(english, spanish):
    assert [(level, name) for level, name, _ in sections(english)] == [
        (level, name) for level, name, _ in sections(spanish)
    ]


@pytest.mark.parametrize(("english", "spanish"), PAIRS.items())
def test_each_section_names_the_same_topics_fields_and_keys(english, spanish):
    for (_, heading, one), (_, _, other) in zip(sections(english), sections(spanish), strict=True):
        assert names(one) == names(other), heading
        assert rows(one) == rows(other), heading


@pytest.mark.parametrize(("english", "spanish"), PAIRS.items())
def test_examples_are_the_same(english, spanish):
    assert code(english) == code(spanish)


def test_a_missing_row_is_noticed():
    table = "| topic | means |\n|---|---|\n| `a`, `b` | `x` |\n| `c` | y |\n"
    assert rows(table) == [[], ["a", "b"], ["c"]]
    assert rows(table) != rows(table.replace("| `c` | y |\n", ""))
    assert names("`<a>/b` and `c`") == {"<…>/b", "c"}
