"""Commands from outside, applied to the running parts; what they change is kept over restarts.

Only the thread `settings` touches the disk, which may hang. Privacy ON is carried out and published without
it; OFF is carried out once it is on disk.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, cast

from emoedge.clock import Clock, rfc3339, uptime
from emoedge.config import RecordingMode, Settings
from emoedge.errors import EmoedgeError
from emoedge.publish.control import Command
from emoedge.publish.messages import Message, MessageBuilder
from emoedge.supervise.controlled import Controlled
from emoedge.supervise.overrides import Overrides, OverrideStore
from emoedge.supervise.privacy_end import Moment, PrivacyEnd
from emoedge.translation import tr
from emoedge.worker_thread import WorkerThread

logger = logging.getLogger(__name__)

RETRY_S: Final = 60.0
"""Time between two attempts to write to a disk that could not be written."""
SAVE_INTERVAL_S: Final = 1.0
"""Least time between two writes of settings; privacy is written at once."""
OFF_LIMIT_S: Final = 5.0
"""OFF is refused when it is not on disk by then."""
SLOW_S: Final = 10.0
"""A disk that takes longer for a small file is reported in `health`."""
HUNG_AFTER_S: Final = 120.0
"""A disk that takes longer does not come back: a new process may find another one mounted."""
MOVED_S: Final = 2.0
"""The wall clock's time of the end of privacy is published again when it has moved by more."""
NO_DISK: Final = tr("the folder paths.state does not answer: check its disk")
NOT_RELEASED: Final = tr(
    "privacy is on, but a driver still holds its device: unplug it, or restart the machine"
)

Answer = Callable[[str], None]
"""Takes why a command was refused, or an empty string when it is carried out; called once."""


def _nobody(_refusal: str) -> None:
    """Ignore the answer."""


@dataclass(frozen=True, slots=True)
class _Off:
    """Privacy OFF on its way to the disk."""

    command: Command
    since_s: float
    answer: Answer = _nobody


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
        uptime: the machine's, see `emoedge.clock.uptime`.
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
        uptime: Callable[[], tuple[str, float]] = uptime,
    ) -> None:
        self._uptime = uptime
        self._settings = settings
        self._device = device
        self._store = store
        self._builder = builder
        self._clock = clock
        self._publish = publish
        self.overrides = overrides
        self._recording_said = False
        self._end_said: datetime | None = None
        self._ended_s = float("-inf")  # last attempt to end privacy whose time is over
        self._disk_fault = ""
        self._tried_s = float("-inf")
        self._off: _Off | None = None
        self._unsaved: Literal["", "soon", "at once"] = "at once" if overrides.privacy else ""
        self._changed = threading.Condition()
        self._switching = threading.Lock()  # held while devices are released or opened
        self.thread = WorkerThread("settings", self._save_all, limit_s=HUNG_AFTER_S, wake=self._wake)

    def start(self) -> None:
        """Begin to save."""
        self.thread.start()

    def stop(self, timeout_s: float) -> bool:
        """Save what has changed and end; return whether that was done in time."""
        return self.thread.stop(timeout_s)

    def handle(self, command: Command, answer: Answer = _nobody) -> None:
        """Carry out one accepted command and answer; callable from several threads.

        Args:
            command: what to do.
            answer: told in addition to what is published; for privacy OFF only once it is on disk.
        """
        if command.name == "privacy":
            self._switch(command, answer)
            return
        refusal = ""
        try:
            self._carry_out(command)
        except EmoedgeError as error:
            refusal = str(error)
            self._publish(self._builder.control_error(command.name, command.text, refusal))
        else:
            logger.info("command %s = %s carried out", command.name, command.text)
            self._remember(command)
        self._publish_states()
        answer(refusal)

    def clear(self, command: Command, answer: Answer = _nobody) -> None:
        """Forget what commands have set, and have the value of the configuration count at once.

        Args:
            command: one of `LASTING`, with the value that the files have for it.
            answer: told once it is done, or why it was refused.
        """

        def forget(refusal: str) -> None:
            if not refusal:
                with self._changed:
                    self._settings = self.overrides.apply(self._settings)
                    self.overrides = self.overrides.without(command.name)
                self._request("soon")
            answer(refusal)

        self.handle(command, forget)

    def look(self) -> None:
        """Retry what the disk refused, refuse an OFF that it did not take, publish ended recordings."""
        now_s = self._clock.now_s()
        off = self._off
        if off is not None and now_s - off.since_s >= OFF_LIMIT_S and self._withdraw(off):
            self._refuse_off(off, NO_DISK)
        if self._disk_fault and now_s - self._tried_s >= RETRY_S:
            self._request("soon")
        self._look_at_end(now_s)
        if self._device.recording_by_hand != self._recording_said:
            self._publish_states()

    @property
    def fault(self) -> str:
        """Fault of the saved settings, or an empty string."""
        if self.thread.died:
            return self.thread.fault
        return NO_DISK if self.thread.busy_s > SLOW_S else self._disk_fault

    def states(self) -> Iterable[Message]:
        """The state of every control that has one."""
        now_s = self._clock.now_s()
        settings = self.overrides.apply(self._settings)
        self._recording_said = self._device.recording_by_hand
        self._end_said = end = self._end()
        values = {
            "privacy": _on_or_off(self.overrides.privacy),
            "privacy/until": "" if end is None else rfc3339(end),
            "record": _on_or_off(self._recording_said),
            "recording_mode": settings.recording.mode,
            "face_weight": f"{settings.fusion.face_weight:g}",
            "margin": f"{settings.fusion.margin:g}",
        }
        return [self._builder.control(name, value, now_s) for name, value in values.items()]

    def _publish_states(self) -> None:
        for state in self.states():
            self._publish(state)

    def _carry_out(self, command: Command) -> None:
        device, value = self._device, command.value
        if command.name == "record":
            device.record(value is not False, None if isinstance(value, bool) else float(value))
        elif command.name == "recording_mode":
            device.set_recording_mode(cast("RecordingMode", value))
        elif command.name == "face_weight":
            device.set_weights(face_weight=float(value))
        elif command.name == "margin":
            device.set_weights(margin=float(value))
        else:
            device.snapshot()

    def _switch(self, command: Command, answer: Answer) -> None:
        if command.value is False:
            with self._switching:
                self._ask_for_off(command, answer)
            return
        released = True
        is_timed = not isinstance(command.value, bool)
        if command.retained and is_timed and self.overrides.privacy and self._off is None:
            # It arrives with every connection, and would add an end to a state without one.
            logger.info("privacy is already ON: the retained %s has no effect", command.text)
        else:
            released = self._switch_on(command)
            logger.info("command %s = %s carried out", command.name, command.text)
        self._publish_states()
        answer("" if released else NOT_RELEASED)

    def _switch_on(self, command: Command) -> bool:
        """Release the devices, then note it in memory; the disk comes last, in its own thread."""
        with self._switching:
            self._replace_off(None)
            self._ended_s = float("-inf")
            released = self._device.set_privacy(True)
            try:
                self._store.note_privacy()
            except OSError as error:
                logger.warning("cannot record that privacy is ON: %s", error)
            self._remember(command)
        if not released:
            # Privacy is on and saved: nothing more is captured from the device, but it is not closed.
            logger.warning("%s", NOT_RELEASED)
            self._publish(self._builder.control_error(command.name, "ON", NOT_RELEASED))
        return released

    # ---- the end of privacy that was switched on for a time ----

    def _moment(self) -> Moment:
        boot, uptime_s = self._uptime()
        wall = self._clock.wall(self._clock.now_s())
        return Moment(boot, uptime_s, wall.timestamp(), self._clock.synchronized())

    def _end(self) -> datetime | None:
        """Return the end by the wall clock as it is set at present."""
        end = self.overrides.privacy_end
        if end is None:
            return None
        return self._clock.wall(self._clock.now_s()) + timedelta(seconds=end.left_s(self._moment()))

    def _look_at_end(self, now_s: float) -> None:
        """Switch privacy off when its time is over; keep the published end true."""
        with self._switching:
            kept = self.overrides.privacy_end
            if kept is None or self._off is not None or now_s - self._ended_s < RETRY_S:
                return
            now = self._moment()
            if kept.left_s(now) <= 0:
                logger.info("privacy ends: its time has expired")
                self._ended_s = now_s
                self._ask_for_off(Command("privacy", False))
                return
            if not kept.is_of(now) and kept.synced and now.synced:
                # From here on the uptime is used, which does not change with the clock.
                kept = PrivacyEnd.after(kept.left_s(now), now)
                with self._changed:
                    self.overrides = self.overrides.model_copy(update={"privacy_end": kept})
                self._request("soon")
        end, said = self._end(), self._end_said
        if end is None or said is None or abs(end - said) > timedelta(seconds=MOVED_S):
            self._publish_states()

    def _ask_for_off(self, command: Command, answer: Answer = _nobody) -> None:
        with self._changed:
            self._replace_off(_Off(command, self._clock.now_s(), answer))
        self._request("at once")

    def _replace_off(self, off: _Off | None) -> None:
        before, self._off = self._off, off
        if before is not None:
            before.answer(tr("a newer privacy command has arrived"))

    def _withdraw(self, off: _Off) -> bool:
        """Forget an OFF; return whether it still stood."""
        with self._switching:
            stood, self._off = self._off is off, None if self._off is off else self._off
        return stood

    def _refuse_off(self, off: _Off, reason: str) -> None:
        refusal = tr("privacy stays ON: {reason}", reason=reason)
        logger.warning("%s", refusal)
        self._publish(self._builder.control_error(off.command.name, off.command.text, refusal))
        self._publish_states()
        off.answer(refusal)

    def _remember(self, command: Command) -> None:
        is_timed = command.name == "privacy" and not isinstance(command.value, bool)
        end = PrivacyEnd.after(float(command.value), self._moment()) if is_timed else None
        with self._changed:
            changed = self.overrides.after(command, end)
            if changed == self.overrides:
                return
            self.overrides = changed
        self._request("at once" if command.name == "privacy" else "soon")

    # ---- the thread that writes ----

    def _request(self, when: Literal["soon", "at once"]) -> None:
        with self._changed:
            if self._unsaved != "at once":
                self._unsaved = when
            self._changed.notify()

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify()

    def _save_all(self) -> None:
        saved_s = float("-inf")
        while True:
            self.thread.rest()
            with self._changed:
                while not self._is_due(saved_s) and not self.thread.stopping.is_set():
                    left_s = saved_s + SAVE_INTERVAL_S - time.monotonic()
                    self._changed.wait(max(0.0, left_s) if self._unsaved else None)
                if not self._unsaved:
                    return  # asked to stop, and all is saved
                self._unsaved, off = "", self._off
                wanted = self.overrides if off is None else self.overrides.after(off.command)
            self.thread.beat()
            saved_s = time.monotonic()
            self._save(wanted, off)

    def _is_due(self, saved_s: float) -> bool:
        return self._unsaved == "at once" or (
            bool(self._unsaved) and time.monotonic() - saved_s >= SAVE_INTERVAL_S
        )

    def _save(self, wanted: Overrides, off: _Off | None) -> None:
        self._tried_s = self._clock.now_s()
        before = self._disk_fault
        try:
            self._store.save(wanted)
        except OSError as error:
            self._disk_fault = tr(
                "a setting changed while running will not survive a restart: {strerror}",
                strerror=error.strerror,
            )
            if not before:
                logger.warning("%s", self._disk_fault)
            if off is not None and self._withdraw(off):
                self._refuse_off(off, tr("it cannot be written: {strerror}", strerror=error.strerror))
        else:
            self._disk_fault = ""
            if off is not None:
                self._switch_off(off)
            elif wanted.privacy_end is not None:
                self._note_end(wanted.privacy_end)

    def _note_end(self, end: PrivacyEnd) -> None:
        """Have the end count at the next start, now that it is on disk."""
        with self._switching:
            if self.overrides.privacy_end != end:
                return
            try:
                self._store.note_end()
            except OSError as error:
                logger.warning("cannot record the end of privacy: %s", error)

    def _switch_off(self, off: _Off) -> None:
        """Let the devices be opened, now that OFF is on disk."""
        with self._switching:
            if self._off is not off:  # ON has come meanwhile: the disk must say so again
                self._request("at once")
                return
            self._off = None
            try:
                self._store.note_off()
            except OSError as error:
                failure = error.strerror
                self._request("at once")
            else:
                failure = None
                with self._changed:
                    self.overrides = self.overrides.after(off.command)
                self._device.set_privacy(False)
        if failure is not None:
            self._refuse_off(off, tr("it cannot be recorded: {failure}", failure=failure))
            return
        logger.info("command %s = %s carried out", off.command.name, off.command.text)
        self._publish_states()
        off.answer("")


def _on_or_off(on: bool) -> str:
    return "ON" if on else "OFF"
