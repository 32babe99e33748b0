"""Steps that install and remove the service of the console: pure lists."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from emoedge.service.plan import (
    ACCOUNT,
    WEB_ACCOUNT,
    Machine,
    Remove,
    Run,
    Step,
    Write,
    delivered_folders,
    folder_step,
    unit_text,
)

WEB_UNIT: Final = "emoedge-web.service"
RESTART_UNIT: Final = "emoedge-restart.path"
WEB_STATE: Final = "/var/lib/emoedge-web"
CONF_D: Final = "/etc/emoedge/conf.d"
LAN_FILE: Final = "40-lan.toml"
LAN_PORT: Final = 8099
_LAN: Final = f"""\
# Written by: emoedge service install --lan. Without this file the console listens for this machine alone.
[web]
bind = "[::]:{LAN_PORT}"
"""
_AVAHI: Final = "/etc/avahi/services"
_SERVICES: Final = f"""\
<?xml version="1.0" standalone="no"?>
<!DOCTYPE service-group SYSTEM "avahi-service.dtd">
<service-group>
  <name replace-wildcards="yes">emoedge on %h</name>
  <service><type>_http._tcp</type><port>{LAN_PORT}</port></service>
  <service><type>_emoedge._tcp</type><port>{LAN_PORT}</port></service>
</service-group>
"""


def console_plan(
    machine: Machine, files: Path, executable: Path, *, start: bool = True, lan: bool = False
) -> list[Step]:
    """Account, folders and unit of the console, after those of the daemon.

    Args:
        machine: where; `has_web_account` says whether the account is there.
        files: the folder `systemd/` that came with emoedge.
        executable: the `emoedge` that the unit starts.
        start: whether to start the console, or restart a running one.
        lan: whether to listen for the whole network, and to announce that there; False leaves it as it is.
    """
    steps: list[Step] = []
    if not machine.has_web_account:
        add = ("useradd", "--system", "--gid", ACCOUNT, "--no-create-home", "--home-dir", WEB_STATE)
        steps.append(Run((*add, "--shell", "/usr/sbin/nologin", WEB_ACCOUNT)))
    steps += [
        folder_step(machine, path, mode, owner)
        for path, mode, owner in delivered_folders(files)
        if owner == WEB_ACCOUNT
    ]
    if lan:
        steps += lan_steps(machine)
    system = machine.path("/etc/systemd/system")
    for unit in (WEB_UNIT, RESTART_UNIT):
        steps.append(Write(system / unit, unit_text(files, executable, unit)))
    if machine.systemd is not None:
        steps += [
            Run(("systemctl", "daemon-reload")),
            Run(("systemctl", "enable", WEB_UNIT, RESTART_UNIT)),
        ]
        if start:
            steps.append(Run(("systemctl", "restart", WEB_UNIT, RESTART_UNIT)))
    return steps


def lan_steps(machine: Machine) -> list[Step]:
    """Let the console listen for the whole network, and announce it there."""
    steps: list[Step] = [Write(machine.path(CONF_D) / LAN_FILE, _LAN, mode=0o640, group=ACCOUNT)]
    if machine.path(_AVAHI).is_dir():
        steps.append(Write(machine.path(_AVAHI) / "emoedge.service", _SERVICES))
    return steps


def console_removal(machine: Machine, *, purge: bool = False) -> list[Step]:
    """Stop and remove the console, before the daemon; with `purge` also keys, sessions and the account."""
    system = machine.path("/etc/systemd/system")
    steps: list[Step] = []
    if machine.systemd is not None:
        steps.append(Run(("systemctl", "disable", "--now", WEB_UNIT, RESTART_UNIT), must_work=False))
    steps += [
        Remove(system / WEB_UNIT),
        Remove(system / RESTART_UNIT),
        Remove(machine.path(_AVAHI) / "emoedge.service"),
        Remove(machine.path("/var/cache/emoedge-web")),
    ]
    if purge:
        steps += [Remove(system / f"{WEB_UNIT}.d"), Remove(machine.path(WEB_STATE))]
        if machine.has_web_account:
            steps.append(Run(("userdel", WEB_ACCOUNT), must_work=False))
    return steps
