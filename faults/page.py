"""Write measured rows into docs/faults.md: `python -m faults.page ROWS.json … [--soak SOAK.json]`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click

from faults.bench import REPOSITORY
from faults.catalogue import CATALOGUE

PAGE: Final = REPOSITORY / "docs" / "faults.md"
EVERY_MIN: Final = 30
"""Minutes of media time between two rows of the soak table."""


def rows_table(rows: list[dict[str, Any]], page: str) -> str:
    """Return the table of the catalogue: the row of the last run, or else the row of the present page."""
    measured = {row["name"]: row for row in rows}
    said = dict(_said(page))
    lines = ["| fault | cause | expectation | result | time to recover |", "|---|---|---|---|---|"]
    for one in CATALOGUE:
        row = measured.get(one.name)
        result, recovered = said.get(one.name, ("not run", "–")) if row is None else _outcome(row)
        name = f"`{one.name}`" + (" (quick)" if one.quick else "")
        lines.append(f"| {name} | {one.cause} | {one.expectation} | {result} | {recovered} |")
    return "\n".join(lines)


def _outcome(row: dict[str, Any]) -> tuple[str, str]:
    result = f"skipped: {row['detail']}" if row["result"] == "skipped" else str(row["result"])
    return result, "–" if row["recovered_s"] is None else f"{row['recovered_s']:.1f} s"


def _said(page: str) -> Iterator[tuple[str, tuple[str, str]]]:
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) == 7 and cells[1].startswith("`"):
            yield cells[1].split("`")[1], (cells[4], cells[5])


def soak_table(soak: dict[str, Any]) -> str:
    """Return the table of the soak."""
    lines = ["| media time | resident memory | threads | open files | sentences' blocks | recordings kept | stored |",  # noqa: E501
             "|---|---|---|---|---|---|---|"]  # fmt: skip
    lines += [
        f"| {row['minute'] / 60:.1f} h | {row['resident_mb']:.1f} MB | {row['threads']} | {row['open_files']} "  # noqa: E501
        f"| {row['texts']} | {row['recordings']} | {row['stored_mb']:.1f} MB |"
        for row in soak["rows"]
        if row["minute"] % EVERY_MIN == 0
    ]
    return "\n".join(lines)


def put(text: str, name: str, content: str) -> str:
    """Return the text with new content between `<!-- name -->` and `<!-- /name -->`."""
    before, mark, rest = text.partition(f"<!-- {name} -->\n")
    _, end, after = rest.partition(f"<!-- /{name} -->")
    if not (mark and end):
        raise click.ClickException(f"no place for {name} in the page")
    return f"{before}{mark}{content}\n{end}{after}"


@click.command
@click.argument("files", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--soak", "soak_file", type=click.Path(exists=True, path_type=Path))
def main(files: tuple[Path, ...], soak_file: Path | None) -> None:
    """Put the rows of `scripts/faults --json` into the page; later files replace earlier ones."""
    text = PAGE.read_text(encoding="utf-8")
    rows = [row for file in files for row in json.loads(file.read_text(encoding="utf-8"))]
    if rows:
        text = put(text, "rows", rows_table(rows, text))
    if soak_file is not None:
        text = put(text, "soak", soak_table(json.loads(soak_file.read_text(encoding="utf-8"))))
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
