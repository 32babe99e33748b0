"""Run all cases, print each, and write the table into docs/media.md."""

from __future__ import annotations

import tempfile
from pathlib import Path

from .cases import CASES
from .judge import Verdict, judge, write_base, write_file
from .table import write_table

verdicts = []
with tempfile.TemporaryDirectory() as name:
    base = write_base(Path(name))
    for case in CASES:
        folder = Path(name) / "case"
        folder.mkdir()
        try:
            verdict = judge(case, write_file(case, base, folder))
        except AssertionError as error:
            verdict = Verdict(faults=(f"not made: {error}",))
        print(f"{case.name}: {verdict}", flush=True)  # noqa: T201
        verdicts.append((case, verdict))
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
write_table(verdicts)
