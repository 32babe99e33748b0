"""Plan of `service install` where the Debian package already provides accounts, folders and units."""

from __future__ import annotations

from emoedge.service.console_plan import RESTART_UNIT, WEB_UNIT, lan_steps
from emoedge.service.plan import ACCOUNT, UNIT, Machine, Run, Step


def packaged_plan(
    machine: Machine, *, start: bool = True, member: str = "", web: bool = True, lan: bool = False
) -> list[Step]:
    """Switch the units on, or the console's off.

    Args:
        machine: where.
        start: whether to start them, or restart running ones.
        member: a user to take into the group `emoedge`, who can then read the recordings.
        web: whether the console runs.
        lan: whether it listens for the whole network; False leaves it as it is.
    """
    steps: list[Step] = [Run(("usermod", "--append", "--groups", ACCOUNT, member))] if member else []
    if web and lan:
        steps += lan_steps(machine)
    if machine.systemd is None:
        return steps
    console = (WEB_UNIT, RESTART_UNIT)
    if not web:
        steps.append(Run(("systemctl", "disable", "--now", *console)))
    units = (UNIT, *console) if web else (UNIT,)
    steps.append(Run(("systemctl", "enable", *units)))
    if start:
        steps.append(Run(("systemctl", "restart", *units)))
    return steps
