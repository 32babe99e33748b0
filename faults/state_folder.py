"""Faults of the state folder: damaged files, or a missing folder."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from typing import Final

from faults.bench import BASE, START_S, Bench
from faults.broker import check_order, fill_spool, lost, wait_spooled
from faults.fault import fault
from faults.surroundings import holds, until

WAITING: Final = 200
BAD: Final = (20, 100)
"""Numbers of the damaged messages."""


@fault()
def privacy_and_a_state_folder_that_is_gone(bench: Bench) -> float:
    """Privacy is ON; after SIGKILL and a reboot the state folder is a link to a disk that is not mounted.

    Then the folder is back with a flipped bit, `"qrivacy": true`. Nothing is opened, and `privacy` is ON each
    time until OFF is sent.
    """
    bench.start_all()
    bench.command("privacy", "ON")
    settings = bench.state / "state.json"
    until(lambda: settings.exists() and b'"privacy": true' in settings.read_bytes(), "ON is on the disk")
    bench.kill()
    (bench.runtime / "privacy").unlink()  # that copy is in memory, and the machine was restarted
    kept = bench.folder / "kept"
    bench.state.rename(kept)
    bench.state.symlink_to(bench.folder / "not mounted")
    _starts_private(bench)
    bench.kill()
    bench.state.unlink()
    kept.rename(bench.state)
    settings.write_bytes(settings.read_bytes().replace(b'"privacy"', b'"qrivacy"'))
    shutil.rmtree(bench.runtime)
    _starts_private(bench)
    bench.command("privacy", "OFF")
    return until(lambda: bench.has_open(bench.clip), "the source is open again", START_S)


def _starts_private(bench: Bench) -> None:
    bench.listener.heard.clear()
    bench.start()
    until(lambda: bench.state_of("camera") == "off", "the camera is released", START_S)
    holds(bench.control("privacy") == "ON", f"privacy is {bench.control('privacy')!r}")
    holds(not bench.has_open(bench.clip), "the source is closed")


@fault(quick=True)
def damaged_records(bench: Bench) -> float:
    """200 messages wait; two of them (topics with `+` and not UTF-8) and the records are damaged.

    The daemon starts, the other 198 arrive in order, and the two are counted in `health`. Nothing is
    published on a damaged topic.
    """
    waiting = fill_spool(bench, WAITING)
    with contextlib.closing(sqlite3.connect(bench.state / "spool.sqlite3")) as spool, spool:
        for number, topic in zip(BAD, (f"{BASE}/+vent", b"emoedge/\xff/event"), strict=True):
            spool.execute("UPDATE message SET topic = CAST(? AS TEXT) WHERE seq = ?", (topic, number))
    for name, topic in (("discovery.json", "homeassistant/device/+/config"), ("retained.json", "emoedge/#")):
        (bench.state / name).write_text(json.dumps({topic: {"emotion": "sensor"}}), encoding="utf-8")
    bench.start_broker()
    bench.start()
    whole = [one for number, one in enumerate(waiting, start=1) if number not in BAD]
    took_s = until(lambda: not lost(bench, whole), "the others arrive", START_S)
    check_order(bench, whole)
    until(lambda: bench.figure("spool", "dropped") == len(BAD), "the damaged ones are counted")
    holds("damaged" in str(bench.part("spool").get("reason")), "health reports it")
    bench.check_alive()
    return took_s


@fault(quick=True)
def damaged_log(bench: Bench) -> float:
    """Messages wait in the spool; after SIGKILL a bit flips in the middle of its write-ahead log.

    SQLite alone would stop reading there silently. Each message arrives or is counted in `health`, which
    reports the damaged spool.
    """
    bench.start()
    wait_spooled(bench, START_S)
    bench.kill()
    waiting = bench.spooled()
    log = bench.state / "spool.sqlite3-wal"
    damaged = bytearray(log.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    log.write_bytes(damaged)
    bench.start_broker()
    bench.start()
    until(lambda: "damaged" in str(bench.part("spool").get("reason")), "health reports it", START_S)

    def missing() -> int:
        return len(lost(bench, waiting)) - int(bench.figure("spool", "dropped") or 0)

    took_s = until(lambda: missing() <= 0, "each has arrived or is counted", START_S)
    holds(len(lost(bench, waiting)) <= 1, "a bit costs one message at most")
    bench.check_alive()
    return took_s


@fault(quick=True)
def privacy_holds_back_what_waits(bench: Bench) -> float:
    """1,000 messages about people wait on disk; the broker starts with a retained `privacy ON`; then OFF.

    Once `privacy` is ON, none of them is sent. After OFF all arrive in order.
    """
    waiting = fill_spool(bench, 5 * WAITING)
    topic = f"{BASE}/control/privacy/set"
    bench.start_broker(retained={topic: "ON"})
    bench.start()
    until(lambda: bench.control("privacy") == "ON", "privacy is on", START_S)
    until(lambda: bench.state_of("spool") == "ok", "health is there")
    # What was on its way when ON came has arrived by then.
    before = len(bench.listener.on(f"{BASE}/event"))
    for _ in range(3):
        bench.goes_on("health", "health continues")
    holds(len(bench.listener.on(f"{BASE}/event")) == before, "nothing about people leaves")
    holds(before < WAITING, f"{before} had left before")
    holds(bench.figure("spool", "depth") >= len(waiting) - before, "they wait")
    bench.listener.send(topic, b"", retain=True)
    bench.command("privacy", "OFF")
    took_s = until(lambda: not lost(bench, waiting), "all arrive", START_S)
    check_order(bench, waiting)
    return took_s
