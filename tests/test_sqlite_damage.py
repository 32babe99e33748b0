"""A damaged file is told from a disk that cannot be used."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from emoedge.sqlite_damage import is_damage


def raised(path: Path, *statements: str) -> Exception:
    with pytest.raises(sqlite3.Error) as caught:  # noqa: PT012 - any of them may be the one
        connection = sqlite3.connect(path, timeout=0.01, isolation_level=None)
        for statement in statements:
            connection.execute(statement)
    return caught.value


def test_what_the_file_is_to_blame_for(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"no database" * 100)
    assert is_damage(raised(tmp_path / "text", "CREATE TABLE one (a)"))
    good = tmp_path / "good"
    sqlite3.connect(good, isolation_level=None).execute("CREATE TABLE one (a UNIQUE)")
    assert is_damage(raised(good, "SELECT * FROM two"))
    assert is_damage(raised(good, "SELECT b FROM one"))
    assert is_damage(raised(good, "INSERT INTO one VALUES (1, 2)"))
    data = bytearray(good.read_bytes())
    data[44:48] = (9).to_bytes(4, "big")
    (tmp_path / "newer").write_bytes(data)
    assert is_damage(raised(tmp_path / "newer", "SELECT a FROM one"))


def test_what_the_disk_is_to_blame_for(tmp_path: Path) -> None:
    good = tmp_path / "good"
    holder = sqlite3.connect(good, isolation_level=None)
    holder.execute("CREATE TABLE one (a)")
    holder.execute("BEGIN EXCLUSIVE")
    assert not is_damage(raised(good, "INSERT INTO one VALUES (1)"))
    holder.execute("ROLLBACK")
    full = ("PRAGMA max_page_count = 2", "CREATE TABLE two (a)", "INSERT INTO two VALUES (zeroblob(9000))")
    assert not is_damage(raised(good, *full))
    assert not is_damage(raised(tmp_path / "no" / "folder", "SELECT 1"))


@pytest.mark.parametrize("kind", [ValueError, OSError, sqlite3.ProgrammingError])
def test_other_mistakes_are_not_the_file(kind: type[Exception]) -> None:
    assert not is_damage(kind("file is not a database"))
