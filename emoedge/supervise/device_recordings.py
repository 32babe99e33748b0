"""Commands of `emoedge recordings` beside a running daemon: forget, keep and delete."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, Final

from emoedge.config import Settings
from emoedge.errors import BrokerError, EmoedgeError, RecordingError
from emoedge.local_socket.client import connect
from emoedge.publish.withdrawal import empty_retained, result_topics
from emoedge.record.segment_files import Segment
from emoedge.record.store import Store
from emoedge.supervise.forget import FORGET_S
from emoedge.supervise.purge import Purged, purge_everything, purge_last
from emoedge.translation import tr

MARGIN_S: Final = 20.0
"""Beside the time that the daemon takes."""


@dataclass(frozen=True, slots=True)
class DevicePurge:
    """Result of a purge.

    Attributes:
        deleted: number of segments, by the daemon and here.
        purged: what was done here.
        notes: what a person should know.
        failed: whether the daemon runs and has not forgotten.
    """

    deleted: int
    purged: Purged
    notes: list[str] = field(default_factory=list)
    failed: bool = False


def purge_device(settings: Settings, store: Store, since: datetime | None) -> DevicePurge:
    """Forget everything, or what is from a moment or later.

    A running daemon is asked first: it alone can forget what it holds. Then the files are looked at here,
    since another user may delete others. Where no daemon runs, the retained results are emptied from here.

    Args:
        settings: the device.
        store: of its recordings.
        since: None for everything.

    Raises:
        EmoedgeError: something cannot be deleted at all.
    """
    notes: list[str] = []
    answer, failed = None, False
    try:
        answer = _ask_daemon(settings, since)
    except EmoedgeError as error:
        notes.append(f"the daemon runs and was not asked to forget: {error}")
        failed = True
    if answer is None and not failed and settings.mqtt.enabled:
        try:
            empty_retained(settings, result_topics(settings))
        except BrokerError as error:
            notes.append(f"what the broker keeps of this device was not emptied: {error}")
    state = settings.paths.state
    purged = purge_everything(store, state) if since is None else purge_last(store, state, since)
    deleted = len(purged.segments) + (answer["deleted"] if answer is not None else 0)
    return DevicePurge(deleted, purged, notes, failed)


def _ask_daemon(settings: Settings, since: datetime | None) -> dict[str, Any] | None:
    """Have a running daemon forget; None where none runs. Raises EmoedgeError."""
    client = connect(settings, "recordings")
    if client is None:
        return None
    last_s = None if since is None else (datetime.now(timezone.utc) - since).total_seconds()
    values = {"all": True} if last_s is None else {"last_s": last_s}
    with client:
        return client.ask("purge", timeout_s=FORGET_S + MARGIN_S, **values)


def keep_segment(settings: Settings, store: Store, segment_id: str, on: bool) -> None:
    """Mark a segment to be kept, or not; the daemon does it where this user may not. Raises EmoedgeError."""
    segment = store.find(segment_id)
    try:
        store.keep(segment, on)
    except OSError as error:
        if not _has_done(settings, "recording_keep", recording=segment_id, keep=on):
            raise RecordingError(
                tr("cannot store the mark: {error}", error=error.strerror or error), tr("run it with sudo")
            ) from error


def delete_segment(settings: Settings, store: Store, segment: Segment) -> bool:
    """Delete a segment, here or by the daemon; return whether all of it is gone, or out of sight."""
    return store.delete(segment) or _has_done(settings, "recording_delete", recording=segment.segment_id)


def _has_done(settings: Settings, act: str, **values: Any) -> bool:
    """Ask the running daemon; return whether it has done it."""
    try:
        client = connect(settings, "recordings")
        if client is None:
            return False
        with client:
            client.ask(act, **values)
    except EmoedgeError:
        return False
    return True
