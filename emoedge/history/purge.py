"""Deletes history from outside the daemon, which may run meanwhile."""

from __future__ import annotations

import contextlib
from datetime import datetime
from pathlib import Path

from emoedge.history.database import FAILURES, FILE_NAME, FILES, HistoryError, disk_error, open_for_writing
from emoedge.history.tables import delete_rows
from emoedge.sqlite_damage import is_damage
from emoedge.translation import tr


def purge_history(state: Path, *, before: datetime | None = None, since: datetime | None = None) -> bool:
    """Delete history; all of it with neither moment, its log and damaged files too.

    A running daemon notices that the file is gone, and forgets too; with a moment, its
    `HistoryRecorder.forget` deletes what is still in its memory.

    Args:
        state: `paths.state`.
        before: aware; what is older goes.
        since: aware; what was not over then goes, and damaged files.

    Returns:
        Whether there was any history.

    Raises:
        HistoryError: something cannot be deleted.
    """
    path = state / FILE_NAME
    try:
        if before is None and since is None:
            return _remove(state, FILES)
        if since is not None:
            _remove(state, FILES[-1:])
        if not path.exists():
            return False
        moments = (None if moment is None else round(moment.timestamp() * 1000) for moment in (before, since))
        with contextlib.closing(open_for_writing(path)) as connection:
            delete_rows(connection, *moments)
    except OSError as error:
        raise disk_error(path, error) from error
    except FAILURES as error:
        if is_damage(error):
            raise HistoryError(
                tr("the history {path} is damaged ({error})", path=path, error=error),
                tr("run: emoedge history purge --all"),
            ) from error
        raise disk_error(path, error) from error
    return True


def _remove(state: Path, names: tuple[str, ...]) -> bool:
    """Delete files, and links in their place; return whether there was any."""
    found = False
    for name in names:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            (state / name).unlink()
            found = True
    return found
