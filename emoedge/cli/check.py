"""`emoedge check`."""

from __future__ import annotations

from pathlib import Path

import click

from emoedge.cli.options import common, settings_from


@click.command
@common
def command(config_path: Path | None) -> None:
    """Validate the configuration; name file, line, key and what was expected.

    \b
    Example:
      emoedge check --config /etc/emoedge/emoedge.toml
    """
    from emoedge.config import used_file

    settings = settings_from(config_path)
    used = config_path or used_file()
    where = str(used) if used else "built-in defaults (no configuration file found)"
    click.echo(
        f"configuration is valid: {where}; device {settings.device_id}, topics {settings.topic_base}/…"
    )
