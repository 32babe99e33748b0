"""Keeping, deleting and restoring segments on behalf of the clients of the socket."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any, Final

from emoedge.clock import rfc3339
from emoedge.errors import RecordingError
from emoedge.local_socket.protocol import DaemonError, Request
from emoedge.record.labels import SegmentLabel, add_label
from emoedge.record.names import UNDO_S
from emoedge.record.recorder import Recorder
from emoedge.record.segment_files import Segment
from emoedge.translation import tr

MARGIN_S: Final = 0.2
"""After the time for taking a deletion back, so that the sweep finds that it is over."""


class RecordingRequests:
    """Acts on the store of the running daemon.

    Args:
        recorder: has the store, and the thread that sweeps it.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._store = recorder.store
        self.acts: dict[str, Callable[[Request], dict[str, Any]]] = {
            "recording_keep": self._keep,
            "recording_delete": self._delete,
            "recording_restore": self._restore,
            "label": self._label,
        }
        """By the `do` of a request; they wait for the disk, and raise DaemonError."""

    def _keep(self, request: Request) -> dict[str, Any]:
        segment, on = self._segment(request), request.flag("keep", True)
        self._try(lambda: self._store.keep(segment, on))
        return {"keep": on}

    def _delete(self, request: Request) -> dict[str, Any]:
        segment = self._segment(request)
        self._try(lambda: self._store.hide(segment))
        self._recorder.request_sweep(UNDO_S + MARGIN_S)
        return {"until": rfc3339(datetime.now(timezone.utc) + timedelta(seconds=UNDO_S))}

    def _restore(self, request: Request) -> dict[str, Any]:
        segment = self._segment(request, deleted=True)
        self._try(lambda: self._store.hide(segment, False))
        return {}

    def _label(self, request: Request) -> dict[str, Any]:
        segment = self._segment(request)
        try:
            label = SegmentLabel.from_dict(
                {"note": "", **request.values, "time": rfc3339(datetime.now(timezone.utc))}
            )
        except ValueError as error:
            raise DaemonError(str(error), code="value") from error

        def act() -> None:
            with self._store.changing(segment.media):
                counts.append(add_label(segment.media, label))

        counts: list[int] = []
        self._try(act)
        return {"labels": counts[0]}

    def _segment(self, request: Request, *, deleted: bool = False) -> Segment:
        try:
            return self._store.find(request.text("recording"), deleted=deleted)
        except RecordingError as error:
            raise DaemonError(error.message, error.remedy, "absent") from error

    def _try(self, act: Callable[[], None]) -> None:
        try:
            act()
        except RecordingError as error:
            raise DaemonError(error.message, error.remedy) from error
        except OSError as error:
            raise DaemonError(
                tr("cannot mark the segment: {error}", error=error.strerror or error),
                tr("check the disk of recording.dir"),
            ) from error
