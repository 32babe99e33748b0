"""`emoedge doctor`."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Final

import click

from emoedge.cli.options import common, say, settings_from
from emoedge.translation import localized, tr, used_language

SHOWN: Final = 10
"""Most changes of an upgrade that are shown; the changelog has the others."""
MARKS = {"ok": tr("ok  "), "warning": tr("warn"), "failed": tr("FAIL")}


@click.command
@common
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(config_path: Path | None, as_json: bool) -> int:
    """Check whether the daemon can run here; each failure has a remedy. Exit code 0 if it can.

    \b
    Example:
      emoedge doctor
      emoedge doctor --json
    """
    from emoedge.doctor.checks import run_checks
    from emoedge.watch.words import word

    settings = settings_from(config_path)
    results = run_checks(settings)
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
            name = f"{word(first, used_language())} {word(rest, used_language())}".rstrip()
            click.echo(f"{localized(MARKS[result.state])}  {name}: {localized(result.detail)}")
            if result.state != "ok" and result.remedy:
                click.echo(f"      -> {localized(result.remedy)}")
        _show_news(settings.paths.state)
    return 0 if healthy else 1


def _show_news(state: Path) -> None:
    """Say once what an upgrade has brought."""
    from emoedge.changelog import note_seen, unseen_news
    from emoedge.package_files import package_file

    news = unseen_news(state)
    if news is None:
        return
    click.echo()
    say(tr("New in {version} (before: {before}):", version=news.version, before=news.before))
    for entry in news.entries[:SHOWN]:
        click.echo(f"  - {entry.partition('. ')[0].rstrip('.')}")
    if len(news.entries) > SHOWN:
        rest = len(news.entries) - SHOWN
        say(tr("  and {count} more: {path}", count=rest, path=package_file("CHANGELOG.md")))
    note_seen(state)
