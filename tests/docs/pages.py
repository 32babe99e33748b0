"""What the pages say that can be checked: code blocks, inline code, calls of programs."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))
    if "node_modules" not in path.parts
)

FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>[a-z]*)[^\n]*\n(?P<text>.*?)^(?P=indent)```\s*$",
    re.MULTILINE | re.DOTALL,
)
INDENTED = re.compile(r"(?:(?<=\n\n)|\A)(?: {4,}[^\n]*\n(?:\n(?= {4}))*)+")
CODE = re.compile(r"`([^`\n]+)`")


@dataclass(frozen=True)
class Block:
    page: str
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}: {self.text.strip().splitlines()[0] if self.text.strip() else ''}"


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(language: str | None = None) -> list[Block]:
    """Fenced blocks of a language; with None the indented ones, whose language nobody says."""
    found = []
    for page in PAGES:
        text = text_of(page)
        if language is None:
            found += [Block(page, "", match[0]) for match in INDENTED.finditer(FENCE.sub("", text))]
            continue
        for match in FENCE.finditer(text):
            if match["language"] == language:
                lines = match["text"].splitlines()
                body = "\n".join(line[len(match["indent"]) :] for line in lines)
                found.append(Block(page, language, body + "\n"))
    return found


def prose_code(page: str) -> Iterator[str]:
    """What stands in backticks outside of blocks."""
    for match in CODE.finditer(FENCE.sub("", text_of(page))):
        yield match[1]


def calls(line: str) -> Iterator[list[str]]:
    """The programs that a shell line calls, as words without redirections, assignments and sudo."""
    try:
        lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
        lexer.whitespace_split = True
        words = list(lexer)
    except ValueError:
        return
    call: list[str] = []
    skip = False
    for word in words:
        if word and set(word) <= set("|&;"):
            yield from _stripped(call)
            call = []
        elif word and set(word) <= set("<>"):
            skip = True
        elif skip:
            skip = False
        else:
            call.append(word)
    yield from _stripped(call)


def assignments(line: str) -> list[str]:
    """Names of the environment variables of emoedge that a line sets."""
    return re.findall(r"\b(EMOEDGE_[A-Z_]+)=", line)


def _stripped(call: list[str]) -> Iterator[list[str]]:
    while call:
        head = call[0]
        if head == "sudo":
            call = call[3:] if call[1:2] == ["-u"] else call[1:]
        elif re.fullmatch(r"[A-Z][A-Z0-9_]*=.*", head):
            call = call[1:]
        elif head == "ssh":
            call = call[2:]
        elif head in ("find", "exec"):
            return
        else:
            yield call
            return


def shell_lines() -> list[tuple[str, str]]:
    """(page, line) of every shell block, of indented blocks that look like one, and of inline calls."""
    found = []
    for block in blocks("sh"):
        joined = block.text.replace("\\\n", " ")
        found += [(block.page, line) for line in joined.splitlines() if line.strip()]
    for block in blocks(None):
        for line in block.text.splitlines():
            if re.match(r"\s*(sudo |[A-Z_]+=\S+ )*(emoedge|scripts/|python -m|mosquitto_)", line):
                found.append((block.page, line.strip()))
    for page in PAGES:
        for code in prose_code(page):
            if re.match(r"(sudo (-u \w+ )?)?(emoedge [a-z]|scripts/[a-z])", code):
                found.append((page, code))
    return found
