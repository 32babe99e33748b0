"""`scripts/faults`: run the catalogue, print the table."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from faults.catalogue import CATALOGUE
from faults.fault import Fault, Row, run_one

_STYLE = {"pass": "green", "FAIL": "bold red", "skipped": "yellow"}


@click.command
@click.option("--quick", is_flag=True, help="Run only the faults that take seconds each, for CI.")
@click.option("--only", "names", multiple=True, metavar="NAME", help="Run only this fault; can be repeated.")
@click.option("--list", "listing", is_flag=True, help="List the faults and exit.")
@click.option(
    "--json",
    "json_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the rows to this file.",
)
def main(quick: bool, names: tuple[str, ...], listing: bool, json_file: Path | None) -> None:
    """Cause each fault around a real daemon with a real broker, and check the effects from outside.

    Exit code 1 when an expectation is not met.
    """
    chosen = _choose(CATALOGUE, names, quick=quick)
    if listing:
        for one in chosen:
            click.echo(f"{one.name}{' (quick)' if one.quick else ''}: {one.cause}")
        return
    rows = []
    for one in chosen:
        click.echo(f"{one.name} …", err=True)
        row = run_one(one)
        rows.append(row)
        click.echo(f"{one.name}: {row.result}, {row.took_s:.0f} s {row.detail}", err=True)
    if json_file is not None:
        json_file.write_text(json.dumps([row.to_json() for row in rows], indent=2) + "\n", encoding="utf-8")
    print_rows(rows)
    sys.exit(1 if any(row.result == "FAIL" for row in rows) else 0)


def _choose(catalogue: tuple[Fault, ...], names: tuple[str, ...], *, quick: bool) -> list[Fault]:
    known = {one.name for one in catalogue}
    unknown = sorted(set(names) - known)
    if unknown:
        raise click.BadParameter(f"unknown fault: {', '.join(unknown)}; known: {', '.join(sorted(known))}")
    return [one for one in catalogue if (not names or one.name in names) and (one.quick or not quick)]


def print_rows(rows: list[Row]) -> None:
    """Print the table to standard output."""
    table = Table(title="Faults", show_lines=True)
    for heading in ("Fault", "Cause", "Expectation", "Result", "Time to recover"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        recovered = "–" if row.recovered_s is None else f"{row.recovered_s:.1f} s"
        detail = row.detail.splitlines()[0] if row.detail else ""
        result = f"[{_STYLE[row.result]}]{row.result}[/]" + (f"\n{detail}" if detail else "")
        table.add_row(row.name, row.cause, row.expectation, result, recovered)
    # A file or a CI log does not report a width.
    Console(width=None if sys.stdout.isatty() else 160).print(table)


if __name__ == "__main__":
    main()
