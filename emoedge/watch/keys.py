"""Single keys from the terminal, without Enter."""

from __future__ import annotations

import os
import select
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from emoedge.watch.view import WatchState


KEYS_AT_ONCE: Final = 64
"""Keys that are taken from the terminal at a time."""


@contextmanager
def pressed_keys() -> Iterator[Callable[[], str]]:
    """Yield a function that gives the key pressed since the last call, or ""."""
    if not sys.stdin.isatty():
        yield lambda: ""
        return
    number = sys.stdin.fileno()
    before = termios.tcgetattr(number)
    tty.setcbreak(number)
    waiting = ""

    def key() -> str:
        # Not through sys.stdin, which would buffer the second of two keys.
        nonlocal waiting
        if not waiting and select.select([number], [], [], 0)[0]:
            waiting = os.read(number, KEYS_AT_ONCE).decode("ascii", "ignore")
        pressed, waiting = waiting[:1], waiting[1:]
        return pressed

    try:
        yield key
    finally:
        termios.tcsetattr(number, termios.TCSADRAIN, before)


STEP: Final = 0.05
"""By which a key changes a weight."""
_SWITCHES: Final = {"r": "record", "p": "privacy"}
_WEIGHTS: Final = {
    "f": ("face_weight", -STEP),
    "F": ("face_weight", STEP),
    "m": ("margin", -STEP),
    "M": ("margin", STEP),
}


def control_of(key: str, state: WatchState) -> tuple[str, str] | None:
    """Control and value that a key sends, or None; a weight that is not known yet is not changed."""
    if key in _SWITCHES:
        control = _SWITCHES[key]
        return control, "OFF" if state.latest.get(f"control/{control}") == "ON" else "ON"
    if key in _WEIGHTS:
        control, step = _WEIGHTS[key]
        try:
            present = float(state.latest[f"control/{control}"])
        except (KeyError, TypeError, ValueError):
            return None
        return control, f"{min(1.0, max(0.0, present + step)):.2f}"
    return None
