"""Leaves nothing behind: recordings, waiting messages, what was learnt about the voice."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from emoedge.publish.publisher import SPOOL_FILE
from emoedge.record.snapshots import Snapshots
from emoedge.record.store import Store
from emoedge.supervise.adaptation import FILE_NAME as ADAPTATION_FILE


@dataclass(frozen=True, slots=True)
class Purged:
    """What went: segment ids; and whether a running daemon still holds messages for the broker."""

    segments: list[str]
    spool_in_use: bool


def purge_everything(store: Store, state: Path) -> Purged:
    """Delete every recording, the spool and the adaptation; settings changed while running stay.

    A running daemon notices that its adaptation is gone and forgets it. Its spool cannot be taken from it.
    """
    segments = store.purge()
    Snapshots(store.root, 0).purge()
    (state / ADAPTATION_FILE).unlink(missing_ok=True)
    spool = state / SPOOL_FILE
    in_use = _locked(spool)
    if not in_use:
        for path in [*state.glob(f"{SPOOL_FILE}*")]:
            path.unlink(missing_ok=True)
    return Purged(segments, in_use)


def _locked(spool: Path) -> bool:
    if not spool.exists():
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
