"""A running daemon forgets: what is on its disk, in its memory, and at the broker."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from emoedge.errors import EmoedgeError
from emoedge.history.recorder import HistoryRecorder
from emoedge.local_socket.protocol import DaemonError
from emoedge.publish.sinks import Sink
from emoedge.record.recorder import Recorder
from emoedge.supervise.adaptation import AdaptationStore
from emoedge.supervise.feed import Feed
from emoedge.supervise.purge import Purged, is_before, purge_everything, purge_last
from emoedge.translation import tr

FORGET_S: Final = 100.0
"""Time for the disk: the segments that are being finished come first."""
MAX_NAMED: Final = 20
"""Files that are named of those that cannot be deleted."""


class Forgetter:
    """Carries out `purge` and answers with what was done.

    Args:
        recorder: its open segment and its pre-roll go.
        sink: what waits for the broker, and what is retained there.
        adaptation: what was learned of voices and faces.
        history: what was felt when.
        feed: the last messages.
        state: `paths.state`.
    """

    def __init__(
        self,
        recorder: Recorder,
        sink: Sink,
        adaptation: AdaptationStore,
        history: HistoryRecorder,
        feed: Feed,
        state: Path,
    ) -> None:
        self._recorder = recorder
        self._sink = sink
        self._adaptation = adaptation
        self._history = history
        self._feed = feed
        self._state = state

    def forget(self, since: datetime | None) -> dict[str, Any]:
        """Forget everything, or what is from a moment or later; waits for the disk.

        Raises:
            DaemonError: the disk does not answer, or something cannot be deleted at all.
        """
        self._sink.forget(lambda payload: since is None or not is_before(payload, since))
        self._feed.forget()
        self._history.forget(since=since)
        if since is None:
            self._adaptation.forget()
        else:
            self._adaptation.forget_faces()
        store = self._recorder.store
        purge: Callable[[], Purged] = (
            (lambda: purge_everything(store, self._state))
            if since is None
            else (lambda: purge_last(store, self._state, since))
        )
        was_open = self._recorder.segment_id is not None
        return _answer(self._when_closed(purge), was_open)

    def _when_closed(self, purge: Callable[[], Purged]) -> Purged:
        """Purge in the thread that finishes segments, once the one that was open is deleted."""
        done, results = threading.Event(), list[Purged | EmoedgeError | OSError]()

        def then() -> None:
            try:
                results.append(purge())
            except (EmoedgeError, OSError) as error:
                results.append(error)
            finally:
                done.set()

        self._recorder.forget(then)
        if not done.wait(FORGET_S):
            raise DaemonError(
                tr("the disk does not answer"), tr("check the disk of recording.dir"), "timeout"
            )
        found = results[0] if results else DaemonError(tr("unexpected error, see the log"))
        if isinstance(found, Purged):
            return found
        raise DaemonError(str(found)) from found


def _answer(purged: Purged, was_open: bool) -> dict[str, Any]:
    return {
        "deleted": len(purged.segments) + was_open,
        "left": [str(one) for one in purged.left[:MAX_NAMED]],
        "left_count": len(purged.left),
    }
