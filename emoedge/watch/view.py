"""What `emoedge watch` shows: a state made of messages, and a picture of it for the terminal."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from emoedge.emotions import COLORS, EMOTIONS, Emotion, Language, display_name
from emoedge.watch.lines import clock_of, line_of, word
from emoedge.watch.subscription import Received

BAR_CELLS: Final = 9
EVENTS_SHOWN: Final = 5
MARKS: Final = {"ok": "green", "degraded": "yellow", "failed": "red", "off": "bright_black"}


@dataclass
class WatchState:
    """The latest of each topic, and the last events."""

    language: Language = "es"
    device: str = ""
    latest: dict[str, Any] = field(default_factory=dict)
    events: deque[str] = field(default_factory=lambda: deque(maxlen=EVENTS_SHOWN))

    def apply(self, received: Received) -> None:
        """Take in a message."""
        self.device = received.device
        self.latest[received.suffix] = received.payload
        if received.suffix in ("event", "text", "recording"):
            line = line_of(received.suffix, received.payload, self.language)
            if line:
                self.events.append(line)


def render(state: WatchState) -> RenderableType:
    """The picture: fits 80 x 24."""
    return Group(_head(state), _bars(state), _health(state), _events(state), _keys(state))


def _head(state: WatchState) -> Text:
    latest = state.latest.get("emotion")
    payload = latest if isinstance(latest, dict) else {}
    emotion = payload.get("emotion")
    text = Text()
    text.append(f" {state.device or '…'} ", style="bold reverse")
    text.append(f" {state.latest.get('status', '?')}  ")
    if emotion in EMOTIONS:
        text.append(display_name(emotion, state.language).upper(), style=f"bold {COLORS[emotion]}")
        text.append(f" {payload['confidence']:.2f}  ")
        text.append(f"{word('by', state.language)} {word(payload.get('decided_by') or '', state.language)}")
    elif payload:
        text.append(f"— {word(payload.get('reason', ''), state.language)}", style="bright_black")
    if payload:
        text.append(f"  {clock_of(payload)}Z", style="bright_black")
    faces = state.latest.get("face")
    if isinstance(faces, dict):
        text.append(f"  {word('face', state.language)}: {len(faces.get('faces', []))}")
    return text


def _bars(state: WatchState) -> RenderableType:
    payload = state.latest.get("emotion")
    payload = payload if isinstance(payload, dict) else {}
    modalities = payload.get("modalities") or {}
    columns = {name: (modalities.get(name) or {}).get("probabilities") for name in ("face", "voice", "text")}
    columns["fusion"] = payload.get("probabilities")
    table = Table(box=None, padding=(0, 1), expand=False)
    table.add_column("")
    for name in columns:
        table.add_column(word(name, state.language), min_width=BAR_CELLS + 5)
    for emotion in EMOTIONS:
        cells = [_bar(values, emotion) for values in columns.values()]
        table.add_row(Text(display_name(emotion, state.language), style=COLORS[emotion]), *cells)
    return Panel(table, title=word("emotion", state.language), height=10, padding=(0, 0))


def _bar(values: dict[str, float] | None, emotion: Emotion) -> Text:
    if not values:
        return Text("·" * BAR_CELLS, style="bright_black")
    share = min(max(float(values.get(emotion, 0.0)), 0.0), 1.0)
    full = round(share * BAR_CELLS)
    text = Text("█" * full, style=COLORS[emotion])
    text.append("░" * (BAR_CELLS - full), style="bright_black")
    text.append(f" {share:.2f}")
    return text


def _health(state: WatchState) -> Text:
    health = state.latest.get("health")
    text = Text()
    if not isinstance(health, dict):
        return text
    for name, part in health.get("parts", {}).items():
        text.append("● ", style=MARKS.get(part.get("state"), "white"))
        text.append(f"{name}  ")
    for name, part in health.get("parts", {}).items():
        if part.get("state") in ("degraded", "failed"):
            text.append(f"\n{name}: {part.get('reason')}", style=MARKS[part["state"]])
    return text


def _events(state: WatchState) -> Panel:
    return Panel(Text("\n".join(state.events)), height=EVENTS_SHOWN + 2, padding=(0, 1))


def _keys(state: WatchState) -> Text:
    record = state.latest.get("control/record", "?")
    privacy = state.latest.get("control/privacy", "?")
    return Text(f" r: record {record}   p: privacy {privacy}   q: quit", style="bright_black")
