"""Test bench: one daemon in its own process, with a broker and a listener."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from typing_extensions import Self

from emoedge.process import PROC, resident_mb
from faults.surroundings import (
    Listener,
    Mosquitto,
    Skipped,
    Unmet,
    file_sizes,
    holds,
    open_files,
    program,
    until,
)

__all__ = ["Bench", "Skipped", "Unmet"]

REPOSITORY: Final = Path(__file__).resolve().parent.parent
DEVICE: Final = "faulty"
BASE: Final = f"emoedge/{DEVICE}"
START_S: Final = 300.0
"""Seconds until all stages work: a few on an idle machine, many more on a busy one."""
STAGES: Final = ("face", "voice", "text")
SPOOLED: Final = frozenset(f"{BASE}/{suffix}" for suffix in ("event", "voice", "text", "recording"))


class Bench:
    """Test bench whose files share one folder; its processes end with the `with` block.

    Args:
        folder: an empty folder.
        measured: whether to check bounds on time, memory and load; False on a busy machine.
    """

    def __init__(self, folder: Path, *, measured: bool = True) -> None:
        from emoedge.demo.clip import ensure_demo_clip

        self.folder = folder
        self.measured = measured
        self.state = folder / "state"
        self.runtime = folder / "run"
        self.models = folder / "models"
        self.recordings = folder / "recordings"
        self.log = folder / "daemon.log"
        self.clip = ensure_demo_clip()
        self.broker = Mosquitto(folder)
        self.environment: dict[str, str] = {}
        """Environment of the last daemon, for commands that run beside it."""
        self.options: tuple[str, ...] = ()
        """Extra arguments for `emoedge run`."""
        self.stderr: int | None = None
        """File descriptor that replaces the log as its standard error."""
        self._listener: Listener | None = None
        self._daemon: subprocess.Popen[bytes] | None = None
        self._undo = contextlib.ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._listener is not None:
            self._listener.close()
        if self._daemon is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):  # it may hang together with a disk
                self.end(self._daemon)
        self._undo.close()
        if self._daemon is not None:
            self.end(self._daemon)
        self.broker.kill()

    def within(self, value: float, limit: float, what: str) -> None:
        """Raise Unmet when a measured value is above its bound; do nothing in a run that does not measure."""
        if self.measured:
            holds(value <= limit, what)

    # ---- broker and listener ----

    def start_broker(self, of: Bench | None = None, *, retained: Mapping[str, str] | None = None) -> Listener:
        """Start the broker (or use another bench's) with a listener, before the daemon publishes.

        A daemon that is already running is paused meanwhile, so that the listener misses none of its
        messages. `retained` maps topics to the payloads that the broker holds from the start.
        """
        if of is not None:
            self.broker = of.broker
        with self.held():
            if self.broker.process is None:
                self.broker.start()
            self._listener = Listener(self.broker.port)
            for topic, payload in (retained or {}).items():
                self._listener.send(topic, payload, retain=True)
        return self._listener

    def kill_broker(self) -> None:
        """Kill the broker, as a power failure would."""
        if self._listener is not None:
            self._listener.close()
        self.broker.kill()

    @property
    def listener(self) -> Listener:
        """Return the listener that receives all messages."""
        assert self._listener is not None, "start_broker() first"
        return self._listener

    def last(self, suffix: str) -> bytes:
        """Return the newest payload on a topic of the daemon, or an empty string."""
        heard = self.listener.on(f"{BASE}/{suffix}")
        return heard[-1].payload if heard else b""

    def payloads(self, suffix: str) -> list[dict[str, Any]]:
        """Return all JSON payloads on a topic of the daemon."""
        return [json.loads(one.payload) for one in self.listener.on(f"{BASE}/{suffix}") if one.payload]

    def part(self, name: str) -> dict[str, Any]:
        """Return the newest entry of `health` for a source, model or service, or an empty mapping."""
        payload = self.last("health")
        return dict(json.loads(payload)["parts"].get(name, {})) if payload else {}

    def state_of(self, name: str) -> str:
        """Return the state of a part: ok, degraded, failed or off."""
        return str(self.part(name).get("state", ""))

    def figure(self, name: str, figure: str) -> float:
        """Return a figure of a part, or 0."""
        return float(self.part(name).get("figures", {}).get(figure) or 0)

    def command(self, name: str, value: str) -> None:
        """Send a command."""
        self.listener.send(f"{BASE}/control/{name}/set", value)

    def control(self, name: str) -> str:
        """Return the last published state of a control."""
        return self.last(f"control/{name}").decode()

    def goes_on(self, suffix: str, what: str, timeout_s: float = 60.0) -> float:
        """Wait for a new message."""
        count = len(self.listener.on(f"{BASE}/{suffix}"))
        return until(lambda: len(self.listener.on(f"{BASE}/{suffix}")) > count, what, timeout_s)

    # ---- the daemon ----

    def start(self, within: tuple[str, ...] = (), /, **settings: object) -> None:
        """Start `emoedge run`; `camera__source="none"` and the like change its settings.

        Args:
            within: a program that starts the daemon in its place (`setpriv …`).
            settings: lower case for settings, upper case for environment variables.
        """
        wanted = {
            "device_id": DEVICE,
            "camera__source": f"file:{self.clip}",
            "microphone__source": f"file:{self.clip}",
            "speech__model": "vosk-es-demo",
            "mqtt__host": "127.0.0.1",
            "mqtt__port": self.broker.port,
            "recording__dir": self.recordings,
            "recording__mode": "manual",
            "recording__min_free_bytes": 0,
            "paths__state": self.state,
            "paths__models": self.models,
            "publish__interval": 2,
            "publish__health_interval": 1,
        } | {name: value for name, value in settings.items() if name.islower()}
        environment = {key: value for key, value in os.environ.items() if not key.startswith("EMOEDGE_")}
        environment |= {f"EMOEDGE_{key.upper()}": str(value) for key, value in wanted.items()}
        environment |= {"RUNTIME_DIRECTORY": str(self.runtime), "CACHE_DIRECTORY": str(self.folder / "cache")}
        environment |= {name: str(value) for name, value in settings.items() if name.isupper()}
        self.environment = environment
        config = self.folder / "emoedge.toml"
        config.touch()  # empty: the machine's own configuration must not be used
        command = [*within, sys.executable, "-m", "emoedge", "run", "--config", str(config), *self.options]
        with self.log.open("ab") as log:
            error = log if self.stderr is None else self.stderr
            self._daemon = subprocess.Popen(
                command, env=environment, cwd=REPOSITORY, stdout=log, stderr=error, stdin=subprocess.DEVNULL
            )

    def start_all(self, within: tuple[str, ...] = (), /, **settings: object) -> None:
        """Start broker and daemon, and wait until every stage works."""
        self.start_broker()
        self.start(within, **settings)
        self.wait_working()

    def wait_working(self, *stages: str) -> float:
        """Wait until the stages (all by default) have received input."""
        names = stages or STAGES
        return until(
            lambda: all(self.figure(name, "processed") > 0 for name in names),
            f"{', '.join(names)} work",
            START_S,
        )

    @property
    def pid(self) -> int:
        """Process id of the daemon."""
        return self.process.pid

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """Process of the daemon."""
        assert self._daemon is not None, "start() first"
        return self._daemon

    def alive(self) -> bool:
        """Return whether the daemon runs."""
        return self.process.poll() is None

    def check_alive(self) -> None:
        """Raise Unmet when the daemon has ended."""
        holds(self.alive(), f"the daemon ended with {self.process.returncode}")

    def kill(self) -> None:
        """Send SIGKILL, which is as close to a power cut as a process can get."""
        self.process.kill()
        self.process.wait(10)

    def terminate(self, timeout_s: float = 30.0, by: signal.Signals = signal.SIGTERM) -> float:
        """Send SIGTERM or another signal; return how long the daemon took to end, in seconds."""
        begun_s = time.monotonic()
        self.process.send_signal(by)
        try:
            self.process.wait(timeout_s)
        except subprocess.TimeoutExpired as error:
            raise Unmet(f"{by.name} did not end it within {timeout_s:.0f} s") from error
        return time.monotonic() - begun_s

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Stop the daemon, if it is running, for the length of the block."""
        running = self._daemon is not None and self.alive()
        if running:
            self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            if running:
                self.process.send_signal(signal.SIGCONT)

    def open_files(self) -> list[str]:
        """Return what the daemon has open, according to the kernel."""
        return open_files(self.pid)

    def has_open(self, path: Path) -> bool:
        """Return whether the daemon has this file open."""
        return str(path) in self.open_files()

    def resident_bytes(self) -> int:
        """Return the resident memory of the daemon, in bytes."""
        return round((resident_mb(PROC / str(self.pid)) or 0.0) * 1e6)

    def log_text(self) -> str:
        """Return everything that the daemon has logged."""
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def log_tail(self, lines: int) -> str:
        """Return the last lines of the log."""
        return "\n".join(self.log_text().splitlines()[-lines:])

    # ---- files of the daemon ----

    def spooled(self) -> list[tuple[str, bytes]]:
        """Return the messages that wait on disk, oldest first."""
        rows = self._look_into_spool("SELECT topic, payload FROM message ORDER BY seq")
        return [(topic, bytes(payload)) for topic, payload in rows]

    def dropped_on_disk(self) -> int:
        """Return how many messages the spool has dropped at its limit."""
        rows = self._look_into_spool("SELECT value FROM counter WHERE name = 'dropped'")
        return int(rows[0][0]) if rows else 0

    def _look_into_spool(self, question: str) -> list[tuple[Any, ...]]:
        """Query a copy of the spool, as a power cut would leave it; the daemon holds a lock on the file."""
        copy = self.folder / "spool-copy"
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir()
        for path in self.state.glob("spool.sqlite3*"):
            with contextlib.suppress(FileNotFoundError):  # SQLite deletes an empty log
                shutil.copy(path, copy)
        if not (copy / "spool.sqlite3").exists():
            return []
        with contextlib.closing(sqlite3.connect(copy / "spool.sqlite3")) as database:
            try:
                return database.execute(question).fetchall()
            except sqlite3.DatabaseError:
                return []  # does not exist yet, or was copied in the middle of a change

    def segments(self) -> list[Path]:
        """Return the finished recordings."""
        return sorted(path for path in file_sizes(self.recordings) if path.suffix == ".mp4")

    # ---- help from the system ----

    def cleanup(self, action: Callable[[], object]) -> None:
        """Register a call for the end of the row, also after a failure."""
        self._undo.callback(action)

    def spawn(self, *command: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start a helper process that ends with the row."""
        with (self.folder / "helpers.log").open("ab") as log:
            process = subprocess.Popen(
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=os.environ | environment
            )
        self.cleanup(lambda: self.end(process))
        return process

    def mount(self, *arguments: str, at: Path) -> None:
        """Mount a file system for the length of the row; raise Skipped where that is not allowed."""
        if os.geteuid() != 0:
            raise Skipped("mounting needs root")
        done = subprocess.run(
            [program("mount", "mount"), *arguments, str(at)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise Skipped(f"mounting is not allowed here: {done.stderr.strip()}")
        self.cleanup(lambda: self.unmount(at))

    def unmount(self, at: Path) -> None:
        """Unmount also a file system that is still in use."""
        subprocess.run([program("umount", "mount"), "-l", str(at)], capture_output=True, check=False)

    @staticmethod
    def end(process: subprocess.Popen[bytes]) -> None:
        """Send SIGKILL, also to a stopped process."""
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
        process.wait(10)
