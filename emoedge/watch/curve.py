"""The last minutes of the fused state, as a row of bars with the names of the emotions below."""

from __future__ import annotations

from collections import deque
from typing import Final

from rich.text import Text

from emoedge.emotions import COLORS, EMOTIONS, Emotion, Language, display_name

SPAN_S: Final = 180.0
"""Length of the curve, in seconds."""
POINTS_KEPT: Final = 2_000
"""A device publishes its state at most a few times a second."""
_LEVELS: Final = "▁▂▃▄▅▆▇█"


class RecentStates:
    """Named emotions and their confidence; times are seconds on the clock of this machine."""

    def __init__(self) -> None:
        self._points: deque[tuple[float, Emotion | None, float]] = deque(maxlen=POINTS_KEPT)

    def add(self, time_s: float, emotion: Emotion | None, confidence: float) -> None:
        """Take in a state."""
        self._points.append((time_s, emotion, confidence))

    def lines(self, now_s: float, cells: int, language: Language) -> tuple[Text, Text]:
        """The bars, and the names below them where they have room; the right end is now."""
        bars, names = Text(), Text()
        shown: Emotion | None = None
        for cell in range(cells):
            emotion, confidence = self._at(now_s - SPAN_S * (cells - 1 - cell) / cells)
            if emotion is None:
                bars.append("·", style="bright_black")
            else:
                level = min(len(_LEVELS) - 1, int(confidence * len(_LEVELS)))
                bars.append(_LEVELS[level], style=COLORS[emotion])
            if emotion != shown:
                names.pad_right(max(0, cell - names.cell_len))
                if emotion is not None and names.cell_len == cell:
                    names.append(f"{display_name(emotion, language)} ", style=COLORS[emotion])
                shown = emotion
        names.truncate(cells)
        return bars, names

    def _at(self, time_s: float) -> tuple[Emotion | None, float]:
        """The state that was in force at a moment."""
        for begun_s, emotion, confidence in reversed(self._points):
            if begun_s <= time_s:
                return (emotion if emotion in EMOTIONS else None), confidence
        return None, 0.0
