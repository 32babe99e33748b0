"""Leaves nothing behind: recordings, waiting messages, what was learnt about the voice."""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from emoedge.publish.publisher import SPOOL_FILE
from emoedge.record.folder import Folder, Undeletable
from emoedge.record.store import Store
from emoedge.supervise.adaptation import FILE_NAME as ADAPTATION_FILE


@dataclass(frozen=True, slots=True)
class Purged:
    """What a purge has done.

    Attributes:
        segments: ids of the segments that are gone.
        left: what could not be deleted.
        links: links that were removed, and where they led: nothing there was touched.
        spool_in_use: whether a running daemon still holds messages for the broker.
    """

    segments: list[str]
    left: list[Undeletable]
    links: dict[Path, str]
    spool_in_use: bool = False


def purge_everything(store: Store, state: Path) -> Purged:
    """Delete every recording, the spool and the adaptation; settings changed while running stay.

    Each file is deleted on its own: one that cannot go keeps no other one. A running daemon notices that its
    adaptation is gone and forgets it. Its spool cannot be taken from it.
    """
    segments = store.purge()
    in_use = _locked(state / SPOOL_FILE)
    kinds = (ADAPTATION_FILE,) if in_use else (ADAPTATION_FILE, SPOOL_FILE)
    with contextlib.suppress(FileNotFoundError, NotADirectoryError), Folder(state) as folder:
        for name in sorted(folder.names()):
            if name.startswith(kinds):
                store.remover.remove(folder, name)
    return Purged(segments, store.undeletable(), dict(store.remover.links), in_use)


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
