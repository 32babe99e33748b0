"""Budgets and their verdicts on measured figures. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from benchmarks.reference import REVISION

BUSY: Final = "processor time: the machine was busy"

Figures = Mapping[str, Any]
"""A result of `emoedge bench --json` with `peers` added (see `benchmarks.peers`)."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Budget for one figure.

    Attributes:
        name: key in the JSON.
        title: text for people.
        limit: limit of the figure.
        kind: whether the limit is a maximum or a minimum.
        unit: unit of figure and limit.
        figure: function that reads the figure; KeyError or TypeError where it was not measured.
        needs: what the measurement requires, shown where it was not measured.
        start: whether it is a start-up time, for which processor time is used on a busy machine.
        missed: why the budget is known not to hold; it is shown, but `--strict` ignores it.
        beside: what a ratio is made of, to be shown beside it.
    """

    name: str
    title: str
    limit: float
    kind: Literal["at most", "at least"]
    unit: str
    figure: Callable[[Figures], float]
    needs: str
    start: bool = False
    missed: str = ""
    beside: Callable[[Figures], str] | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Budget with its figure; `holds` is None where it was not measured, and `reason` tells why."""

    budget: Budget
    figure: float | None
    holds: bool | None
    reason: str = ""
    beside: str = ""

    @property
    def is_broken(self) -> bool:
        """Whether the budget is broken unexpectedly."""
        return self.holds is False and not self.budget.missed

    def to_json(self) -> dict[str, Any]:
        """Return the verdict for JSON."""
        budget = self.budget
        return {
            "name": budget.name,
            "title": budget.title,
            "limit": budget.limit,
            "kind": budget.kind,
            "unit": budget.unit,
            "figure": None if self.figure is None else round(self.figure, 4),
            "holds": self.holds,
            "reason": self.reason,
            "beside": self.beside,
        }


def _ratio_of_recording(figures: Figures) -> float:
    live = figures["live"]
    return float(live["cpu_cores_of_recording"] / figures["peers"]["encode"]["cpu_s_per_media_s"])


def _recording_of(figures: Figures) -> str:
    taken, bare = figures["live"]["cpu_cores_of_recording"], figures["peers"]["encode"]["cpu_s_per_media_s"]
    return f"{1000 * taken:.0f} to {1000 * bare:.0f} ms a second"


def _instructions_of_recorder(figures: Figures) -> float:
    millions = figures["recording"]["millions"]
    return float(millions["recorder"] / millions["bare encode"])


def _ratio_of_writer(figures: Figures) -> float:
    return float(_stage(figures, "record")["ratio"])


def _stage(figures: Figures, name: str) -> Mapping[str, Any]:
    return next(row for row in figures["stages"] if row["stage"] == name)  # type: ignore[no-any-return]


def _over_reference(figures: Figures) -> float:
    """The pipeline over the engines of REVISION, so that a slower engine does not help."""
    whole, reference = figures["pipeline"], figures["reference"]
    return float(whole["cpu_s_per_media_s"] / reference["bare_cpu_s_per_media_s"])


def _milliseconds_of(whole: Figures, engines: Figures) -> str:
    """What the ratio of a pipeline is made of."""
    taken, bare = (1000 * value for value in (whole["cpu_s_per_media_s"], engines["bare_cpu_s_per_media_s"]))
    return f"{taken:.0f} to {bare:.0f} ms a second"


def _faster_than(peer: str) -> Callable[[Figures], float]:
    def figure(figures: Figures) -> float:
        peers = figures["peers"]
        return float(peers[peer]["cpu_s_per_frame"] / peers["face_path"]["cpu_s_per_frame"])

    return figure


def busy(figures: Figures) -> bool:
    """Return whether the load exceeded the number of cores, which makes wall times meaningless."""
    machine = figures.get("machine", {})
    return float(machine.get("load_1_min", 0)) > float(machine.get("cores") or 1)


def _start(section: str, name: str) -> Callable[[Figures], float]:
    """Return the wall time of a start, or its processor time where the machine was busy."""
    return lambda figures: float(figures[section][f"{name}_cpu_s" if busy(figures) else f"{name}_s"])


def _plain(*keys: str, factor: float = 1.0) -> Callable[[Figures], float]:
    def figure(figures: Figures) -> float:
        value: Any = figures
        for key in keys:
            value = value[key]
        return float(value * factor)

    return figure


def _written_a_day(name: str, day: str, limit: float) -> Budget:
    return Budget(
        f"writes_{name}",
        f"written to the card on {day}",
        limit,
        "at most",
        "MB a day",
        _plain("writes", name, "mb_a_day"),
        "strace, and /var/tmp on a disk",
    )


def _written_per_kept(name: str, day: str, limit: float) -> Budget:
    def figure(figures: Figures) -> float:
        found = figures["writes"][name]
        return float(found["mb_a_day"] / found["kept_mb_a_day"])

    def beside(figures: Figures) -> str:
        found = figures["writes"][name]
        return f"{found['mb_a_day']:,.0f} to {found['kept_mb_a_day']:,.0f} MB a day"

    return Budget(
        f"writes_{name}",
        f"written to the card on {day}, over what is kept of it",
        limit,
        "at most",
        "x",
        figure,
        "strace, and /var/tmp on a disk",
        beside=beside,
    )


PER_KEPT: Final = 1.25
"""What is recorded has to be written once; each of two syncs a second writes a last page of 4 KB again."""

WRITES: Final = (
    (_written_a_day, "quiet", "a day with an empty room, recording off", 20.0, 1_000.0),
    (_written_a_day, "off", "a day with the demo's person in view, recording off", 250.0, 20_000.0),
    (_written_per_kept, "events", "such a day with recording of events", PER_KEPT, 200_000.0),
    (_written_per_kept, "continuous", "such a day with continuous recording", PER_KEPT, 200_000.0),
    (_written_a_day, "broker_away", "such a day with recording off and the broker away", 1_000.0, 80_000.0),
)
"""Measure, condition of `benchmarks.writes`, its name, and limits of the measure and of syncs a day."""

BUDGETS: Final = (
    Budget(
        "pipeline",
        "whole pipeline without recording, over the sum of its bare engines, with a full-size recogniser",
        1.15,
        "at most",
        "x",
        lambda figures: float(figures["recogniser"]["pipeline"]["ratio"]),
        "--recogniser FOLDER, a full-size Vosk model",
        beside=lambda figures: _milliseconds_of(
            figures["recogniser"]["pipeline"], figures["recogniser"]["pipeline"]
        ),
    ),
    Budget(
        "pipeline_demo",
        f"the same with the demo's recogniser, over the bare engines of {REVISION}",
        1.45,
        "at most",
        "x",
        _over_reference,
        "the history of the repository",
        missed="the interpreter and numpy on small arrays",
        beside=lambda figures: _milliseconds_of(figures["pipeline"], figures["reference"]),
    ),
    Budget(
        "voice",
        "classification of 3 s of a voice",
        3.0,
        "at most",
        "ms",
        lambda figures: float(_stage(figures, "judge a voice")["p50_ms"]),
        "speech in the clip",
    ),
    Budget(
        "faster_than_fer",
        "face path, frames per second over those of fer 25.10.3 with its default detector",
        10.0,
        "at least",
        "x",
        _faster_than("fer"),
        "pip to be able to install fer 25.10.3 and TensorFlow",
    ),
    Budget(
        "faster_than_yunet",
        "face path, frames per second over YuNet at 320 x 240 on every frame and the same classifier",
        3.0,
        "at least",
        "x",
        _faster_than("yunet"),
        "--yunet face_detection_yunet_2023mar.onnx",
    ),
    Budget(
        "recording_writer",
        "writing a segment, over a bare PyAV encode",
        1.15,
        "at most",
        "x",
        _ratio_of_writer,
        "an H.264 encoder",
    ),
    Budget(
        "recording",
        "cost of recording in the running daemon, over a bare PyAV encode",
        1.15,
        "at most",
        "x",
        _ratio_of_recording,
        "a broker (apt install mosquitto)",
        missed="Python between frames, syncs, and copies in the camera's thread",
        beside=_recording_of,
    ),
    Budget(
        "recording_instructions",
        "instructions of a recorder for a whole segment, over those of a bare PyAV encode",
        1.15,
        "at most",
        "x",
        _instructions_of_recorder,
        "Valgrind on x86-64",
    ),
    Budget(
        "capture_to_publish",
        "capture to publish, p95, 10 frames per second",
        100.0,
        "at most",
        "ms",
        _plain("live", "capture_to_publish_p95_ms"),
        "a broker (apt install mosquitto)",
    ),
    Budget(
        "speech_to_text",
        "end of speech to text result, median",
        400.0,
        "at most",
        "ms",
        _plain("live", "end_of_speech_to_text_p50_ms"),
        "a broker, and recognisable speech in the clip",
    ),
    Budget(
        "first_face",
        "emoedge run to the first face result, better of two",
        1.0,
        "at most",
        "s",
        _start("live", "first_face"),
        "a broker (apt install mosquitto)",
        start=True,
    ),
    Budget(
        "help",
        "emoedge --help, best of five",
        0.15,
        "at most",
        "s",
        _start("start", "help"),
        "the part start",
        start=True,
    ),
    Budget(
        "sentence",
        "emoedge classify text, processor time, best of five",
        0.5,
        "at most",
        "s",
        _plain("start", "first_sentence_cpu_s"),
        "the part start",
    ),
    Budget(
        "memory",
        "peak resident memory of emoedge run without Vosk",
        160.0,
        "at most",
        "MB",
        _plain("live", "peak_mb_without_speech"),
        "a broker (apt install mosquitto)",
    ),
    Budget(
        "memory_recording",
        "the same while recording",
        150.0,
        "at most",
        "MB",
        _plain("live", "peak_mb_with_recording_without_speech"),
        "a broker (apt install mosquitto)",
        missed="the same engines in a process without emoedge take 113 MB",
    ),
    *(
        budget
        for written, name, day, limit, syncs in WRITES
        for budget in (
            written(name, day, limit),
            Budget(
                f"syncs_{name}",
                "syncs on that day",
                syncs,
                "at most",
                "a day",
                _plain("writes", name, "syncs_a_day"),
                "strace",
            ),
        )
    ),
    Budget(
        "privacy",
        "processor load with privacy on",
        0.5,
        "at most",
        "% of a core",
        _plain("live", "privacy_cpu_cores", factor=100.0),
        "a broker (apt install mosquitto)",
    ),
)


def judge(figures: Figures, budgets: tuple[Budget, ...] = BUDGETS) -> list[Verdict]:
    """Compare the figures with the budgets; one that was not measured is neither kept nor broken."""
    return [_verdict(budget, figures) for budget in budgets]


def _verdict(budget: Budget, figures: Figures) -> Verdict:
    try:
        figure = budget.figure(figures)
    except (KeyError, TypeError, StopIteration):
        return Verdict(budget, None, None, f"not measured; needs {budget.needs}")
    holds = figure <= budget.limit if budget.kind == "at most" else figure >= budget.limit
    reason = BUSY if budget.start and busy(figures) else ""
    try:
        beside = budget.beside(figures) if budget.beside else ""
    except (KeyError, TypeError):
        beside = ""
    return Verdict(budget, figure, holds, reason if holds else budget.missed or reason, beside)


def as_table(verdicts: list[Verdict]) -> str:
    """Return the verdicts as a table for the terminal."""
    lines = [f"{'budget':98} {'limit':>16} {'measured':>9}  holds"]
    for verdict in verdicts:
        budget = verdict.budget
        sign = "<=" if budget.kind == "at most" else ">="
        limit = f"{sign} {budget.limit:g} {budget.unit}"
        figure = "-" if verdict.figure is None else f"{verdict.figure:.3g}"
        answer = {True: "yes", False: "NO", None: "?"}[verdict.holds]
        reason = "".join(f" ({part})" for part in (verdict.beside, verdict.reason) if part)
        lines.append(f"{budget.title:98} {limit:>16} {figure:>9}  {answer}{reason}")
    kept = sum(1 for verdict in verdicts if verdict.holds)
    measured = sum(1 for verdict in verdicts if verdict.holds is not None)
    lines.append(f"{kept} of {measured} measured budgets hold, {len(verdicts) - measured} were not measured")
    return "\n".join(lines)
