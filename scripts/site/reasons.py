"""Reasons of `health` and errors with their remedies, read from the package's source."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import emoedge
from emoedge import errors
from emoedge.publish.session import _WORDS

PACKAGE: Final = Path(emoedge.__file__).parent
GAP: Final = "…"
"""Stands for what is filled in at run time: a name, a number, an address."""

_STATES: Final = frozenset({"ok", "degraded", "failed", "off"})
_ERRORS: Final = tuple(
    name
    for name, value in vars(errors).items()
    if isinstance(value, type) and issubclass(value, errors.EmoedgeError) and value is not errors.EmoedgeError
)
_TELLERS: Final = frozenset({"Verdict", "Health", *_ERRORS})
_VALUE: Final = re.compile(r"\{(\w+)[^{}]*\}")
_WORDS_NEEDED: Final = 6
"""Minimum number of letters outside the gaps of a meaningful text."""


@dataclass(frozen=True, slots=True, order=True)
class Reason:
    """A reason in `health`: the part, or the package where many parts share it, the state, the text."""

    part: str
    state: str
    text: str


@dataclass(frozen=True, slots=True, order=True)
class Told:
    """An error message: its class, the text, the remedy ("" where it comes from elsewhere)."""

    kind: str
    text: str
    remedy: str


def reasons() -> list[Reason]:
    """All reasons with a state other than ok."""
    found = {
        Reason("broker", "degraded, failed", f"{what.format(place=GAP)}: {GAP} ({remedy})")
        for what, remedy in _WORDS.values()
    }
    for room, call, constants in _calls():
        texts = [text_of(argument, constants) for argument in call.args]
        if _name(call) == "Verdict":
            part = room
        elif _name(call) == "Health" and texts:
            part = texts.pop(0) or room
        else:
            continue
        if len(texts) > 1 and texts[0] in _STATES - {"ok"} and _telling(texts[1]):
            found.add(Reason(part, texts[0], texts[1]))
    return sorted(found)


def told() -> list[Told]:
    """All errors that a user can see."""
    found = set()
    for _, call, constants in _calls():
        name = _name(call)
        if name not in _ERRORS or not call.args:
            continue
        texts = [text_of(argument, constants) for argument in call.args[:2]]
        if _telling(texts[0]):
            remedy = texts[1] if len(texts) > 1 and _telling(texts[1]) else ""
            found.add(Told(name, texts[0], remedy))
    return sorted(found)


def page() -> str:
    """The reference page."""
    parts = [
        "# Reasons and errors",
        "",
        f"Read from the source. `{GAP}` stands for a name, a number or an address.",
        "What to do about the common ones: [Troubleshooting](../troubleshooting.md).",
        "",
        "## Reasons in `health`",
        "",
        "| part | state | reason |",
        "|---|---|---|",
        *(_row(f"`{reason.part}`", reason.state, reason.text) for reason in reasons()),
        "",
        "Unavailable models and sources report the message of the error below.",
        "",
        "## Errors",
        "",
        "The first line is the fault, the second the remedy.",
    ]
    errors_told = told()
    for kind in _ERRORS:
        parts += ["", f"### `{kind}`", "", (getattr(errors, kind).__doc__ or "").splitlines()[0], ""]
        parts += ["| message | remedy |", "|---|---|"]
        parts += [_row(one.text, one.remedy) for one in errors_told if one.kind == kind]
    return "\n".join(parts) + "\n"


def text_of(node: ast.expr, constants: Mapping[str, str]) -> str:
    """The text of a literal or of a constant of its module, filled-in parts as gaps; "" for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.Name):
        return constants.get(node.id, "")
    if isinstance(node, ast.JoinedStr):
        parts = (
            text_of(part.value, constants)
            if isinstance(part, ast.FormattedValue)
            else text_of(part, constants)
            for part in node.values
        )
        return "".join(part or GAP for part in parts)
    if isinstance(node, ast.Call) and _name(node) == "tr":
        values = {keyword.arg: text_of(keyword.value, constants) for keyword in node.keywords}
        template = text_of(node.args[0], constants)
        return _VALUE.sub(lambda match: values.get(match[1]) or GAP, template) if values else template
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return (text_of(node.left, constants) or GAP) + (text_of(node.right, constants) or GAP)
    return ""


@cache
def _calls() -> tuple[tuple[str, ast.Call, dict[str, str]], ...]:
    """Every call that may tell something, with its room and the text constants of its module."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _name(node) in _TELLERS]
        if calls:
            room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
            constants = _constants(tree)
            found += [(room, call, constants) for call in calls]
    return tuple(found)


def _constants(tree: ast.Module) -> dict[str, str]:
    """Names that one text is assigned to, and one alone."""
    found: dict[str, list[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if isinstance(target, ast.Name):
                found.setdefault(target.id, []).append(text_of(node.value, {}))
    return {name: texts[0] for name, texts in found.items() if len(texts) == 1 and texts[0]}


def _name(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def _telling(text: str) -> bool:
    return sum(letter.isalpha() for letter in text) >= _WORDS_NEEDED


def _row(*cells: str) -> str:
    escaped = (cell.replace("\n", " ").replace("<", "&lt;").replace("|", "\\|") for cell in cells)
    return "| " + " | ".join(escaped) + " |"
