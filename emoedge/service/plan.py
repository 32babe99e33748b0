"""Steps for installing and removing the systemd service. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from emoedge.translation import tr

ACCOUNT: Final = "emoedge"
WEB_ACCOUNT: Final = "emoedge-web"
"""User of the console."""
UNIT: Final = "emoedge.service"
DELIVERED_EXECUTABLE: Final = "/opt/emoedge/venv/bin/emoedge"
"""Command that starts the service in a delivered unit."""
JETSON_MARK: Final = "/etc/nv_tegra_release"
"""File of NVIDIA's system for Jetson boards."""
_RESTART_STEPS: Final = "restart-steps.conf"
_JETSON: Final = "jetson.conf"
# RestartSteps= is supported from this version on; older ones would warn at every start.
_RESTART_STEPS_SINCE: Final = 254


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
        kept = self.keep and self.path.exists()
        return tr("keep {path}", path=self.path) if kept else tr("write {path}", path=self.path)


@dataclass(frozen=True, slots=True)
class Remove:
    """Remove a file, or a folder with all that is in it; nothing happens when it is not there."""

    path: Path

    def __str__(self) -> str:
        return tr("remove {path}", path=self.path)


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Empty what the broker retains of this device; where that fails it is said, and the plan goes on.

    Attributes:
        act: raises EmoedgeError.
    """

    act: Callable[[], None]

    def __str__(self) -> str:
        return tr("empty the retained topics of this device at the broker")


Step = Run | Write | Remove | Withdraw


@dataclass(frozen=True, slots=True)
class Machine:
    """Facts about the machine that a plan needs.

    Attributes:
        systemd: its version; None where systemd is installed, or runs, not at all.
        has_account: whether user and group `emoedge` are there.
        root: prefix of all paths; for tests and images.
        has_web_account: whether the user of the console is there.
    """

    systemd: int | None
    has_account: bool
    root: Path = Path("/")
    has_web_account: bool = False

    def path(self, absolute: str) -> Path:
        """A place on that machine."""
        return self.root / absolute.lstrip("/")


def install_plan(
    machine: Machine, files: Path, executable: Path, *, start: bool = True, member: str = ""
) -> list[Step]:
    """Account, folders, configuration, unit; again over an older one, keeping configuration and recordings.

    Args:
        machine: where.
        files: the folder `systemd/` that came with emoedge; `config/` lies beside it.
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
    # The unit gives it these groups too; `sudo -u emoedge emoedge doctor` runs outside the unit.
    steps.append(Run(("usermod", "--append", "--groups", "video,audio", ACCOUNT)))
    if member:
        steps.append(Run(("usermod", "--append", "--groups", ACCOUNT, member)))
    steps += [
        folder_step(machine, path, mode, owner)
        for path, mode, owner in delivered_folders(files)
        if owner != WEB_ACCOUNT
    ]
    reference = (files.parent / "config" / "emoedge.toml").read_text(encoding="utf-8")
    etc = machine.path("/etc/emoedge")
    steps += [
        Write(etc / "emoedge.toml", reference, mode=0o640, group=ACCOUNT, keep=True),
        Write(etc / "emoedge.toml.reference", reference, mode=0o640, group=ACCOUNT),
        Write(machine.path("/etc/udev/rules.d/60-emoedge.rules"), _text(files / "60-emoedge.rules")),
    ]
    return steps + _unit_steps(machine, files, executable, start=start)


def unit_text(files: Path, executable: Path, name: str = UNIT) -> str:
    """Return a delivered unit, with the program that it starts."""
    return _text(files / name).replace(DELIVERED_EXECUTABLE, str(executable))


def drop_ins(machine: Machine) -> dict[str, bool]:
    """Return the delivered drop-ins of the daemon's unit, and whether each applies here."""
    return {
        f"{UNIT}.d/{_RESTART_STEPS}": machine.systemd is not None and machine.systemd >= _RESTART_STEPS_SINCE,
        _JETSON: machine.path(JETSON_MARK).exists(),
    }


def _unit_steps(machine: Machine, files: Path, executable: Path, *, start: bool) -> list[Step]:
    system = machine.path("/etc/systemd/system")
    steps: list[Step] = [Write(system / UNIT, unit_text(files, executable))]
    for delivered, applies in drop_ins(machine).items():
        drop_in = system / f"{UNIT}.d" / Path(delivered).name
        steps.append(Write(drop_in, _text(files / delivered)) if applies else Remove(drop_in))
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


def uninstall_plan(machine: Machine, *, purge: bool = False, withdraw: Withdraw | None = None) -> list[Step]:
    """Stop and remove the service; with `purge` also configuration, recordings, models and the account.

    Args:
        machine: where.
        purge: whether nothing stays.
        withdraw: done once the service has stopped, while the state folder is there.
    """
    system = machine.path("/etc/systemd/system")
    steps: list[Step] = []
    if machine.systemd is not None:
        steps.append(Run(("systemctl", "disable", "--now", UNIT), must_work=False))
    steps += [
        *([withdraw] if withdraw is not None else []),
        Remove(system / UNIT),
        # A drop-in of the user's own (systemctl edit) stays without --purge.
        Remove(system / f"{UNIT}.d" / _RESTART_STEPS),
        Remove(system / f"{UNIT}.d" / _JETSON),
        Run(("rmdir", "--ignore-fail-on-non-empty", str(system / f"{UNIT}.d")), must_work=False),
        Remove(machine.path("/etc/udev/rules.d/60-emoedge.rules")),
        Remove(machine.path("/var/cache/emoedge")),
        Remove(machine.path("/run/emoedge")),
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
            # On Debian the group of the same name goes with the user, if it has no other members.
            steps += [
                Run(("userdel", ACCOUNT), must_work=False),
                Run(("groupdel", "--force", ACCOUNT), must_work=False),
            ]
    return steps


def folder_step(machine: Machine, path: str, mode: str, owner: str) -> Step:
    """Make a folder of the group `emoedge`."""
    return Run(("install", "-d", "-m", mode, "-o", owner, "-g", ACCOUNT, str(machine.path(path))))


def delivered_folders(files: Path) -> list[tuple[str, str, str]]:
    """Return path, mode and owner of each folder in `tmpfiles.conf`."""
    lines = [line.split() for line in _text(files / "tmpfiles.conf").splitlines()]
    return [(words[1], words[2], words[3]) for words in lines if words[:1] == ["d"]]


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")
