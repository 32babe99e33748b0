"""View of `emoedge watch`: a state built from messages, and its picture for the terminal."""

from __future__ import annotations

import bisect
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from rich.console import Console, ConsoleOptions, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from emoedge.characters import visible
from emoedge.clock import parse_rfc3339
from emoedge.emotions import COLORS, EMOTIONS, Emotion, Language, display_name, percent
from emoedge.watch.curve import RecentStates
from emoedge.watch.lines import clock_of, in_doubt, line_of, reason_of
from emoedge.watch.payload import shown_payload
from emoedge.watch.subscription import Received
from emoedge.watch.words import word

MODALITIES: Final = ("face", "voice", "text")
NAME_CELLS: Final = 11
"""The longest name of an emotion, with a mark behind it."""
BAR_CELLS: Final = (4, 30)
"""Shortest and longest bar; at 80 columns it is 8."""
EVENTS_KEPT: Final = 40
TOPICS_KEPT: Final = 64
"""More than a device has; anyone who may publish can make up others."""
FACES_SHOWN: Final = 2
FAULTS_SHOWN: Final = 3
MARKS: Final = {
    "ok": ("●", "green"),
    "degraded": ("▲", "yellow"),
    "failed": ("✖", "red"),
    "off": ("○", "bright_black"),
}
"""Sign and colour of a state: neither stands alone."""
SILENT_S: Final = 4.0
"""Seconds without any message after which a device is not taken to exist."""
CURVE_LINES: Final = 4
"""Lines of the panel with the curve."""
WIDE_COLUMNS: Final = 110
"""From here on, the foot has room for the weights; the help names their keys anywhere."""
EVENTS_LINES: Final = 5
"""Least height of the events for which the curve has room."""
DIM: Final = "bright_black"


@dataclass
class WatchState:
    """The latest of each topic, what was said last, and the last events."""

    language: Language = "es"
    device: str = ""
    latest: dict[str, Any] = field(default_factory=dict)
    events: list[tuple[str, str]] = field(default_factory=list)
    """Time and line of the last events, in the order of their times."""
    said: str = ""
    devices: Mapping[str, str] = field(default_factory=dict)
    """Other devices of the broker, with their status."""
    shows_help: bool = False
    curve: RecentStates = field(default_factory=RecentStates)
    begun_s: float = field(default_factory=time.monotonic)

    def apply(self, received: Received) -> None:
        """Take in a message."""
        payload = shown_payload(received.suffix, received.payload)
        if payload is None or (received.suffix not in self.latest and len(self.latest) >= TOPICS_KEPT):
            return
        self.device = visible(received.device)
        self.latest[received.suffix] = payload
        if received.suffix == "text" and isinstance(payload, dict):
            self.said = payload["transcript"]
        if received.suffix == "control/error" and isinstance(payload, dict):
            what = f"{payload.get('control')}: {reason_of(payload, self.language)}"
            self._add_event(payload, f"{clock_of(payload)}  {word('refused', self.language):10} {what}")
        if received.suffix == "emotion" and isinstance(payload, dict):
            self.curve.add(time.monotonic(), payload["emotion"], payload["confidence"])
        if received.suffix in ("event", "text", "recording", "snapshot") and isinstance(payload, dict):
            line = line_of(received.suffix, payload, self.language)
            if line:
                self._add_event(payload, line)

    def _add_event(self, payload: Mapping[str, Any], line: str) -> None:
        """Put a line where its time belongs: an utterance comes later than what happened after it began."""
        bisect.insort(self.events, (str(payload.get("time")), line), key=lambda event: event[0])
        del self.events[:-EVENTS_KEPT]

    @property
    def banner(self) -> str:
        """Return why the values do not hold now, or why there are none; empty if they hold."""
        if self.latest.get("status") == "offline":
            return word("stale_offline", self.language)
        if self.latest.get("control/privacy") == "ON" or self.mapping("emotion").get("reason") == "privacy":
            return word("stale_privacy", self.language)
        if not self.latest and time.monotonic() - self.begun_s > SILENT_S:
            told = word("no_device", self.language, device=self.device)
            others = ", ".join(sorted(set(self.devices) - {self.device}))
            return f"{told}; {word('others', self.language, devices=others)}" if others else told
        return ""

    def mapping(self, topic: str) -> Mapping[str, Any]:
        """The latest payload of a topic; empty where there is none."""
        payload = self.latest.get(topic)
        return payload if isinstance(payload, dict) else {}


def render(state: WatchState) -> RenderableType:
    """The picture: fills the terminal, from 80 x 24 on."""
    return _View(state)


@dataclass(frozen=True)
class _View:
    state: WatchState

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        width, height = options.max_width, options.height or console.height
        above: list[RenderableType] = [
            _line(_head(self.state)),
            *([_line(Text(f" {self.state.banner} ", style="bold reverse"))] if self.state.banner else []),
            _bars(self.state, width),
            *map(_line, _faces(self.state)),
            _line(_said(self.state)),
            *map(_line, _health(self.state, width)),
        ]
        # The panel of the bars has ten lines, everything else one.
        room = height - (len(above) + 9) - 1
        yield from above
        if self.state.shows_help and room > 2:
            yield _help(self.state, room)
        elif room >= CURVE_LINES + EVENTS_LINES:
            yield _curve(self.state, width)
            yield _events(self.state, room - CURVE_LINES)
        elif room > 2:
            yield _events(self.state, room)
        yield _line(_keys(self.state, width))


def _line(text: Text) -> Text:
    """Never more than one line: what follows would be pushed off the screen."""
    text.no_wrap, text.overflow = True, "ellipsis"
    return text


def _head(state: WatchState) -> Text:
    payload, language = state.mapping("emotion"), state.language
    emotion, status = payload.get("emotion"), str(state.latest.get("status", "?"))
    text = Text()
    text.append(f" {state.device or '…'} ", style="bold reverse")
    text.append(f" {word(status, language)}  ", style="bold red" if status == "offline" else "")
    if emotion in EMOTIONS:
        style = DIM if state.banner else f"bold {COLORS[emotion]}"
        text.append(display_name(emotion, language).upper(), style=style)
        text.append(f" {percent(payload.get('confidence') or 0.0)}  ")
        others = in_doubt(payload)
        if others:
            names = ", ".join(display_name(one, language) for one in others)
            text.append(f"? {word('or', language)} {names}  ", style="bold")
        text.append(f"{word('by', language)} {word(payload.get('decided_by') or '', language)}")
    else:
        reason = word(payload.get("reason", ""), language) if payload else word("waiting", language)
        text.append(f"— {reason}", style=DIM)
    if payload:
        text.append(f"  {clock_of(payload)}", style=DIM)
    return text


def _bars(state: WatchState, width: int) -> RenderableType:
    payload = state.mapping("emotion")
    modalities = payload.get("modalities") or {}
    # Borders, the names with their padding, then four columns of a bar, a number and padding.
    cells = min(max((width - 4 - NAME_CELLS) // 4 - 8, BAR_CELLS[0]), BAR_CELLS[1])
    table = Table(box=None, padding=(0, 1), expand=False)
    table.add_column("", min_width=NAME_CELLS, no_wrap=True)
    columns: list[Mapping[str, float] | None] = []
    for name in MODALITIES:
        part = modalities.get(name) or {}
        age = f" {part['age_ms'] / 1000:.1f} s" if part.get("age_ms") is not None else ""
        title = Text(word(name, state.language)).append(age, style=DIM)
        table.add_column(title, min_width=cells + 6, no_wrap=True)
        columns.append(part.get("probabilities"))
    table.add_column(word("fusion", state.language), min_width=cells + 6, no_wrap=True)
    columns.append(payload.get("probabilities"))
    doubtful, stale = in_doubt(payload), bool(state.banner)
    for emotion in EMOTIONS:
        label = Text(display_name(emotion, state.language), style=DIM if stale else COLORS[emotion])
        bars = [_bar(values, emotion, cells, stale=stale) for values in columns]
        if emotion == payload.get("emotion") or emotion in doubtful:
            label.append(" ?" if doubtful else " ◀")
        table.add_row(label, *bars)
    return Panel(table, title=word("emotion", state.language), height=10, padding=(0, 0))


def _bar(values: Mapping[str, float] | None, emotion: Emotion, cells: int, *, stale: bool) -> Text:
    if not values:
        return Text("·" * cells, style=DIM)
    share = min(max(float(values.get(emotion, 0.0)), 0.0), 1.0)
    full = round(share * cells)
    text = Text("█" * full, style=DIM if stale else COLORS[emotion])
    text.append("░" * (cells - full), style=DIM)
    text.append(f" {percent(share):>5}")
    return text


def _faces(state: WatchState) -> list[Text]:
    """Return a line for each face, the primary one first; or one that says that nobody is there."""
    language = state.language
    faces = [face for face in state.mapping("face").get("faces") or () if isinstance(face, dict)]
    faces.sort(key=lambda face: not face.get("primary"))
    lines: list[Text] = []
    for face in faces[:FACES_SHOWN]:
        emotion = face.get("emotion")
        text = Text(f" {word('face', language)} {face.get('id')}  ")
        if emotion in EMOTIONS:
            text.append(display_name(emotion, language), style=COLORS[emotion])
        else:
            text.append(word("no_opinion", language), style=DIM)
        text.append(f"  {word('quality', language)} {percent(float(face.get('quality') or 0.0))}", style=DIM)
        more = len(faces) - FACES_SHOWN
        if more > 0 and len(lines) == FACES_SHOWN - 1:
            text.append(f"  + {more}", style=DIM)
        lines.append(text)
    return lines or [Text(f" {word('faces', language)}: {0 if state.mapping('face') else '?'}", style=DIM)]


def _said(state: WatchState) -> Text:
    """The last utterance, where the device publishes what is said."""
    said = f"“{state.said}”" if state.said else "—"
    return Text(f" {word('said', state.language)}: ", style=DIM).append(said, style="italic")


def _health(state: WatchState, width: int) -> list[Text]:
    """The parts with a mark each, on as many lines as they need, and the reason of each fault."""
    parts: Mapping[str, Any] = state.mapping("health").get("parts") or {}
    lines = [Text(" ")]
    for name, part in parts.items():
        shown = word(name, state.language)
        if lines[-1].cell_len + len(shown) + 4 > width:
            lines.append(Text(" "))
        mark, style = MARKS.get(part.get("state"), ("?", "white"))
        lines[-1].append(f"{mark} ", style=style)
        lines[-1].append(f"{shown}  ")
    faults = [(name, part) for name, part in parts.items() if part.get("state") in ("degraded", "failed")]
    for name, part in faults[:FAULTS_SHOWN]:
        mark, style = MARKS[part["state"]]
        told = f"{word(name, state.language)}: {reason_of(part, state.language)}"
        lines.append(Text(f" {mark} {told}", style=style))
    return lines if parts else []


def _events(state: WatchState, height: int) -> Panel:
    shown = [line for _, line in state.events[-(height - 2) :]]
    text = Text("\n".join(shown), no_wrap=True, overflow="ellipsis")
    return Panel(text, title=word("last", state.language), height=height, padding=(0, 1))


def _curve(state: WatchState, width: int) -> Panel:
    lines = state.curve.lines(time.monotonic(), width - 4, state.language)
    return Panel(
        Text("\n").join(lines), title=word("curve", state.language), height=CURVE_LINES, padding=(0, 1)
    )


def _help(state: WatchState, height: int) -> Panel:
    rows = (
        ("r", "help_record"),
        ("p", "help_privacy"),
        ("f F", "help_weight"),
        ("m M", "help_margin"),
        ("?", "help_help"),
        ("q", "help_quit"),
    )
    lines = [f"{keys:4} {word(key, state.language)}" for keys, key in rows]
    text = Text("\n".join([*lines, word("help_marks", state.language)]), no_wrap=True, overflow="ellipsis")
    return Panel(text, title=word("help", state.language), height=height, padding=(0, 1))


def _keys(state: WatchState, width: int) -> Text:
    text = Text(" ")
    for key, control in (("r", "record"), ("p", "privacy")):
        value = str(state.latest.get(f"control/{control}", "?"))
        text.append(f"{key}: {word(control, state.language)} ", style=DIM)
        until = str(state.latest.get(f"control/{control}/until", ""))
        more = f" {word('until', state.language)} {_local(until)}" if until else ""
        text.append(f"{value}{more}   ", style="bold red" if value == "ON" else DIM)
    weights = (("f F", "face_weight", "weight"), ("m M", "margin", "margin")) if width >= WIDE_COLUMNS else ()
    for key, control, name in weights:
        value = str(state.latest.get(f"control/{control}", "?"))
        text.append(f"{key}: {word(name, state.language)} {value}   ", style=DIM)
    text.append(f"?: {word('help', state.language)}   ", style=DIM)
    return text.append(f"q: {word('quit', state.language)}", style=DIM)


def _local(stamp: str) -> str:
    """Local date and time of a moment, to the minute; as it came where it is not a moment."""
    moment = parse_rfc3339(stamp)
    try:
        return stamp if moment is None else f"{moment.astimezone():%Y-%m-%d %H:%M}"
    except (OverflowError, OSError, ValueError):
        return stamp
