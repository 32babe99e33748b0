"""What `emoedge watch` shows: a state made of messages, and a picture of it for the terminal."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from rich.console import Console, ConsoleOptions, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from emoedge.characters import visible
from emoedge.emotions import COLORS, EMOTIONS, Emotion, Language, display_name, percent
from emoedge.watch.lines import clock_of, line_of, word
from emoedge.watch.payload import shown_payload
from emoedge.watch.subscription import Received

MODALITIES: Final = ("face", "voice", "text")
NAME_CELLS: Final = 9
"""The longest name of an emotion."""
BAR_CELLS: Final = (4, 30)
"""Shortest and longest bar; at 80 columns it is 8."""
EVENTS_KEPT: Final = 40
TOPICS_KEPT: Final = 64
"""More than a device has; anyone who may publish can make up others."""
FACES_SHOWN: Final = 2
FAULTS_SHOWN: Final = 3
MARKS: Final = {"ok": "green", "degraded": "yellow", "failed": "red", "off": "bright_black"}
DIM: Final = "bright_black"


@dataclass
class WatchState:
    """The latest of each topic, what was said last, and the last events."""

    language: Language = "es"
    device: str = ""
    latest: dict[str, Any] = field(default_factory=dict)
    events: deque[str] = field(default_factory=lambda: deque(maxlen=EVENTS_KEPT))
    said: str = ""

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
            what = f"{payload.get('control')}: {payload.get('reason')}"
            self.events.append(f"{clock_of(payload)}  {word('refused', self.language):10} {what}")
        if received.suffix in ("event", "text", "recording"):
            line = line_of(received.suffix, payload, self.language)
            if line:
                self.events.append(line)

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
            _bars(self.state, width),
            *map(_line, _faces(self.state)),
            _line(_said(self.state)),
            *map(_line, _health(self.state, width)),
        ]
        # The panel of the bars has ten lines, all else one.
        room = height - (len(above) + 9) - 1
        yield from above
        if room > 2:
            yield _events(self.state, room)
        yield _line(_keys(self.state))


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
        text.append(display_name(emotion, language).upper(), style=f"bold {COLORS[emotion]}")
        text.append(f" {percent(payload.get('confidence') or 0.0)}  ")
        text.append(f"{word('by', language)} {word(payload.get('decided_by') or '', language)}")
    else:
        reason = word(payload.get("reason", ""), language) if payload else word("waiting", language)
        text.append(f"— {reason}", style=DIM)
    if payload:
        text.append(f"  {clock_of(payload)}Z", style=DIM)
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
    for emotion in EMOTIONS:
        label = Text(display_name(emotion, state.language), style=COLORS[emotion])
        table.add_row(label, *(_bar(values, emotion, cells) for values in columns))
    return Panel(table, title=word("emotion", state.language), height=10, padding=(0, 0))


def _bar(values: Mapping[str, float] | None, emotion: Emotion, cells: int) -> Text:
    if not values:
        return Text("·" * cells, style=DIM)
    share = min(max(float(values.get(emotion, 0.0)), 0.0), 1.0)
    full = round(share * cells)
    text = Text("█" * full, style=COLORS[emotion])
    text.append("░" * (cells - full), style=DIM)
    text.append(f" {percent(share):>5}")
    return text


def _faces(state: WatchState) -> list[Text]:
    """A line a face, the primary one first; one that says so where nobody is there."""
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
        if lines[-1].cell_len + len(name) + 4 > width:
            lines.append(Text(" "))
        lines[-1].append("● ", style=MARKS.get(part.get("state"), "white"))
        lines[-1].append(f"{name}  ")
    faults = [(name, part) for name, part in parts.items() if part.get("state") in ("degraded", "failed")]
    for name, part in faults[:FAULTS_SHOWN]:
        lines.append(Text(f" {name}: {part.get('reason')}", style=MARKS[part["state"]]))
    return lines if parts else []


def _events(state: WatchState, height: int) -> Panel:
    shown = list(state.events)[-(height - 2) :]
    text = Text("\n".join(shown), no_wrap=True, overflow="ellipsis")
    return Panel(text, title=word("last", state.language), height=height, padding=(0, 1))


def _keys(state: WatchState) -> Text:
    text = Text(" ")
    for key, control in (("r", "record"), ("p", "privacy")):
        value = str(state.latest.get(f"control/{control}", "?"))
        text.append(f"{key}: {word(control, state.language)} ", style=DIM)
        until = str(state.latest.get(f"control/{control}/until", ""))
        more = f" {word('until', state.language)} {until[:16].replace('T', ' ')}Z" if until else ""
        text.append(f"{value}{more}   ", style="bold red" if value == "ON" else DIM)
    return text.append(f"q: {word('quit', state.language)}", style=DIM)
