"""Empties what an earlier `device_id` or `mqtt.base` has left retained at the broker.

Only where the old `status` is `offline` and stays so: two boards may have swapped their names, and what the
other publishes is not to be touched. Bookkeeping for one thread, times from outside; `send` is what puts a
retained message on the wire.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any, Final

from emoedge.background_write import BackgroundWrite
from emoedge.files import read_json, write_json
from emoedge.publish.retained_states import RetainedStates, Send

logger = logging.getLogger(__name__)

FILE_NAME: Final = "retained.json"
"""In the state directory: by topic base, what was retained below it."""
OFFLINE_S: Final = 60.0
"""Seconds for which nothing else may arrive from the old name before it is taken back."""
FOREIGN_S: Final = 120.0
"""A retained `online` of our own is replaced by the last will within 45 s; one that stands is another's."""
MAX_BASES: Final = 8
"""Earlier names that are remembered."""
MAX_TOPICS: Final = 64
STATUS: Final = "status"
_BASE: Final = re.compile(r"(?!\$)[^+#\x00-\x20\x7f-\x9f\ud800-\udfff]{1,1000}")
_SUFFIX: Final = re.compile(r"[a-z_]{1,64}(/[a-z_]{1,64}){0,2}")


class OldNames:
    """The record of what is retained, and the cleaning of one old name after the other.

    Args:
        folder: the state directory.
        base: topic base in use.
    """

    def __init__(self, folder: Path, base: str) -> None:
        self._path = folder / FILE_NAME
        self._base = base
        found = _read(self._path)
        self._own = set(found.pop(base, ()))
        self._old = found
        self._since_s: dict[str, tuple[str, float]] = {}
        self._present = ""
        self._messages = RetainedStates()
        self.writer = BackgroundWrite("retained-record", self._write)

    @property
    def own(self) -> frozenset[str]:
        """Retained topics under the present name: those below its base, without `status`."""
        return frozenset(self._own)

    @property
    def topics(self) -> tuple[str, ...]:
        """Topics to subscribe to: `status` of each old name."""
        return tuple(f"{base}/{STATUS}" for base in self._old)

    def note(self, topics: list[str]) -> None:
        """Remember topics that are retained under the present name."""
        suffixes = {topic.removeprefix(f"{self._base}/") for topic in topics} - {STATUS}
        if not suffixes <= self._own:
            self._own |= suffixes
            self._save()

    def connection_lost(self) -> None:
        """Start again after a lost connection."""
        self._since_s.clear()
        self._present = ""
        self._messages.replace_all({})
        self._messages.connection_lost()

    def take(self, topic: str, payload: bytes, now_s: float, *, retained: bool) -> None:
        """Take a message on one of `topics`."""
        base = topic.removesuffix(f"/{STATUS}")
        if base not in self._old:
            return
        if payload == b"online" and not retained:
            self._leave(base)
        elif payload in (b"online", b"offline"):
            self._since_s[base] = (payload.decode(), now_s)
        else:
            self._since_s.pop(base, None)

    def due_in_s(self, now_s: float) -> float:
        """Seconds until there is something to do if nothing comes in."""
        waits = [_due_s(*one) - now_s for one in self._since_s.values()] if not self._present else []
        return max(0.0, min([*waits, self._messages.due_in_s(now_s)]))

    def send(self, send: Send, now_s: float) -> None:
        """Send what is due."""
        for base, (said, since_s) in list(self._since_s.items()):
            if now_s < _due_s(said, since_s):
                continue
            if said == "online":
                self._leave(base)
            elif not self._present:
                self._present = base
                logger.info("clearing the retained messages of the earlier name %s", base)
                self._messages.replace_all({f"{base}/{suffix}": b"" for suffix in self._old[base]})
        self._go_on()
        self._messages.send(send, now_s)

    def delivered(self, token: int) -> None:
        """The broker has one."""
        self._messages.delivered(token)
        self._go_on()

    def refused(self, token: int, now_s: float, *, was_sent: bool) -> None:
        """The broker does not take one: the name waits for another connection."""
        if self._messages.refused(token, now_s, was_sent=was_sent):
            logger.warning("cannot clear the retained messages of %s: the broker refuses it", self._present)
            self._since_s.pop(self._present, None)
            self._present = ""
            self._messages.replace_all({})

    def _go_on(self) -> None:
        """`status` goes last, once the broker has all the others; then the name is forgotten."""
        base, status = self._present, f"{self._present}/{STATUS}"
        if not base or self._messages.waiting:
            return
        if base in self._since_s:
            del self._since_s[base]
            self._messages.replace_all({status: b""})
        else:
            self._present = ""
            self._leave(base)

    def _leave(self, base: str) -> None:
        """Forget an old name: it is emptied, or another device has it."""
        self._since_s.pop(base, None)
        if self._present == base:
            self._present = ""
            self._messages.replace_all({})
        if self._old.pop(base, None) is not None:
            self._save()

    def _save(self) -> None:
        newest = list(self._old.items())[-MAX_BASES:]
        self.writer.put({base: sorted(topics) for base, topics in newest} | {self._base: sorted(self._own)})

    def _write(self, record: dict[str, list[str]]) -> None:
        try:
            write_json(self._path, record)
        except OSError as error:
            logger.warning("cannot save the list of retained topics: %s", error)


def _due_s(said: str, since_s: float) -> float:
    return since_s + (OFFLINE_S if said == "offline" else FOREIGN_S)


def _read(path: Path) -> dict[str, list[str]]:
    """Return the record without what cannot be published to; empty where there is nothing readable."""
    try:
        raw = read_json(path)
    except (OSError, ValueError):
        return {}
    if not isinstance(raw, dict):
        return {}
    return {base: list(topics) for base, topics in raw.items() if _is_ours(base, topics)}


def _is_ours(base: str, topics: Any) -> bool:
    return (
        _BASE.fullmatch(base) is not None
        and isinstance(topics, list)
        and len(topics) <= MAX_TOPICS
        and all(isinstance(one, str) and _SUFFIX.fullmatch(one) for one in topics)
    )
