"""`emoedge doctor`."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import click

from emoedge.cli.options import common, settings_from
from emoedge.translation import localized, tr, used_language

MARKS = {"ok": tr("ok  "), "warning": tr("warn"), "failed": tr("FAIL")}


@click.command
@common
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(config_path: Path | None, as_json: bool) -> int:
    """Find out what would stop the daemon here, each failure with its remedy. Exit 0 when it would run.

    \b
    Example:
      emoedge doctor
      emoedge doctor --json
    """
    from emoedge.doctor.checks import run_checks
    from emoedge.watch.words import word

    results = run_checks(settings_from(config_path))
    healthy = all(result.state != "failed" for result in results)
    if as_json:
        click.echo(
            json.dumps(
                {"ok": healthy, "checks": [dataclasses.asdict(r) for r in results]}, ensure_ascii=False
            )
        )
    else:
        for result in results:
            first, _, rest = result.name.partition(" ")  # such as "model face_emotion"
            name = f"{word(first, used_language())} {rest}".rstrip()
            click.echo(f"{localized(MARKS[result.state])}  {name}: {localized(result.detail)}")
            if result.state != "ok" and result.remedy:
                click.echo(f"      -> {localized(result.remedy)}")
    return 0 if healthy else 1
