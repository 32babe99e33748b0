"""The state of the device as a text file for Prometheus: no socket is opened.

Written in the text format of https://prometheus.io/docs/instrumenting/exposition_formats/ and renamed into
place, for the textfile collector of the node exporter or for Telegraf. The names are described
in `docs/integrations/metrics.md`.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, get_args

from emoedge.background_write import BackgroundWrite
from emoedge.emotions import EMOTIONS
from emoedge.files import write_atomically
from emoedge.health import Health, HealthState
from emoedge.publish.messages import Message
from emoedge.translation import tr
from emoedge.version import __version__

logger = logging.getLogger(__name__)

FILE_MODE: Final = 0o640
"""For owner and group alone, as recordings: it says how people feel."""
WRITE_EVERY_S: Final = 5.0
"""Minimum seconds between two writes, except for privacy: the file is read every 15 s or less often."""
HOLD_S: Final = 60.0
"""Seconds for which an emotion counts without another message, at most; usually one comes every 10 s."""

Labels = Mapping[str, str]


class Metric(NamedTuple):
    """Name, kind and meaning of a metric; each has the label `device` and those named."""

    name: str
    kind: str
    meaning: str
    labels: tuple[str, ...] = ()


METRICS: Final = (
    Metric("emoedge_up", "gauge", "1 while the daemon runs, 0 after a clean stop"),
    Metric("emoedge_info", "gauge", "Always 1; the version as a label", ("version",)),
    Metric("emoedge_uptime_seconds", "gauge", "Seconds since the daemon was started"),
    Metric("emoedge_privacy", "gauge", "1 while privacy is on"),
    Metric("emoedge_present", "gauge", "1 while somebody is in view; absent without a working camera"),
    Metric("emoedge_people", "gauge", "People in view; absent without a working camera"),
    Metric("emoedge_speaking", "gauge", "1 while somebody speaks; absent without a working microphone"),
    Metric("emoedge_emotion", "gauge", "1 for the current emotion, 0 for the others", ("emotion",)),
    Metric("emoedge_confidence_ratio", "gauge", "Probability that it is right, 0 to 1; absent without one"),
    Metric("emoedge_probability_ratio", "gauge", "Fused posterior, 0 to 1; absent without one", ("emotion",)),
    Metric("emoedge_valence", "gauge", "Unpleasant (-1) to pleasant (1); absent without a posterior"),
    Metric("emoedge_arousal", "gauge", "Calm (-1) to excited (1); absent without a posterior"),
    Metric("emoedge_emotion_seconds_total", "counter", "Seconds with this emotion", ("emotion",)),
    Metric("emoedge_episodes_total", "counter", "Episodes that have begun", ("emotion",)),
    Metric("emoedge_part_state", "gauge", "1 for the state that a part is in", ("part", "state")),
    Metric("emoedge_part_figure", "gauge", "Figures of `health`; units in their names", ("part", "figure")),
)
"""All metrics, in the order of the file."""


class Metrics:
    """Sums over the messages. Pure."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._up = 1
        self._emotion: Mapping[str, Any] = {}
        self._emotion_s: float | None = None
        self._summary: Mapping[str, Any] = {}
        self._health: Mapping[str, Any] = {}
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._episodes: Counter[str] = Counter()

    def take(self, message: Message) -> bool:
        """Take in a message; return whether it changes anything."""
        payload = message.payload
        if not isinstance(payload, dict):
            return False
        if message.suffix == "emotion":
            self._count(message.time_s)
            self._emotion = payload
        elif message.suffix == "summary":
            self._summary = payload
        elif message.suffix == "health":
            self._health = payload
        elif message.suffix == "event" and payload.get("type") == "begin":
            self._episodes[payload["emotion"]] += 1
        else:
            return False
        return True

    @property
    def is_private(self) -> bool:
        """Whether privacy is on."""
        return self._emotion.get("reason") == "privacy"

    def stop(self) -> None:
        """The daemon has stopped in order: nothing of people is left."""
        self._up, self._emotion, self._summary, self._health = 0, {}, {}, {}

    def text(self) -> str:
        """The file."""
        samples: dict[str, list[tuple[Labels, float]]] = {metric.name: [] for metric in METRICS}
        for name, labels, value in self._samples():
            samples[name].append((labels, value))
        lines = []
        for metric in METRICS:
            if samples[metric.name]:
                lines += [f"# HELP {metric.name} {metric.meaning}", f"# TYPE {metric.name} {metric.kind}"]
                lines += [self._line(metric.name, labels, value) for labels, value in samples[metric.name]]
        return "\n".join(lines) + "\n"

    def _count(self, time_s: float) -> None:
        """Add the time since the last message to the emotion that was named."""
        named = self._emotion.get("emotion")
        if named is not None and self._emotion_s is not None:
            self._seconds[named] += min(max(0.0, time_s - self._emotion_s), HOLD_S)
        self._emotion_s = time_s

    def _samples(self) -> Iterator[tuple[str, Labels, float]]:
        yield "emoedge_up", {}, self._up
        yield "emoedge_info", {"version": self._health.get("version", __version__)}, 1
        if (uptime_s := self._health.get("uptime_s")) is not None:
            yield "emoedge_uptime_seconds", {}, uptime_s
        yield from self._state()
        for emotion in EMOTIONS:
            yield "emoedge_emotion_seconds_total", {"emotion": emotion}, self._seconds[emotion]
            yield "emoedge_episodes_total", {"emotion": emotion}, self._episodes[emotion]
        for name, part in self._health.get("parts", {}).items():
            for state in get_args(HealthState):
                yield "emoedge_part_state", {"part": name, "state": state}, state == part["state"]
            for figure, value in part["figures"].items():
                if isinstance(value, int | float):
                    yield "emoedge_part_figure", {"part": name, "figure": figure}, value

    def _state(self) -> Iterator[tuple[str, Labels, float]]:
        emotion = self._emotion
        if not emotion:
            return
        yield "emoedge_privacy", {}, self.is_private
        for name in ("present", "people", "speaking"):
            if self._summary.get(name) is not None and not self.is_private:
                yield f"emoedge_{name}", {}, self._summary[name]
        for name in EMOTIONS:
            yield "emoedge_emotion", {"emotion": name}, name == emotion["emotion"]
        if emotion["confidence"] is not None:
            yield "emoedge_confidence_ratio", {}, emotion["confidence"]
        for name, share in (emotion["probabilities"] or {}).items():
            yield "emoedge_probability_ratio", {"emotion": name}, share
        for name in ("valence", "arousal"):
            if emotion[name] is not None:
                yield f"emoedge_{name}", {}, emotion[name]

    def _line(self, name: str, labels: Labels, value: float) -> str:
        pairs = {"device": self._device, **labels}.items()
        shown = ",".join(f'{key}="{_escaped(text)}"' for key, text in pairs)
        return f"{name}{{{shown}}} {float(value):.10g}"


class MetricsFile:
    """Keeps the text file up to date within a few seconds; never makes the caller wait.

    Args:
        path: of the file, or None for none.
        device: for the label.
    """

    def __init__(self, path: Path | None, device: str) -> None:
        self._path = path
        self._metrics = Metrics(device)
        self._lock = threading.Lock()
        self._fault = ""
        self._changed = False
        self._written_s = float("-inf")
        self.writer: BackgroundWrite[str] = BackgroundWrite("metrics", self._write)

    def publish(self, message: Message) -> None:
        """Take a message; what it changes is written now, or with a later one."""
        if self._path is None:
            return
        with self._lock:
            was_private = self._metrics.is_private
            self._changed |= self._metrics.take(message)
            due = message.time_s - self._written_s >= WRITE_EVERY_S
            if not self._changed or not (due or self._metrics.is_private != was_private):
                return
            self._changed, self._written_s = False, message.time_s
            text = self._metrics.text()
        self.writer.put(text)

    def stop(self, timeout_s: float) -> None:
        """Leave a file that says that the daemon does not run."""
        if self._path is None:
            return
        with self._lock:
            self._metrics.stop()
            text = self._metrics.text()
        self.writer.put(text)
        self.writer.join(timeout_s)

    def health(self) -> Iterable[Health]:
        """State of the file; nothing where none is configured."""
        if self._path is None:
            return ()
        fault = self._fault or self.writer.fault
        return (Health("metrics", "degraded" if fault else "ok", fault),)

    def _write(self, text: str) -> None:
        assert self._path is not None
        try:
            write_atomically(self._path, text, mode=FILE_MODE)
        except OSError as error:
            fault = tr(
                "cannot write {path}: {strerror} (check the permissions of its folder)",
                path=self._path,
                strerror=error.strerror,
            )
            if fault != self._fault:
                logger.warning("%s", fault)
            self._fault = fault
        else:
            self._fault = ""


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
