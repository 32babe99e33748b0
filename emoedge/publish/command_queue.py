"""Takes commands in, has the good ones carried out one after the other, and answers the bad ones."""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import Final

from emoedge.publish.control import Command, Rejection, RejectionLimiter, parse_command
from emoedge.publish.messages import Message, MessageBuilder

logger = logging.getLogger(__name__)

# Commands waiting to be read, and to be carried out; a person sends one at a time.
MAX_COMMANDS: Final = 100

CommandHandler = Callable[[Command], None]


class CommandQueue:
    """Commands have a thread of their own, for they may take their time: devices are opened and closed.

    Args:
        handler: carries out a command; None ignores all.
        builder: makes the answers.
        publish: sends them.
    """

    def __init__(
        self,
        handler: CommandHandler | None,
        builder: MessageBuilder,
        publish: Callable[[Message], None],
    ) -> None:
        self.refused = 0
        self._handler = handler
        self._builder = builder
        self._publish = publish
        self._limiter = RejectionLimiter()
        self._waiting: queue.Queue[Command | None] = queue.Queue(MAX_COMMANDS)
        self._stopping = threading.Event()

    def start(self) -> None:
        """Begin to carry out."""
        if self._handler is not None:
            threading.Thread(target=self._run, args=(self._handler,), name="commands", daemon=True).start()

    def stop(self) -> None:
        """Carry out nothing more; returns at once."""
        self._stopping.set()
        with contextlib.suppress(queue.Full):
            self._waiting.put_nowait(None)

    def take(self, name: str, payload: bytes, *, retained: bool) -> None:
        """One message to `control/<name>/set`; never waits."""
        result = parse_command(name, payload, retained=retained)
        if isinstance(result, Rejection):
            self._refuse(result)
        elif result is not None and self._handler is not None:
            try:
                self._waiting.put_nowait(result)
            except queue.Full:
                self._refuse(Rejection(result.name, result.text, "too many commands at once"))

    def _run(self, handler: CommandHandler) -> None:
        while True:
            command = self._waiting.get()
            if command is None or self._stopping.is_set():
                return
            try:
                handler(command)
            except Exception as error:
                logger.exception("The command %s failed", command.name)
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
