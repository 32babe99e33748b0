"""Checks of an installed service; each docstring states the action and the expectation."""

from __future__ import annotations

import grp
import json
import shutil
import stat
import time
from pathlib import Path
from signal import SIGKILL, SIGSTOP
from typing import Any, Final

from emoedge.files import sha256_of
from faults.installed.service import CAMERA, MICROPHONE, PATIENCE_S, UNIT, Service, run
from faults.surroundings import Skipped, holds, until

EXPOSURE_LIMIT: Final = 20  # tenths
RECORD_S: Final = 10
RELEASE_S: Final = 5.0
DEVICES: Final = (("camera", CAMERA), ("microphone", MICROPHONE))


def starts(service: Service) -> float:
    """The service is restarted.

    systemd is notified of readiness, `status` is online, and devices and models work.
    """
    before = service.pid
    run("systemctl", "restart", UNIT)
    waited_s = service.wait_new(before)
    parts = ["camera", "face"] if service.wants("camera") else []
    parts += ["microphone", "voice"] if service.wants("microphone") else []
    return waited_s + sum(service.wait_working(part) for part in parts)


def closed_enough(_: Service) -> None:
    """The security of the running unit is rated by systemd.

    The exposure is 2.0 or less.
    """
    run("systemd-analyze", "security", f"--threshold={EXPOSURE_LIMIT}", "--no-pager", UNIT)


def memory(service: Service) -> None:
    """The memory controller is queried.

    There is a limit, and the service is below it.
    """
    current, ceiling = service.show("MemoryCurrent"), service.show("MemoryMax")
    if not current.isdecimal():
        raise Skipped("the memory controller is off (docs/install.md)")
    holds(ceiling.isdecimal(), "there is a limit")
    holds(int(current) < int(ceiling), f"{current} bytes are below {ceiling}")


def messages(service: Service) -> float:
    """A client subscribes.

    `emotion`, `health` and, with a camera, `face` keep arriving.
    """
    topics = ["emotion", "health"] + (["face"] if service.wants("camera") else [])
    return max(service.goes_on(topic) for topic in topics)


def privacy(service: Service) -> float:
    """Privacy is switched ON and OFF again.

    ON closes camera and microphone according to the kernel, and `health` reports it; OFF opens them again.
    """
    wanted = [(part, device) for part, device in DEVICES if service.wants(part)]
    if not wanted:
        raise Skipped("no device of this machine is configured")
    for _, device in wanted:
        service.wait_held(device)
    service.command("privacy", "ON")
    try:
        for part, device in wanted:
            service.wait_released(device, RELEASE_S)
            service.wait_state(part, "off")
        time.sleep(RELEASE_S)
        for part, device in wanted:
            holds(not service.holds(device), f"the {part} stays closed")
    finally:
        service.command("privacy", "OFF")
    begun_s = time.monotonic()
    for part, device in wanted:
        service.wait_held(device)
        service.wait_working(part)
    return time.monotonic() - begun_s


def recording(service: Service) -> float:
    """A recording of ten seconds is requested.

    It is finished and reported, only the group emoedge can read it, it has the reported digest, and it plays.
    """
    count = len(service.on("recording"))

    def finished() -> list[dict[str, Any]]:
        told = [json.loads(one.payload) for one in service.on("recording")[count:]]
        return [one for one in told if one["type"] == "finished"]

    service.command("record", str(RECORD_S))
    waited_s = until(finished, "the recording is finished", RECORD_S + PATIENCE_S)
    path = Path(finished()[0]["path"])
    for part in (path, *sorted(path.parent.glob(f"{path.stem}.*"))):
        state = part.stat()
        holds(grp.getgrgid(state.st_gid).gr_name == "emoedge", f"{part} belongs to the group emoedge")
        holds(
            stat.S_IMODE(state.st_mode) == 0o640, f"{part} has mode {stat.S_IMODE(state.st_mode):o}, not 640"
        )
    holds(
        sha256_of(path) == finished()[0]["sha256"],
        "the file has the reported digest",
    )
    if shutil.which("ffprobe") is None:
        return waited_s - RECORD_S
    shown = json.loads(
        run("ffprobe", "-v", "error", "-of", "json", "-show_format", "-show_streams", str(path))
    )
    holds(float(shown["format"]["duration"]) > 0.5 * RECORD_S, f"it lasts {shown['format']['duration']} s")
    return waited_s - RECORD_S


def camera_unplugged(service: Service) -> float:
    """The camera is unbound from its driver and bound again.

    `health` reports failed with the reason, audio continues, and the camera recovers automatically.
    """
    return _unplugged(service, "camera")


def microphone_unplugged(service: Service) -> float:
    """The microphone is unbound from its driver and bound again.

    `health` reports failed with the reason, video continues, and the microphone recovers automatically.
    """
    return _unplugged(service, "microphone")


def _unplugged(service: Service, part: str) -> float:
    device = dict(DEVICES)[part]
    nodes = service.holds(device)
    if not nodes:
        raise Skipped(f"no {part} of this machine is in use")
    with service.unplugged(nodes[0]):
        service.wait_state(part, "failed")
        holds(service.reason(part), "there is a reason")
        holds(service.active(), "the service runs")
    return service.wait_working(part)


def killed(service: Service) -> float:
    """The main process is killed (SIGKILL).

    The last will is published, systemd restarts the service, and it is online.
    """
    offline = len([one for one in service.on("status") if one.payload == b"offline"])
    pid = service.signal(SIGKILL)

    def gone() -> bool:
        return len([one for one in service.on("status") if one.payload == b"offline"]) > offline

    until(gone, "the last will is published", PATIENCE_S)
    return service.wait_new(pid)


def hung(service: Service) -> float:
    """The main process is stopped (SIGSTOP), as if it hung.

    The watchdog ends it and systemd restarts it.
    """
    pid = service.signal(SIGSTOP)
    # A restart resets the result; the journal keeps it.
    waited_s = service.wait_new(pid)
    lines = run("journalctl", "--unit", UNIT, "--since", service.begun, "--output", "cat", "--no-pager")
    holds("Watchdog timeout" in lines, "it was the watchdog that ended it")
    return waited_s


def stopped(service: Service) -> float:
    """The service is stopped while a recording runs, then started again.

    It ends cleanly within the unit's timeout, publishes offline and leaves no partial recording.
    """
    service.command("record", "ON")
    until(lambda: service.last("control/record") == b"ON", "it records", PATIENCE_S)
    begun_s = time.monotonic()
    run("systemctl", "stop", UNIT)
    took_s = time.monotonic() - begun_s
    holds(service.show("Result") == "success", f"it ended with {service.show('Result')}")
    until(lambda: service.status() == "offline", "status says offline")
    partial = [str(path) for path in service.settings.recording.dir.rglob("*.partial*")]
    run("systemctl", "start", UNIT)
    holds(not partial, f"left behind: {partial}")
    service.wait_new(0)
    return took_s


def journal(service: Service) -> None:
    """The service's journal since the first check is read.

    It contains no error and no traceback.
    """
    bad = service.journal("err") + [line for line in service.journal("info") if "Traceback" in line]
    holds(not bad, f"{len(bad)} lines such as: {bad[0] if bad else ''}")


ROWS: Final = (
    *(starts, closed_enough, memory, messages, privacy, recording),
    *(camera_unplugged, microphone_unplugged, killed, hung, stopped, journal),
)
