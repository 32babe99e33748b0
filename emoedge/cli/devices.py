"""`emoedge devices`."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import click

from emoedge.cli.options import common, say, settings_from
from emoedge.errors import DeviceError
from emoedge.translation import localized, tr


@click.command
@common
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(config_path: Path | None, as_json: bool) -> None:
    """Cameras and microphones with the stable identifiers to put in the configuration.

    \b
    Example:
      emoedge devices
    """
    from emoedge.capture.devices import list_cameras, list_microphones

    settings_from(config_path)  # a configuration error is reported here too

    cameras = list_cameras()
    try:
        microphones, problem = list_microphones(), ""
    except DeviceError as error:
        microphones, problem = [], str(error)
    if as_json:
        found = {
            "cameras": [dataclasses.asdict(camera) for camera in cameras],
            "microphones": [dataclasses.asdict(microphone) for microphone in microphones],
        }
        click.echo(json.dumps(found, ensure_ascii=False))
    else:
        click.echo("[camera]")
        for camera in cameras:
            note = (
                f"  # {localized(camera.problem)}"
                if camera.problem
                else f"  # {camera.name} {camera.node}".rstrip()
            )
            click.echo(f'source = "{camera.source}"{note}')
        say("" if cameras else tr("# none found"))
        click.echo("[microphone]")
        for microphone in microphones:
            default = localized(tr(", the default")) if microphone.default else ""
            click.echo(
                f'source = "{microphone.source}"  '
                f"# {microphone.channels} channels, {microphone.rate_hz} Hz{default}"
            )
        if not microphones:
            say(tr("# none found"))
    if problem:
        say(problem, err=True)
