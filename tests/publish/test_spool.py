"""The file: order, bound, damage, full disk, kill."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from emoedge.publish.spool import Spool, SpoolError
from emoedge.publish.spool_entry import Entry

from .conftest import until


def entries(*seqs: int) -> list[Entry]:
    return [Entry(seq, "emoedge/x/event", b'{"n":%d}' % seq) for seq in seqs]


def seqs(spool: Spool) -> list[int]:
    return [entry.seq for entry in spool.after(0, 10_000)]


@pytest.fixture
def spool(tmp_path):
    spool = Spool(tmp_path / "state" / "spool.sqlite3", 100)
    yield spool
    spool.close()


def test_in_order_byte_for_byte_over_a_restart(spool):
    spool.append(entries(1, 2, 3))
    spool.append(entries(4))
    spool.close()
    again = Spool(spool.path, 100)
    assert again.after(0, 10) == entries(1, 2, 3, 4)
    assert again.after(2, 1) == entries(3)
    assert (again.depth(), again.last_seq(), again.dropped()) == (4, 4, 0)
    again.delete([1, 3, 99])
    assert seqs(again) == [2, 4]
    again.close()


def test_oldest_are_dropped_and_counted_over_restarts(tmp_path):
    spool = Spool(tmp_path / "s", 5)
    spool.append(entries(*range(1, 4)))
    spool.append(entries(*range(4, 9)))
    assert seqs(spool) == [4, 5, 6, 7, 8]
    spool.close()
    again = Spool(tmp_path / "s", 5)
    assert again.dropped() == 3
    again.append(entries(9))
    assert (seqs(again), again.dropped()) == ([5, 6, 7, 8, 9], 4)
    again.close()


def test_synced_wal_and_private(spool):
    spool.append(entries(1))
    connection = spool._connection
    assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2  # FULL
    assert spool.path.stat().st_mode & 0o777 == 0o600
    wal = spool.path.with_name("spool.sqlite3-wal")
    assert wal.stat().st_mode & 0o077 == 0


def test_a_second_daemon_is_refused(spool):
    spool.append(entries(1))
    other = Spool(spool.path, 100)
    with pytest.raises(SpoolError, match="another emoedge") as refused:
        other.append(entries(2))
    assert "paths.state" in refused.value.remedy
    spool.close()
    other.append(entries(2))
    assert seqs(other) == [1, 2]
    other.close()


@pytest.mark.parametrize("content", [b"not a database " * 1000, b"SQLite format 3\x00" + bytes(5000)])
def test_damaged_file_is_put_aside(spool, content):
    spool.path.parent.mkdir()
    spool.path.write_bytes(content)
    spool.append(entries(1))
    assert (seqs(spool), spool.set_aside) == ([1], 1)
    (aside,) = spool.path.parent.glob("spool.sqlite3.*Z.damaged")
    assert aside.read_bytes() == content


def test_the_newest_three_damaged_files_are_kept(tmp_path):
    for number in range(5):
        spool = Spool(tmp_path / "spool.sqlite3", 10)
        for path in tmp_path.glob("spool.sqlite3*"):
            if not path.name.endswith(".damaged"):
                path.unlink()
        spool.path.write_bytes(b"damaged %d " % number * 1000)
        spool.append(entries(1))
        spool.close()
    kept = sorted(tmp_path.glob("*.damaged"))
    assert [path.read_bytes()[:10] for path in kept] == [b"damaged %d " % number for number in (2, 3, 4)]


def test_damage_in_the_middle_is_noticed(spool):
    spool.append([Entry(seq, "t", bytes(3000)) for seq in range(1, 50)])
    spool.close()
    raw = bytearray(spool.path.read_bytes())
    raw[4096 * 3 : 4096 * 20] = os.urandom(4096 * 17)
    spool.path.write_bytes(raw)
    spool.append(entries(60))
    found = spool.after(0, 1000)
    assert (found[-1], spool.set_aside) == (entries(60)[0], 1)
    assert all(entry.payload == bytes(3000) for entry in found[:-1]), "what was not hit is still there"
    assert 30 <= len(found) - 1 < 49
    assert spool.lost > 0


def test_another_format_is_put_aside(spool):
    spool.path.parent.mkdir()
    other = sqlite3.connect(spool.path)
    other.execute("PRAGMA user_version = 7")
    other.close()
    spool.append(entries(1))
    assert (seqs(spool), spool.set_aside) == ([1], 1)


def change(spool: Spool, statement: str) -> None:
    """Do to the file what a failing disk might."""
    spool.close()
    with contextlib.closing(sqlite3.connect(spool.path, isolation_level=None)) as other:
        other.execute(statement)


@pytest.mark.parametrize(
    "damage",
    [
        "topic = 'emoedge/+/event'",
        "topic = CAST(X'ff6e' AS TEXT)",
        "topic = X'6e'",
        "payload = 'text'",
        "payload = 7",
        "crc = 0",
        "crc = 'x'",
        "seq = -5",
        "seq = 9223372036854775807",
    ],
)
def test_a_bad_row_is_set_aside_counted_and_holds_up_nothing(spool, damage, caplog):
    """A topic with "+" ended the process at every start; one of invalid UTF-8 blocked the spool for ever."""
    spool.append(entries(1, 2, 3))
    change(spool, f"UPDATE message SET {damage} WHERE seq = 2")
    assert seqs(spool) == [1, 3]
    assert (spool.lost, spool.set_aside, spool.depth()) == (1, 0, 2)
    assert "1 messages" in caplog.text
    spool.append(entries(spool.last_seq() + 1))
    assert seqs(spool) == [1, 3, 4]
    spool.close()
    assert seqs(spool) == [1, 3, 4]
    assert spool.lost == 1, "counted once"


def test_bad_rows_do_not_hide_the_good_ones_behind_them(spool):
    spool.append(entries(*range(1, 101)))
    change(spool, "UPDATE message SET crc = 0 WHERE seq <= 60")
    assert [entry.seq for entry in spool.after(0, 50)] == list(range(61, 101))
    assert spool.lost == 60


@pytest.mark.parametrize(
    ("damage", "lost"),
    [
        ("ALTER TABLE message RENAME COLUMN payload TO qayload", 3),
        ("ALTER TABLE message RENAME TO nessage", 0),
        ("PRAGMA user_version = 1", 3),
    ],
)
def test_a_spool_of_another_shape_is_put_aside_with_a_count(spool, damage, lost):
    spool.append(entries(1, 2, 3))
    change(spool, damage)
    spool.append(entries(4))
    assert seqs(spool) == [4]
    if lost:
        assert (spool.set_aside, spool.lost) == (1, lost)


def test_damaged_counters_count_from_zero(spool):
    spool.append(entries(1))
    change(spool, "UPDATE counter SET value = 'many'")
    assert (spool.dropped(), seqs(spool)) == (0, [1])


def test_no_damaged_byte_stops_the_spool(spool):
    spool.append(entries(*range(1, 41)))
    spool.close()
    good = spool.path.read_bytes()
    random = Random(24)
    for _ in range(150):
        damaged = bytearray(good)
        damaged[random.randrange(len(good))] ^= 1 << random.randrange(8)
        spool.path.write_bytes(damaged)
        for suffix in ("-wal", "-shm"):
            spool.path.with_name(spool.path.name + suffix).unlink(missing_ok=True)
        after = Spool(spool.path, 1000)
        seq = after.last_seq() + 1
        assert 0 < seq < 100
        after.append(entries(seq))
        kept = after.after(0, 1000)
        assert kept[-1].seq == seq
        assert all(entry == entries(entry.seq)[0] for entry in kept)
        after.delete([seq])
        after.close()


def test_full_disk_loses_nothing_that_was_kept(spool):
    spool.append(entries(1))
    pages = spool._connection.execute("PRAGMA page_count").fetchone()[0]
    # SQLite's own "database or disk is full", as on a disk without room.
    spool._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(SpoolError, match="full"):
        spool.append([Entry(2, "t", bytes(50_000))])
    # The next call opens it again: the disk has room again.
    spool.append(entries(3))
    assert (seqs(spool), spool.set_aside) == ([1, 3], 0)


def test_a_probe_writes_and_changes_nothing(spool):
    spool.append(entries(1))
    before = spool._connection.total_changes
    spool.probe()
    assert spool._connection.total_changes > before, "it has really written"
    assert (seqs(spool), spool.dropped()) == ([1], 0)
    spool._connection.execute("PRAGMA query_only = ON")
    with pytest.raises(SpoolError):
        spool.probe()
    spool.probe()


def test_directory_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    spool = Spool(tmp_path / "file" / "spool", 10)
    with pytest.raises(SpoolError, match="cannot be used"):
        spool.append(entries(1))
    (tmp_path / "file").unlink()
    spool.append(entries(1))
    assert seqs(spool) == [1]
    spool.close()


def test_deleted_under_us(spool):
    spool.append(entries(1))
    for path in spool.path.parent.iterdir():
        path.unlink()
    spool.append(entries(2))
    spool.close()
    assert seqs(Spool(spool.path, 10)) == [2]


def test_power_cut_in_the_middle_of_a_write(spool, tmp_path):
    """Whatever part of the last write reached the disk, what was committed before is there, in order."""
    for seq in range(1, 21):
        spool.append(entries(seq))
    wal = spool.path.with_name("spool.sqlite3-wal").read_bytes()
    kept = []
    for cut in range(len(wal) % 2503, len(wal) + 1, 2503):
        copy = tmp_path / f"cut-{cut}" / "spool.sqlite3"
        copy.parent.mkdir()
        copy.write_bytes(spool.path.read_bytes())
        copy.with_name("spool.sqlite3-wal").write_bytes(wal[:cut])
        after = Spool(copy, 100)
        found = seqs(after)
        assert found == list(range(1, len(found) + 1))
        assert after.set_aside == 0
        after.append(entries(100))
        after.close()
        kept.append(len(found))
    assert kept == sorted(kept)
    assert kept[-1] == 20


KILLED = """
import json, sys, time
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.publish.samples import builder
from tests.publish.test_publisher import event, make_settings
from emoedge.publish.publisher import Publisher
publisher = Publisher(make_settings(9, Path({state!r}), discovery=False), builder())
publisher.start()
number = 0
while True:
    publisher.publish(builder().outcome(event(number)))
    figures = publisher.health()[1].figures
    print(figures["depth"] - figures["in_memory"], flush=True)
    number += 1
    time.sleep(0.002)
"""


def test_sigkill_loses_nothing_that_was_on_the_disk(tmp_path):
    """A child publishes with no broker there and is killed in the middle of it."""
    code = KILLED.format(root=str(Path(__file__).parents[2]), state=str(tmp_path))
    out = tmp_path / "out"
    with out.open("wb") as stdout, subprocess.Popen([sys.executable, "-c", code], stdout=stdout) as child:

        def on_disk():
            return max((int(line) for line in out.read_text().split("\n")[:-1]), default=0)

        until(lambda: on_disk() > 300, "the child has published")
        os.kill(child.pid, signal.SIGKILL)
    spool = Spool(tmp_path / "spool.sqlite3", 10_000)
    kept = [json.loads(entry.payload)["id"] for entry in spool.after(0, 10_000)]
    spool.close()
    assert kept == [f"{number:05d}" for number in range(len(kept))]
    assert len(kept) >= on_disk()


def test_what_is_forgotten_is_in_no_page_of_the_file(tmp_path):
    path = tmp_path / "spool.sqlite3"
    spool = Spool(path, 100)
    spool.append([Entry(seq, "t", b"secret " * 500 if seq % 2 else b"kept") for seq in range(1, 21)])
    spool.keep_bad([Entry(21, "t", b"secret too")])
    spool.forget(lambda payload: payload.startswith(b"secret"))
    assert [entry.payload for entry in spool.after(0, 100)] == [b"kept"] * 10
    spool.close()
    assert all(b"secret" not in file.read_bytes() for file in tmp_path.iterdir())
