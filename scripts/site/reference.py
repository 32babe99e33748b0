"""Reference pages generated from the code: commands, messages, checks, models, Python interface.

Pure: each function returns the Markdown of one page. `scripts/site/hooks.py` adds them to the site.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click

import emoedge
from emoedge.cli import COMMANDS, EXIT_INTERRUPTED, cli
from emoedge.config import Settings, load_settings
from emoedge.doctor.checks import CHECKS
from emoedge.emotions import COLORS, EMOTIONS, display_name
from emoedge.errors import ConfigError, EmoedgeError
from emoedge.model_store.manifest import load_manifest
from emoedge.pipeline import Pipeline
from emoedge.publish.payloads import PAYLOADS, Payload
from emoedge.publish.schemas import file_name, schema_of

_COMMON: Final = ("config_path", "log_level")


def commands_page() -> str:
    """Every command and option, and the exit codes."""
    parts = [
        "# Commands",
        "",
        "`emoedge` and `python -m emoedge` are the same. Machine output goes to standard output,",
        "everything else to standard error.",
        "",
        *_table(
            "command",
            "does",
            ((f"[`emoedge {name}`](#emoedge-{name})", line) for name, (_, line) in COMMANDS.items()),
        ),
        "",
        "Every command has:",
        "",
        *_options(_command("run"), only_common=True),
        "",
        "## Exit codes",
        "",
        *_table("code", "means", exit_codes()),
    ]
    for name in COMMANDS:
        parts += ["", *_command_section(f"emoedge {name}", _command(name), 2)]
    return "\n".join(parts) + "\n"


def exit_codes() -> tuple[tuple[str, str], ...]:
    """Code and meaning."""
    return (
        ("0", "success"),
        (str(EmoedgeError.exit_code), "the command failed; standard error has the reason and a remedy"),
        (str(ConfigError.exit_code), "the arguments or the configuration are invalid"),
        (str(EXIT_INTERRUPTED), "interrupted (Ctrl-C)"),
    )


def messages_page() -> str:
    """Every JSON payload with its fields."""
    parts = [
        "# Messages, field by field",
        "",
        "What each JSON payload holds; when it is sent and an example of each: [MQTT](../mqtt.md).",
        "Every payload is checked against its JSON Schema in the tests.",
        "",
        "## Labels",
        "",
        "Always in this order, lower case, the same in every message and file. Names for people follow `language`.",  # noqa: E501
        "",
        "| value | Spanish | English | colour |",
        "|---|---|---|---|",
        *(
            f"| `{name}` | {display_name(name, 'es')} | {display_name(name, 'en')} | "
            f'<span style="color:{COLORS[name]}">■</span> `{COLORS[name]}` |'
            for name in EMOTIONS
        ),
        "",
        "## Head of every payload",
        "",
        *_fields(Payload.model_json_schema(by_alias=True)),
    ]
    head = set(Payload.model_fields)
    for suffix, model in PAYLOADS.items():
        schema = schema_of(suffix)
        schema["properties"] = {
            name: field
            for name, field in schema["properties"].items()
            if name not in head and name != "schema"
        }
        parts += ["", f"## `{suffix}`", "", _first_line(model), "", *_fields(schema)]
        for name, definition in _parts_of(schema):
            parts += [
                "",
                f"`{name}`: {definition.get('description', '').splitlines()[0]}",
                "",
                *_fields(definition),
            ]
        parts += ["", f"JSON Schema: [{file_name(suffix)}](schemas/{file_name(suffix)})"]
    return "\n".join(parts) + "\n"


def checks_page() -> str:
    """What `emoedge doctor` looks at."""
    rows = ((f"`{name}`", _first_line(check)) for name, check in CHECKS)
    return "\n".join(
        [
            "# Doctor's checks",
            "",
            "`emoedge doctor` runs these checks in this order on the real parts. Each result is",
            "`ok`, `warning` or `failed`, with what was found and a remedy; `--json` for programs. Exit code 0 when nothing",  # noqa: E501
            "failed, 1 otherwise. What to do about each: [Troubleshooting](../troubleshooting.md).",
            "",
            *_table("check", "subject", rows),
            "",
        ]
    )


def python_page() -> str:
    """The Python interface."""
    parts = [
        "# Python",
        "",
        "```python",
        "from emoedge import FusedState, Pipeline",
        "",
        'for outcome in Pipeline().replay("clip.mp4"):',
        "    if isinstance(outcome, FusedState):",
        "        print(outcome.time_s, outcome.emotion, outcome.confidence)",
        "```",
        "",
        "The package is typed (`py.typed`). The daemon runs the same stages.",
        "",
        *("    " + line for line in inspect.cleandoc(emoedge.__doc__ or "").splitlines()[2:]),
    ]
    public = [value for name in emoedge.__all__ if inspect.isclass(value := getattr(emoedge, name))]
    values = [value for value in public if not issubclass(value, (Pipeline, Settings, Exception))]
    for member in (Pipeline, Pipeline.replay, Pipeline.feed, Pipeline.finish, load_settings, *values):
        name = member.__qualname__
        signature = (
            str(inspect.signature(member)).replace("'", "").replace("(self, ", "(").replace("(self)", "()")
        )
        parts += ["", f"## `{name}`", "", "```python", f"{name}{signature}", "```", "", *_docstring(member)]
    return "\n".join(parts) + "\n"


def models_page() -> str:
    """Return the page of the models."""
    rows = [
        "| model | use | size | comes with emoedge | licence |",
        "|---|---|---|---|---|",
    ]
    for entry in load_manifest().entries:
        card = f"[`{entry.name}`]({entry.name}.md)" if entry.shipped else f"`{entry.name}`"
        size = sum(file.bytes for file in entry.files) or entry.bytes
        shipped = "yes" if entry.shipped else "`emoedge models fetch`" + (" NAME" if entry.optional else "")
        rows.append(f"| {card} | {entry.use} | {size / 1e6:.1f} MB | {shipped} | {entry.licence} |")
    return "\n".join(
        [
            "# Models",
            "",
            "Cards of all shipped models, as measured through the deployed path. `emoedge models list` shows what is",  # noqa: E501
            "installed, `emoedge models verify` compares digests and runs each.",
            "",
            *rows,
            "",
        ]
    )


def _command(name: str) -> click.Command:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    return command


def _command_section(path: str, command: click.Command, level: int) -> Iterator[str]:
    context = click.Context(command, info_name=path)
    text, examples = split_help(command.help or "")
    yield f"{'#' * level} {path}"
    yield ""
    yield "    " + " ".join([path, *command.collect_usage_pieces(context)])
    yield ""
    yield text
    if options := list(_options(command)):
        yield ""
        yield from options
    if examples:
        yield ""
        yield "```sh"
        yield from examples
        yield "```"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            yield ""
            subcommand = command.get_command(context, name)
            assert subcommand is not None
            yield from _command_section(f"{path} {name}", subcommand, level + 1)


def split_help(text: str) -> tuple[str, list[str]]:
    """A docstring's text, and the lines of its example (after click's mark for text that is not wrapped)."""
    prose, _, examples = inspect.cleandoc(text).partition("\b")
    lines = [line.strip() for line in examples.splitlines()]
    return prose.strip().replace("\n\n", "\n\n"), [line for line in lines if line and line != "Example:"]


def _options(command: click.Command, *, only_common: bool = False) -> Iterator[str]:
    context = click.Context(command)
    rows = []
    for option in command.get_params(context):
        if not isinstance(option, click.Option) or "--help" in option.opts:
            continue
        if (option.name in _COMMON) != only_common:
            continue
        flags = ", ".join(f"`{flag}`" for flag in (*option.opts, *option.secondary_opts))
        value = "" if option.is_flag or option.count else f" {_value(option, context)}"
        default = option.get_default(context)
        shown = f" Default: `{default}`." if default is not None and option.show_default else ""
        rows.append((flags + value, (option.help or "") + shown))
    return _table("option", "meaning", rows) if rows else iter(())


def _value(option: click.Option, context: click.Context) -> str:
    if isinstance(option.type, click.Choice):
        return " or ".join(f"`{choice}`" for choice in option.type.choices)
    return f"`{option.make_metavar(context)}`"


def _fields(schema: dict[str, Any]) -> Iterator[str]:
    rows = (
        (f"`{name}`", _type(field), field.get("description", ""))
        for name, field in schema.get("properties", {}).items()
    )
    yield "| field | value | meaning |"
    yield "|---|---|---|"
    for row in rows:
        yield _row(*row)


def _parts_of(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, definition in schema.get("$defs", {}).items():
        if definition.get("type") == "object" and name != "Probabilities":
            yield name, definition


def _type(field: dict[str, Any]) -> str:  # noqa: PLR0911 - one return a kind reads best
    """A JSON Schema's type in words."""
    if "anyOf" in field:
        return " or ".join(_type(option) for option in field["anyOf"])
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return "one number a label" if name == "Probabilities" else f"`{name}`"
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        labels = set(field["enum"]) == set(EMOTIONS)
        return "a label" if labels else ", ".join(f"`{value}`" for value in field["enum"])
    if field.get("type") == "array":
        return f"list of {_type(field['items'])}"
    if field.get("format") == "date-time":
        return "time, RFC 3339"
    if isinstance(field.get("additionalProperties"), dict):
        return f"name: {_type(field['additionalProperties'])}"
    kind = {"string": "text", "boolean": "true, false"}.get(field.get("type", ""), str(field.get("type", "")))
    low, high = field.get("minimum"), field.get("maximum")
    if low is not None and high is not None:
        return f"{kind} from {low:g} to {high:g}"
    return f"{kind}, {low:g} or more" if low is not None else kind


def _docstring(member: Any) -> Iterator[str]:
    """A docstring in Google's style as Markdown: sections become bold words with lists."""
    section = ""
    for line in inspect.cleandoc(inspect.getdoc(member) or "").splitlines():
        entry = re.match(r"    (\w+): (.*)", line)
        if head := re.fullmatch(r"(Args|Attributes|Returns|Yields|Raises|Example):", line):
            section = head[1]
            yield from ("", f"**{section}**", "")
        elif section == "Example":
            yield line.partition("  # doctest:")[0]
        elif entry:
            yield f"- `{entry[1]}`: {entry[2]}"
        else:
            yield f"  {line.strip()}" if section in ("Args", "Attributes", "Raises") else line.strip()


def _first_line(member: Any) -> str:
    return (inspect.getdoc(member) or "").splitlines()[0]


def _table(left: str, right: str, rows: Any) -> Iterator[str]:
    yield f"| {left} | {right} |"
    yield "|---|---|"
    for row in rows:
        yield _row(*row)


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def card_page(path: Path) -> str:
    """A model's card, unchanged."""
    return path.read_text(encoding="utf-8")
