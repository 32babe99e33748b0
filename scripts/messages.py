"""Catalogues of translations: collect the sentences for users, and compile the translations.

`python -m scripts.messages [--check]` brings `emoedge/locale/*/LC_MESSAGES/emoedge.po` up to date with the
source and compiles it to `emoedge.mo`; with `--check` it only names what is missing or out of date, exit 1.
The sentences are those marked with `tr`, the help of the commands, the descriptions of the settings, the uses
of the models, and what click says itself.
"""

from __future__ import annotations

import argparse
import ast
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click
from babel.messages.catalog import Catalog
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po, write_po

from emoedge.cli import COMMANDS, cli
from emoedge.cli.groups import EXAMPLE, paragraphs
from emoedge.config.settings import Settings
from emoedge.model_store import load_manifest
from emoedge.translation import DOMAIN, LOCALE_DIR

ROOT: Final = Path(__file__).resolve().parent.parent
Sentence = str | tuple[str, str]
"""Sentence, or its singular and plural forms."""
FROM_CLICK: Final[tuple[Sentence, ...]] = (
    "Aborted!",
    "Options",
    "Commands",
    "Usage:",
    "Error: {message}",
    "Try '{command} {option}' for help.",
    "Invalid value: {message}",
    "Invalid value for {param_hint}: {message}",
    "Missing argument",
    "Missing option",
    "Missing command.",
    "No such option {name!r}.",
    "Choose from:\n\t{choices}",
    "default: {default}",
    "{value!r} is not a valid {number_type}.",
    "{value} is not in the range {range}.",
    "{name} {filename!r} does not exist.",
    "{name} {filename!r} is a file.",
    "{name} {filename!r} is a directory.",
    "{name} {filename!r} is not readable.",
    "Option {name!r} does not take a value.",
    "file",
    "directory",
    "path",
    "Show this message and exit.",
    "Repeat for confirmation",
    "Error: The two entered values do not match.",
    ("Did you mean {possibility}?", "(Did you mean one of: {possibilities}?)"),
    ("Got unexpected extra argument ({args})", "Got unexpected extra arguments ({args})"),
    ("{value!r} is not {choice}.", "{value!r} is not one of {choices}."),
    ("Option {name!r} requires an argument.", "Option {name!r} requires {nargs} arguments."),
)


def sentences() -> set[Sentence]:
    """Return all sentences for users."""
    found: set[Sentence] = {"Example:", *FROM_CLICK, *_marked()}
    found |= {line for _, line in COMMANDS.values()}
    found |= set(_help_of(cli, click.Context(cli)))
    found |= set(_descriptions())
    return found | {entry.use for entry in load_manifest().entries}


def _marked() -> Iterator[Sentence]:
    """Yield the arguments of `tr`."""
    for path in sorted((ROOT / "emoedge").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "tr":
                forms = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
                if forms not in ([], [""]):
                    yield forms[0] if len(forms) == 1 else (forms[0], forms[1])


def _help_of(command: click.Command, context: click.Context) -> Iterator[str]:
    yield from (part for part in paragraphs(command.help or "") if not part.startswith(EXAMPLE))
    for option in command.params:
        if isinstance(option, click.Option) and option.help:
            yield option.help.partition("  [")[0]
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None:
                yield from _help_of(inner, context)


def _descriptions() -> Iterator[str]:
    """Titles of sections and descriptions of keys."""
    schema = Settings.model_json_schema()
    for part in (schema, *schema["$defs"].values()):
        for entry in (part, *part.get("properties", {}).values()):
            if entry.get("description"):
                yield entry["description"]


def read_catalogue(path: Path) -> Catalog:
    """Return the catalogue of the translators."""
    with path.open("rb") as file:
        return read_po(file, locale=path.parts[-3], domain=DOMAIN)


def updated(path: Path) -> Catalog:
    """Return the catalogue with the present sentences, without unused ones."""
    catalogue = read_catalogue(path)
    created = catalogue.creation_date
    template = Catalog(domain=DOMAIN, fuzzy=False)
    for sentence in sentences():
        template.add(sentence)
    catalogue.update(template, no_fuzzy_matching=True, update_header_comment=False)
    catalogue.obsolete.clear()
    catalogue.creation_date = created
    return catalogue


def untranslated(catalogue: Catalog) -> list[str]:
    """Return the sentences without a translation."""
    return sorted(
        message.id if isinstance(message.id, str) else message.id[0]
        for message in catalogue
        if message.id and not (message.string if isinstance(message.id, str) else all(message.string))
    )


def po_text(catalogue: Catalog) -> bytes:
    """The catalogue as a file for translators, in the order of the sentences."""
    buffer = io.BytesIO()
    write_po(buffer, catalogue, width=100, no_location=True, sort_output=True, ignore_obsolete=True)
    return buffer.getvalue()


def mo_bytes(catalogue: Catalog) -> bytes:
    """The catalogue as gettext reads it."""
    buffer = io.BytesIO()
    write_mo(buffer, catalogue)
    return buffer.getvalue()


def _is_current(path: Path, catalogue: Catalog) -> bool:
    """Return whether both files of a language hold the catalogue, whichever version of Babel wrote them."""
    compiled = path.with_suffix(".mo")
    if not compiled.is_file():
        return False
    with compiled.open("rb") as file:
        return _pairs(read_catalogue(path)) == _pairs(read_mo(file)) == _pairs(catalogue)


def _pairs(catalogue: Catalog) -> dict[Any, Any]:
    return {
        message.id if isinstance(message.id, str) else tuple(message.id): message.string
        if isinstance(message.string, str)
        else tuple(message.string)
        for message in catalogue
        if message.id
    }


def main(arguments: list[str] | None = None) -> int:
    """Write the catalogues, or check them; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m scripts.messages", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if something is missing")
    check = parser.parse_args(arguments).check
    faults = []
    for path in sorted(LOCALE_DIR.glob(f"*/LC_MESSAGES/{DOMAIN}.po")):
        catalogue = updated(path)
        faults += [f"{path}: not translated: {sentence}" for sentence in untranslated(catalogue)]
        if not check:
            path.write_bytes(po_text(catalogue))
            path.with_suffix(".mo").write_bytes(mo_bytes(catalogue))
        elif not _is_current(path, catalogue):
            faults.append(f"{path}: out of date; run: python -m scripts.messages")
    sys.stderr.write("".join(f"{fault}\n" for fault in faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
