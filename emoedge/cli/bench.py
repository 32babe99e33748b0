"""`emoedge bench`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from emoedge.cli.options import common, settings_from


@click.command
@common
@click.option("--json", "as_json", is_flag=True, help="One JSON object, comparable between machines.")
@click.option(
    "--clip", type=click.Path(path_type=Path), help="Video with faces and speech; the demo's by default."
)
@click.option("--repeats", type=click.IntRange(5, 1000), default=60, show_default=True)
def command(config_path: Path | None, as_json: bool, clip: Path | None, repeats: int) -> None:
    """Time each stage and the whole pipeline on this machine, against the bare engines.

    \b
    Example:
      emoedge bench
      emoedge bench --json > bench.json
    """
    from emoedge.bench import run_bench
    from emoedge.demo_clip import ensure_demo_clip

    settings = settings_from(config_path)
    result = run_bench(
        settings, clip or ensure_demo_clip(), lambda what: click.echo(f"measuring: {what}", err=True), repeats
    )
    if as_json:
        click.echo(json.dumps(result.to_json(), ensure_ascii=False))
        return
    click.echo(
        f"{'stage':18} {'once per':10} {'p50 ms':>9} {'p95 ms':>9} {'p99 ms':>9} {'bare ms':>9} {'ratio':>6}"
    )
    for line in result.rows:
        p50, p95, p99 = line.ours_ms
        bare = f"{line.bare_ms:9.3f}" if line.bare_ms else f"{'':9}"
        ratio = f"{line.ratio:6.2f}" if line.ratio else ""
        click.echo(f"{line.stage:18} {line.unit:10} {p50:9.3f} {p95:9.3f} {p99:9.3f} {bare} {ratio}")
    for name, value in result.figures.items():
        click.echo(f"{name:36} {value}")
