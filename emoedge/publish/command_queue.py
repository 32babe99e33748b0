"""Takes commands in, has the good ones carried out one after the other, and answers the bad ones."""

from __future__ import annotations

import contextlib
import logging
import queue
import time
from collections.abc import Callable
from typing import Final

from emoedge.publish.control import Command, Rejection, RejectionLimiter, parse_command
from emoedge.publish.messages import Message, MessageBuilder
from emoedge.publish.sinks import CommandHandler
from emoedge.worker_thread import WorkerThread

logger = logging.getLogger(__name__)

# Commands waiting to be read, and to be carried out; a person sends one at a time.
MAX_COMMANDS: Final = 100
HUNG_AFTER_S: Final = 60.0
"""Releasing a device takes seconds."""


class CommandQueue:
    """Commands have a thread of their own, for they may take their time: devices are opened and closed.

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
        self.handler: CommandHandler | None = None
        """Carries out a command; None ignores all."""
        self._builder = builder
        self._publish = publish
        self._limiter = RejectionLimiter()
        self._waiting: queue.Queue[Command | None] = queue.Queue(MAX_COMMANDS)
        self.thread = WorkerThread("commands", self._run, limit_s=HUNG_AFTER_S, wake=self._wake)

    def start(self) -> None:
        """Begin to carry out."""
        if self.handler is not None:
            self.thread.start()

    def stop(self) -> None:
        """Carry out nothing more; returns at once."""
        self.thread.request_stop()

    def take(self, name: str, payload: bytes, *, retained: bool) -> None:
        """One message to `control/<name>/set`; never waits."""
        result = parse_command(name, payload, retained=retained)
        if isinstance(result, Rejection):
            self._refuse(result)
        elif result is not None and self.handler is not None:
            try:
                self._waiting.put_nowait(result)
            except queue.Full:
                self._refuse(Rejection(result.name, result.text, "too many commands at once"))

    def _wake(self) -> None:
        with contextlib.suppress(queue.Full):
            self._waiting.put_nowait(None)

    def _run(self) -> None:
        while True:
            self.thread.rest()
            command = self._waiting.get()
            if command is None or self.thread.stopping.is_set():
                return
            assert self.handler is not None  # `take` queues nothing without one
            self.thread.beat()
            try:
                self.handler(command)
            except Exception as error:
                logger.exception("unexpected error in the command %s", command.name)
                reason = f"failed: {type(error).__name__}: {error}"
                self._publish(self._builder.control_error(command.name, command.text, reason))

    def _refuse(self, rejection: Rejection) -> None:
        self.refused += 1
        suppressed = self._limiter.admit(time.monotonic())
        if suppressed is None:
            return
        # Name and value are quoted already; %r would escape them once more.
        logger.warning('Refused command %s = "%s": %s', rejection.name, rejection.value, rejection.reason)
        self._publish(
            self._builder.control_error(rejection.name, rejection.value, rejection.reason, suppressed)
        )
