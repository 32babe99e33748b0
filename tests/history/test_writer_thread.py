"""The thread that writes the history: nobody waits for its disk."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from emoedge.config import HistorySettings
from emoedge.history import read
from emoedge.history.database import FILE_NAME, HistoryFile
from emoedge.history.recorder import HistoryRecorder
from emoedge.history.rows import Changes
from emoedge.history.writer_thread import KEPT_S, MAX_WAITING, HistoryWriter
from tests.history.helpers import NOON, SetClock
from tests.history.test_database import minute, moment, settings

from .test_recorder import PATIENCE_S, live, make, stop, told, until


class StuckFile(HistoryFile):
    """A disk that hangs until it is let go."""

    def __init__(self, state: Path) -> None:
        super().__init__(state)
        self.entered = threading.Event()
        self.released = threading.Event()

    def write(self, changes: Iterable[Changes]) -> None:
        self.entered.set()
        assert self.released.wait(PATIENCE_S)
        super().write(changes)


def test_nobody_waits_for_a_disk_that_hangs_and_an_hour_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emoedge.history.writer_thread.HistoryFile", StuckFile)
    now = [1000.0]
    writer = HistoryWriter(HistorySettings(), tmp_path / "state", None, lambda: None, lambda: now[0])
    file = writer._file
    assert isinstance(file, StuckFile)
    writer.thread.start()
    writer.put(Changes((minute(NOON),)))
    assert file.entered.wait(PATIENCE_S)
    for at in range(1, 71):
        now[0] += 60
        writer.put(Changes((minute(NOON + at * 60_000),)))
    assert writer.health().figures["waiting"] == KEPT_S / 60 + 1
    assert writer.health().figures["lost"] == 10
    file.released.set()
    until(lambda: writer.health().figures["waiting"] == 0)
    assert writer.thread.stop(PATIENCE_S)
    history = read(settings(tmp_path), moment(NOON), moment(NOON + 71 * 60_000), now=moment(NOON * 2))
    assert history.totals.seconds["happiness"] >= 61 * 60


def test_episodes_that_wait_are_bounded(tmp_path: Path) -> None:
    writer = HistoryWriter(HistorySettings(), tmp_path / "state", None, lambda: None)
    for _ in range(MAX_WAITING + 50):
        writer.put(Changes())
    assert len(writer._waiting) == MAX_WAITING


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    state = tmp_path / "state"
    state.mkdir()
    mount = shutil.which("mount")
    if os.geteuid() != 0 or mount is None:
        pytest.skip("mounting needs root")
    command = [mount, "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(state)]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("nothing can be mounted here")
    yield state
    subprocess.run(["umount", "-l", str(state)], check=False)


def test_a_full_disk_costs_nothing_once_it_is_freed(
    small_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emoedge.history.writer_thread.RETRY_S", 0.05)
    clock = SetClock()
    recorder = make(tmp_path, clock)
    recorder.start()
    live(recorder, clock, 70)
    until(lambda: told(tmp_path, clock).totals.seconds["happiness"] > 0)
    ballast = small_disk / "ballast"
    with pytest.raises(OSError, match="space"):
        ballast.write_bytes(bytes(1_000_000))
    live(recorder, clock, 600)
    until(lambda: recorder.health().state == "degraded" or _is_written(recorder))
    health = recorder.health()
    if health.state == "degraded":
        assert "full" in health.reason
    ballast.unlink()
    until(lambda: _is_written(recorder))
    stop(recorder)
    assert told(tmp_path, clock).totals.seconds["happiness"] == pytest.approx(670, abs=1)


def _is_written(recorder: HistoryRecorder) -> bool:
    health = recorder.health()
    return health.state == "ok" and health.figures["waiting"] == 0


def test_damage_is_told_in_health_and_the_history_goes_on(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / FILE_NAME).write_bytes(b"damaged" * 1000)
    clock = SetClock()
    recorder = make(tmp_path, clock)
    recorder.start()
    live(recorder, clock, 70)
    until(lambda: recorder.health().state == "degraded")
    assert ".damaged" in recorder.health().reason
    stop(recorder)
    assert told(tmp_path, clock).totals.seconds["happiness"] == pytest.approx(70, abs=1)
