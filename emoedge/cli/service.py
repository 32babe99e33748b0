"""`emoedge service`."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from emoedge.cli.groups import SuggestingGroup
from emoedge.cli.options import common, say, settings_from
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


def _instance_name(context: click.Context, parameter: click.Parameter, value: str) -> str:
    from emoedge.service.instances import NAME

    if value and not NAME.fullmatch(value):
        raise click.BadParameter(tr("lower-case letters, digits and hyphens, at most 32"))
    return value


name_option = click.option(
    "--name", default="", metavar="NAME", callback=_instance_name, help="Another daemon: emoedge@NAME."
)


@command.command()
@common
@name_option
@click.option("--no-start", is_flag=True, help="Install only; start it later.")
@click.option("--member", default="", metavar="USER", help="User who gets access to the recordings.")
@click.option("--no-web", is_flag=True, help="Do not install the console.")
@click.option("--lan", is_flag=True, help="Open the console to the whole network.")
@click.option("--dry-run", is_flag=True, help="Show what would be done.")
def install(
    config_path: Path | None, name: str, no_start: bool, member: str, no_web: bool, lan: bool, dry_run: bool
) -> None:
    """Install accounts, folders, configuration and units, also for an upgrade. Needs root.

    The console gets a key the first time, and the address that opens with it is printed once. --name sets up
    one more daemon, for another camera of this device, and nothing else.

    \b
    Example:
      sudo emoedge service install
      sudo emoedge service install --lan
      sudo emoedge service install --name door
    """
    from emoedge.service.console_plan import console_plan
    from emoedge.service.instances import configuration_of, instance_names, instance_plan, template_step
    from emoedge.service.packaged_plan import packaged_plan
    from emoedge.service.plan import install_plan
    from emoedge.service.systemd import delivered_files, find_machine, is_packaged

    machine, start = find_machine(), not no_start
    has_web = not name and not no_web and find_spec("starlette") is not None
    names = [name] if name else instance_names(machine)
    steps: list[Step] = []
    if is_packaged():
        steps += [] if name else packaged_plan(machine, start=start, member=member, web=has_web, lan=lan)
    else:
        executable, files = Path(sys.executable).with_name("emoedge"), delivered_files()
        steps += [] if name else install_plan(machine, files, executable, start=start, member=member)
        if has_web:
            steps += console_plan(machine, files, executable, start=start, lan=lan)
        if names:
            steps.append(template_step(machine, files, executable))
    device_id = settings_from(config_path).device_id if names else ""
    steps += [step for one in names for step in instance_plan(machine, one, device_id, start=start)]
    _carry_out(steps, dry_run=dry_run)
    if name:
        say(tr("configuration: {path}", path=machine.path(configuration_of(name))))
    elif has_web and not dry_run:
        _show_address(config_path)
    elif not no_web and not has_web:
        say(tr("the console is not installed; to install it, run: pip install 'emoedge[web]'"), err=True)


@command.command()
@common
@name_option
@click.option("--purge", is_flag=True, help="Remove configuration, recordings, models and account too.")
@click.option("--dry-run", is_flag=True, help="Show what would be done.")
def uninstall(config_path: Path | None, name: str, purge: bool, dry_run: bool) -> None:
    """Stop and remove the service; configuration and recordings are kept without --purge. Needs root.

    What the broker retains of this device, Home Assistant's entities included, is emptied where the broker
    can be reached. --name removes that daemon alone.

    \b
    Example:
      sudo emoedge service uninstall
    """
    from emoedge.service.console_plan import console_removal
    from emoedge.service.instances import instance_names, instance_removal, template_removal
    from emoedge.service.plan import Withdraw, uninstall_plan
    from emoedge.service.systemd import ServiceError, find_machine, is_packaged
    from emoedge.service.withdrawal import withdraw

    machine = find_machine()
    if is_packaged() and not name:
        raise ServiceError(
            tr("emoedge is installed as a Debian package, which brings the service"),
            tr("run: sudo apt {value} emoedge", value="purge" if purge else "remove"),
        )
    steps: list[Step] = [] if name else console_removal(machine, purge=purge)
    for one in [name] if name else instance_names(machine):
        taken_back = Withdraw(partial(withdraw, machine, None, one))
        steps += instance_removal(machine, one, purge=purge, withdraw=taken_back)
    if not name:
        steps.append(template_removal(machine))
        taken_back = Withdraw(partial(withdraw, machine, config_path))
        steps += uninstall_plan(machine, purge=purge, withdraw=taken_back)
    _carry_out(steps, dry_run=dry_run)


@command.command()
@common
@name_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def status(config_path: Path | None, name: str, as_json: bool) -> int:
    """Show the state of the service in systemd. Exit code 0 if it is active.

    \b
    Example:
      emoedge service status
    """
    from emoedge.service.instances import unit_of
    from emoedge.service.systemd import service_status

    now = service_status(unit_of(name))
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


def _show_address(config_path: Path | None) -> None:
    """Make the first key and print the address that opens with it; how to reach it from elsewhere."""
    from emoedge.service.console_plan import WEB_STATE
    from emoedge.web.access import AccessStore
    from emoedge.web.address import address_of, tunnel_command
    from emoedge.web.qr_code import qr_lines

    web = settings_from(config_path).web
    store = AccessStore(Path(WEB_STATE))
    if store.has_key():
        say(tr("console: {address} (for another key, run: sudo emoedge web key)", address=address_of(web)))
        return
    address = f"{address_of(web)}#key={store.make_key()}"
    say(tr("console: {address}", address=address))
    if web.is_loopback and not web.url and web.socket_path is None:
        say(tr("from another computer, first run there: {command}", command=tunnel_command(web)))
    elif sys.stdout.isatty():
        click.echo("\n".join(qr_lines(address)))


def _carry_out(steps: Sequence[Step], *, dry_run: bool) -> None:
    from emoedge.service.systemd import carry_out

    if dry_run:
        for step in steps:
            say(str(step))
    else:
        carry_out(steps, lambda line: say(line, err=True))
