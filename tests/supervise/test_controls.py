"""Commands on the running parts: what is answered, and what is kept."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from emoedge.clock import MediaClock
from emoedge.config import Settings
from emoedge.errors import RecordingError
from emoedge.publish.control import Command
from emoedge.publish.messages import Message, MessageBuilder
from emoedge.supervise.controls import (
    NO_DISK,
    NOT_RELEASED,
    OFF_LIMIT_S,
    RETRY_S,
    SAVE_INTERVAL_S,
    Controls,
)
from emoedge.supervise.overrides import Overrides, OverrideStore
from tests.publish.conftest import PATIENCE_S, until


class Device:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, object]] = []
        self.releases = True
        self.recording_by_hand = False
        self.refuses = ""

    def set_privacy(self, on: bool) -> bool:
        self.calls.append(("privacy", on))
        return self.releases

    def set_weights(self, **weights: float | None) -> None:
        self.calls.append(("weights", weights))

    def set_recording_mode(self, mode: str) -> None:
        self.calls.append(("mode", mode))

    def record(self, on: bool, seconds: float | None = None) -> None:
        if self.refuses:
            raise RecordingError(self.refuses, "wait")
        self.recording_by_hand = on

    def snapshot(self) -> Path:
        return Path("x.jpg")


class BoardClock(MediaClock):
    """Clock of a board; `uptime` is its machine's."""

    def __init__(self) -> None:
        super().__init__(origin=datetime(2026, 11, 30, tzinfo=timezone.utc))
        self.boot = "first"
        self.up_s = 0.0

    def uptime(self) -> tuple[str, float]:
        return self.boot, self.up_s

    def pass_by(self, seconds: float) -> None:
        self.up_s += seconds
        self.advance(self.time_s + seconds)

    def jump(self, seconds: float) -> None:
        self.origin += timedelta(seconds=seconds)


class Bench:
    """Controls around a device."""

    def __init__(self, state: Path) -> None:
        self.device, self.sent, self.running = Device(), list[Message](), list[Controls]()
        self.settings, self.store, self.clock = Settings(device_id="d"), OverrideStore(state), BoardClock()
        self.controls = self.make()

    def make(self) -> Controls:
        builder = MessageBuilder("d", self.clock)
        overrides = self.store.load()
        controls = Controls(
            self.settings,
            self.device,
            self.store,
            overrides,
            builder,
            self.clock,
            self.sent.append,
            self.clock.uptime,
        )
        controls.start()
        self.running.append(controls)
        return controls

    def restart(self) -> Controls:
        """Stop, start again with what is kept, and take a first look."""
        self.controls.stop(PATIENCE_S)
        self.controls = self.make()
        self.sent += self.controls.states()
        self.controls.look()
        return self.controls

    def until_kept(self, seconds: float) -> None:
        """Wait until an end this long after its beginning is in both places."""
        until(lambda: (end := self.saved().privacy_end) is not None and end.seconds == seconds, "kept")

    def on_is_on_disk(self) -> bool:
        """Whether the disk alone says that privacy is ON."""
        path = self.store.path
        return path.exists() and b'"privacy": true' in path.read_bytes()

    def saved(self) -> Overrides:
        """As after a restart."""
        return OverrideStore(self.store.path.parent).load()

    def state(self, name: str) -> str:
        return next(one for one in reversed(self.sent) if one.suffix == f"control/{name}").encode().decode()

    def errors(self) -> list[dict[str, str]]:
        return [json.loads(one.encode()) for one in self.sent if one.suffix == "control/error"]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    one = Bench(tmp_path / "state")
    yield one
    for controls in one.running:
        controls.stop(PATIENCE_S)


class HangingDisk:
    """A store whose disk hangs until it is thawed."""

    def __init__(self, store: OverrideStore, monkeypatch: pytest.MonkeyPatch) -> None:
        self.hung, self.thawed, self.writes = threading.Event(), threading.Event(), 0
        write = store._write

        def hang(overrides: Overrides) -> None:
            self.writes += 1
            self.hung.set()
            assert self.thawed.wait(PATIENCE_S)
            write(overrides)

        monkeypatch.setattr(store, "_write", hang)


def test_privacy_is_carried_out_answered_and_kept(bench):
    bench.controls.handle(Command("privacy", True))
    assert bench.device.calls[-1] == ("privacy", True)
    assert bench.state("privacy") == "ON"
    until(bench.on_is_on_disk, "it is on disk")
    bench.controls.handle(Command("privacy", False))
    until(lambda: bench.state("privacy") == "OFF", "OFF is carried out")
    assert bench.device.calls[-1] == ("privacy", False)
    assert bench.errors() == []
    assert bench.saved() == Overrides()


def test_a_device_that_is_not_released_is_said_and_the_switch_stands(bench, caplog):
    bench.device.releases = False
    bench.controls.handle(Command("privacy", True))
    (error,) = bench.errors()
    assert (error["control"], error["value"], error["reason"]) == ("privacy", "ON", NOT_RELEASED)
    assert NOT_RELEASED in caplog.text
    assert bench.state("privacy") == "ON"
    assert bench.saved().privacy, "it is kept all the same"


def test_what_fails_is_answered_and_not_kept(bench):
    bench.device.refuses = "recording is off"
    bench.controls.handle(Command("record", True))
    assert "recording is off" in bench.errors()[0]["reason"]
    assert bench.errors()[0]["value"] == "ON", "as it was given"
    assert bench.state("record") == "OFF"


def test_on_is_carried_out_and_kept_though_the_disk_hangs(bench, monkeypatch):
    disk = HangingDisk(bench.store, monkeypatch)
    bench.controls.handle(Command("margin", 0.3))
    assert disk.hung.wait(PATIENCE_S)
    bench.controls.handle(Command("privacy", True))
    assert bench.device.calls[-1] == ("privacy", True)
    assert bench.state("privacy") == "ON"
    assert bench.saved().privacy, "in memory, where a new process finds it"
    disk.thawed.set()
    until(
        lambda: bench.store.path.exists() and bench.saved() == Overrides(privacy=True, margin=0.3), "on disk"
    )


def test_off_waits_for_the_disk_and_is_refused_when_it_hangs(bench, monkeypatch):
    bench.controls.handle(Command("privacy", True))
    until(bench.store.path.exists, "ON is on disk")
    disk = HangingDisk(bench.store, monkeypatch)
    bench.controls.handle(Command("privacy", False))
    assert disk.hung.wait(PATIENCE_S)
    bench.controls.look()
    assert bench.errors() == [], "a slow disk gets some time"
    bench.clock.advance(OFF_LIMIT_S)
    bench.controls.look()
    (error,) = bench.errors()
    assert (error["control"], error["value"]) == ("privacy", "OFF")
    assert NO_DISK in error["reason"]
    disk.thawed.set()
    until(lambda: disk.writes >= 2, "ON is written again, over the OFF that was on its way")
    until(bench.on_is_on_disk, "it is on disk")
    assert bench.device.calls == [("privacy", True)]
    assert (bench.state("privacy"), bench.saved().privacy) == ("ON", True)


def test_on_overtakes_an_off_that_waits_for_the_disk(bench, monkeypatch):
    bench.controls.handle(Command("privacy", True))
    until(bench.store.path.exists, "ON is on disk")
    disk = HangingDisk(bench.store, monkeypatch)
    bench.controls.handle(Command("privacy", False))
    assert disk.hung.wait(PATIENCE_S)
    bench.controls.handle(Command("privacy", True))
    disk.thawed.set()
    until(lambda: disk.writes >= 2, "ON is written again")
    until(bench.on_is_on_disk, "it is on disk")
    assert ("privacy", False) not in bench.device.calls
    assert bench.saved().privacy


@pytest.mark.parametrize("place", ["_write", "note_off"])
def test_off_that_cannot_be_kept_in_both_places_is_refused(bench, monkeypatch, place):
    bench.controls.handle(Command("privacy", True))
    until(bench.store.path.exists, "ON is on disk")
    with monkeypatch.context() as patch:
        patch.setattr(bench.store, place, full)
        bench.controls.handle(Command("privacy", False))
        until(bench.errors, "refused")
    assert "No space left" in bench.errors()[0]["reason"]
    assert bench.state("privacy") == "ON"
    bench.controls.stop(PATIENCE_S)
    assert bench.saved().privacy
    assert bench.device.calls == [("privacy", True)]


def test_settings_are_written_once_a_second_at_most_and_the_newest_at_the_end(bench, monkeypatch):
    """30 changes a second were 60 syncs a second."""
    written: list[Overrides] = []
    monkeypatch.setattr(bench.store, "_write", written.append)
    begun_s = time.monotonic()
    for number in range(200):
        bench.controls.handle(Command("margin", number / 1000))
    assert bench.state("margin") == "0.199"
    bench.controls.stop(PATIENCE_S)
    assert written[-1] == Overrides(margin=0.199)
    assert len(written) <= 2 + (time.monotonic() - begun_s) / SAVE_INTERVAL_S


def full(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_a_disk_that_cannot_be_written_is_a_fault_that_goes_away(bench, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(bench.store, "_write", full)
        bench.controls.handle(Command("margin", 0.3))
        until(lambda: "will not survive a restart" in bench.controls.fault, "a fault")
    assert bench.state("margin") == "0.3"
    bench.controls.handle(Command("margin", 0.4))
    until(lambda: bench.controls.fault == "", "it goes away")
    assert bench.saved().margin == 0.4


def test_what_the_disk_refused_is_kept_once_it_can_be(bench, monkeypatch):
    """Privacy switched ON while the disk was full was OFF after the next restart, though the disk was long
    free."""
    tries = []

    def count(overrides: Overrides) -> None:
        tries.append(overrides)
        full()

    with monkeypatch.context() as patch:
        patch.setattr(bench.store, "_write", count)
        bench.controls.handle(Command("privacy", True))
        until(lambda: bench.controls.fault, "a fault")
        bench.clock.advance(RETRY_S)
        bench.controls.look()
        until(lambda: len(tries) == 2, "tried again")
    bench.controls.look()
    assert not bench.store.path.exists(), "not at every turn: a full disk is not to be asked all the time"
    bench.clock.advance(2 * RETRY_S)
    bench.controls.look()
    until(lambda: bench.controls.fault == "", "it goes away")
    assert bench.saved().privacy


def test_privacy_for_a_time_ends_by_itself(bench):
    bench.controls.handle(Command("privacy", 3600.0))
    assert bench.device.calls == [("privacy", True)]
    assert (bench.state("privacy"), bench.state("privacy/until")) == ("ON", "2026-11-30T01:00:00.000Z")
    bench.clock.pass_by(3599)
    bench.controls.look()
    assert bench.device.calls == [("privacy", True)]
    bench.clock.pass_by(1)
    bench.controls.look()
    until(lambda: bench.state("privacy") == "OFF", "OFF")
    assert bench.state("privacy/until") == ""
    assert bench.device.calls == [("privacy", True), ("privacy", False)]
    assert bench.saved() == Overrides()
    assert bench.errors() == []


@pytest.mark.parametrize("jump_s", [86_400, -86_400])
def test_a_jump_of_the_clock_changes_what_is_said_but_not_the_end(bench, jump_s):
    bench.controls.handle(Command("privacy", 600.0))
    bench.until_kept(600)
    bench.clock.jump(jump_s)
    for restarted in (False, True):
        if restarted:
            bench.restart()
        bench.controls.look()
        assert bench.device.calls.count(("privacy", False)) == 0
        day = "12-01" if jump_s > 0 else "11-29"
        assert bench.state("privacy/until") == f"2026-{day}T00:10:00.000Z"
    bench.clock.pass_by(600)
    bench.controls.look()
    until(lambda: bench.state("privacy") == "OFF", "OFF")


def test_time_goes_on_while_the_process_is_away(bench):
    bench.controls.handle(Command("privacy", 600.0))
    bench.until_kept(600)
    bench.controls.stop(PATIENCE_S)
    bench.clock.pass_by(601)
    bench.restart()
    until(lambda: bench.state("privacy") == "OFF", "OFF")
    assert bench.saved() == Overrides()


def test_a_restart_of_the_machine_with_a_clock_that_is_not_believed_ends_nothing_early(bench):
    bench.controls.handle(Command("privacy", 600.0))
    bench.until_kept(600)
    bench.controls.stop(PATIENCE_S)
    bench.clock.boot, bench.clock.up_s = "second", 10.0
    bench.clock.jump(86_400)
    bench.restart()
    assert bench.state("privacy") == "ON"
    bench.clock.pass_by(580)
    bench.controls.look()
    assert ("privacy", False) not in bench.device.calls
    bench.clock.pass_by(11)
    bench.controls.look()
    until(lambda: bench.state("privacy") == "OFF", "OFF")


def test_once_the_clock_is_believed_it_counts_and_the_uptime_from_then_on(bench, monkeypatch):
    monkeypatch.setattr(bench.clock, "synchronized", lambda: True)
    bench.controls.handle(Command("privacy", 600.0))
    bench.until_kept(600)
    bench.controls.stop(PATIENCE_S)
    bench.clock.boot, bench.clock.up_s = "second", 10.0
    bench.clock.jump(400)  # the machine was off for that long
    bench.restart()
    bench.clock.jump(86_400)
    bench.until_kept(200)
    bench.clock.pass_by(199)
    bench.controls.look()
    assert bench.state("privacy") == "ON"
    bench.clock.pass_by(1)
    bench.controls.look()
    until(lambda: bench.state("privacy") == "OFF", "OFF")


@pytest.mark.parametrize("newer", [True, 7200.0])
def test_a_newer_on_takes_the_place_of_the_time(bench, newer):
    bench.controls.handle(Command("privacy", 600.0))
    bench.until_kept(600)
    bench.controls.handle(Command("privacy", newer))
    bench.clock.pass_by(601)
    bench.controls.look()
    bench.restart()
    assert bench.state("privacy") == "ON"
    assert bench.state("privacy/until") == ("" if newer is True else "2026-11-30T02:00:00.000Z")
    assert ("privacy", False) not in bench.device.calls


@pytest.mark.parametrize("first", [True, 600.0])
def test_a_retained_on_for_a_time_changes_no_end(bench, first):
    bench.controls.handle(Command("privacy", first))
    said = bench.state("privacy/until")
    bench.clock.pass_by(100)
    bench.controls.handle(Command("privacy", 300.0, retained=True))
    assert bench.state("privacy/until") == said
    bench.controls.handle(Command("privacy", False))
    until(lambda: bench.state("privacy") == "OFF", "OFF")
    bench.controls.handle(Command("privacy", 300.0, retained=True))
    assert (bench.state("privacy"), bench.state("privacy/until")) == ("ON", "2026-11-30T00:06:40.000Z")


def test_an_end_that_cannot_be_written_is_tried_again(bench, monkeypatch):
    bench.controls.handle(Command("privacy", 600.0))
    bench.until_kept(600)
    bench.clock.pass_by(600)
    with monkeypatch.context() as patch:
        patch.setattr(bench.store, "_write", full)
        bench.controls.look()
        until(bench.errors, "refused")
        bench.controls.look()
        assert len(bench.errors()) == 1, "not at every look"
    assert bench.state("privacy") == "ON"
    bench.clock.pass_by(RETRY_S)
    bench.controls.look()
    until(lambda: bench.state("privacy") == "OFF", "OFF")


def test_what_a_command_has_set_is_cleared_for_what_the_files_say(bench: Bench) -> None:
    bench.controls.handle(Command("margin", 0.4))
    bench.controls.handle(Command("face_weight", 0.9))
    assert bench.controls.overrides.set_by_command == ("face_weight", "margin")
    answers: list[str] = []
    bench.controls.clear(Command("margin", 0.25), answers.append)
    assert answers == [""]
    assert bench.device.calls[-1] == ("weights", {"margin": 0.25})
    assert bench.controls.overrides.set_by_command == ("face_weight",)
    assert (bench.state("margin"), bench.state("face_weight")) == ("0.25", "0.9")
    bench.controls.handle(Command("privacy", True))
    assert (bench.state("margin"), bench.state("face_weight")) == ("0.25", "0.9")
    until(lambda: bench.saved().margin is None and bench.saved().face_weight == 0.9, "kept")
