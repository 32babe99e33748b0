"""`emoedge bench`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from emoedge.cli.options import common, say, settings_from
from emoedge.files import read_json
from emoedge.translation import localized, tr


@click.command
@common
@click.option("--json", "as_json", is_flag=True, help="One JSON object, comparable between machines.")
@click.option(
    "--clip",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Video with faces and speech; the demo clip by default.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(1, 3600),
    default=60,
    show_default=True,
    help="Loop the clip for this many seconds.",
)
@click.option(
    "--repeats",
    type=click.IntRange(5, 1000),
    default=60,
    show_default=True,
    help="Number of timings of each stage.",
)
@click.option(
    "--compare",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    metavar="OLD.json",
    help="Show each figure as a ratio to that of an earlier --json.",
)
def command(
    config_path: Path | None,
    as_json: bool,
    clip: Path | None,
    seconds: float,
    repeats: int,
    compare: Path | None,
) -> None:
    """Time each stage and the whole pipeline on this machine, against the bare engines.

    \b
    Example:
      emoedge bench
      emoedge bench --json > bench.json
      emoedge bench --compare bench.json
    """
    from emoedge.bench import Plan, comparison, run_bench, table

    old = _read(compare) if compare else None
    result = run_bench(
        settings_from(config_path),
        Plan(clip=clip, seconds=seconds, repeats=repeats),
        lambda what: say(tr("measuring: {what}", what=what), err=True),
    )
    rows = comparison(result, old) if old is not None else []
    if as_json:
        compared = {"compared": {name: ratio for name, _new, _old, ratio in rows}} if old is not None else {}
        click.echo(json.dumps(result | compared, ensure_ascii=False))
        return
    click.echo(table(result))
    if rows:
        heads = map(localized, (tr("figure"), tr("now"), tr("before"), tr("ratio")))
        click.echo("\n{:52} {:>12} {:>12} {:>7}".format(*heads))
        for name, now, before, ratio in rows:
            click.echo(
                f"{name:52} {now:12.4f} {before:12.4f} " + (f"{ratio:7.2f}" if ratio is not None else "")
            )


def _read(path: Path) -> dict[str, Any]:
    try:
        value = read_json(path)
    except (OSError, ValueError) as error:
        raise click.UsageError(f"{path}: not a result of emoedge bench --json: {error}") from error
    if not isinstance(value, dict):
        raise click.UsageError(f"{path}: not a result of emoedge bench --json")
    return value
