"""The systemd service on this machine: plans carried out, and its status asked for."""

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
from emoedge.files import write_atomically
from emoedge.package_files import package_folder
from emoedge.service.plan import ACCOUNT, UNIT, WEB_ACCOUNT, Machine, Remove, Run, Step, Withdraw, Write
from emoedge.translation import joined, tr

_COMMAND_TIMEOUT_S: Final = 620.0  # longer than the unit's TimeoutStartSec


_PACKAGED: Final = Path("/usr/lib/emoedge")
"""Environment in the Debian package, which brings the service."""


class ServiceError(EmoedgeError):
    """The service cannot be installed, removed or asked."""


@dataclass(frozen=True, slots=True)
class Status:
    """State of the service according to systemd.

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

    def is_there(find: Callable[[str], object], name: str) -> bool:
        try:
            find(name)
        except KeyError:
            return False
        return True

    has_account = is_there(pwd.getpwnam, ACCOUNT) and is_there(grp.getgrnam, ACCOUNT)
    # sd_booted(3): systemd is running, not only installed.
    running = Path("/run/systemd/system").is_dir()
    return Machine(
        _systemd_version() if running else None,
        has_account,
        has_web_account=is_there(pwd.getpwnam, WEB_ACCOUNT),
    )


def delivered_files() -> Path:
    """The folder with unit, udev rule and drop-ins; `config/` lies beside it.

    Raises:
        ServiceError: the installation is damaged.
    """
    folder = package_folder("systemd")
    if not (folder / UNIT).is_file():
        raise ServiceError(tr("no {folder}", folder=folder / UNIT), tr("install emoedge again"))
    return folder


def is_packaged() -> bool:
    """Return whether emoedge is a Debian package, which brings accounts, folders and units."""
    return Path(sys.prefix) == _PACKAGED


def carry_out(steps: Sequence[Step], tell: Callable[[str], None] = lambda _line: None) -> None:
    """Do the steps in order; needs root.

    Args:
        steps: a plan.
        tell: called with a line before each step.

    Raises:
        ServiceError: not root, or a step that must work failed.
    """
    if os.geteuid() != 0:
        raise ServiceError(tr("only root can do that"), tr("run: sudo {argv}", argv=shlex.join(sys.argv)))
    for step in steps:
        tell(str(step))
        if isinstance(step, Run):
            _run(step)
        elif isinstance(step, Withdraw):
            _withdraw(step, tell)
        else:
            _touch(step)


def _withdraw(step: Withdraw, tell: Callable[[str], None]) -> None:
    try:
        step.act()
    except EmoedgeError as error:
        tell(tr("not emptied: {error}", error=error))


def _run(step: Run) -> None:
    try:
        done = subprocess.run(
            step.argv, check=False, capture_output=True, text=True, timeout=_COMMAND_TIMEOUT_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        if step.must_work:
            raise ServiceError(
                joined([str(step), str(error)], ": "), tr("correct that and run it again")
            ) from error
        return
    if done.returncode != 0 and step.must_work:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise ServiceError(
            joined([str(step), said[-1] if said else tr("exit code {code}", code=done.returncode)], ": "),
            tr("see: journalctl -u emoedge -n 50")
            if "systemctl" in step.argv
            else tr("correct that and run it again"),
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
        raise ServiceError(
            joined([str(step), str(error)], ": "), tr("correct that and run it again")
        ) from error


def _write(step: Write) -> None:
    if step.keep and step.path.exists():
        return

    def prepare(partial: Path) -> None:
        shutil.chown(partial, "root", step.group)
        partial.chmod(step.mode)

    write_atomically(step.path, step.text, mode=0o600, prepare=prepare)


def service_status(unit: str = UNIT) -> Status:
    """Ask systemd about the service.

    Raises:
        ServiceError: systemd does not run here.
    """
    fields = ("LoadState", "ActiveState", "UnitFileState", "StatusText", "NRestarts", "StateChangeTimestamp")
    argv = ("systemctl", "show", unit, "--property=" + ",".join(fields))
    try:
        done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ServiceError(
            tr("systemctl: {error}", error=error), tr("start the daemon by hand: emoedge run")
        ) from error
    if done.returncode != 0:
        said = done.stderr.strip().partition("\n")[0]
        raise ServiceError(tr("systemctl: {said}", said=said), tr("start the daemon by hand: emoedge run"))
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
