"""A fault and its result, and the decorator that registers faults."""

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
"""Number of lines of the daemon's log in the detail of a failed row."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of the catalogue.

    Attributes:
        name: as given to `--only`.
        cause: what happens to the daemon.
        expectation: what must be observed from outside.
        quick: whether it belongs to the short run for CI.
        run: causes and checks the fault; returns the seconds until recovery, where they are defined.
    """

    name: str
    cause: str
    expectation: str
    quick: bool
    run: Cause


@dataclass(frozen=True, slots=True)
class Row:
    """Result of one fault.

    Attributes:
        recovered_s: seconds from the end of the cause to recovery; None where nothing has to recover.
        took_s: seconds for the whole row, including the start of the daemon.
        detail: why the fault failed or was skipped.
    """

    name: str
    cause: str
    expectation: str
    result: Outcome
    recovered_s: float | None
    took_s: float
    detail: str

    def to_json(self) -> dict[str, Any]:
        """Return the row for JSON."""
        return asdict(self)


CATALOGUE: Final[list[Fault]] = []
"""Registered faults; `fault` adds to them when a module is imported, see `faults.catalogue`."""


def fault(*, quick: bool = False) -> Callable[[Cause], Cause]:
    """Register a function as a fault: its docstring is the cause and the expectation."""

    def enter(run: Cause) -> Cause:
        cause, _, expectation = (inspect.getdoc(run) or "").partition("\n\n")
        name = str(getattr(run, "__name__", "")).replace("_", "-")
        CATALOGUE.append(Fault(name, " ".join(cause.split()), " ".join(expectation.split()), quick, run))
        return run

    return enter


def run_one(one: Fault, *, measured: bool = True) -> Row:
    """Cause a fault around a new daemon in a new folder, and clean up.

    Args:
        one: the fault.
        measured: whether to check bounds on time, memory and load.
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
