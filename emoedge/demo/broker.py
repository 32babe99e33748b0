"""Built-in MQTT broker for `emoedge demo` where none answers: amqtt, loopback only.

It speaks MQTT 3.1.1 alone and lets everybody in: not for a device that stays.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import TYPE_CHECKING, Any, Final

from emoedge.errors import BrokerError
from emoedge.translation import tr
from emoedge.worker_thread import WorkerThread

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from typing_extensions import Self

logger = logging.getLogger(__name__)

LOOPBACK: Final = "127.0.0.1"
START_TIMEOUT_S: Final = 15.0
STOP_TIMEOUT_S: Final = 5.0
REMEDY: Final = tr("install emoedge again, or run a broker such as mosquitto")


class EmbeddedBroker:
    """A broker in a thread of its own; use as a context manager or call start() and stop().

    Args:
        port: where to listen on loopback; 0 takes a free one.
    """

    def __init__(self, port: int = 0) -> None:
        self.host = LOOPBACK
        self.port = port
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: WorkerThread | None = None
        self._broker: Any = None

    def start(self) -> None:
        """Listen.

        Raises:
            BrokerError: amqtt is not installed or does not start, or the port is taken.
        """
        try:
            from amqtt.broker import Broker
        except ImportError as error:
            raise BrokerError(
                tr("cannot start the built-in broker: {name} is not installed", name=error.name), REMEDY
            ) from error
        self.port = _bindable(self.port)
        # amqtt reports every connection as a warning or an error in normal operation.
        logging.getLogger("amqtt").setLevel(logging.CRITICAL)
        logging.getLogger("transitions").setLevel(logging.CRITICAL)
        self._loop = asyncio.new_event_loop()
        self._thread = WorkerThread("broker", self._loop.run_forever)
        self._thread.start()
        try:
            self._broker = self._call(_started(Broker, self.port), START_TIMEOUT_S)
        except Exception as error:
            self._end_loop()
            raise BrokerError(
                tr("the built-in broker failed to start: {error}", error=error), REMEDY
            ) from error
        logger.info("built-in broker listening on %s:%d", self.host, self.port)

    def stop(self) -> None:
        """Close all connections; harmless when not started."""
        if self._broker is not None:
            try:
                self._call(self._broker.shutdown(), STOP_TIMEOUT_S)
            except Exception as error:  # noqa: BLE001 - it goes away with the loop anyway
                logger.warning("the built-in broker did not stop cleanly: %s", error)
            self._broker = None
        self._end_loop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _call(self, coroutine: Coroutine[Any, Any, Any], timeout_s: float) -> Any:
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout_s)

    def _end_loop(self) -> None:
        if self._loop is None or self._thread is None:
            return
        self._call(_cancel_others(), STOP_TIMEOUT_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(STOP_TIMEOUT_S)
        self._loop.close()
        self._loop = None


async def _started(make: Any, port: int) -> Any:
    # In the thread of the loop: amqtt uses the loop that is running when it is created.
    broker = make(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"{LOOPBACK}:{port}"}},
            "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
        }
    )
    await broker.start()
    return broker


async def _cancel_others() -> None:
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _bindable(port: int) -> int:
    """The port, or a free one for 0; raises BrokerError where it is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            raise BrokerError(
                tr("port {port} is taken: {strerror}", port=port, strerror=error.strerror),
                tr("choose another port"),
            ) from error
        return int(probe.getsockname()[1])
