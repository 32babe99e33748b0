"""The page with the table: `python -m tests.conformance` runs all cases and writes it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from .cases import CASES, Case
from .judge import Verdict

PAGE = Path(__file__).resolve().parents[2] / "docs" / "media.md"
_START, _END = "<!-- table: python -m tests.conformance -->\n", "<!-- end of table -->\n"


def rows_of(page: str) -> list[str]:
    """Names of the cases in the page's table."""
    return re.findall(r"^\| `([^`]+)` \|", page, re.MULTILINE)


def row(case: Case, verdict: Verdict) -> str:
    """One line of the table."""
    if case.refused:
        cells = ["refused", "", "", "", "yes" if not verdict.faults else "no"]
    else:
        cells = [
            verdict.emotion or "-",
            verdict.words if case.audio != "-" else "-",
            f"{1000 * verdict.frame_s:.0f}" if case.video != "-" else "-",
            f"{1000 * verdict.sound_s:+.0f}" if case.audio != "-" else "-",
            "yes" if not verdict.faults else f"no: {'; '.join(verdict.faults)}",
        ]
    return f"| `{case.name}` | {' | '.join(cells)} |\n"


def write_table(verdicts: Mapping[str, Verdict]) -> None:
    """Put the table into the page; cases without a new verdict keep their rows."""
    page = PAGE.read_text(encoding="utf-8")
    rows = {line.split("`")[1]: line for line in page.splitlines(keepends=True) if line.startswith("| `")}
    rows |= {case.name: row(case, verdicts[case.name]) for case in CASES if case.name in verdicts}
    head = "| file | emotion | words | frames, ms | sound, ms | supported |\n|---|---|---|---|---|---|\n"
    before, _, rest = page.partition(_START)
    _, _, after = rest.partition(_END)
    lines = [rows[case.name] for case in CASES if case.name in rows]
    PAGE.write_text(before + _START + "\n" + head + "".join(lines) + "\n" + _END + after, encoding="utf-8")
