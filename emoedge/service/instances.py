"""More daemons on one board, `emoedge@NAME.service`, each with its own camera: pure lists of steps."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Final

from emoedge.service.plan import (
    ACCOUNT,
    UNIT,
    Machine,
    Remove,
    Run,
    Step,
    Withdraw,
    Write,
    drop_ins,
    folder_step,
    unit_text,
)

TEMPLATE_UNIT: Final = "emoedge@.service"
NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
"""Names of instances: what needs no escaping in units, paths and topics."""
_OWN: Final = (
    ("Description=Emotion sensor", "Description=Emotion sensor %i"),
    ("emoedge run ", "emoedge run --config /etc/emoedge@%i/emoedge.toml "),
    ("EnvironmentFile=-/etc/emoedge/", "EnvironmentFile=-/etc/emoedge@%i/"),
    ("StateDirectory=emoedge\n", "StateDirectory=emoedge@%i\n"),
    ("RuntimeDirectory=emoedge\n", "RuntimeDirectory=emoedge@%i\n"),
    ("HOME=/var/lib/emoedge ", "HOME=/var/lib/emoedge@%i "),
)
"""Settings that differ from the unit of the first daemon."""


def template_unit(unit: str) -> str:
    """Return the unit of an instance, made of the text of `emoedge.service`.

    Raises:
        ValueError: a line that must differ is not in it.
    """
    for shared, own in _OWN:
        if shared not in unit:
            raise ValueError(f"{UNIT}: {shared!r} is not in it")
        unit = unit.replace(shared, own)
    return unit


def template_step(machine: Machine, files: Path, executable: Path) -> Step:
    """Lay down the unit of instances; the package brings it.

    Args:
        machine: where.
        files: the folder `systemd/` that came with emoedge.
        executable: the `emoedge` that the unit starts.
    """
    parts = [template_unit(unit_text(files, executable))]
    parts += [
        (files / name).read_text(encoding="utf-8") for name, applies in drop_ins(machine).items() if applies
    ]
    return Write(machine.path(f"/etc/systemd/system/{TEMPLATE_UNIT}"), "\n".join(parts))


def template_removal(machine: Machine) -> Step:
    """Remove the unit of instances."""
    return Remove(machine.path(f"/etc/systemd/system/{TEMPLATE_UNIT}"))


def unit_of(name: str) -> str:
    """Return the name of the unit; that of the first daemon where the name is empty."""
    return f"emoedge@{name}.service" if name else UNIT


def configuration_of(name: str) -> str:
    """Return the path of the configuration of an instance; of the first daemon where the name is empty."""
    return f"/etc/emoedge@{name}/emoedge.toml" if name else "/etc/emoedge/emoedge.toml"


def instance_plan(machine: Machine, name: str, device_id: str, *, start: bool = True) -> list[Step]:
    """Folders, a configuration to go on from, and the start of one more daemon; again, it changes nothing.

    Args:
        machine: where.
        name: of the instance, as `NAME` allows it.
        device_id: of the first daemon; this one gets the name added.
        start: whether to start it, or restart it where it runs.
    """
    state = f"/var/lib/emoedge@{name}"
    reference = f"""\
# The second camera, or a further one: {unit_of(name)}. Every key: /etc/emoedge/emoedge.toml
device_id = {json.dumps(f"{device_id}-{name}", ensure_ascii=False)}

[camera]
source = "none"       # different from that of the first daemon; run: emoedge devices

[microphone]
source = "none"

[recording]
dir = "{state}/recordings"

[paths]
state = "{state}/state"
socket = "/run/emoedge@{name}/daemon.sock"
"""
    steps: list[Step] = [
        folder_step(machine, f"/etc/emoedge@{name}", "0750", "root"),
        *(folder_step(machine, folder, "0750", ACCOUNT) for folder in (state, f"{state}/state")),
        folder_step(machine, f"{state}/recordings", "2750", ACCOUNT),
        Write(machine.path(configuration_of(name)), reference, mode=0o640, group=ACCOUNT, keep=True),
    ]
    if machine.systemd is not None:
        steps += [Run(("systemctl", "daemon-reload")), Run(("systemctl", "enable", unit_of(name)))]
        if start:
            steps.append(Run(("systemctl", "restart", unit_of(name))))
    return steps


def instance_removal(
    machine: Machine, name: str, *, purge: bool = False, withdraw: Withdraw | None = None
) -> list[Step]:
    """Stop one more daemon for good; with `purge` its configuration and recordings go as well."""
    steps: list[Step] = []
    if machine.systemd is not None:
        steps.append(Run(("systemctl", "disable", "--now", unit_of(name)), must_work=False))
    steps += [withdraw] if withdraw is not None else []
    steps.append(Remove(machine.path(f"/run/emoedge@{name}")))
    if purge:
        steps += [
            Remove(machine.path(f"/etc/systemd/system/{unit_of(name)}.d")),
            Remove(machine.path(f"/etc/emoedge@{name}")),
            Remove(machine.path(f"/var/lib/emoedge@{name}")),
        ]
    return steps


def instance_names(machine: Machine) -> list[str]:
    """Return the names of the instances that have a configuration."""
    folders = sorted(machine.path("/etc").glob("emoedge@*"))
    return [name for folder in folders if NAME.fullmatch(name := folder.name.partition("@")[2])]
