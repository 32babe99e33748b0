"""Faults of the machine: a jump of the wall clock, a slow or hot processor."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from faults.bench import BASE, START_S, Bench
from faults.fault import fault
from faults.surroundings import Skipped, faked_clock, holds, program, until

YEAR_S: Final = 365 * 24 * 3600
JUMP_SEEN_S: Final = 30.0
SHARE: Final = 0.1
"""Share of one core."""
SLOW_S: Final = 45.0
"""Seconds; longer than the 30 s of audio that may wait for a slow stage, so that the limit is reached."""
OLD_AT_MOST_S: Final = 12.0
"""Seconds; the longest age that the fusion allows (text, 10 s) plus a margin."""
STEPS_SEEN: Final = 2
HOT_S: Final = 60.0
"""Seconds; the governor takes one step in 20 s."""
COOL_S: Final = 150.0
"""Seconds; the governor steps back after 30 s without load."""
CGROUP_V1: Final = Path("/sys/fs/cgroup/cpu")
CGROUP_V2: Final = Path("/sys/fs/cgroup")
PERIOD_US: Final = 100_000
BLOCK_S: Final = 0.1
SLACK_S: Final = 2.0
"""Seconds of audio in transit, with figures from two messages."""


@fault()
def wall_clock_jumps(bench: Bench) -> float:
    """The wall clock jumps a year forward, and two years back (libfaketime), while a recording runs.

    Nothing stalls, no duration is negative, ids stay unique, and no recording is deleted.
    """
    clock = faked_clock(bench.folder, "+0s")
    offset = bench.folder / "offset"
    bench.start_broker()
    bench.start(recording__mode="continuous", recording__max_segment_s=5, recording__keep_days=7, **clock)
    bench.wait_working()
    until(bench.segments, "a segment is finished", START_S)
    took_s = _jump(bench, offset, YEAR_S)
    took_s = max(took_s, _jump(bench, offset, -YEAR_S))
    count = len(bench.segments())
    until(lambda: len(bench.segments()) > count, "recording continues", START_S)
    recordings = bench.payloads("recording")
    holds(not [one for one in recordings if one["type"] == "deleted"], "no recording was deleted")
    started = [one["id"] for one in recordings if one["type"] == "started"]
    holds(len(set(started)) == len(started), "ids of recordings are unique")
    begun = [one["id"] for one in bench.payloads("event") if one["type"] == "begin"]
    holds(len(set(begun)) == len(begun), "ids of events are unique")
    for suffix in ("voice", "text", "recording"):
        for one in bench.payloads(suffix):
            holds((one.get("duration") or 0) >= 0, f"a negative duration: {json.dumps(one)}")
    for one in bench.payloads("health"):
        holds(one["uptime_s"] >= 0, "a negative uptime")
    for path in bench.segments():
        details = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        holds(
            _stamp_s(details["ended"]) >= _stamp_s(details["started"]) or _jumped(details),
            f"{path.name} ends before it starts",
        )
    bench.check_alive()
    return took_s


@fault()
def a_tenth_of_a_core(bench: Bench) -> float:
    """The running daemon gets a tenth of a core for 45 s, then a whole core again.

    The governor lowers the rates in its order and reports the reason. Latency stays bounded, all lost audio
    is counted, and `health` reports degraded. Then everything recovers.
    """
    bench.start_all()
    until(lambda: bench.part("governor"), "the governor is in health")
    full_hz = bench.figure("governor", "face_hz")
    rate_before = bench.figure("camera", "fps")
    release = _limit_cpu(bench, SHARE)
    slow_from_s = time.monotonic()
    time.sleep(SLOW_S)
    bench.check_alive()
    heard = [one for one in bench.listener.on(f"{BASE}/emotion") if one.at_s > slow_from_s + 10]
    holds(heard, "emotions are still published")
    for one in heard:
        _check_ages(json.loads(one.payload))
    slow = [json.loads(one.payload) for one in bench.listener.on(f"{BASE}/health") if one.at_s > slow_from_s]
    # A machine under other load may not decode the clip in time; then the camera is failed.
    holds(any(one["state"] != "ok" for one in slow), "health reports degraded")
    governed = [one["parts"]["governor"] for one in slow]
    least = min(governed, key=lambda part: float(part["figures"]["face_hz"]))
    holds(
        least["figures"]["face_hz"] < full_hz,
        f"the governor lowers the rate of faces: {json.dumps(slow[-1])}",
    )
    holds(least["state"] == "degraded" and least["reason"], f"it reports the reason: {json.dumps(least)}")
    frames = bench.figure("camera", "dropped"), bench.figure("camera", "fps")
    holds(frames[0] > 0 or frames[1] < rate_before, "the frame rate drops")
    release()
    begun_s = time.monotonic()
    until(lambda: bench.figure("microphone", "waiting_s") < 1.0, "audio is up to date again", 60)
    took_s = time.monotonic() - begun_s
    unheard_s = BLOCK_S * (bench.figure("microphone", "blocks") - bench.figure("text", "processed"))
    holds(
        unheard_s <= bench.figure("microphone", "lost_s") + SLACK_S,
        f"{unheard_s:.0f} s of audio are unaccounted for",
    )
    bench.goes_on("voice", "voices are published")
    bench.check_alive()
    return took_s


@fault()
def board_gets_hot(bench: Bench) -> float:
    """The processor's temperature rises to 85 degrees and falls to 50 (a simulated thermal zone).

    `health` reports the temperature and the remedy, and the governor lowers the rates while voices are still
    published. Everything recovers when the processor has cooled down.
    """
    if os.geteuid() != 0:
        raise Skipped("a simulated thermal zone needs root")
    zones = bench.folder / "thermal"
    temperature = zones / "thermal_zone0" / "temp"
    temperature.parent.mkdir(parents=True)
    temperature.write_text("50000\n", encoding="ascii")
    # In the daemon's own mount namespace: no other process sees it.
    enter = f'mount --bind "{zones}" /sys/class/thermal && exec "$@"'
    bench.start_broker()
    # A light load, so that heat is the only reason to shed load.
    within = (program("unshare", "util-linux"), "--mount", "sh", "-c", enter, "sh")
    bench.start(within, camera__fps=5, speech__enabled="false")
    bench.wait_working("face", "voice")
    until(lambda: bench.figure("machine", "temperature_c") == 50, "health has the temperature")
    full_hz = bench.figure("governor", "face_hz")
    temperature.write_text("85000\n", encoding="ascii")
    until(lambda: bench.state_of("machine") == "degraded", "health reports the heat")
    until(
        lambda: bench.figure("governor", "step") >= STEPS_SEEN, "the governor sheds more and more load", HOT_S
    )
    holds(bench.figure("governor", "face_hz") < full_hz, "fewer frames are analysed")
    holds("cooling" in str(bench.part("governor")["reason"]), "it names the remedy")
    bench.goes_on("voice", "voices are published", START_S)
    temperature.write_text("50000\n", encoding="ascii")
    return until(lambda: bench.state_of("governor") == "ok", "the full rates are back", COOL_S)


@fault()
def start_on_a_tenth_of_a_core(bench: Bench) -> float:
    """The daemon is started with a tenth of a core, and gets a whole core after a minute.

    It starts nevertheless: no part is considered hung, and the process is not ended.
    """
    bench.start_broker()
    bench.start()
    release = _limit_cpu(bench, SHARE)
    time.sleep(60)
    bench.check_alive()
    release()
    took_s = bench.wait_working()
    holds("hangs" not in bench.log_text(), "no part was considered hung")
    return took_s


def _jump(bench: Bench, offset: Path, seconds: int) -> float:
    """Set the wall clock and wait until an emotion carries the new time."""
    offset.write_text(f"{seconds:+d}s", encoding="ascii")
    expected_s = time.time() + seconds
    return until(
        lambda: abs(_stamp_s(json.loads(bench.last("emotion"))["time"]) - expected_s) < 60,
        "emotions carry the new time",
        JUMP_SEEN_S,
    )


def _jumped(details: dict[str, Any]) -> bool:
    """Return whether the jump lies within the segment; its two timestamps then differ in clock."""
    return abs(_stamp_s(details["ended"]) - _stamp_s(details["started"])) > YEAR_S / 2


def _stamp_s(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def _check_ages(payload: dict[str, Any]) -> None:
    for name, part in payload["modalities"].items():
        if part is not None:
            holds(
                part["age_ms"] <= OLD_AT_MOST_S * 1000, f"{name} with an age of {part['age_ms']} ms took part"
            )


def _limit_cpu(bench: Bench, share: float) -> Callable[[], None]:
    """Limit the daemon to a share of one core; return a call that lifts the limit."""
    group = _make_group(f"emoedge-faults-{bench.pid}", share)
    if group is None:
        return _duty_cycle(bench, share)
    (group / "cgroup.procs").write_text(str(bench.pid), encoding="ascii")

    def release() -> None:
        (group.parent / "cgroup.procs").write_text(str(bench.pid), encoding="ascii")

    def remove() -> None:
        if bench.alive():
            bench.kill()
        until(lambda: not (group / "cgroup.procs").read_text(encoding="ascii"), "the group is empty")
        group.rmdir()

    bench.cleanup(remove)
    return release


def _make_group(name: str, share: float) -> Path | None:
    """Create a control group (version 1 or 2); return None where that is not allowed."""
    quota_us = round(share * PERIOD_US)
    for parent, file, value in (
        (CGROUP_V1, "cpu.cfs_quota_us", f"{quota_us}"),
        (CGROUP_V2, "cpu.max", f"{quota_us} {PERIOD_US}"),
    ):
        if not (parent / "cgroup.procs").exists():
            continue
        group = parent / name
        try:
            group.mkdir()
        except OSError:
            continue
        if (group / file).exists():
            (group / file).write_text(value, encoding="ascii")
            return group
        group.rmdir()
    return None


def _duty_cycle(bench: Bench, share: float) -> Callable[[], None]:
    """Limit without control groups: stop and continue the process ten times a second."""
    over = threading.Event()

    def run() -> None:
        while not over.is_set() and bench.alive():
            with bench.held():
                over.wait(0.1 * (1 - share))
            over.wait(0.1 * share)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def release() -> None:
        over.set()
        thread.join()

    bench.cleanup(release)
    return release
