"""The whole batch: leave out what is done, replay the rest, keep the books."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from emoedge.batch.plan import Job
from emoedge.batch.shard import EVERYTHING, Shard
from emoedge.batch.stamp import fingerprint, is_current, making_of, read_stamp
from emoedge.batch.work import NO_EMOTION, Failure, Result, result_of
from emoedge.batch.workers import Workers
from emoedge.emotions import EMOTIONS
from emoedge.files import replacing, to_json, write_atomically

if TYPE_CHECKING:
    from emoedge.config import Settings
    from emoedge.health import Health

ERRORS: Final = "errors.jsonl"
SUMMARY: Final = "summary.csv"
MAKING: Final = "making.json"


@dataclass
class Report:
    """Outcome of a batch; names in the order in which they ended."""

    done: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)


class Watcher:
    """Receives the progress of a batch; the base class does nothing."""

    def health(self, health: tuple[Health, ...]) -> None:
        """Which stages there are, once."""

    def settled(self, job: Job, outcome: Result | Failure | None) -> None:
        """A file is done, failed, or (None) was done before."""

    def moved(self, job: Job, media_s: float) -> None:
        """A file has got so far."""


def run_batch(
    settings: Settings,
    jobs: Sequence[Job],
    output: Path,
    processes: int,
    *,
    force: bool = False,
    shard: Shard = EVERYTHING,
    watcher: Watcher | None = None,
) -> Report:
    """Replay files in parallel into a folder.

    Besides the results there are `errors.jsonl` (one line a file that failed; not there when none did),
    `summary.csv` (one line a file) and `making.json` (version, models, configuration). Of a share they are
    `errors-K-of-N.jsonl` and `summary-K-of-N.csv`: shares may run at the same time, on several machines that
    share the folder.

    Args:
        settings: of the pipeline.
        jobs: from `find_jobs`, those of the share.
        output: folder of the results; made when missing.
        processes: at least 1.
        force: replay what is done already, too.
        shard: the share that `jobs` are.
        watcher: is notified of the progress.

    Raises:
        EmoedgeError: nothing can be replayed at all.
        OSError: the folder cannot be written.
    """
    watcher = watcher or Watcher()
    report = Report()
    making = making_of(settings)
    name = fingerprint(making)
    errors = shard.file(output / ERRORS)
    output.mkdir(parents=True, exist_ok=True)
    errors.unlink(missing_ok=True)
    with replacing(output / MAKING) as file:  # each share writes the same
        file.write(to_json({"making": name, **making}).encode())

    def waiting() -> Iterator[Job]:
        for job in jobs:
            if not force and is_current(job, read_stamp(job), name):
                report.skipped.append(job.name)
                watcher.settled(job, None)
            else:
                yield job

    workers = Workers(settings, name, max(1, min(processes, len(jobs))), watcher.health)
    steps = workers.run(waiting())
    try:
        for step in steps:
            if step.outcome is None:
                watcher.moved(step.job, step.media_s)
                continue
            if isinstance(step.outcome, Failure):
                report.failures.append(step.outcome)
                _append(errors, step.outcome.line())
            else:
                report.done.append(step.outcome.name)
            watcher.settled(step.job, step.outcome)
    finally:
        steps.close()
    _write_summary(shard.file(output / SUMMARY), jobs, {failure.name: failure for failure in report.failures})
    return report


def _append(path: Path, line: str) -> None:
    with path.open("a", encoding="utf-8", errors="backslashreplace") as file:
        file.write(line)


def _write_summary(path: Path, jobs: Sequence[Job], failures: dict[str, Failure]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        [
            "media",
            "status",
            "duration_s",
            "events",
            *(f"{name}_s" for name in (*EMOTIONS, NO_EMOTION)),
            "error",
        ]
    )
    for job in jobs:
        failure, stamp = failures.get(job.name), read_stamp(job)
        if failure is not None or stamp is None:
            blank = [""] * (3 + len(EMOTIONS))
            writer.writerow([job.name, "failed", *blank, failure.error if failure else "no result"])
            continue
        result = result_of(stamp)
        spent = [result.seconds.get(name, 0.0) for name in (*EMOTIONS, NO_EMOTION)]
        writer.writerow([job.name, "ok", result.duration_s, result.events, *spent, ""])
    write_atomically(path, text.getvalue())
