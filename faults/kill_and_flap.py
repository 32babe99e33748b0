"""Repeat SIGKILL under an unstable connection, and count lost and duplicate messages.

    python -m faults.kill_and_flap --kills 30 --json flap.json

A process with the daemon's publisher prints the events that it publishes, and is killed. Its connection to a
real Mosquitto goes through a proxy that breaks and refuses it at random; the listener has a direct
connection. A lost message must be younger than one second: for that long it may be in memory only.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import click

from emoedge.config import Settings
from emoedge.worker_thread import WorkerThread
from faults.surroundings import LOOPBACK, Listener, Mosquitto, free_port, until

DEVICE: Final = "flap"
RATE_HZ: Final = 25.0
LIFE_S: Final = (2.0, 5.0)
"""Shortest and longest life of a process after its first message, in seconds."""
UP_S: Final = (0.3, 3.0)
DOWN_S: Final = (0.2, 2.5)
"""Shortest and longest time between two breaks of the connection, in seconds."""
WINDOW_S: Final = 1.5
"""One second in memory, plus one commit."""
DRAIN_S: Final = 300.0
CHUNK: Final = 65_536


@dataclass(frozen=True, slots=True)
class Result:
    """Counts of published, lost and duplicate messages.

    Attributes:
        published: handed to the publisher before a kill.
        lost: never received.
        oldest_lost_s: age of the oldest lost message when its process was killed.
        twice: received more than once.
        out_of_order: first received after a later one.
        breaks: number of connections that were broken.
    """

    kills: int
    published: int
    lost: int
    oldest_lost_s: float
    twice: int
    out_of_order: int
    breaks: int


class Proxy:
    """TCP proxy that forwards connections to a port, or breaks them and refuses new ones.

    Args:
        target: port on loopback.
    """

    def __init__(self, target: int) -> None:
        self.port = free_port()
        self.breaks = 0
        self._target = target
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._server: socket.socket | None = None

    def up(self) -> None:
        """Accept connections."""
        server = socket.create_server((LOOPBACK, self.port))
        self._server = server
        WorkerThread("proxy", lambda: self._accept(server)).start()

    def down(self) -> None:
        """Break all connections and refuse new ones."""
        if self._server is not None:
            with contextlib.suppress(OSError):
                self._server.shutdown(socket.SHUT_RDWR)
            self._server.close()
            self._server = None
        with self._lock:
            self.breaks += bool(self._open)
            for one in self._open:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
            self._open.clear()

    def _accept(self, server: socket.socket) -> None:
        while True:
            try:
                client, _ = server.accept()
                broker = socket.create_connection((LOOPBACK, self._target))
            except OSError:
                return
            with self._lock:
                self._open += [client, broker]
            for source, sink in ((client, broker), (broker, client)):
                WorkerThread("proxy", functools.partial(_pump, source, sink)).start()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(CHUNK):
            sink.sendall(data)
    for one in (source, sink):
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


def publish_for_ever(first: int, settings: Settings) -> None:
    """Publish numbered events and print number and time of each."""
    from emoedge.clock import SystemClock
    from emoedge.outcomes import EmotionEvent
    from emoedge.publish.messages import MessageBuilder
    from emoedge.publish.publisher import Publisher

    builder = MessageBuilder(DEVICE, SystemClock())
    publisher = Publisher(settings, builder)
    publisher.attach(lambda _command: None, list)
    publisher.start()
    for number in range(first, sys.maxsize):
        now_s = time.monotonic()
        event = EmotionEvent("begin", f"{number:08d}", "happiness", now_s, None, 0.6)
        publisher.publish(builder.outcome(event))
        sys.stdout.write(f"{number} {now_s}\n")
        sys.stdout.flush()
        time.sleep(1 / RATE_HZ)


def kill_and_flap(folder: Path, kills: int, seed: int, life_s: tuple[float, float] = LIFE_S) -> Result:
    """Run the test and return its counts. Raises Unmet where waiting messages do not arrive."""
    dice = random.Random(seed)
    broker = Mosquitto(folder, options=())
    broker.start()
    listener, proxy = Listener(broker.port), Proxy(broker.port)
    flapping = threading.Event()
    flapper = WorkerThread("flapper", lambda: _flap(proxy, flapping, random.Random(seed + 1)))
    flapper.start()
    published: dict[int, float] = {}
    killed: list[tuple[int, float]] = []
    try:
        for _ in range(kills):
            lines = _live_and_die(folder, proxy.port, max(published, default=0) + 1, dice.uniform(*life_s))
            published |= lines
            killed.append((max(published), time.monotonic()))
        flapping.set()
        flapper.join(DRAIN_S)
        _drain(folder, proxy, listener, published)
    finally:
        flapping.set()
        proxy.down()
        listener.close()
        broker.kill()
    heard = list(_ids(listener))
    lost = [number for number in published if number not in set(heard)]
    ages = [next(at_s for last, at_s in killed if last >= number) - published[number] for number in lost]
    first_heard = list(dict.fromkeys(number for number in heard if number in published))
    late = sum(one < before for before, one in itertools.pairwise(first_heard))
    twice = sum(count > 1 for count in Counter(heard).values())
    return Result(
        kills, len(published), len(lost), round(max(ages, default=0.0), 2), twice, late, proxy.breaks
    )


def _flap(proxy: Proxy, end: threading.Event, dice: random.Random) -> None:
    """Break the connection at random until stopped, then leave it up."""
    while True:
        proxy.up()
        if end.wait(dice.uniform(*UP_S)):
            return
        proxy.down()
        end.wait(dice.uniform(*DOWN_S))


def _live_and_die(folder: Path, port: int, first: int, life_s: float) -> dict[int, float]:
    """Return number and time of each message of one process that is killed."""
    with _process(folder, port, first) as process:
        assert process.stdout is not None
        begin = process.stdout.readline()
        time.sleep(life_s)
        process.kill()
        rest = process.stdout.read().splitlines(keepends=True)
    whole = [line.split() for line in (begin, *rest) if line.endswith("\n")]
    return {int(number): float(at_s) for number, at_s in whole}


def _drain(folder: Path, proxy: Proxy, listener: Listener, published: dict[int, float]) -> None:
    """Let a last process send the waiting messages; its own messages come after them."""
    first = max(published) + 1
    with _process(folder, proxy.port, first) as process:
        until(lambda: any(number >= first for number in _ids(listener)), "what waited arrives", DRAIN_S)
        # The spool is sent before live messages.
        until(
            lambda: sum(number >= first for number in _ids(listener)) > RATE_HZ,
            "it publishes new messages",
            DRAIN_S,
        )
        process.kill()


def _process(folder: Path, port: int, first: int) -> subprocess.Popen[str]:
    settings = {
        "device_id": DEVICE,
        "mqtt": {"host": LOOPBACK, "port": port, "discovery": False},
        "paths": {"state": str(folder / "state")},
    }
    command = [sys.executable, "-m", "faults.kill_and_flap", "--publish", str(first), json.dumps(settings)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)


def _ids(listener: Listener) -> Iterator[int]:
    for one in listener.on(f"emoedge/{DEVICE}/event"):
        yield int(json.loads(one.payload)["id"])


@click.command
@click.option("--kills", default=30, show_default=True, type=click.IntRange(1), help="Number of SIGKILLs.")
@click.option("--life", type=click.FloatRange(1), help="Seconds before each kill; 2 to 5 by default.")
@click.option("--seed", default=1, show_default=True, help="Seed for the times of kills and breaks.")
@click.option(
    "--json",
    "json_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the result to this file.",
)
@click.option("--publish", "child", hidden=True, type=(int, str), help="Run as the process that is killed.")
def main(
    kills: int, life: float | None, seed: int, json_file: Path | None, child: tuple[int, str] | None
) -> None:
    """Kill the publisher repeatedly; exit code 1 when a lost message was too old."""
    if child is not None:
        publish_for_ever(child[0], Settings.model_validate(json.loads(child[1])))
    with tempfile.TemporaryDirectory(prefix="emoedge-flap-") as folder:
        result = kill_and_flap(Path(folder), kills, seed, LIFE_S if life is None else (life, life))
    text = json.dumps(asdict(result), indent=2)
    click.echo(text)
    if json_file is not None:
        json_file.write_text(text + "\n", encoding="utf-8")
    sys.exit(1 if result.oldest_lost_s > WINDOW_S else 0)


if __name__ == "__main__":
    main()
