"""`emoedge support`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import click

from emoedge.cli.options import common, settings_from
from emoedge.files import replacing

DEFAULT_OUTPUT: Final = Path("emoedge-support.zip")


@click.command
@common
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=DEFAULT_OUTPUT,
    show_default=True,
    help="The archive; - is standard output.",
)
def command(config_path: Path | None, output: Path) -> None:
    """Write an archive for a problem report: version, settings, doctor, last log lines.

    It contains no names, addresses, words, pictures or secrets. Check it before you send it.

    \b
    Example:
      emoedge support
      emoedge support --output problem.zip
    """
    from emoedge.doctor.support import build_archive

    data = build_archive(settings_from(config_path))
    if str(output) == "-":
        sys.stdout.buffer.write(data)
        return
    with replacing(output, mode=0o600) as file:
        file.write(data)
    click.echo(output)
