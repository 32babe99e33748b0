"""Processes that replay files; one that dies costs its file, nothing else."""

from __future__ import annotations

import logging
import multiprocessing
import signal
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any, Final

from emoedge.batch.plan import Job
from emoedge.batch.work import Failure, Result, remove_result
from emoedge.errors import EmoedgeError
from emoedge.translation import tr

if TYPE_CHECKING:
    from multiprocessing.context import SpawnContext, SpawnProcess

    from emoedge.config import Settings
    from emoedge.health import Health

logger = logging.getLogger(__name__)

PROGRESS_EVERY_S: Final = 0.5
END_WAIT_S: Final = 2.0
"""A worker without a file ends at once; one that does not is killed."""


class FatalError(EmoedgeError):
    """A fault that prevents the replay of every file."""


@dataclass(frozen=True, slots=True)
class JobProgress:
    """Something that happened: a file is done or failed, or has got further (`media_s`)."""

    job: Job
    outcome: Result | Failure | None
    media_s: float = 0.0


@dataclass
class _Worker:
    process: SpawnProcess
    connection: Connection
    job: Job | None = None


class Workers:
    """Hands files to processes.

    Args:
        settings: of the pipeline in each.
        making: fingerprint of configuration and models.
        count: processes, at least 1.
        on_health: told once which stages there are.
    """

    def __init__(
        self, settings: Settings, making: str, count: int, on_health: Callable[[tuple[Health, ...]], None]
    ) -> None:
        self._settings = settings
        self._making = making
        self._count = count
        self._on_health = on_health
        self._told = False
        # A fresh interpreter each: threads of the libraries do not survive a fork.
        self._context: SpawnContext = multiprocessing.get_context("spawn")
        self._workers: list[_Worker] = []

    def run(self, jobs: Iterator[Job]) -> Generator[JobProgress, None, None]:
        """Replay them all; raises FatalError when none can be.

        `jobs` is asked for the next file only when a process has nothing to do.
        """
        try:
            for _ in range(self._count):
                if not self._feed(None, jobs):
                    break
            while self._workers:
                for ready in wait([worker.connection for worker in self._workers]):
                    worker = next(one for one in self._workers if one.connection is ready)
                    yield from self._take(worker, jobs)
        finally:
            self._end()

    def _feed(self, worker: _Worker | None, jobs: Iterator[Job]) -> bool:
        job = next(jobs, None)
        if job is None:
            if worker is not None:
                self._dismiss(worker)
            return False
        worker = worker or self._hire()
        worker.job = job
        with suppress(OSError):  # it died just now: `_take` finds out
            worker.connection.send(job)
        return True

    def _take(self, worker: _Worker, jobs: Iterator[Job]) -> Iterator[JobProgress]:
        job = worker.job
        assert job is not None
        try:
            kind, value = worker.connection.recv()
        except (EOFError, OSError):
            self._workers.remove(worker)
            worker.process.join()
            remove_result(job)
            yield JobProgress(
                job, Failure(job.name, str(job.media), "ProcessDied", _death(worker.process.exitcode))
            )
            self._feed(None, jobs)
            return
        if kind == "fatal":
            raise FatalError(*value)
        if kind == "health":
            if not self._told:
                self._told = True
                self._on_health(value)
        elif kind == "progress":
            yield JobProgress(job, None, value)
        else:
            worker.job = None
            yield JobProgress(job, value)
            self._feed(worker, jobs)

    def _hire(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        level = logging.getLogger().level
        process = self._context.Process(
            target=serve, args=(theirs, self._settings, self._making, level), daemon=True
        )
        process.start()
        theirs.close()
        worker = _Worker(process, ours)
        self._workers.append(worker)
        return worker

    def _dismiss(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        with suppress(OSError):
            worker.connection.send(None)
        worker.process.join(END_WAIT_S)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()
        worker.connection.close()

    def _end(self) -> None:
        """After an interruption: nothing half done stays."""
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.process.join()
            worker.connection.close()
            if worker.job is not None:
                remove_result(worker.job)
        self._workers.clear()


def serve(connection: Connection, settings: Settings, making: str, level: int) -> None:
    """Main function of a process: replay files and send their outcomes until there are no more."""
    # Ctrl+C reaches the whole process group; the parent decides which processes end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from emoedge.batch.work import replay_file
    from emoedge.logs import set_up_logging
    from emoedge.pipeline import Pipeline

    set_up_logging(logging.getLevelName(level))
    pipeline: Pipeline | None = None
    while True:
        try:
            job = connection.recv()
        except EOFError:  # the parent is gone
            return
        if job is None:
            return
        if pipeline is None:
            try:
                pipeline = Pipeline(settings)
            except EmoedgeError as error:
                connection.send(("fatal", (error.message, error.remedy)))
                return
            connection.send(("health", pipeline.perception.health))
        try:
            with _reporting(connection) as progress:
                outcome: Result | Failure = replay_file(pipeline, job, making, progress)
        except EmoedgeError as error:
            outcome = Failure(job.name, str(job.media), type(error).__name__, error.message, error.remedy)
        except OSError as error:
            # Reading fails as MediaError: this is the folder of the results, which every file needs.
            text = tr(
                "cannot write {result}: {strerror}", result=job.result, strerror=error.strerror or error
            )
            connection.send(("fatal", (text, tr("free some space, or name another folder with --out"))))
            return
        except Exception as error:  # no file, however odd, may end the others
            logger.debug("replay of %s failed", job.media, exc_info=True)
            outcome = Failure(job.name, str(job.media), type(error).__name__, str(error) or repr(error))
            pipeline = None  # its state is unknown
        connection.send(("done", outcome))


@contextmanager
def _reporting(connection: Connection) -> Iterator[Callable[[float], None]]:
    said_s = time.monotonic()

    def progress(media_s: float) -> None:
        nonlocal said_s
        if time.monotonic() - said_s >= PROGRESS_EVERY_S:
            said_s = time.monotonic()
            connection.send(("progress", media_s))

    yield progress


def _death(exit_code: Any) -> str:
    if isinstance(exit_code, int) and exit_code < 0:
        name = signal.Signals(-exit_code).name if -exit_code in set(signal.Signals) else str(-exit_code)
        return tr("worker process killed by {name}", name=name)
    return tr("its process ended with code {exit_code}", exit_code=exit_code)
