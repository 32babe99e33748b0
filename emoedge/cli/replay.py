"""`emoedge replay`."""

from __future__ import annotations

import math
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO

import click

from emoedge.cli.options import audio_track_option, common, progress, say, settings_from, with_speech_model
from emoedge.errors import BrokerError, ConfigError, MediaError
from emoedge.translation import tr

if TYPE_CHECKING:
    from emoedge.batch import Report, Shard
    from emoedge.batch.run import Watcher
    from emoedge.capture.tracks import Tracks
    from emoedge.config import Settings
    from emoedge.health import Health
    from emoedge.publish.messages import Message


CONNECT_WAIT_S: Final = 10.0
DRAIN_S: Final = 10.0
FAILURES_SHOWN: Final = 20


@click.command
@common
@click.argument("media", nargs=-1, required=True, metavar="MEDIA…")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File for the JSON lines of one MEDIA.",
)
@click.option(
    "--speed",
    type=click.Choice(["max", "realtime"]),
    default="max",
    show_default=True,
    help="As fast as possible, or in real time.",
)
@click.option("--publish", is_flag=True, help="Also send the messages to the configured broker.")
@click.option("--speech-model", help="Speech model to use instead of the configured one: a name or a path.")
@click.option(
    "--out",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the results of many MEDIA: files, folders, patterns.",
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    help="Files at once, with --out: one process each, a few hundred megabytes.  [default: one a core]",
)
@click.option(
    "--shard",
    metavar="K/N",
    help="Only the share K of N of the files, with --out: one call for each K, also on other machines.",
)
@click.option(
    "--video-track",
    type=click.IntRange(min=0),
    help="Video track to use, counted from 0 as FFmpeg does.  [default: the one marked as default]",
)
@audio_track_option
@click.option(
    "--seconds", type=click.FloatRange(min=0, min_open=True), help="Stop after this many seconds of media."
)
@click.option("--force", is_flag=True, help="Replay finished files again (with --out).")
def command(
    config_path: Path | None,
    media: tuple[str, ...],
    output: Path | None,
    speed: str,
    publish: bool,
    speech_model: str | None,
    folder: Path | None,
    jobs: int | None,
    shard: str | None,
    video_track: int | None,
    audio_track: int | None,
    seconds: float | None,
    force: bool,
) -> None:
    """Run the pipeline on a file: one JSON line per message that the daemon would publish.

    Times are media times (`time_s`); two runs of the same file give the same lines. One MEDIA may be an
    address (rtsp://, http://): it is played as it comes, until it ends, or for --seconds.

    With --out, MEDIA are files, folders and patterns: each file's lines go to OUT/…/NAME.jsonl, several files
    at once. A second call leaves out what is done, unless the file, the models or the configuration changed.
    What failed is in OUT/errors.jsonl, an overview in OUT/summary.csv; exit code 1 if any failed.

    With --shard K/N, the files of each share are errors-K-of-N.jsonl and summary-K-of-N.csv. Call it without
    --shard after all of them: it tries again what failed, and writes the overview of all.

    \b
    Example:
      emoedge replay clip.mp4 -o events.jsonl
      emoedge replay clip.mp4 --speed realtime --publish
      emoedge replay rtsp://camera.local/stream --seconds 60
      emoedge replay interviews/ --out results --jobs 4
      emoedge replay interviews/ --out results --shard 3/8
    """
    from emoedge.batch import Shard
    from emoedge.capture.tracks import Tracks

    settings = with_speech_model(settings_from(config_path), speech_model)
    if folder is None:
        if len(media) > 1 or jobs is not None or shard is not None or force:
            raise ConfigError(
                tr("several files, --jobs, --shard and --force go with --out"),
                tr("name a folder: --out results"),
            )
        tracks = Tracks(video_track, audio_track)
        _one(settings, media[0], output, speed, tracks, seconds, publish=publish)
        return
    if output is not None or publish or speed != "max":
        raise ConfigError(tr("--out cannot be combined with --output, --publish or --speed"), tr("omit them"))
    if not all(one is None for one in (video_track, audio_track, seconds)):
        raise ConfigError(tr("--out cannot be combined with tracks or --seconds"), tr("omit them"))
    share = Shard.parse(shard) if shard is not None else Shard()
    processes = jobs or len(os.sched_getaffinity(0))
    if not _many(settings, tuple(map(Path, media)), folder, processes, share, force=force):
        click.get_current_context().exit(1)


def _one(
    settings: Settings,
    media: str,
    output: Path | None,
    speed: str,
    tracks: Tracks,
    seconds: float | None,
    *,
    publish: bool,
) -> None:
    from emoedge.capture.factory import is_address
    from emoedge.capture.media import probe
    from emoedge.pipeline import Pipeline
    from emoedge.pipeline.realtime import keep_time
    from emoedge.publish.messages import MessageBuilder
    from emoedge.redact import public_address

    if Path(media).is_dir():
        raise MediaError(
            tr("{media} is a folder", media=media), tr("name another for the results: --out results")
        )
    name, duration_s = public_address(media), seconds
    if not is_address(media):
        name, length_s = Path(media).name, probe(media, tracks).duration_s
        duration_s = min(length_s or math.inf, seconds or math.inf)
        duration_s = duration_s if math.isfinite(duration_s) else None
    pipeline = Pipeline(settings)
    _tell_missing(pipeline.perception.health)
    with ExitStack() as stack:
        out: TextIO = stack.enter_context(_whole(output)) if output else sys.stdout
        send = stack.enter_context(_sender(settings)) if publish else None
        show = stack.enter_context(progress(name, duration_s, unit="s"))
        builder = MessageBuilder.for_replay(settings, pipeline.clock)
        outcomes = pipeline.replay(media, show, tracks=tracks, seconds=seconds)
        for outcome in keep_time(outcomes) if speed == "realtime" else outcomes:
            message = builder.outcome(outcome)
            out.write(message.line(settings.topic_base))
            if send:
                send(message)


def _many(
    settings: Settings,
    media: tuple[Path, ...],
    folder: Path,
    processes: int,
    shard: Shard,
    *,
    force: bool,
) -> bool:
    from emoedge.batch import find_jobs, run_batch
    from emoedge.batch.run import ERRORS

    # The signal that ends a job on a cluster; the worker processes end with this one.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    jobs = [job for job in find_jobs(media, folder) if shard.owns(job.name)]
    try:
        with progress(f"{len(jobs)} files", len(jobs)) as show:
            report = run_batch(
                settings, jobs, folder, processes, force=force, shard=shard, watcher=batch_bar(show)
            )
    except OSError as error:
        raise MediaError(
            tr("cannot write {folder}: {strerror}", folder=folder, strerror=error.strerror),
            tr("name another folder with --out"),
        ) from error
    tell_batch(report, shard.file(folder / ERRORS))
    return not report.failures


def batch_bar(show: Callable[[float], None]) -> Watcher:
    """Return one bar for all files of a batch; it also reports the stages that are missing."""
    from emoedge.batch.run import Watcher

    class Bar(Watcher):
        """One bar for all files; a file under way counts by its share."""

        def __init__(self) -> None:
            self.settled_count = 0
            self.shares: dict[str, float] = {}
            self.durations: dict[str, float] = {}

        def health(self, health: tuple[Health, ...]) -> None:
            _tell_missing(health)

        def settled(self, job: Any, outcome: Any) -> None:
            self.settled_count += 1
            self.shares.pop(job.name, None)
            self._show()

        def moved(self, job: Any, media_s: float) -> None:
            if job.name not in self.durations:
                self.durations = {job.name: _duration_of(job.media)} | {
                    name: known for name, known in self.durations.items() if name in self.shares
                }
            duration_s = self.durations[job.name]
            self.shares[job.name] = min(media_s / duration_s, 1.0) if duration_s > 0 else 0.0
            self._show()

        def _show(self) -> None:
            show(self.settled_count + sum(self.shares.values()))

    return Bar()


def _duration_of(media: Path) -> float:
    from emoedge.capture.media import probe

    try:
        return probe(media).duration_s or 0.0
    except MediaError:
        return 0.0


def tell_batch(report: Report, errors: Path | None) -> None:
    """Report on standard error how a batch went, and where the list of errors is if it stays."""
    for failure in report.failures[:FAILURES_SHOWN]:
        say(tr("{name}: {error}", name=failure.name, error=failure.error), err=True)
    if len(report.failures) > FAILURES_SHOWN:
        say(tr("… and {count} more", count=len(report.failures) - FAILURES_SHOWN), err=True)
    counts = tr(
        "{done} done, {skipped} done before, {failed} failed",
        done=len(report.done),
        skipped=len(report.skipped),
        failed=len(report.failures),
    )
    if report.failures and errors:
        counts = tr("{counts} (see {file})", counts=counts, file=errors)
    say(counts, err=True)


def _tell_missing(health: tuple[Health, ...]) -> None:
    for part in health:
        if part.state == "failed":
            say(tr("{name}: {reason}", name=part.name, reason=part.reason), err=True)


@contextmanager
def _whole(output: Path) -> Iterator[TextIO]:
    """A text file that appears under its name when everything is in it."""
    from emoedge.files import replacing

    with replacing(output) as file:
        text = TextIOWrapper(file, encoding="utf-8")
        try:
            yield text
        finally:
            text.detach()  # flushes, and leaves the file to `replacing`


@contextmanager
def _sender(settings: Settings) -> Iterator[Callable[[Message], None]]:
    """Publishes to the configured broker while it lasts."""
    from emoedge.clock import SystemClock
    from emoedge.publish.messages import MessageBuilder
    from emoedge.publish.publisher import Publisher

    # Beside a running daemon: separate client id, status and spool.
    publisher = Publisher(settings, MessageBuilder(settings.device_id, SystemClock()), secondary=True)
    publisher.start()
    try:
        if not publisher.wait_connected(CONNECT_WAIT_S):
            reason = publisher.health()[0].reason
            raise BrokerError(reason or tr("the broker does not answer"), tr("check mqtt.host and mqtt.port"))
        yield publisher.publish
    finally:
        publisher.stop(DRAIN_S)
