"""Leaves nothing behind: recordings, history, waiting messages, what was learnt about the voice."""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from emoedge.clock import parse_rfc3339
from emoedge.errors import EmoedgeError
from emoedge.files import parse_json
from emoedge.history import purge_history
from emoedge.history.database import FILE_NAME as HISTORY_FILE
from emoedge.publish.publisher import SPOOL_FILE
from emoedge.publish.spool import forget_messages
from emoedge.record.folder import Folder, Undeletable
from emoedge.record.snapshots import Snapshots
from emoedge.record.store import Store
from emoedge.supervise.adaptation import FILE_NAME as ADAPTATION_FILE
from emoedge.translation import tr


@dataclass(frozen=True, slots=True)
class Purged:
    """Result of a purge.

    Attributes:
        segments: ids of the segments that are gone.
        left: what could not be deleted.
        links: links that were removed, and where they led: nothing there was touched.
    """

    segments: list[str]
    left: list[Undeletable]
    links: dict[Path, str]


def purge_everything(store: Store, state: Path) -> Purged:
    """Delete every recording, the history, the spool and the adaptation; settings changed while running stay.

    Each file is deleted on its own: one that cannot go keeps no other one. A running daemon notices that its
    adaptation and its history are gone and forgets them. Its spool cannot be taken from it.
    """
    segments = store.purge()
    in_use = _locked(state / SPOOL_FILE)
    kinds = (ADAPTATION_FILE, HISTORY_FILE, *(() if in_use else (SPOOL_FILE,)))
    with contextlib.suppress(FileNotFoundError, NotADirectoryError), Folder(state) as folder:
        for name in sorted(folder.names()):
            if name.startswith(kinds):
                store.remover.remove(folder, name)
    return Purged(segments, store.undeletable(), dict(store.remover.links))


def purge_last(store: Store, state: Path, since: datetime) -> Purged:
    """Delete what was recorded since a moment, kept or not, its history, and the messages in the spool.

    A segment counts by its end, as its details say or as its file was last written; a snapshot by its file.
    What a running daemon is writing and its spool cannot be taken from it here: see `forget.py`.
    """
    segments = store.purge_since(since)
    Snapshots(store.root, 0, store.remover).purge_since(since)
    purge_history(state, since=since)
    spool = state / SPOOL_FILE
    in_use = _locked(spool)
    if spool.is_file() and not spool.is_symlink() and not in_use:
        _forget_messages(spool, since)
    return Purged(segments, store.undeletable(), {})


def _forget_messages(spool: Path, since: datetime) -> None:
    """Delete the messages of a spool that are not from before a moment, in the file's free pages too."""
    connection = sqlite3.connect(spool, timeout=1.0, isolation_level=None)
    try:
        forget_messages(connection, lambda payload: not is_before(payload, since))
    except sqlite3.DatabaseError as error:
        raise EmoedgeError(
            tr("cannot delete messages in {spool}: {error}", spool=spool, error=error),
            tr("run: emoedge recordings purge --all"),
        ) from error
    finally:
        connection.close()


def is_before(payload: bytes, moment: datetime) -> bool:
    """Return whether a message is older than a moment; one that does not say is not."""
    try:
        time = parse_rfc3339(parse_json(payload)["time"])
    except (ValueError, TypeError, KeyError):
        return False
    return time is not None and time < moment


def _locked(spool: Path) -> bool:
    if not spool.is_file() or spool.is_symlink():
        return False
    connection = sqlite3.connect(spool, timeout=0.2, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        return True
    except sqlite3.DatabaseError:
        return False  # damaged, so not in use
    else:
        connection.execute("ROLLBACK")
        return False
    finally:
        connection.close()
