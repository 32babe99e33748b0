"""Everything that is said to people has a translation, and the catalogues are up to date."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from emoedge.translation import LOCALE_DIR, tr, translated

pytest.importorskip("babel")
messages = pytest.importorskip("scripts.messages")
PATHS = sorted(LOCALE_DIR.glob("*/LC_MESSAGES/*.po"))
NAMES = re.compile(r"\{([^{}]*)\}")
PACKAGE = Path(__file__).resolve().parent.parent / "emoedge"
WORD = re.compile(r"[A-Za-z]{3,}")
PRINTING = frozenset({"echo", "secho", "prompt", "confirm", "say", "ask"})
"""Functions of the command line whose first argument is printed."""
CODED = frozenset({"ApiError"})
"""Errors that are made with a code, whose texts `emoedge/web/errors.py` has in both languages."""
CHECKED = ("config", "local_time.py")
"""Where a ValueError is a fault in the configuration, which people read."""
UNMARKED = {
    "emoedge: {}": "a name before a sentence that is marked",
    "emoedge {}": "name and version",
    "gpio: {}: {}": "what a library says",
    "openssl: {}": "what another program says",
    "SHA-256 {}": "a fingerprint, for programs too",
    "[camera]": "a line for the configuration file",
    "[microphone]": "a line for the configuration file",
    'source = "{}"{}': "a line for the configuration file",
    'source = "{}"  # {} channels, {} Hz{}': "a line for the configuration file",
    "no time left to finish the segment": "GaveUpError, which is caught in record/remux.py and never shown",
}
"""Texts that are rightly not marked with `tr`, and why."""

SPANISH = {
    r"\bficheros?\b": "archivo",
    r"\bprivacidad (está|sigue|ha estado|estaba) puesta\b": "activada",
}
"""Words for which the Spanish texts have one word, and that word."""


def test_there_is_spanish():
    assert [path.parts[-3] for path in PATHS] == ["es"]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.parts[-3])
def test_every_sentence_has_a_translation(path):
    missing = messages.untranslated(messages.updated(path))
    assert missing == [], "run: python -m scripts.messages; translate what it names in the .po; run it again"


def test_the_catalogues_are_up_to_date():
    assert messages.main(["--check"]) == 0, "run: python -m scripts.messages"


@pytest.mark.parametrize(("other", "word"), SPANISH.items())
def test_one_thing_has_one_word_in_spanish(other, word):
    root = PACKAGE.parent
    pages = [root / "README.es.md", *(root / "docs" / "es").glob("*.md")]
    texts = [*PATHS, *pages, PACKAGE / "web" / "errors.py", *(PACKAGE / "web" / "static").glob("*texts.js")]
    assert len(texts) > 10
    found = [path.name for path in texts if re.search(other, path.read_text("utf-8"), re.IGNORECASE)]
    assert found == [], f"write {word}"


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.parts[-3])
def test_a_translation_names_no_other_values(path):
    for message in messages.updated(path):
        forms = [message.id] if isinstance(message.id, str) else message.id
        strings = [message.string] if isinstance(message.string, str) else message.string
        allowed = {name for form in forms for name in NAMES.findall(form)}
        for string in strings:
            assert set(NAMES.findall(string)) <= allowed, string


def test_spanish_reaches_the_reader():
    phrase = tr("{path} is not a folder", path=tr("the call"))
    assert phrase == "the call is not a folder"
    assert phrase.in_language("es") == "la llamada no es una carpeta"
    assert phrase.in_language("en") == phrase
    one = tr("{count} segment deleted", "{count} segments deleted", count=1)
    assert one.in_language("es") == "1 grabación borrada"
    assert translated("Options", "es") == "Opciones"


def errors_for_people(trees: dict[Path, ast.Module]) -> set[str]:
    """The names of EmoedgeError and of all that derive from it."""
    bases = {
        node.name: {base.id if isinstance(base, ast.Name) else ast.unparse(base) for base in node.bases}
        for tree in trees.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    found = {"EmoedgeError"}
    while more := {name for name, over in bases.items() if over & found} - found:
        found |= more
    return found


def constants_of(tree: ast.Module) -> dict[str, str]:
    """The texts that a module gives names to."""
    return {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    }


def plain_texts(node: ast.AST, constants: dict[str, str]) -> Iterator[str]:
    """The texts that an argument may stand for, "{}" for each value; a call is one for itself."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.Name) and node.id in constants:
        yield constants[node.id]
    elif isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
        for part in node.values:
            if isinstance(part, ast.FormattedValue) and not isinstance(part.value, ast.Name):
                yield from plain_texts(part.value, constants)
    elif isinstance(node, ast.IfExp):
        yield from plain_texts(node.body, constants)
        yield from plain_texts(node.orelse, constants)
    elif isinstance(node, ast.BoolOp | ast.BinOp):
        for part in node.values if isinstance(node, ast.BoolOp) else (node.left, node.right):
            yield from plain_texts(part, constants)


def said_arguments(call: ast.Call, errors: set[str], *, in_cli: bool) -> list[ast.expr]:
    """The arguments of a call that people read."""
    named = [one.value for one in call.keywords if one.arg in ("message", "reason", "remedy", "text")]
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if name in errors - CODED:
        return [*(call.args[2:] if name == "WordedError" else call.args[:2]), *named]
    is_click = isinstance(function, ast.Attribute) and ast.unparse(function.value) == "click"
    if isinstance(function, ast.Name) and name in ("tell", "say"):
        return [*call.args[:1], *named]
    if in_cli and name in PRINTING and (is_click or isinstance(function, ast.Name)):
        return [*call.args[:1], *named]
    return []


def unmarked_texts(trees: dict[Path, ast.Module]) -> Iterator[tuple[str, str]]:
    """Where a text for people stands as plain English, and the text."""
    of_people = errors_for_people(trees)
    for path, tree in trees.items():
        # What a setting's check raises is shown with the key and the line.
        errors = of_people | {"ValueError"} if path.parts[0] in CHECKED else of_people
        constants = constants_of(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                for argument in said_arguments(node, errors, in_cli="cli" in path.parts):
                    for text in plain_texts(argument, constants):
                        if WORD.search(text):
                            yield f"{path}:{node.lineno}", text


def test_every_sentence_for_people_is_marked():
    trees = {
        path.relative_to(PACKAGE): ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted(PACKAGE.rglob("*.py"))
    }
    found = list(unmarked_texts(trees))
    assert [f"{where}: {text}" for where, text in found if text not in UNMARKED] == [], "mark them with tr"
    assert UNMARKED.keys() - {text for _, text in found} == set(), "no longer there: take it out of UNMARKED"


@pytest.mark.parametrize(
    "line",
    [
        'raise ModelError("it is damaged")',
        'raise ModelError(f"{path}: damaged", tr("fetch it again"))',
        'raise ModelError(tr("it is damaged"), "fetch it again")',
        'raise ModelError(tr("it is damaged"), REMEDY)',
        'raise ModelError(reason or "it is damaged")',
        'raise ModelError("these are damaged: " + names())',
        'raise WordedError(500, "failed", "it is damaged", None)',
        'click.echo(f"{count} sessions ended")',
        'click.prompt("Password", err=True)',
        'tell("it listens")',
    ],
)
def test_a_sentence_that_is_not_marked_is_found(line):
    source = "class ModelError(EmoedgeError): ...\nclass WordedError(EmoedgeError): ...\n"
    tree = ast.parse(f'{source}REMEDY: Final = "fetch it again"\n{line}\n')
    assert len(list(unmarked_texts({Path("cli/models.py"): tree}))) == 1


def test_a_fault_of_a_setting_that_is_not_marked_is_found():
    tree = ast.parse('raise ValueError(f"{name!r} is not a time zone")')
    assert len(list(unmarked_texts({Path("config/settings.py"): tree}))) == 1
    assert list(unmarked_texts({Path("voice/adapt.py"): tree})) == []


def test_a_marked_sentence_is_not_found():
    source = """
class ModelError(EmoedgeError): ...
raise ModelError(tr("{name} is damaged", name="of the text"), tr("fetch it again"))
raise ModelError(error.message, error.remedy)
say(tr("done"), err=True)
click.echo(json.dumps({"state": "ended well"}))
"""
    assert list(unmarked_texts({Path("cli/models.py"): ast.parse(source)})) == []
