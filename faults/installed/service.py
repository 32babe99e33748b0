"""Installed service as seen from outside: through systemd, the kernel's files and its broker."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from typing_extensions import Self

from faults.surroundings import Heard, Listener, Skipped, Unmet, holds, open_files, until

UNIT: Final = "emoedge.service"
PATIENCE_S: Final = 240.0
"""Seconds that the unit allows a slow board for the start, plus a minute for the models."""
CAMERA: Final = re.compile(r"/dev/video\d+")
MICROPHONE: Final = re.compile(r"/dev/snd/pcmC(\d+)D\d+c")


class Service:
    """Service `emoedge` of this machine; needs root.

    Raises:
        Skipped: it is not installed, or this program cannot connect to its broker.
    """

    def __init__(self) -> None:
        from emoedge.config import load_settings

        if self.show("LoadState") != "loaded":
            raise Skipped(f"{UNIT} is not installed (sudo scripts/install)")
        self.settings = load_settings(Path("/etc/emoedge/emoedge.toml"))
        mqtt = self.settings.mqtt
        if not mqtt.enabled or mqtt.tls:
            raise Skipped("a broker with TLS is not supported")
        login = None
        if mqtt.username and mqtt.password:
            login = (mqtt.username, mqtt.password.get_secret_value())
        self.base = self.settings.topic_base
        self.listener = Listener(mqtt.port, login, host=mqtt.host)
        self.begun = time.strftime("%Y-%m-%d %H:%M:%S")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.listener.close()

    # ---- systemd ----

    def show(self, name: str) -> str:
        """Return one property of the unit."""
        return run("systemctl", "show", UNIT, f"--property={name}", "--value").strip()

    @property
    def pid(self) -> int:
        """Process id of the main process, or 0."""
        return int(self.show("MainPID") or 0)

    def active(self) -> bool:
        """Return whether the service has reported readiness to systemd and has not ended since."""
        return self.show("ActiveState") == "active"

    def wait_new(self, pid: int) -> float:
        """Wait until another process than the given one is ready and online."""
        waited_s = until(
            lambda: self.active() and self.pid not in (0, pid), "a new process is ready", PATIENCE_S
        )
        return waited_s + until(lambda: self.status() == "online", "it is online", PATIENCE_S)

    def journal(self, priority: str) -> list[str]:
        """Return what the service has logged since this program started."""
        # --unit would include systemd's own lines about the faults caused here.
        text = run(
            *("journalctl", f"_SYSTEMD_UNIT={UNIT}", "--since", self.begun),
            *("--priority", priority, "--output", "cat", "--quiet", "--no-pager"),
        )
        return text.splitlines()

    # ---- messages ----

    def last(self, suffix: str) -> bytes:
        """Return the newest payload on a topic, or an empty string."""
        heard = self.on(suffix)
        return heard[-1].payload if heard else b""

    def on(self, suffix: str) -> list[Heard]:
        """Return all messages on a topic of the service."""
        return self.listener.on(f"{self.base}/{suffix}")

    def status(self) -> str:
        """Return `online` or `offline`."""
        return self.last("status").decode()

    def part(self, name: str) -> dict[str, Any]:
        """Return the newest entry of `health` for a part, or an empty mapping."""
        payload = self.last("health")
        return dict(json.loads(payload)["parts"].get(name, {})) if payload else {}

    def state(self, name: str) -> str:
        """Return the state of a part: ok, degraded, failed or off."""
        return str(self.part(name).get("state", ""))

    def reason(self, name: str) -> str:
        """Return the reason why a part is not ok."""
        return str(self.part(name).get("reason", ""))

    def wait_state(self, part: str, state: str) -> float:
        """Wait until `health` reports this state of a part."""
        try:
            return until(lambda: self.state(part) == state, f"the {part} is {state}", PATIENCE_S)
        except Unmet as error:
            raise Unmet(f"{error}, but {self.state(part)}: {self.reason(part)}") from error

    def wait_working(self, part: str) -> float:
        """Wait until a device delivers; a machine that is too slow for it may stay degraded."""

        def works() -> bool:
            return self.state(part) in ("ok", "degraded") and self.reason(part) != "starting"

        return until(works, f"the {part} works", PATIENCE_S)

    def command(self, name: str, value: str) -> None:
        """Send a command."""
        self.listener.send(f"{self.base}/control/{name}/set", value)

    def goes_on(self, suffix: str) -> float:
        """Wait for a new message."""
        count = len(self.on(suffix))
        return until(lambda: len(self.on(suffix)) > count, f"a new message on {suffix}", PATIENCE_S)

    # ---- devices ----

    def holds(self, device: re.Pattern[str]) -> list[str]:
        """Return the device nodes of a kind that processes of the service have open."""
        found = {name for pid in self._processes() for name in open_files(pid)}
        return sorted(name for name in found if device.fullmatch(name))

    def _processes(self) -> list[int]:
        group = Path("/sys/fs/cgroup") / self.show("ControlGroup").lstrip("/") / "cgroup.procs"
        try:
            return [int(pid) for pid in group.read_text(encoding="ascii").split()]
        except OSError:  # the service has ended, and with it its control group
            return []

    def wait_held(self, device: re.Pattern[str], timeout_s: float = PATIENCE_S) -> float:
        """Wait until a process of the service has such a node open."""
        return until(lambda: self.holds(device), f"{device.pattern} is open", timeout_s)

    def wait_released(self, device: re.Pattern[str], timeout_s: float) -> float:
        """Wait until no process of the service has such a node open."""
        return until(lambda: not self.holds(device), f"{device.pattern} is closed", timeout_s)

    def wants(self, part: str) -> bool:
        """Return whether a device of the machine is configured for `camera` or `microphone`."""
        source: str = getattr(self.settings, part).source
        return (
            source == "auto"
            or source.startswith(("/dev/", "hw:"))
            or (part == "microphone" and ":" not in source)
        )

    @contextlib.contextmanager
    def unplugged(self, node: str) -> Iterator[None]:
        """Unbind a device from its driver, as unplugging does, for the length of the block.

        Raises:
            Skipped: the device cannot be unbound (v4l2loopback has no device behind it).
        """
        sound = MICROPHONE.fullmatch(node)
        entry = Path(
            f"/sys/class/sound/card{sound[1]}" if sound else f"/sys/class/video4linux/{Path(node).name}"
        )
        device = (entry / "device").resolve()
        driver = (device / "driver").resolve()
        if not (entry / "device").exists() or not (driver / "unbind").exists():
            raise Skipped(f"{node} cannot be unbound from its driver")
        (driver / "unbind").write_text(device.name)
        try:
            yield
        finally:
            (driver / "bind").write_text(device.name)

    def signal(self, number: signal.Signals) -> int:
        """Send a signal to the main process; return its process id."""
        pid = self.pid
        holds(pid, "the service runs")
        run("kill", f"-{number.name.removeprefix('SIG')}", str(pid))
        return pid


def run(*argv: str, good: tuple[int, ...] = (0,)) -> str:
    """Return the output of a program; raise Skipped when it is missing, Unmet when it fails."""
    if shutil.which(argv[0]) is None:
        raise Skipped(f"{argv[0]} is not installed")
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    holds(done.returncode in good, f"{' '.join(argv)}: {(done.stderr or done.stdout).strip()[-300:]}")
    return done.stdout
