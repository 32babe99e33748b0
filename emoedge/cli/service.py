"""`emoedge service`."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from emoedge.cli.groups import SuggestingGroup
from emoedge.cli.options import common, say
from emoedge.translation import tr

if TYPE_CHECKING:
    from emoedge.service.plan import Step


@click.group(cls=SuggestingGroup)
def command() -> None:
    """Install, remove or show the systemd service on this device.

    \b
    Example:
      sudo emoedge service install
      emoedge service status
    """


@command.command()
@common
@click.option("--no-start", is_flag=True, help="Install only; start it later.")
@click.option("--member", default="", metavar="USER", help="A user who may then read the recordings.")
@click.option("--dry-run", is_flag=True, help="Say what would be done.")
def install(config_path: Path | None, no_start: bool, member: str, dry_run: bool) -> None:
    """Account, folders, configuration and unit; again for an upgrade. Needs root.

    \b
    Example:
      sudo emoedge service install
    """
    from emoedge.service.plan import install_plan
    from emoedge.service.systemd import delivered_files, find_machine, refuse_if_packaged

    refuse_if_packaged(tr("run: sudo systemctl enable --now emoedge"))
    executable = Path(sys.executable).with_name("emoedge")
    steps = install_plan(find_machine(), delivered_files(), executable, start=not no_start, member=member)
    _carry_out(steps, dry_run=dry_run)


@command.command()
@common
@click.option("--purge", is_flag=True, help="Remove configuration, recordings, models and account too.")
@click.option("--dry-run", is_flag=True, help="Say what would be done.")
def uninstall(config_path: Path | None, purge: bool, dry_run: bool) -> None:
    """Stop and remove the service; configuration and recordings stay unless purged. Needs root.

    What the broker retains of this device, Home Assistant's entities included, is emptied where the broker
    can be reached.

    \b
    Example:
      sudo emoedge service uninstall
    """
    from emoedge.service.plan import Withdraw, uninstall_plan
    from emoedge.service.systemd import find_machine, refuse_if_packaged
    from emoedge.service.withdrawal import withdraw

    refuse_if_packaged(tr("run: sudo apt {value} emoedge", value="purge" if purge else "remove"))
    machine = find_machine()
    taken_back = Withdraw(lambda: withdraw(machine, config_path))
    steps = uninstall_plan(machine, purge=purge, withdraw=taken_back)
    _carry_out(steps, dry_run=dry_run)


@command.command()
@common
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def status(config_path: Path | None, as_json: bool) -> int:
    """What systemd says of the service. Exit 0 when it is active.

    \b
    Example:
      emoedge service status
    """
    from emoedge.service.systemd import service_status

    now = service_status()
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(now), ensure_ascii=False))
    elif not now.installed:
        say(tr("not installed"))
    else:
        say(
            tr(
                "{active}, {enabled}, {count} restart: {text}",
                "{active}, {enabled}, {count} restarts: {text}",
                active=now.active,
                enabled=now.enabled,
                count=now.restarts,
                text=now.text,
            )
        )
    return 0 if now.installed and now.active == "active" else 1


def _carry_out(steps: Sequence[Step], *, dry_run: bool) -> None:
    from emoedge.service.systemd import carry_out

    if dry_run:
        for step in steps:
            click.echo(str(step))
    else:
        carry_out(steps, lambda line: click.echo(line, err=True))
