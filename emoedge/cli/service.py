"""`emoedge service`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emoedge.supervise.service import Step


@click.group()
def command() -> None:
    """Install, remove or show the systemd service.

    \b
    Example:
      sudo emoedge service install
      emoedge service status
    """


@command.command()
@click.option("--start/--no-start", default=True, help="Start it, or restart a running one.")
@click.option("--member", default="", metavar="USER", help="A user who may read the recordings.")
@click.option("--dry-run", is_flag=True, help="Only print what would be done.")
def install(start: bool, member: str, dry_run: bool) -> None:
    """Account, folders, configuration and unit; an older installation keeps its configuration and recordings.

    \b
    Example:
      sudo emoedge service install --member "$USER"
    """
    from emoedge.supervise.service import delivered_files, find_machine, install_plan

    executable = Path(sys.executable).with_name("emoedge")
    _do(install_plan(find_machine(), delivered_files(), executable, start=start, member=member), dry_run)


@command.command()
@click.option("--purge", is_flag=True, help="Also configuration, recordings, models and the account.")
@click.option("--dry-run", is_flag=True, help="Only print what would be done.")
def uninstall(purge: bool, dry_run: bool) -> None:
    """Stop and remove the service; without --purge configuration and recordings stay.

    \b
    Example:
      sudo emoedge service uninstall
    """
    from emoedge.supervise.service import find_machine, uninstall_plan

    _do(uninstall_plan(find_machine(), purge=purge), dry_run)


@command.command()
def status() -> int:
    """Whether it is installed, whether it runs, and what it says of itself. Exit 0 when it runs.

    \b
    Example:
      emoedge service status
    """
    from emoedge.supervise.service import service_status

    state = service_status()
    if not state.installed:
        click.echo("not installed (sudo scripts/install, or sudo emoedge service install)")
        return 1
    since = f" since {state.since}" if state.since else ""
    click.echo(f"{state.active}{since}, {state.enabled} at boot, {state.restarts} restarts")
    if state.text:
        click.echo(state.text)
    return 0 if state.active == "active" else 1


def _do(steps: Sequence[Step], dry_run: bool) -> None:
    from emoedge.supervise.service import carry_out

    if dry_run:
        for step in steps:
            click.echo(str(step))
    else:
        carry_out(steps, lambda line: click.echo(line, err=True))
