"""MQTT messages of outcomes and controls: pure and deterministic, equal input gives equal bytes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from emoedge.clock import Clock, rfc3339
from emoedge.config import Settings
from emoedge.emotions import Language
from emoedge.observations import SECONDS_DIGITS, TextObservation, VoiceObservation
from emoedge.outcomes import MOMENTS, FusedState, HealthReport, Outcome, RecordingChange, StateSummary
from emoedge.publish.payloads import PAYLOADS, ControlErrorPayload, Payload, PicturePayload
from emoedge.translation import localized
from emoedge.version import __version__

RETAINED: Final = frozenset({"emotion", "summary", "health"})
"""Topics of states: the broker keeps the last one."""
RESULTS: Final = RETAINED - {"health"}
"""Those of them that say something about people."""
SPOOLED: Final = frozenset({"event", "voice", "text", "recording"})
"""Topics that must be delivered later if the broker is away."""
MOVED: Final = timedelta(seconds=2)
"""Change of the wall clock, in seconds, after which a moment of the past is published again."""
QUOTED_CHARACTERS: Final = 64
"""A refused value is quoted only so far: an answer must not be larger than what provoked it."""


@dataclass(frozen=True, slots=True, eq=False)
class Message:
    """One message on its way out.

    Attributes:
        suffix: topic below `<base>/<device_id>/`, such as "emotion" or "control/record".
        payload: JSON-ready mapping, or a plain value for `status` and `control/<name>`.
        retain: the broker keeps it; these are states, of which only the newest matters.
        spool: must be delivered even if the broker is away.
        time_s: when it was true, seconds on the pipeline's clock.
        data: what is sent in place of the payload, for `image`.
    """

    suffix: str
    payload: dict[str, Any] | str
    retain: bool
    spool: bool
    time_s: float
    data: bytes = b""

    def line(self, topic_base: str) -> str:
        """Topic and payload as one JSON line with its line feed, as `emoedge replay` writes it."""
        return to_json({"topic": f"{topic_base}/{self.suffix}", "payload": self.payload}) + "\n"

    @property
    def is_end(self) -> bool:
        """Whether it says that an event has ended."""
        return self.suffix == "event" and isinstance(self.payload, dict) and self.payload["type"] == "end"

    def encode(self, max_bytes: int | None = None) -> bytes:
        """The payload's UTF-8 bytes: compact JSON in field order, or the plain value.

        Args:
            max_bytes: `health` is shortened to fit.
        """
        if self.data:
            return self.data
        if isinstance(self.payload, str):
            return self.payload.encode()
        shorten = self.suffix == "health" and max_bytes is not None
        return to_json(shorten_health(self.payload, max_bytes or 0) if shorten else self.payload).encode()


def to_json(value: Any) -> str:
    """Compact JSON in the order given, readable Spanish, never NaN."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def shorten_health(payload: dict[str, Any], max_bytes: int) -> dict[str, Any]:
    """Return a payload of `health` in a limited number of bytes, if possible; faults are left out last.

    Figures of what is well are left out first, then all figures, then what is well, then the ends of reasons.
    """
    parts: dict[str, dict[str, Any]] = payload["parts"]
    bad = {name: part for name, part in parts.items() if part["state"] in ("degraded", "failed")}
    stages = (
        {name: part if name in bad else part | {"figures": {}} for name, part in parts.items()},
        {name: part | {"figures": {}} for name, part in parts.items()},
        {name: part | {"figures": {}} for name, part in bad.items()},
    )
    short = payload
    for stage in stages:
        if len(to_json(short).encode()) <= max_bytes:
            return short
        short = payload | {"parts": stage}
    room = max(20, (max_bytes - len(to_json(payload | {"parts": {}}))) // max(1, len(bad)) - 60)
    cut = {name: part | {"figures": {}} for name, part in bad.items()}
    for part in cut.values():
        part |= {key: part[key][: room // 2] for key in ("reason", "reason_text")}
    return short if len(to_json(short).encode()) <= max_bytes else payload | {"parts": cut}


class MessageBuilder:
    """Builds every message of a device.

    Args:
        device_id: as in the topics.
        clock: turns the pipeline's seconds into wall-clock time.
        transcript: whether `text` carries the words themselves (private, so off).
        media_times: adds the `…_s` fields in media seconds, for `replay`.
        language: of what is for people.
        run: makes the ids of this process differ from those of others; empty where two runs give the same.
    """

    def __init__(
        self,
        device_id: str,
        clock: Clock,
        *,
        transcript: bool = False,
        media_times: bool = False,
        language: Language = "es",
        run: str = "",
    ) -> None:
        self._language = language
        self._run = run
        self._started: datetime | None = None
        self._device_id = device_id
        self._clock = clock
        self._transcript = transcript
        self._media_times = media_times

    def with_words(self) -> MessageBuilder:
        """The same builder, whose `text` carries the words."""
        return MessageBuilder(
            self._device_id, self._clock, transcript=True, media_times=self._media_times, run=self._run
        )

    @classmethod
    def for_replay(cls, settings: Settings, clock: Clock) -> MessageBuilder:
        """The builder of what `emoedge replay` writes: with media times, on the pipeline's clock."""
        return cls(
            settings.device_id,
            clock,
            transcript=settings.publish.transcript,
            media_times=True,
            language=settings.language,
        )

    def now_s(self) -> float:
        """The present on the clock of the messages' `time_s`."""
        return self._clock.now_s()

    def outcome(self, outcome: Outcome) -> Message:
        """The message of an outcome: its payload, with a head and wall-clock stamps."""
        topic = outcome.topic
        fields = self._head(PAYLOADS[topic], outcome.time_s)
        if topic in SPOOLED:
            fields["late"] = False
        if isinstance(outcome, VoiceObservation | TextObservation):
            moments = (f"{1000 * one:.0f}" for one in (outcome.start_s, outcome.end_s))
            fields["id"] = "-".join((*([self._run] if self._run else []), *moments))
        for name, value in outcome.to_payload().items():
            fields |= self._moment(name, value) if name in MOMENTS else {name: value}
        if isinstance(outcome, FusedState | StateSummary):
            state = outcome if isinstance(outcome, FusedState) else outcome.state
            latency_s = max(0.0, self._clock.now_s() - state.observed_s)
            fields["latency_ms"] = round(latency_s * 1000) if state.opinions else None
        elif isinstance(outcome, TextObservation):
            del fields["words"]
            if not self._transcript:
                del fields["transcript"]
        elif isinstance(outcome, HealthReport):
            fields["version"] = __version__
            for part in fields["parts"].values():
                part["reason_text"] = localized(part["reason"], self._language)
            fields["started"] = rfc3339(self._steady_start(outcome))
        elif isinstance(outcome, RecordingChange):
            fields["reason_text"] = localized(outcome.reason, self._language)
        payload = PAYLOADS[topic].model_validate(fields).to_json()
        return Message(
            topic, payload, retain=topic in RETAINED, spool=topic in SPOOLED, time_s=outcome.time_s
        )

    def _steady_start(self, report: HealthReport) -> datetime:
        """Return when the process started, the same over the small corrections of the wall clock."""
        started = self._clock.wall(report.time_s - report.uptime_s)
        if self._started is None or abs(started - self._started) > MOVED:
            self._started = started
        return self._started

    def image(self, jpeg: bytes, time_s: float) -> Message:
        """A picture."""
        return Message("image", "", retain=False, spool=False, time_s=time_s, data=jpeg)

    def control(self, name: str, value: str, time_s: float) -> Message:
        """The state of a control, a plain value."""
        return Message(f"control/{name}", value, retain=True, spool=False, time_s=time_s)

    def control_error(self, name: str, value: str, reason: str, suppressed: int = 0) -> Message:
        """A command refused just now, and why."""
        time_s = self._clock.now_s()
        payload = ControlErrorPayload(
            **self._head(ControlErrorPayload, time_s),
            control=quote(name),
            value=quote(value),
            reason=reason,
            reason_text=localized(reason, self._language),
            suppressed=suppressed,
        )
        return Message("control/error", payload.to_json(), retain=False, spool=False, time_s=time_s)

    def picture(self, until: datetime | None, viewers: int = 0) -> Message:
        """Whether somebody watches the picture, until when and how many; None where nobody does."""
        time_s = self._clock.now_s()
        more = {} if until is None else {"until": rfc3339(until), "viewers": viewers}
        payload = PicturePayload(**self._head(PicturePayload, time_s), on=until is not None, **more)
        return Message("picture", payload.to_json(), retain=True, spool=False, time_s=time_s)

    def _head(self, model: type[Payload], time_s: float) -> dict[str, Any]:
        head: dict[str, Any] = {"schema": model.schema_version(), "device": self._device_id}
        head |= self._moment("time_s", time_s)
        head["clock_synced"] = self._clock.synchronized()
        return head

    def _moment(self, name: str, time_s: float | None) -> dict[str, Any]:
        stamp = None if time_s is None else rfc3339(self._clock.wall(time_s))
        moment: dict[str, Any] = {name.removesuffix("_s"): stamp}
        if self._media_times:
            moment[name] = None if time_s is None else round(time_s, SECONDS_DIGITS)
        return moment


def mark_late(payload: bytes) -> bytes:
    """Return the payload of a spooled message with `late` true; the head comes before any other text."""
    return payload.replace(b'"late":false', b'"late":true', 1)


def quote(text: str) -> str:
    r"""Printable and short: for error messages about what came from outside.

    Backslashes stay as they are: bytes that are no text have become `\xff` before, and must not be escaped
    twice.
    """
    short = text[: QUOTED_CHARACTERS + 1]
    shown = "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in short)
    return shown if len(shown) <= QUOTED_CHARACTERS else shown[: QUOTED_CHARACTERS - 1] + "…"
