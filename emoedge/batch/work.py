"""One file: replayed into its result, which appears only when whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from emoedge.batch.plan import Job
from emoedge.batch.stamp import SCHEMA, media_facts
from emoedge.files import put_in_place, write_json
from emoedge.translation import tr

if TYPE_CHECKING:
    from emoedge.outcomes import Outcome
    from emoedge.pipeline import Pipeline

NO_EMOTION = "none"


@dataclass(frozen=True, slots=True)
class Result:
    """Outcome of a file.

    Attributes:
        name: as in the job.
        duration_s: media time reached.
        messages: number of each topic.
        events: number of episodes.
        seconds: media time in each emotion, and in "none".
    """

    name: str
    duration_s: float
    messages: dict[str, int]
    events: int
    seconds: dict[str, float]


@dataclass(frozen=True, slots=True)
class Failure:
    """Error for which a file has no result; `kind` is its class."""

    name: str
    media: str
    kind: str
    error: str
    remedy: str = ""

    def line(self) -> str:
        """For the list of errors."""
        return json.dumps(asdict(self), ensure_ascii=False) + "\n"


@dataclass
class ReplayCounts:
    """Counts outcomes and the time in each emotion as they go by."""

    messages: dict[str, int] = field(default_factory=dict)
    events: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    _at_s: float = 0.0
    _emotion: str = NO_EMOTION

    def add(self, topic: str, outcome: Outcome) -> None:
        """Take in the next outcome and the topic of its message."""
        from emoedge.outcomes import EmotionEvent, FusedState

        self.messages[topic] = self.messages.get(topic, 0) + 1
        if isinstance(outcome, EmotionEvent):
            self.events += outcome.kind == "begin"
        elif isinstance(outcome, FusedState):
            self.until(outcome.time_s)
            self._emotion = outcome.emotion or NO_EMOTION

    def until(self, time_s: float) -> None:
        """The present emotion has lasted until then."""
        self.seconds[self._emotion] = self.seconds.get(self._emotion, 0.0) + max(0.0, time_s - self._at_s)
        self._at_s = max(self._at_s, time_s)


def replay_file(
    pipeline: Pipeline, job: Job, making: str, progress: Callable[[float], None] | None = None
) -> Result:
    """Replay a file into its result and write the stamp; the lines are those of `emoedge replay`.

    Args:
        pipeline: used for one file after the other.
        job: the file.
        making: fingerprint of configuration and models.
        progress: told the media time reached, seconds.

    Raises:
        MediaError: the file cannot be read to its end; nothing is left of a result, nor of an older one.
        OSError: the result cannot be written.
    """
    from emoedge.publish.messages import MessageBuilder

    tally, builder = ReplayCounts(), MessageBuilder.for_replay(pipeline.settings, pipeline.clock)
    job.result.parent.mkdir(parents=True, exist_ok=True)
    # Without its stamp an older result does not count if this run is interrupted.
    job.stamp.unlink(missing_ok=True)
    try:
        facts = _facts(job)
        with job.partial.open("w", encoding="utf-8") as out:
            for outcome in pipeline.replay(job.media, progress):
                message = builder.outcome(outcome)
                tally.add(message.suffix, outcome)
                out.write(message.line(pipeline.settings.topic_base))
        put_in_place((job.partial, job.result))
    except BaseException:
        remove_result(job)
        raise
    duration_s = pipeline.clock.time_s
    tally.until(duration_s)
    seconds = {name: round(spent, 3) for name, spent in sorted(tally.seconds.items())}
    result = Result(job.name, round(duration_s, 3), tally.messages, tally.events, seconds)
    stamp: dict[str, Any] = {
        "schema": SCHEMA,
        "making": making,
        "media": facts,
        "result_bytes": job.result.stat().st_size,
        **asdict(result),
    }
    write_json(job.stamp, stamp)
    return result


def remove_result(job: Job) -> None:
    """Leave nothing of a result that is not that of the file as it is."""
    for path in (job.partial, job.stamp, job.result):
        path.unlink(missing_ok=True)


def _facts(job: Job) -> dict[str, Any]:
    from emoedge.errors import MediaError

    try:
        return media_facts(job.media)
    except OSError as error:
        raise MediaError(
            f"{job.media}: {error.strerror}", tr("check the name and the permissions")
        ) from error


def result_of(stamp: dict[str, Any]) -> Result:
    """The result that a stamp tells of."""
    return Result(
        str(stamp.get("name")),
        float(stamp.get("duration_s") or 0.0),
        dict(stamp.get("messages") or {}),
        int(stamp.get("events") or 0),
        dict(stamp.get("seconds") or {}),
    )
