"""Every command line in the documentation is one that the program takes."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import click
import pytest
from pydantic import BaseModel

from emoedge.cli import cli
from emoedge.config import Settings
from emoedge.config.environment import SECRET_KEYS
from emoedge.publish.control import CONTROL_NAMES, Command, parse_command
from emoedge.publish.payloads import PAYLOADS

from .pages import PAGES, ROOT, assignments, calls, prose_code, shell_lines

LINES = shell_lines()
CALLS = [(page, line, call) for page, line in LINES for call in calls(line)]
MENTIONED = {code for page in PAGES for code in prose_code(page)}
SUFFIXES = {"status", *PAYLOADS, *(f"control/{name}" for name in CONTROL_NAMES)}
PLACEHOLDERS = {"COMMAND", "ORDEN", "…"}


def named(name: str) -> list:
    return [
        pytest.param(call, line in MENTIONED, id=f"{page}: {line[:60]}")
        for page, line, call in CALLS
        if Path(call[0]).name == name
    ]


def parse(command: click.Command, words: list[str], path: str) -> None:
    """Parse without running; files that an example names need not be there."""
    for option in command.params:
        if isinstance(option.type, click.Path):
            option.type.exists = False
    if {"--help", "-h"} & set(words):
        return
    context = command.make_context(path, list(words))
    if isinstance(command, click.Group):
        rest = (
            [*context._protected_args, *context.args] if hasattr(context, "_protected_args") else context.args
        )
        if not rest and command.invoke_without_command:
            return
        assert rest, f"{path} needs a command"
        name, subcommand, arguments = command.resolve_command(context, rest)
        assert subcommand is not None
        parse(subcommand, arguments, f"{path} {name}")


def test_lines_are_found_in_every_place():
    pages = {page for page, _, call in CALLS if call[0] == "emoedge"}
    assert {
        "README.md",
        "README.es.md",
        "docs/tutorial.md",
        "docs/es/tutorial.md",
        "docs/install.md",
        "docs/mqtt.md",
    } <= pages
    assert len(CALLS) > 150


@pytest.mark.parametrize(("call", "mentioned"), named("emoedge"))
def test_emoedge_takes_the_call(call, mentioned, monkeypatch, tmp_path):
    words = call[1:]
    if not words or PLACEHOLDERS & set(words) or words[0] in ("--help", "-h", "--version"):
        return
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("emoedge.cli.options.set_up_logging", lambda _level: None)
    try:
        parse(cli, words, "emoedge")
    except click.MissingParameter:
        assert mentioned  # the text speaks of the command, it does not call it


@pytest.mark.parametrize(
    ("page", "call"),
    [
        pytest.param(page, call, id=f"{page}: {line[:60]}")
        for page, line, call in CALLS
        if re.match(r"(/opt/emoedge/src/)?scripts/", call[0])
    ],
)
def test_the_script_is_there_and_takes_the_options(page, call):
    script = ROOT / call[0].removeprefix("/opt/emoedge/src/").rstrip(",")
    assert script.is_file(), f"{page}: no {script}"
    text = script.read_text(encoding="utf-8")
    if script.name in ("train", "evaluate"):  # passed on to python -m training
        text += (ROOT / "training" / "__main__.py").read_text(encoding="utf-8")
    if script.name == "faults":
        text += "".join(path.read_text(encoding="utf-8") for path in (ROOT / "faults").glob("*.py"))
    for word in call[1:]:
        if word.startswith("--"):
            assert word.partition("=")[0] in text, f"{page}: {script.name} knows no {word}"


@pytest.mark.parametrize(
    "module",
    sorted(
        {
            call[2]
            for _, _, call in CALLS
            if Path(call[0]).name == "python" and call[1:2] == ["-m"] and len(call) > 2
        }
    ),
)
def test_the_module_is_there(module):
    assert importlib.util.find_spec(module.rstrip(",.")) is not None


def topics_of(call):
    return [call[i + 1] for i, word in enumerate(call[:-1]) if word == "-t"]


@pytest.mark.parametrize(
    ("call", "topic"),
    [
        pytest.param(call, topic, id=f"{page}: {topic}")
        for page, _, call in CALLS
        if call[0] in ("mosquitto_sub", "mosquitto_pub")
        for topic in topics_of(call)
    ],
)
def test_the_topic_and_the_value_are_known(call, topic):
    base, _, rest = topic.partition("/")
    assert base == "emoedge"
    suffix = rest.partition("/")[2]
    if call[0] == "mosquitto_sub":
        assert rest == "#" or suffix in SUFFIXES
        return
    control = re.fullmatch(r"control/(\w+)/set", suffix)
    assert control
    value = call[call.index("-m") + 1]
    assert isinstance(parse_command(control[1], value.encode()), Command), f"{control[1]} refuses {value!r}"


def keys() -> set[str]:
    found = set()
    for name, field in Settings.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found |= {f"{name}__{key}" for key in field.annotation.model_fields}
        else:
            found.add(name)
    return found | {f"{section}__{key}_file" for section, key in SECRET_KEYS}


@pytest.mark.parametrize("page", PAGES)
def test_variables_are_settings(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    for name in assignments(text):
        if name == "EMOEDGE_SHARED":
            continue
        assert name.removeprefix("EMOEDGE_").lower() in keys(), f"{page}: {name}"


def commands(command: click.Command, path: str):
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            yield from commands(command.get_command(context, name), f"{path} {name}")


def test_every_option_says_what_it_does():
    silent = [
        f"{path} {option.opts[0]}"
        for path, command in commands(cli, "emoedge")
        for option in command.params
        if isinstance(option, click.Option) and not option.help
    ]
    assert not silent
