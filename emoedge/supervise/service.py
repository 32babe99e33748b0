"""The systemd service on a device: what installing, removing and asking for it takes, and doing it.

Plans are pure lists of steps; only `carry_out` and `service_status` touch the machine.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from emoedge.errors import EmoedgeError

ACCOUNT: Final = "emoedge"
UNIT: Final = "emoedge.service"
_DELIVERED_EXECUTABLE: Final = "/opt/emoedge/venv/bin/emoedge"
# RestartSteps= came with it; older ones would complain at every start.
_RESTART_STEPS_SINCE: Final = 254
_COMMAND_TIMEOUT_S: Final = 200.0  # longer than the unit's TimeoutStartSec


class ServiceError(EmoedgeError):
    """The service cannot be installed, removed or asked."""


@dataclass(frozen=True, slots=True)
class Run:
    """Run a program.

    Attributes:
        argv: program and arguments.
        must_work: whether the plan ends when it fails.
    """

    argv: tuple[str, ...]
    must_work: bool = True

    def __str__(self) -> str:
        return shlex.join(self.argv)


@dataclass(frozen=True, slots=True)
class Write:
    """Write a file, unless `keep` is set and it is there already."""

    path: Path
    text: str
    mode: int = 0o644
    group: str = "root"
    keep: bool = False

    def __str__(self) -> str:
        return f"{'keep' if self.keep and self.path.exists() else 'write'} {self.path}"


@dataclass(frozen=True, slots=True)
class Remove:
    """Remove a file, or a folder with all that is in it; nothing happens when it is not there."""

    path: Path

    def __str__(self) -> str:
        return f"remove {self.path}"


Step = Run | Write | Remove


@dataclass(frozen=True, slots=True)
class Machine:
    """What a plan must know about the machine.

    Attributes:
        systemd: its version; None where systemd is installed, or runs, not at all.
        has_account: whether user and group `emoedge` are there.
        root: prefix of all paths; for tests and images.
    """

    systemd: int | None
    has_account: bool
    root: Path = Path("/")

    def path(self, absolute: str) -> Path:
        """A place on that machine."""
        return self.root / absolute.lstrip("/")


@dataclass(frozen=True, slots=True)
class Status:
    """What systemd says of the service.

    Attributes:
        installed: whether there is a unit.
        active: such as "active", "inactive", "failed", "activating".
        enabled: such as "enabled" or "disabled".
        text: the status line that the daemon sent.
        restarts: restarts by systemd since the last start by hand.
        since: when the present state began; empty when never.
    """

    installed: bool
    active: str
    enabled: str
    text: str
    restarts: int
    since: str


def find_machine() -> Machine:
    """The machine that this runs on."""
    import grp
    import pwd

    try:
        pwd.getpwnam(ACCOUNT), grp.getgrnam(ACCOUNT)
    except KeyError:
        has_account = False
    else:
        has_account = True
    # sd_booted(3): systemd is the one that runs, not merely installed.
    running = Path("/run/systemd/system").is_dir()
    return Machine(_systemd_version() if running else None, has_account)


def delivered_files() -> Path:
    """The folder with unit, udev rule and drop-ins that came with this checkout.

    Raises:
        ServiceError: emoedge was not installed from a checkout.
    """
    folder = Path(__file__).resolve().parents[2] / "systemd"
    if not (folder / UNIT).is_file():
        raise ServiceError(
            f"no {folder / UNIT}", "install from a checkout of the repository: sudo scripts/install"
        )
    return folder


def install_plan(
    machine: Machine, files: Path, executable: Path, *, start: bool = True, member: str = ""
) -> list[Step]:
    """Account, folders, configuration, unit; again over an older one, keeping configuration and recordings.

    Args:
        machine: where.
        files: the folder `systemd/` of the checkout; `config/` lies beside it.
        executable: the `emoedge` that the unit starts.
        start: whether to start the service, or restart a running one.
        member: a user to take into the group `emoedge`, who can then read the recordings.
    """
    steps: list[Step] = []
    if not machine.has_account:
        steps += [
            Run(("groupadd", "--system", "--force", ACCOUNT)),
            Run(
                (
                    *("useradd", "--system", "--gid", ACCOUNT, "--no-create-home", "--home-dir"),
                    *("/var/lib/emoedge", "--shell", "/usr/sbin/nologin", ACCOUNT),
                )
            ),
        ]
    if member:
        steps.append(Run(("usermod", "--append", "--groups", ACCOUNT, member)))
    # Recordings: setgid, so that whatever is laid there belongs to the group.
    for folder, mode, owner in (
        ("/etc/emoedge", "0750", "root"),
        ("/var/lib/emoedge", "0750", ACCOUNT),
        ("/var/lib/emoedge/models", "0750", ACCOUNT),
        ("/var/lib/emoedge/state", "0750", ACCOUNT),
        ("/var/lib/emoedge/recordings", "2750", ACCOUNT),
    ):
        where = str(machine.path(folder))
        steps.append(Run(("install", "-d", "-m", mode, "-o", owner, "-g", ACCOUNT, where)))
    reference = (files.parent / "config" / "emoedge.toml").read_text(encoding="utf-8")
    etc = machine.path("/etc/emoedge")
    steps += [
        Write(etc / "emoedge.toml", reference, mode=0o640, group=ACCOUNT, keep=True),
        Write(etc / "emoedge.toml.reference", reference, mode=0o640, group=ACCOUNT),
        Write(machine.path("/etc/udev/rules.d/60-emoedge.rules"), _text(files / "60-emoedge.rules")),
    ]
    return steps + _unit_steps(machine, files, executable, start=start)


def _unit_steps(machine: Machine, files: Path, executable: Path, *, start: bool) -> list[Step]:
    unit = _text(files / UNIT).replace(_DELIVERED_EXECUTABLE, str(executable))
    system = machine.path("/etc/systemd/system")
    drop_in = system / f"{UNIT}.d" / "restart-steps.conf"
    steps: list[Step] = [Write(system / UNIT, unit)]
    if machine.systemd is not None and machine.systemd >= _RESTART_STEPS_SINCE:
        steps.append(Write(drop_in, _text(files / f"{UNIT}.d" / "restart-steps.conf")))
    else:
        steps.append(Remove(drop_in))
    if machine.systemd is None:
        return steps
    steps += [
        Run(("udevadm", "control", "--reload"), must_work=False),
        Run(("udevadm", "trigger", "--subsystem-match=dma_heap"), must_work=False),
        Run(("systemctl", "daemon-reload")),
        Run(("systemctl", "enable", UNIT)),
    ]
    if start:
        steps.append(Run(("systemctl", "restart", UNIT)))
    return steps


def uninstall_plan(machine: Machine, *, purge: bool = False) -> list[Step]:
    """Stop and remove the service; with `purge` also configuration, recordings, models and the account."""
    system = machine.path("/etc/systemd/system")
    steps: list[Step] = []
    if machine.systemd is not None:
        steps.append(Run(("systemctl", "disable", "--now", UNIT), must_work=False))
    steps += [
        Remove(system / UNIT),
        # A drop-in of the user's own (systemctl edit) stays without --purge.
        Remove(system / f"{UNIT}.d" / "restart-steps.conf"),
        Remove(machine.path("/etc/udev/rules.d/60-emoedge.rules")),
        Remove(machine.path("/var/cache/emoedge")),
    ]
    if machine.systemd is not None:
        steps += [
            Run(("systemctl", "daemon-reload")),
            Run(("systemctl", "reset-failed", UNIT), must_work=False),
        ]
    if purge:
        steps += [
            Remove(system / f"{UNIT}.d"),
            Remove(machine.path("/etc/emoedge")),
            Remove(machine.path("/var/lib/emoedge")),
        ]
        if machine.has_account:
            # On Debian the group of the same name goes with the user, if nobody else is in it.
            steps += [
                Run(("userdel", ACCOUNT), must_work=False),
                Run(("groupdel", "--force", ACCOUNT), must_work=False),
            ]
    return steps


def carry_out(steps: Sequence[Step], tell: Callable[[str], None] = lambda _line: None) -> None:
    """Do the steps in order; needs root.

    Args:
        steps: a plan.
        tell: called with a line before each step.

    Raises:
        ServiceError: not root, or a step that must work failed.
    """
    if os.geteuid() != 0:
        raise ServiceError("only root can do that", f"run: sudo {shlex.join(sys.argv)}")
    for step in steps:
        tell(str(step))
        if isinstance(step, Run):
            _run(step)
        else:
            _touch(step)


def _run(step: Run) -> None:
    try:
        done = subprocess.run(
            step.argv, check=False, capture_output=True, text=True, timeout=_COMMAND_TIMEOUT_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        if step.must_work:
            raise ServiceError(f"{step}: {error}", "put that right and run it again") from error
        return
    if done.returncode != 0 and step.must_work:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise ServiceError(
            f"{step}: {said[-1] if said else f'exit code {done.returncode}'}",
            "see: journalctl -u emoedge -n 50"
            if "systemctl" in step.argv
            else "put that right and run it again",
        )


def _touch(step: Write | Remove) -> None:
    try:
        if isinstance(step, Write):
            _write(step)
        elif step.path.is_dir() and not step.path.is_symlink():
            shutil.rmtree(step.path)
        else:
            step.path.unlink(missing_ok=True)
    except (OSError, LookupError) as error:
        raise ServiceError(f"{step}: {error}", "put that right and run it again") from error


def _write(step: Write) -> None:
    if step.keep and step.path.exists():
        return
    step.path.parent.mkdir(parents=True, exist_ok=True)
    partial = step.path.with_name(f"{step.path.name}.partial")
    partial.touch(mode=0o600)
    partial.write_text(step.text, encoding="utf-8")
    shutil.chown(partial, "root", step.group)
    partial.chmod(step.mode)
    partial.replace(step.path)


def service_status() -> Status:
    """Ask systemd about the service.

    Raises:
        ServiceError: systemd does not run here.
    """
    fields = ("LoadState", "ActiveState", "UnitFileState", "StatusText", "NRestarts", "StateChangeTimestamp")
    argv = ("systemctl", "show", UNIT, "--property=" + ",".join(fields))
    try:
        done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ServiceError(f"systemctl: {error}", "start the daemon by hand: emoedge run") from error
    if done.returncode != 0:
        said = done.stderr.strip().partition("\n")[0]
        raise ServiceError(f"systemctl: {said}", "start the daemon by hand: emoedge run")
    return parse_status(done.stdout)


def parse_status(text: str) -> Status:
    """`systemctl show` as a Status."""
    values = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    restarts = values.get("NRestarts", "")
    return Status(
        installed=values.get("LoadState") == "loaded",
        active=values.get("ActiveState", "unknown"),
        enabled=values.get("UnitFileState") or "disabled",
        text=values.get("StatusText", ""),
        restarts=int(restarts) if restarts.isdecimal() else 0,
        since=values.get("StateChangeTimestamp", ""),
    )


def _systemd_version() -> int | None:
    try:
        done = subprocess.run(
            ("systemctl", "--version"), check=False, capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.match(r"systemd (\d+)", done.stdout)
    return int(match[1]) if match else None


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")
