"""Commands over MQTT: privacy and invalid input."""

from __future__ import annotations

import contextlib
import functools
import os
import random
import time
from typing import Final

from faults.bench import BASE, START_S, Bench
from faults.fault import fault
from faults.surroundings import faked_clock, holds, until

HOSTILE: Final = 3_000
LOG_BYTES: Final = 64_000
"""One refused command a second may be logged; this is about a hundred of them."""
MEMORY_BYTES: Final = 60_000_000
OVERSIZED: Final = 60
"""Three times the number of messages that Mosquitto keeps in flight to one client."""
OVERSIZED_BYTES: Final = 65_000
PRIVACY_S: Final = 2.0
PROMISED_END_S: Final = 3.0
FOR_A_TIME_S: Final = 60
"""Seconds; longer than a restart takes, also on a busy machine."""
CONTROLS: Final = ("privacy", "record", "recording_mode", "face_weight", "margin", "snapshot")
NEAR_MISSES: Final = (
    b"NaN", b"inf", b"-0.1", b"1.0001", b"1e-1", b"0x1", b"0,5", b"TRUE", b"ONN", b"O N", b"ON\0",
    b'{"privacy":"ON"}', b"null", b"[]", b"../../etc/passwd", b"$(reboot)", b"'; DROP TABLE message; --",
    "０.５".encode(), b"continuous\n\n\n\nx", b"99999999", b"PRESSED", b"\xff\xfe", b"\xed\xa0\x80",
)  # fmt: skip
"""Invalid values that resemble valid ones; numbers are only sent where they are invalid or out of range."""


@fault(quick=True)
def privacy_on_and_off(bench: Bench) -> float:
    """Privacy is switched ON and OFF again.

    ON closes the devices (checked in /proc), no emotion is published, and `health` reports it. OFF opens them
    again.
    """
    bench.start_all()
    holds(bench.has_open(bench.clip), "the source is open before")
    bench.command("privacy", "ON")
    until(lambda: bench.control("privacy") == "ON", "privacy is on")
    until(lambda: bench.state_of("camera") == "off" == bench.state_of("microphone"), "health reports it")
    holds(not bench.has_open(bench.clip), "the source is closed once health reports off")
    until(lambda: b'"reason":"privacy"' in bench.last("emotion"), "no emotion is claimed, for this reason")
    until(lambda: b'"faces":[]' in bench.last("face"), "nobody is shown")
    quiet_from = len(bench.listener.on(f"{BASE}/voice"))
    time.sleep(3)
    holds(not bench.has_open(bench.clip), "the source stays closed")
    holds(len(bench.listener.on(f"{BASE}/voice")) == quiet_from, "nothing is heard")
    bench.command("privacy", "OFF")
    took_s = until(lambda: bench.has_open(bench.clip), "the source is open again")
    took_s += until(lambda: b'"emotion":"' in bench.last("emotion"), "an emotion is seen again", START_S)
    return took_s


@fault()
def privacy_for_a_time(bench: Bench) -> float:
    """`privacy ON 60`, SIGKILL, and a restart with a wall clock that is a year ahead (libfaketime).

    The source stays closed for the 60 s, `control/privacy/until` gives the end by the present clock, and then
    the source opens without a command.
    """
    bench.start_all()
    begun_s = time.monotonic()
    bench.command("privacy", f"ON {FOR_A_TIME_S}")
    until(lambda: bench.control("privacy") == "ON", "privacy is on")
    holds(not bench.has_open(bench.clip), "the source is closed")
    until(lambda: "ON-UNTIL" in (bench.runtime / "privacy").read_text(encoding="utf-8"), "the end is kept")
    bench.kill()
    bench.listener.heard.clear()
    bench.start(**faked_clock(bench.folder, "+365d"))
    until(lambda: bench.last("status") == b"online", "it is back", START_S)
    until(lambda: bench.control("privacy"), "privacy is published")
    year = time.gmtime().tm_year
    while time.monotonic() < begun_s + FOR_A_TIME_S - 1:
        holds(not bench.has_open(bench.clip), "the source stays closed")
        holds(bench.control("privacy/until") > f"{year + 1}", f"until {bench.control('privacy/until')!r}")
        time.sleep(0.2)
    took_s = until(lambda: bench.has_open(bench.clip), "the source is open again", START_S)
    until(lambda: bench.control("privacy") == "OFF", "privacy is off")
    holds(bench.control("privacy/until") == "", "privacy/until is empty")
    return took_s


@fault()
def settings_kept_are_damaged(bench: Bench) -> float:
    """Privacy was switched ON; a power cut truncates the file that stores it; two restarts follow.

    Nothing is opened, and `privacy` is ON after both until it is switched OFF.
    """
    bench.start_all()
    bench.command("privacy", "ON")
    until(lambda: bench.state_of("camera") == "off", "privacy is on")
    bench.kill()
    kept = bench.state / "state.json"
    kept.write_text(kept.read_text(encoding="utf-8")[:12], encoding="utf-8")
    for _ in range(2):
        bench.listener.heard.clear()
        bench.start()
        until(lambda: bench.state_of("camera") == "off", "the camera is released", START_S)
        holds(bench.control("privacy") == "ON", f"privacy is {bench.control('privacy')!r}")
        holds(not bench.has_open(bench.clip), "the source is closed")
        bench.terminate()
    bench.listener.heard.clear()
    bench.start()
    until(lambda: bench.state_of("camera") == "off", "the camera is released", START_S)
    bench.command("privacy", "OFF")
    return until(lambda: b'"emotion":"' in bench.last("emotion"), "an emotion is seen again", START_S)


@fault(quick=True)
def hostile_commands(bench: Bench) -> float:
    """3,000 random or nearly valid payloads of up to 64 KB on the control topics and the birth topic.

    Nothing crashes and no state changes. Log and memory stay bounded; analysis and valid commands continue to
    work.
    """
    bench.start_all()
    until(lambda: bench.control("margin"), "the controls are there")
    before = {name: bench.control(name) for name in CONTROLS}
    log_bytes, memory = len(bench.log_text()), bench.resident_bytes()
    dice = random.Random(4)
    for number in range(HOSTILE):
        topic, payload = _rubbish(dice)
        bench.listener.send(topic, payload, wait=number % 100 == 99)
    bench.goes_on("emotion", "analysis continues")
    bench.check_alive()
    begun_s = time.monotonic()
    # A flooded command queue may refuse a command; a person would send it again.
    until(lambda: _sets_margin(bench), "a good command is carried out")
    took_s = time.monotonic() - begun_s
    bench.command("margin", before["margin"])
    until(lambda: {name: bench.control(name) for name in CONTROLS} == before, "no state has changed")
    holds(bench.payloads("control/error"), "the refusals were answered")
    grown = len(bench.log_text()) - log_bytes
    bench.within(grown, LOG_BYTES, f"the log grew by {grown} bytes")
    grown = bench.resident_bytes() - memory
    bench.within(grown, MEMORY_BYTES, f"memory grew by {grown / 1e6:.0f} MB")
    return took_s


@fault(quick=True)
def privacy_in_a_flood(bench: Bench) -> float:
    """110 values of `margin` in a burst, then `privacy ON`; then 800 changes that end with ON.

    The source is closed within 2 s both times and `privacy` is ON. The other controls have their newest
    value.
    """
    bench.start_all()
    longest_s = 0.0
    for count, names in ((110, ("margin",)), (800, ("margin", "face_weight", "privacy"))):
        for number in range(count):
            name = names[number % len(names)]
            value = "OFF" if name == "privacy" else f"{number / count:.4f}"
            bench.listener.send(f"{BASE}/control/{name}/set", value, wait=False)
        bench.command("privacy", "ON")
        begun_s = time.monotonic()  # the broker has received it, after all the others
        until(lambda: not bench.has_open(bench.clip), "the source is closed")
        took_s = time.monotonic() - begun_s
        bench.within(took_s, PRIVACY_S, f"privacy took {took_s:.1f} s")
        longest_s = max(longest_s, took_s)
        until(lambda: bench.control("privacy") == "ON", "privacy is on")
        newest = max(number for number in range(count) if names[number % len(names)] == "margin")
        _wait_for_margin(bench, f"{float(f'{newest / count:.4f}'):g}")
        holds(bench.figure("broker", "refused_commands") == 0, "nothing is refused")
        bench.command("privacy", "OFF")
        until(lambda: bench.has_open(bench.clip), "the source is open again", START_S)
    return longest_s


@fault(quick=True)
def log_not_read(bench: Bench) -> float:
    """Standard error is a full pipe that nothing reads, at level debug; `privacy ON`, SIGTERM.

    ON closes the source within 2 s and is published, `health` counts the lost lines, and SIGTERM ends the
    daemon within 3 s with exit code 0.
    """
    read_end, bench.stderr = os.pipe()
    for end in (read_end, bench.stderr):
        bench.cleanup(functools.partial(os.close, end))
    bench.options = ("--log-level", "debug")
    bench.start_all()
    again = os.open(f"/proc/self/fd/{bench.stderr}", os.O_WRONLY | os.O_NONBLOCK)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(again, b"x" * 4096)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(again, b"x")
    os.close(again)
    bench.command("margin", "lots")
    until(lambda: bench.payloads("control/error"), "the bad command is refused")

    def is_counted() -> bool:  # each change is logged
        for number in range(100):
            bench.listener.send(f"{BASE}/control/margin/set", f"0.{number:03}")
        return bench.figure("log", "dropped") > 0

    until(is_counted, "health counts the lost lines", START_S)
    bench.command("privacy", "ON")
    took_s = until(lambda: not bench.has_open(bench.clip), "the source is closed")
    bench.within(took_s, PRIVACY_S, f"privacy took {took_s:.1f} s")
    until(lambda: bench.control("privacy") == "ON", "privacy is on")
    ended_s = bench.terminate()
    holds(bench.process.returncode == 0, f"exit code {bench.process.returncode}")
    bench.within(ended_s, PROMISED_END_S, f"it took {ended_s:.1f} s to end")
    return took_s


@fault(quick=True)
def retained_privacy_off(bench: Bench) -> float:
    """A retained `privacy OFF`; later ON; the broker is restarted and delivers the OFF again.

    The retained OFF is refused on `control/error` and nothing is opened. An OFF without the retain flag is
    accepted.
    """
    bench.start_all()
    bench.command("privacy", "ON")
    until(lambda: not bench.has_open(bench.clip), "the source is closed")
    bench.kill_broker()
    bench.start_broker(retained={f"{BASE}/control/privacy/set": "OFF"})
    until(lambda: bench.last("status") == b"online", "it is online again", START_S)
    until(lambda: bench.payloads("control/error"), "the retained OFF is refused")
    time.sleep(3)
    holds(not bench.has_open(bench.clip), "the source stays closed")
    holds(bench.control("privacy") == "ON", f"privacy is {bench.control('privacy')!r}")
    bench.command("privacy", "OFF")
    return until(lambda: bench.has_open(bench.clip), "the source is open again", START_S)


@fault(quick=True)
def oversized_commands(bench: Bench) -> float:
    """60 messages of 65,000 bytes on a control topic, one of them retained, and a reconnection.

    `privacy ON`, published after them, is carried out within 2 s both times. No echo is lost, and `health`
    reports ok.
    """
    bench.start_all()
    topic, large = f"{BASE}/control/margin/set", b"x" * OVERSIZED_BYTES
    longest_s = 0.0
    for again in (False, True):
        if again:
            bench.listener.send(topic, large, retain=True)
            bench.kill_broker()
            bench.start_broker()
            bench.listener.send(topic, large, retain=True)
            until(lambda: bench.last("status") == b"online", "it is online again", START_S)
        for _ in range(OVERSIZED):
            bench.listener.send(topic, large, wait=False)
        begun_s = time.monotonic()
        bench.command("privacy", "ON")
        until(lambda: not bench.has_open(bench.clip), "the source is closed")
        took_s = time.monotonic() - begun_s
        bench.within(took_s, PRIVACY_S, f"privacy took {took_s:.1f} s")
        longest_s = max(longest_s, took_s)
        until(lambda: bench.figure("broker", "refused_commands") >= OVERSIZED, "the refusals are counted")
        until(lambda: bench.state_of("broker") == "ok", "health reports the connection as ok")
        holds(bench.figure("broker", "echo_failures") == 0, "no echo was lost")
        bench.command("privacy", "OFF")
        until(lambda: bench.has_open(bench.clip), "the source is open again", START_S)
    return longest_s


def _wait_for_margin(bench: Bench, value: str) -> None:
    until(lambda: bench.control("margin") == value, f"margin is {value}")


def _rubbish(dice: random.Random) -> tuple[str, bytes]:
    name = dice.choice((*CONTROLS, "nothing", "x" * 200, "ñandú", "status", " "))
    topic = "homeassistant/status" if dice.random() < 0.05 else f"{BASE}/control/{name}/set"
    if dice.random() < 0.5:
        return topic, dice.choice(NEAR_MISSES)
    # This first byte is not valid in a text, so a random payload cannot be a valid value.
    return topic, b"\xff" + dice.randbytes(dice.choice((1, 7, 31, 32, 400, 65_535)))


def _sets_margin(bench: Bench) -> bool:
    bench.command("margin", "0.31")
    time.sleep(0.3)
    return bench.control("margin") == "0.31"
