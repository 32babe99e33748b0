"""The privacy button and the light, on the mock pins of gpiozero."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from pydantic import ValidationError

from emoedge.config import Settings
from emoedge.config.settings import GpioSettings
from emoedge.publish.sinks import NoSink
from emoedge.supervise.assembly import assemble
from emoedge.supervise.daemon import Daemon
from emoedge.supervise.gpio import Gpio
from faults.surroundings import until

gpiozero = pytest.importorskip("gpiozero", reason="the extra gpio is not installed")

BUTTON, LED = 17, 27
PINS = GpioSettings(privacy_button=BUTTON, led=LED)


@pytest.fixture
def pins() -> Iterator[gpiozero.Factory]:  # type: ignore[name-defined]
    from gpiozero.pins.mock import MockFactory

    before = gpiozero.Device.pin_factory
    gpiozero.Device.pin_factory = factory = MockFactory()
    yield factory
    factory.reset()
    gpiozero.Device.pin_factory = before


class Switch:
    """What the button acts on: privacy, and with it the devices."""

    def __init__(self) -> None:
        self.presses = 0
        self.is_open = self.is_watched = False

    def toggle(self) -> None:
        self.presses += 1
        self.is_open = not self.is_open


@pytest.fixture
def switch() -> Switch:
    return Switch()


def make(switch: Switch, settings: GpioSettings = PINS, **options) -> Gpio:
    return Gpio(settings, switch.toggle, lambda: switch.is_open, lambda: switch.is_watched, **options)


def _was_pressed(switch: Switch, times: int) -> bool:
    return switch.presses == times


def test_a_press_switches_once_until_the_button_is_released(pins, switch):
    gpio, button = make(switch), pins.pin(BUTTON)
    gpio.start()
    for presses in (1, 2):
        button.drive_low()
        until(partial(_was_pressed, switch, presses), "pressed")
        button.drive_high()
    gpio.stop()
    assert switch.presses == 2


def test_a_spike_is_not_a_press(pins, switch):
    gpio, button = make(switch, press_s=1000.0), pins.pin(BUTTON)
    gpio.start()
    for _ in range(20):
        button.drive_low()
        button.drive_high()
    gpio.stop()
    assert switch.presses == 0


def test_the_light_is_lit_while_a_device_is_open_and_blinks_while_somebody_watches(pins, switch):
    gpio, led = make(switch), pins.pin(LED)
    gpio.start()
    assert not led.state
    switch.is_open = True
    gpio.look()
    assert led.state
    switch.is_watched = True
    gpio.look()
    until(lambda: not led.state, "dark")
    until(lambda: led.state, "lit")
    switch.is_watched = False
    gpio.look()
    assert led.state
    switch.is_open = False
    gpio.look()
    assert not led.state
    switch.is_open = True
    gpio.look()
    gpio.stop()
    assert not led.state or led.function == "input", "dark after the end"


def test_the_light_follows_the_button_at_once(pins, switch):
    switch.is_open = True
    gpio, button, led = make(switch), pins.pin(BUTTON), pins.pin(LED)
    gpio.start()
    assert led.state
    button.drive_low()
    until(lambda: not led.state, "dark")
    gpio.stop()


@pytest.mark.parametrize("settings", [GpioSettings(led=LED), GpioSettings(privacy_button=BUTTON)])
def test_one_of_the_two_is_enough(pins, switch, settings):
    gpio = make(switch, settings)
    gpio.start()
    gpio.look()
    assert [part.state for part in gpio.health()] == ["ok"]
    gpio.stop()


def test_nothing_is_opened_where_nothing_is_configured(switch):
    gpio = make(switch, GpioSettings())
    gpio.start()
    gpio.look()
    assert gpio.health() == []
    gpio.stop()


def test_a_pin_that_is_not_there_is_reported_and_stops_nothing(pins, switch):
    gpio = make(switch, GpioSettings(led=999))
    gpio.start()
    (part,) = gpio.health()
    assert (part.name, part.state) == ("gpio", "failed")
    assert "999" in part.reason
    assert "usermod" in part.reason
    gpio.look()
    gpio.stop()


def test_two_uses_of_one_pin_are_an_error():
    with pytest.raises(ValidationError, match="two pins"):
        GpioSettings(privacy_button=5, led=5)


@pytest.mark.parametrize("disk_works", [True, False], ids=["disk", "no disk"])
def test_the_button_switches_privacy_without_broker_and_disk(pins, tmp_path: Path, disk_works):
    card = tmp_path / "card"
    (tmp_path / "real").mkdir()
    card.symlink_to(tmp_path / "real")
    settings = Settings.model_validate(
        {
            "camera": {"source": "none"},
            "microphone": {"source": "none"},
            "mqtt": {"enabled": False},
            "recording": {"mode": "off", "dir": str(tmp_path / "recordings")},
            "paths": {"state": str(card / "state"), "socket": str(tmp_path / "s.sock")},
            "gpio": {"privacy_button": BUTTON, "led": LED},
        }
    )
    parts = assemble(settings, lambda *_: NoSink())
    daemon, button = Daemon(parts), pins.pin(BUTTON)
    daemon.start()
    try:
        was_private = parts.controls.overrides.privacy
        assert not was_private
        if not disk_works:
            (tmp_path / "nothing").symlink_to("/dev/null")
            (tmp_path / "nothing").replace(card)
        button.drive_low()
        until(lambda: parts.controls.overrides.privacy, "private")
        button.drive_high()
        assert [part.state for part in daemon.parts.gpio.health()] == ["ok"]
        if disk_works:
            button.drive_low()
            until(lambda: not parts.controls.overrides.privacy, "open again")
    finally:
        daemon.stop()
