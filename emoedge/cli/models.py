"""`emoedge models`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import click

from emoedge.cli.groups import SuggestingGroup
from emoedge.cli.options import common, progress, say, settings_from
from emoedge.translation import localized, tr, translated


@click.group(cls=SuggestingGroup)
def command() -> None:
    """List, fetch and verify the models.

    \b
    Example:
      emoedge models list
      emoedge models fetch
      emoedge models fetch vosk-model-small-es-0.42 --from ~/vosk-model-small-es-0.42.zip
    """


@command.command("list")
@common
@click.option("--json", "as_json", is_flag=True, help="One JSON line per model.")
def list_models(config_path: Path | None, as_json: bool) -> None:
    """List the installed models with their licences and cards.

    \b
    Example:
      emoedge models list
    """
    from emoedge.model_store import card_of, installed, load_manifest

    for state in installed(load_manifest(), settings_from(config_path).paths.models):
        entry = state.entry
        if as_json:
            values = {
                "name": entry.name,
                "installed": state.path is not None,
                "path": str(state.path) if state.path else None,
                "bytes": state.bytes,
                "fetch_bytes": 0 if state.path else entry.bytes,
                "licence": entry.licence,
                "card": card_of(entry),
                "use": entry.use,
            }
            click.echo(json.dumps(values, ensure_ascii=False))
            continue
        mark = tr("installed") if state.path else (tr("optional") if entry.optional else tr("MISSING"))
        size = state.bytes if state.path else entry.bytes
        say(f"{entry.name:26}  {localized(mark):11} {size / 1e6:8.2f} MB  {translated(entry.use)}")
        if state.path is None:
            remedy = f"emoedge models fetch {entry.name}"
            say(tr("  to fetch {size:.0f} MB, run: {command}", size=size / 1e6, command=remedy))
        else:
            click.echo(f"  {state.path}")
        say(tr("  licence: {licence}", licence=entry.licence))
        say(tr("  card: {card}", card=card_of(entry)))


@command.command("fetch")
@common
@click.argument("name", required=False)
@click.option(
    "--from",
    "source",
    type=click.Path(exists=True, path_type=Path),
    help="Install this local zip archive or folder instead of downloading.",
)
def fetch_models(config_path: Path | None, name: str | None, source: Path | None) -> None:
    """Download missing models (the Vosk model); an interrupted download is resumed.

    \b
    Example:
      emoedge models fetch
      emoedge models fetch vosk-model-small-es-0.42 --from vosk-model-small-es-0.42.zip
    """
    from emoedge.model_store import installed, load_manifest
    from emoedge.model_store.fetch import fetch

    settings = settings_from(config_path)
    manifest = load_manifest()
    if name is None and source is not None:
        name = settings.speech.model
    present = {state.entry.name for state in installed(manifest, settings.paths.models) if state.path}
    wanted = [manifest.get(name)] if name else [e for e in manifest.required if e.name not in present]
    if not wanted:
        say(tr("every model is installed"))
    for entry in wanted:
        with progress(entry.name, entry.bytes or None, unit="bytes") as show:
            folder = fetch(entry, settings.paths.models, source=source, progress=_first(show))
        say(tr("{name}: installed in {folder}", name=entry.name, folder=folder))


def _first(show: Callable[[float], None]) -> Callable[[int, int | None], None]:
    return lambda done, _total: show(done)


@command.command("verify")
@common
def verify_models(config_path: Path | None) -> int:
    """Compare digests, load every installed model and run it once. Exit 1 if one fails.

    \b
    Example:
      emoedge models verify
    """
    from emoedge.doctor.model_verification import verify
    from emoedge.model_store import load_manifest

    findings = verify(load_manifest(), settings_from(config_path).paths.models)
    for finding in findings:
        mark = tr("ok  ") if finding.ok else tr("FAIL")
        click.echo(f"{localized(mark)}  {finding.name}: {localized(finding.detail)}")
        if finding.remedy:
            click.echo(f"      -> {localized(finding.remedy)}", err=True)
    return 0 if all(finding.ok for finding in findings) else 1
