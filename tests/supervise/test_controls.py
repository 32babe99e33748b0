"""Commands on the running parts: what is answered, and what is kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from emoedge.clock import MediaClock
from emoedge.config import Settings
from emoedge.errors import RecordingError
from emoedge.publish.control import Command
from emoedge.publish.messages import Message, MessageBuilder
from emoedge.supervise.controls import NOT_RELEASED, Controls
from emoedge.supervise.overrides import OverrideStore


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


class Bench:
    """Controls around a device."""

    def __init__(self, state: Path) -> None:
        self.device, self.sent = Device(), list[Message]()
        self.settings, self.store, self.clock = Settings(device_id="d"), OverrideStore(state), MediaClock()
        self.controls = self.make()

    def make(self) -> Controls:
        builder = MessageBuilder("d", self.clock)
        overrides = self.store.load()
        return Controls(
            self.settings, self.device, self.store, overrides, builder, self.clock, self.sent.append
        )

    def state(self, name: str) -> str:
        return next(one for one in reversed(self.sent) if one.suffix == f"control/{name}").encode().decode()

    def errors(self) -> list[dict[str, str]]:
        return [json.loads(one.encode()) for one in self.sent if one.suffix == "control/error"]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "state")


@pytest.mark.parametrize("on", [True, False])
def test_privacy_is_carried_out_answered_and_kept(bench, on):
    bench.controls.handle(Command("privacy", True))
    bench.controls.handle(Command("privacy", on))
    assert bench.device.calls[-1] == ("privacy", on)
    assert bench.state("privacy") == ("ON" if on else "OFF")
    assert bench.errors() == []
    assert bench.make().overrides.privacy is on


def test_a_device_that_is_not_released_is_said_and_the_switch_stands(bench, caplog):
    bench.device.releases = False
    bench.controls.handle(Command("privacy", True))
    (error,) = bench.errors()
    assert (error["control"], error["value"], error["reason"]) == ("privacy", "ON", NOT_RELEASED)
    assert NOT_RELEASED in caplog.text
    assert bench.state("privacy") == "ON"
    assert bench.make().overrides.privacy, "it is kept all the same"


def test_what_fails_is_answered_and_not_kept(bench):
    bench.device.refuses = "recording is off"
    bench.controls.handle(Command("record", True))
    assert "recording is off" in bench.errors()[0]["reason"]
    assert bench.errors()[0]["value"] == "ON", "as it was given"
    assert bench.state("record") == "OFF"


def test_a_disk_that_cannot_be_written_is_a_fault_that_goes_away(bench, monkeypatch):
    def full(_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(bench.store, "save", full)
        bench.controls.handle(Command("margin", 0.3))
    assert "will not survive a restart" in bench.controls.fault
    assert bench.state("margin") == "0.3"
    bench.controls.handle(Command("margin", 0.4))
    assert bench.controls.fault == ""
    assert bench.make().overrides.margin == 0.4


def test_what_the_disk_refused_is_kept_once_it_can_be(bench, monkeypatch):
    """Privacy switched ON while the disk was full was OFF after the next restart, though the disk was long free."""

    def full(_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(bench.store, "save", full)
        bench.controls.handle(Command("privacy", True))
        bench.clock.advance(60.0)
        bench.controls.look()
        assert bench.controls.fault
    bench.controls.look()
    assert bench.controls.fault, "not at every turn: a full disk is not to be asked all the time"
    bench.clock.advance(120.0)
    bench.controls.look()
    assert bench.controls.fault == ""
    assert bench.make().overrides.privacy
