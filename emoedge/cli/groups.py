"""Commands whose help is in the language of the user, and groups that know what a typo was meant to be."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

import click

from emoedge.translation import localized, tr, translated

EXAMPLE = "\b"
"""Mark of click before a paragraph that keeps its lines."""


def paragraphs(text: str) -> list[str]:
    """The paragraphs of a help text as they stand in the catalogues; examples keep their lines."""
    parts = text.strip().split("\n\n")
    return [part if part.startswith(EXAMPLE) else " ".join(part.split()) for part in parts if part.strip()]


class TranslatedFormatter(click.HelpFormatter):
    """Writes help in the language of the user."""

    def write_text(self, text: str) -> None:
        """Write the translation of each paragraph."""
        told = [
            part.replace("Example:", translated("Example:"), 1)
            if part.startswith(EXAMPLE)
            else translated(part)
            for part in paragraphs(text)
        ]
        super().write_text("\n\n".join(told))

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Write names with the translation of what they mean; what click adds in brackets is its own."""
        told = []
        for name, text in rows:
            meaning, bracket, rest = text.partition("  [")
            told.append((name, translated(meaning) + bracket + rest))
        super().write_dl(told, col_max, col_spacing)


class TranslatedContext(click.Context):
    """Context of a command whose help is translated."""

    formatter_class = TranslatedFormatter


class SuggestingGroup(click.Group):
    """A group that names the nearest command for an unknown one."""

    context_class = TranslatedContext

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        command = super().get_command(ctx, cmd_name)
        if command is not None:
            command.context_class = TranslatedContext
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; raises UsageError with a suggestion for an unknown one."""
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-") and not ctx.resilient_parsing:
            close = difflib.get_close_matches(name.lower(), self.list_commands(ctx), 1)
            what = (
                tr("No such command {name!r}. Did you mean {nearest!r}?", name=name, nearest=close[0])
                if close
                else tr("No such command {name!r}.", name=name)
            )
            ctx.fail(localized(what))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands, each with the first paragraph of its help."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [(name, paragraphs(one.help or "")[0]) for name, one in commands if one is not None]
        with formatter.section(translated("Commands")):
            formatter.write_dl(rows)
