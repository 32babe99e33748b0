"""Commands from outside, applied to the running parts; what they change is kept over restarts."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, Protocol, cast

from emoedge.clock import Clock
from emoedge.config import RecordingMode, Settings
from emoedge.errors import EmoedgeError
from emoedge.publish.control import Command
from emoedge.publish.messages import Message, MessageBuilder
from emoedge.supervise.overrides import Overrides, OverrideStore

logger = logging.getLogger(__name__)

RETRY_S: Final = 60.0
"""A disk that could not be written is tried again so often."""
NOT_RELEASED: Final = "privacy is on, but a driver still holds its device: unplug it, or restart the machine"


class Controlled(Protocol):
    """What the commands act on."""

    def set_privacy(self, on: bool) -> bool:
        """Release the devices, or open them again; whether that was done."""
        ...

    def set_weights(self, *, face_weight: float | None = None, margin: float | None = None) -> None:
        """Change the rule."""
        ...

    def set_recording_mode(self, mode: RecordingMode) -> None:
        """Change the mode."""
        ...

    def record(self, on: bool, seconds: float | None = None) -> None:
        """Manual recording; raises RecordingError."""
        ...

    def snapshot(self) -> Path:
        """Keep the newest picture; raises RecordingError."""
        ...

    @property
    def recording_by_hand(self) -> bool:
        """State of the control `record`."""
        ...


class Controls:
    """Applies commands, remembers the lasting ones and answers with the state of each control.

    Args:
        settings: as configured.
        device: what is controlled.
        store: where lasting changes are kept.
        overrides: as loaded from the store.
        builder: makes the messages.
        clock: the pipeline's clock.
        publish: where the answers go.
    """

    def __init__(
        self,
        settings: Settings,
        device: Controlled,
        store: OverrideStore,
        overrides: Overrides,
        builder: MessageBuilder,
        clock: Clock,
        publish: Callable[[Message], None],
    ) -> None:
        self._settings = settings
        self._device = device
        self._store = store
        self._builder = builder
        self._clock = clock
        self._publish = publish
        self.overrides = overrides
        self._recording_said = False
        self.fault = ""
        self._tried_s = float("-inf")
        self._keeping = threading.Lock()

    def handle(self, command: Command) -> None:
        """Carry out one accepted command and answer."""
        try:
            self._carry_out(command)
        except EmoedgeError as error:
            self._publish(self._builder.control_error(command.name, command.text, str(error)))
        else:
            self._remember(command)
        for state in self.states():
            self._publish(state)

    def look(self) -> None:
        """Try again, now and then, to keep what the disk refused; publish when a manual recording has ended."""
        if self.fault and self._clock.now_s() - self._tried_s >= RETRY_S:
            self._keep()
        if self._device.recording_by_hand != self._recording_said:
            for state in self.states():
                self._publish(state)

    def states(self) -> Iterable[Message]:
        """The state of every control that has one."""
        now_s = self._clock.now_s()
        settings = self.overrides.apply(self._settings)
        self._recording_said = self._device.recording_by_hand
        values = {
            "privacy": _switch(self.overrides.privacy),
            "record": _switch(self._recording_said),
            "recording_mode": settings.recording.mode,
            "face_weight": f"{settings.fusion.face_weight:g}",
            "margin": f"{settings.fusion.margin:g}",
        }
        return [self._builder.control(name, value, now_s) for name, value in values.items()]

    def _carry_out(self, command: Command) -> None:
        device, value = self._device, command.value
        if command.name == "privacy":
            if not device.set_privacy(bool(value)):
                # The switch stands, and is kept: nothing more is taken from the device. But it is not closed.
                logger.warning("%s", NOT_RELEASED)
                self._publish(self._builder.control_error(command.name, "ON", NOT_RELEASED))
        elif command.name == "record":
            device.record(value is not False, None if isinstance(value, bool) else float(value))
        elif command.name == "recording_mode":
            device.set_recording_mode(cast("RecordingMode", value))
        elif command.name == "face_weight":
            device.set_weights(face_weight=float(value))
        elif command.name == "margin":
            device.set_weights(margin=float(value))
        else:
            device.snapshot()
        logger.info("command %s = %s carried out", command.name, command.text)

    def _remember(self, command: Command) -> None:
        changed = self.overrides.after(command)
        if changed == self.overrides:
            return
        self.overrides = changed
        self._keep()

    def _keep(self) -> None:
        with self._keeping:  # commands come in another thread than look()
            self._save()

    def _save(self) -> None:
        self._tried_s = self._clock.now_s()
        try:
            self._store.save(self.overrides)
        except OSError as error:
            before, self.fault = (
                self.fault,
                f"a setting changed while running will not survive a restart: {error.strerror}",
            )
            if not before:
                logger.warning("%s", self.fault)
        else:
            self.fault = ""


def _switch(on: bool) -> str:
    return "ON" if on else "OFF"
