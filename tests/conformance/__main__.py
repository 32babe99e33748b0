"""Run all cases, or those named, print each, and write their rows into docs/media.md."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from .cases import CASES
from .judge import Verdict, judge, write_base, write_file
from .table import write_table

names = sys.argv[1:]
verdicts = {}
with tempfile.TemporaryDirectory() as name:
    base = write_base(Path(name))
    for case in CASES:
        if names and case.name not in names:
            continue
        folder = Path(name) / "case"
        folder.mkdir()
        try:
            verdict = judge(case, write_file(case, base, folder))
        except AssertionError as error:
            verdict = Verdict(faults=(f"not made: {error}",))
        print(f"{case.name}: {verdict}", flush=True)  # noqa: T201
        verdicts[case.name] = verdict
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
write_table(verdicts)
