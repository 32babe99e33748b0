"""Run emoedge as an add-on of Home Assistant: write its configuration, keep daemon and console running.

Supervisor gives the options in `/data/options.json`, and the broker, with its user and password, to whoever
has `SUPERVISOR_TOKEN`. Under systemd the units do the rest of this.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SUPERVISOR = "http://supervisor"
INGRESS = "172.30.32.2"
"""Where requests of Home Assistant's users come from; they are logged in."""
PORT = 8099
"""The same as `ingress_port` in config.yaml."""
RUNTIME = Path("/run/emoedge")
RESTART_S = 5.0
"""Seconds before a process that has ended is started again."""
STOP_S = 25.0
"""Seconds that a process has to end; less than `timeout` in config.yaml."""


@dataclass(frozen=True)
class Service:
    """A process to keep running.

    Attributes:
        argv: program and arguments.
        account: its user, when this runs as root.
        environ: its environment.
        groups: further groups of the account.
    """

    argv: Sequence[str]
    account: str
    environ: Mapping[str, str]
    groups: Sequence[str] = ()


def configuration(options: Mapping[str, Any], data: Path) -> str:
    """The configuration file. JSON strings and lists are also TOML."""
    return "\n".join(
        (
            "# Written at every start from the add-on's options; what the console saves is in conf.d/.",
            f"device_id = {json.dumps(options['device_id'])}",
            f"language = {json.dumps(options['language'])}",
            "[paths]",
            f"state = {json.dumps(str(data / 'state'))}",
            f"models = {json.dumps(str(data / 'models'))}",
            "[recording]",
            f"mode = {json.dumps(options['recording'])}",
            f"dir = {json.dumps(str(data / 'recordings'))}",
            "[web]",
            f"bind = {json.dumps(f'0.0.0.0:{PORT}')}",
            'login = "proxy"',
            f"proxies = {json.dumps([INGRESS])}",
            "",
        )
    )


def broker(address: str, token: str) -> dict[str, str]:
    """Environment variables with the broker that Supervisor names; empty where it names none."""
    request = urllib.request.Request(f"{address}/services/mqtt", headers={"Authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            found = json.load(answer)["data"]
        values = {"HOST": found["host"], "PORT": found["port"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"no broker from Supervisor ({error}); set one in the console", file=sys.stderr)
        return {}
    values |= {"USERNAME": found.get("username"), "PASSWORD": found.get("password")}
    if found.get("ssl"):
        values["TLS"] = "true"
    return {f"EMOEDGE_MQTT__{name}": str(value) for name, value in values.items() if value}


def prepare(data: Path, options: Mapping[str, Any]) -> Path:
    """Make folders and the configuration; returns its path."""
    file = data / "configuration" / "emoedge.toml"
    for folder, mode, owner in (
        (data, 0o755, "root"),
        (file.parent, 0o750, "root"),
        (file.parent / "conf.d", 0o2750, "emoedge-web"),
        (data / "state", 0o750, "emoedge"),
        (data / "models", 0o750, "emoedge"),
        (data / "recordings", 0o2750, "emoedge"),
        (data / "web", 0o700, "emoedge-web"),
        (RUNTIME, 0o750, "emoedge"),
    ):
        folder.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            shutil.chown(folder, owner, "emoedge")
        folder.chmod(mode)
    file.write_text(configuration(options, data), encoding="utf-8")
    return file


def keep_running(services: Sequence[Service], stop: threading.Event, pause_s: float = RESTART_S) -> None:
    """Start processes, and again whenever one ends, until `stop` is set; then end them in order."""
    running: dict[int, subprocess.Popen[bytes]] = {}
    while not stop.is_set():
        for index, service in enumerate(services):
            process = running.get(index)
            if process is not None and process.poll() is not None:
                print(f"{service.argv[1]} ended with {process.returncode}", file=sys.stderr)
            if process is None or process.poll() is not None:
                running[index] = _start(service)
        stop.wait(pause_s)
    for process in running.values():
        process.terminate()
    for process in running.values():
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _start(service: Service) -> subprocess.Popen[bytes]:
    if os.geteuid() != 0:
        return subprocess.Popen(service.argv, env=service.environ)
    return subprocess.Popen(
        service.argv,
        env=service.environ,
        user=service.account,
        group="emoedge",
        extra_groups=service.groups,
        umask=0o027,
    )


def main() -> int:
    """Run until SIGTERM."""
    data = Path("/data")
    options = json.loads((data / "options.json").read_text(encoding="utf-8"))
    config = prepare(data, options)
    token = os.environ.pop("SUPERVISOR_TOKEN", "")
    common = {**os.environ, **broker(SUPERVISOR, token), "XDG_CACHE_HOME": "/tmp"}
    level = ("--config", str(config), "--log-level", "info")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    daemon = {**common, "HOME": str(data / "state"), "RUNTIME_DIRECTORY": str(RUNTIME)}
    console = {**common, "HOME": str(data / "web"), "STATE_DIRECTORY": str(data / "web")}
    keep_running(
        (
            Service(("emoedge", "run", *level), "emoedge", daemon, ("video", "audio")),
            Service(("emoedge", "web", *level), "emoedge-web", console),
        ),
        stop,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
