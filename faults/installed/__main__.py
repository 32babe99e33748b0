"""`scripts/check-device`: check the installed service, print the table."""

from __future__ import annotations

import inspect
import os
import sys
import time
from collections.abc import Callable

import click

from faults.__main__ import print_rows
from faults.fault import Outcome, Row
from faults.installed.rows import ROWS
from faults.installed.service import Service
from faults.surroundings import Skipped, Unmet

Try = Callable[[Service], float | None]


@click.command
@click.option("--only", "names", multiple=True, metavar="NAME", help="Run only this check; can be repeated.")
@click.option("--list", "listing", is_flag=True, help="List the checks and exit.")
def main(names: tuple[str, ...], listing: bool) -> None:
    """Check the installed service on this machine, with its own systemd, devices and broker.

    The service is restarted, killed and stopped in the process, and one recording of ten seconds is left
    behind. Exit code 1 when an expectation is not met.
    """
    known = {one.__name__.replace("_", "-"): one for one in ROWS}
    if unknown := sorted(set(names) - set(known)):
        raise click.BadParameter(f"unknown check: {', '.join(unknown)}; known: {', '.join(known)}")
    chosen = {name: one for name, one in known.items() if not names or name in names}
    if listing:
        click.echo("\n".join(f"{name}: {_texts(one)[0]}" for name, one in chosen.items()))
        return
    if os.geteuid() != 0:
        raise click.UsageError("root is required; run: sudo scripts/check-device")
    rows = []
    try:
        with Service() as service:
            for name, one in chosen.items():
                click.echo(f"{name} …", err=True)
                rows.append(_row(name, one, service))
                click.echo(f"{name}: {rows[-1].result}, {rows[-1].took_s:.0f} s {rows[-1].detail}", err=True)
    except (Skipped, OSError) as error:
        raise click.ClickException(str(error)) from error
    print_rows(rows)
    sys.exit(1 if any(row.result == "FAIL" for row in rows) else 0)


def _row(name: str, one: Try, service: Service) -> Row:
    begun_s = time.monotonic()
    result: Outcome = "pass"
    recovered_s, detail = None, ""
    try:
        recovered_s = one(service)
    except Skipped as reason:
        result, detail = "skipped", str(reason)
    except Unmet as problem:
        result, detail = "FAIL", str(problem)
    except Exception as problem:  # noqa: BLE001 - a row that breaks must not keep the others from running
        result, detail = "FAIL", f"{type(problem).__name__}: {problem}"
    cause, expectation = _texts(one)
    return Row(name, cause, expectation, result, recovered_s, round(time.monotonic() - begun_s, 1), detail)


def _texts(one: Try) -> tuple[str, str]:
    cause, _, expectation = (inspect.getdoc(one) or "").partition("\n\n")
    return " ".join(cause.split()), " ".join(expectation.split())


if __name__ == "__main__":
    main()
