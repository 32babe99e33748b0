"""A button and a light on pins of the board: privacy by hand, and whether camera or microphone is open.

The button acts on the controls of this process: it needs no broker, and ON no disk.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any, Final

from emoedge.config.settings import GpioSettings
from emoedge.errors import DeviceError
from emoedge.health import Health
from emoedge.translation import tr

logger = logging.getLogger(__name__)

PRESS_S: Final = 0.05
"""Least duration of a press, in seconds: contacts bounce for milliseconds, and cables pick up spikes."""
BLINK_S: Final = 0.5
"""Time for which a blinking light is on, and off, in seconds."""
EXTRA: Final = tr('install it: pip install "emoedge[gpio]"')


class Gpio:
    """The button and the light that are configured.

    Args:
        settings: pins; where there is none, nothing is opened.
        toggle_privacy: called in a thread of the library for each press.
        is_open: whether camera or microphone is open.
        is_watched: whether a picture is watched.
        press_s: least duration of a press, in seconds.
    """

    def __init__(
        self,
        settings: GpioSettings,
        toggle_privacy: Callable[[], None],
        is_open: Callable[[], bool],
        is_watched: Callable[[], bool],
        *,
        press_s: float = PRESS_S,
    ) -> None:
        self._settings = settings
        self._toggle_privacy = toggle_privacy
        self._is_open = is_open
        self._is_watched = is_watched
        self._press_s = press_s
        self._lock = threading.Lock()
        self._button: Any = None
        self._led: Any = None
        self._shown = ""
        self._fault = ""

    def start(self) -> None:
        """Open the pins; a fault is reported in `health`, and everything else goes on."""
        if self._settings.privacy_button is None and self._settings.led is None:
            return
        try:
            self._open()
        except DeviceError as error:
            self._fault = str(error)
            logger.warning("gpio: %s", error)
        self.look()

    def look(self) -> None:
        """Bring the light up to date; call it every second and after each change of privacy."""
        with self._lock:
            if self._led is None:
                return
            shown = "off"
            if self._is_open():
                shown = "blinking" if self._is_watched() else "lit"
            if shown == self._shown:
                return
            self._shown = shown
            if shown == "blinking":
                self._led.blink(BLINK_S, BLINK_S)
            elif shown == "lit":
                self._led.on()
            else:
                self._led.off()

    def stop(self) -> None:
        """Switch the light off and close the pins."""
        with self._lock:
            for device in (self._button, self._led):
                if device is not None:
                    device.close()
            self._button = self._led = None

    def health(self) -> list[Health]:
        """The part `gpio`, where a pin is configured."""
        if self._settings.privacy_button is None and self._settings.led is None:
            return []
        return [Health("gpio", "failed" if self._fault else "ok", self._fault)]

    def _open(self) -> None:
        try:
            import gpiozero
        except ImportError as error:
            raise DeviceError(tr("gpio: gpiozero is not installed"), EXTRA) from error
        button, led = self._settings.privacy_button, self._settings.led
        try:
            if led is not None:
                self._led = gpiozero.LED(led)
            if button is not None:
                self._button = gpiozero.Button(button, pull_up=True, hold_time=self._press_s)
                self._button.when_held = self._pressed
        # Each pin library has errors of its own, for pins, boards and rights.
        except Exception as error:
            self.stop()
            raise DeviceError(
                f"gpio: {type(error).__name__}: {error}",
                tr("check the pin numbers and the extra `gpio`, and run: sudo usermod -aG gpio emoedge"),
            ) from error

    def _pressed(self) -> None:
        try:
            self._toggle_privacy()
        except Exception:
            # The library's thread would end, and the button would be dead until a restart.
            logger.exception("gpio: unexpected error in the privacy button")
        self.look()
