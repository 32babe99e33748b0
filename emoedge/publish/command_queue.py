"""Accepted commands on their way to where they are carried out, refused ones on their way to the answer.

Privacy has its own lane and its own thread: it never waits for another command, and no queue is too full for
it. Of the other controls the newest value waits, so that a flood of values costs nothing but the values in
between.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from emoedge.publish.control import MAX_VALUE_BYTES, Command, Refusals, Rejection, parse_command
from emoedge.publish.messages import Message, MessageBuilder
from emoedge.publish.sinks import CommandHandler
from emoedge.translation import tr
from emoedge.worker_thread import WorkerThread

logger = logging.getLogger(__name__)

_OVERSIZED: Final = b"too large to be waited for".ljust(MAX_VALUE_BYTES + 1)
"""In place of a value that was not received; refused as others that are too long."""
MAX_SNAPSHOTS: Final = 10
"""Snapshots that wait: each press is a picture, so that none replaces another."""
HUNG_AFTER_S: Final = 60.0
"""Releasing a device takes seconds."""


class CommandQueue:
    """Takes messages to `control/<name>/set`; devices are opened and closed in threads of its own.

    Args:
        builder: makes the answers.
        publish: sends them.
    """

    def __init__(
        self,
        builder: MessageBuilder,
        publish: Callable[[Message], None],
    ) -> None:
        self.refused = 0
        """Commands refused since the start."""
        self.handler: CommandHandler | None = None
        """Carries out a command, called from two threads; None ignores all."""
        self._builder = builder
        self._publish = publish
        self._privacy = _Lane("privacy", self._carry_out, self._answer)
        self._others = _Lane("commands", self._carry_out, self._answer)
        self.threads = (self._privacy.thread, self._others.thread)

    def start(self) -> None:
        """Begin to carry out."""
        for thread in self.threads:
            thread.start()

    def stop(self) -> None:
        """Carry out nothing more; returns at once."""
        for thread in self.threads:
            thread.request_stop()

    def take(self, name: str, payload: bytes, *, retained: bool) -> None:
        """Take one message to `control/<name>/set`; never waits for what a command does."""
        result = parse_command(name, payload, retained=retained)
        if isinstance(result, Rejection):
            self._refuse(result)
        elif result is not None and self.handler is not None:
            lane = self._privacy if result.name == "privacy" else self._others
            if not lane.put(result):
                self._refuse(Rejection(result.name, result.text, tr("too many commands at once")))

    def take_oversized(self, name: str, *, was_received: bool) -> None:
        """Take the news of a message that is much too large.

        Where not even its beginning comes, no command arrives on its topic for a while: privacy is ON then.

        Args:
            name: as for `take`.
            was_received: whether its beginning comes by `take` as well.
        """
        if not was_received:
            self.take(name, b"ON" if name == "privacy" else _OVERSIZED, retained=False)

    def _refuse(self, rejection: Rejection) -> None:
        self.refused += 1
        self._others.refuse(rejection)

    def _carry_out(self, command: Command) -> None:
        assert self.handler is not None  # `take` queues nothing without one
        try:
            self.handler(command)
        except Exception as error:
            logger.exception("unexpected error in the command %s", command.name)
            reason = tr("failed: {name}: {error}", name=type(error).__name__, error=error)
            self._publish(self._builder.control_error(command.name, command.text, reason))

    def _answer(self, rejection: Rejection, suppressed: int) -> None:
        # Name and value are quoted already; %r would escape them once more.
        logger.warning('refused command %s = "%s": %s', rejection.name, rejection.value, rejection.reason)
        self._publish(
            self._builder.control_error(rejection.name, rejection.value, rejection.reason, suppressed)
        )


class _Lane:
    """Queue of one thread: the newest command of each control, and refusals to be answered."""

    def __init__(
        self,
        name: str,
        carry_out: Callable[[Command], None],
        answer: Callable[[Rejection, int], None],
    ) -> None:
        self.thread = WorkerThread(name, self._run, limit_s=HUNG_AFTER_S, wake=self._wake)
        self._carry_out = carry_out
        self._answer = answer
        self._changed = threading.Condition()
        self._waiting: list[Command] = []
        self._refusals = Refusals()

    def put(self, command: Command) -> bool:
        """Add a command in place of an older one of its control; return whether there was room."""
        with self._changed:
            same = [one for one in self._waiting if one.name == command.name]
            if command.name == "snapshot":
                if len(same) >= MAX_SNAPSHOTS:
                    return False
            else:
                self._waiting = [one for one in self._waiting if one.name != command.name]
            self._waiting.append(command)
            self._changed.notify()
        return True

    def refuse(self, rejection: Rejection) -> None:
        """Add a refusal."""
        with self._changed:
            self._refusals.add(rejection)
            self._changed.notify()

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify()

    def _run(self) -> None:
        while not self.thread.stopping.is_set():
            self.thread.rest()
            with self._changed:
                now_s = time.monotonic()
                if not self._waiting and not self.thread.stopping.is_set():
                    self._changed.wait(self._refusals.due_in_s(now_s))
                command = self._waiting.pop(0) if self._waiting else None
                refusals = self._refusals.due(time.monotonic())
            self.thread.beat()
            for refusal in refusals:
                self._answer(*refusal)
            if command is not None and not self.thread.stopping.is_set():
                self._carry_out(command)
