"""What a fault is, and what came of running one."""

from __future__ import annotations

import inspect
import logging
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal

from faults.bench import Bench, Skipped, Unmet

logger = logging.getLogger(__name__)

Outcome = Literal["pass", "FAIL", "skipped"]
Cause = Callable[[Bench], float | None]

LOG_LINES: Final = 15
"""So much of the daemon's log goes into the detail of a failed row."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault.

    Attributes:
        name: as given to `--only`.
        cause: what is done to the daemon.
        expectation: what must be seen from outside.
        quick: whether it is in the short run, for CI.
        run: causes and checks it; returns the seconds until all was well again, where that can be said.
    """

    name: str
    cause: str
    expectation: str
    quick: bool
    run: Cause


@dataclass(frozen=True, slots=True)
class Row:
    """What came of one fault.

    Attributes:
        recovered_s: from the end of the cause until all was well again; None where nothing has to recover.
        took_s: the whole row, with starting the daemon.
        detail: why it failed or was skipped.
    """

    name: str
    cause: str
    expectation: str
    result: Outcome
    recovered_s: float | None
    took_s: float
    detail: str

    def to_json(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


CATALOGUE: Final[list[Fault]] = []
"""Filled by `fault` when a module with faults is imported; see `faults.catalogue`."""


def fault(*, quick: bool = False) -> Callable[[Cause], Cause]:
    """Enter a function: its name is the fault's, its docstring the cause and the expectation."""

    def enter(run: Cause) -> Cause:
        cause, _, expectation = (inspect.getdoc(run) or "").partition("\n\n")
        name = str(getattr(run, "__name__", "")).replace("_", "-")
        CATALOGUE.append(Fault(name, " ".join(cause.split()), " ".join(expectation.split()), quick, run))
        return run

    return enter


def run_one(one: Fault, *, measured: bool = True) -> Row:
    """Cause a fault around a fresh daemon in a fresh folder, and take everything down again.

    Args:
        one: which.
        measured: whether bounds on time, memory and load count.
    """
    begun_s = time.monotonic()
    result: Outcome = "pass"
    recovered_s, detail = None, ""
    with (
        tempfile.TemporaryDirectory(prefix="emoedge-fault-") as folder,
        Bench(Path(folder), measured=measured) as bench,
    ):
        try:
            recovered_s = one.run(bench)
        except Skipped as reason:
            result, detail = "skipped", str(reason)
        except Unmet as problem:
            result, detail = "FAIL", f"{problem}\n{bench.log_tail(LOG_LINES)}"
        except Exception as problem:  # noqa: BLE001 - a row that breaks must not keep the others from running
            result = "FAIL"
            detail = f"{type(problem).__name__}: {problem}\n{bench.log_tail(LOG_LINES)}"
    took_s = time.monotonic() - begun_s
    return Row(one.name, one.cause, one.expectation, result, recovered_s, round(took_s, 1), detail)
