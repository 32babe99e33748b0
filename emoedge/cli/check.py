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
    from emoedge.config import drop_ins, used_file
    from emoedge.doctor.certificates import check_certificates
    from emoedge.errors import ConfigError

    settings = settings_from(config_path)
    for result in check_certificates(settings):
        if result.state == "failed":
            raise ConfigError(result.detail, result.remedy)
        if result.state == "warning":
            click.echo(f"{result.detail} ({result.remedy})", err=True)
    used = config_path or used_file()
    where = str(used) if used else "built-in defaults (no configuration file found)"
    where = ", ".join([where, *map(str, drop_ins(used) if used else ())])
    click.echo(
        f"configuration is valid: {where}; device {settings.device_id}, topics {settings.topic_base}/…"
    )
