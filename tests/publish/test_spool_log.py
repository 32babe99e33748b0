"""The write-ahead log of the spool: damage that SQLite passes over is seen, and what is behind it is read."""

from __future__ import annotations

import contextlib
import sqlite3
import struct
from pathlib import Path
from random import Random

import pytest

from emoedge.publish.spool import Spool, SpoolError
from emoedge.publish.spool_log import FRAME, HEADER, is_whole, log_of, read_pages
from emoedge.publish.spool_salvage import Salvaged, salvage

from .conftest import COUNT, entries


def found_and_lost(path: Path) -> tuple[list[int], int, int]:
    spool = Spool(path, 1000)
    found = spool.after(0, 1000)
    assert found == entries(*(entry.seq for entry in found)), "as they were written"
    result = [entry.seq for entry in found], spool.lost, spool.set_aside
    spool.close()
    return result


def test_a_whole_log_is_left_alone(killed):
    assert is_whole(log_of(killed).read_bytes())
    assert found_and_lost(killed) == (list(range(1, COUNT + 1)), 0, 0)


def test_the_pages_of_a_whole_log_are_certain(killed):
    pages = read_pages(killed.read_bytes(), log_of(killed).read_bytes())
    assert pages.are_certain
    assert all(len(images) == 1 for images in pages.images.values())
    assert salvage(killed.read_bytes(), log_of(killed).read_bytes(), is_damaged=False) == Salvaged(
        entries(*range(1, COUNT + 1)), 0
    )


@pytest.mark.parametrize("part", ["magic", "version", "page size", "salt", "checksum"])
def test_a_damaged_head_loses_nothing(killed, part):
    place = ("magic", "version", "page size", "checkpoint", "salt", "salt 2", "checksum").index(part) * 4
    log = bytearray(log_of(killed).read_bytes())
    log[place + 2] ^= 0x10
    log_of(killed).write_bytes(log)
    assert found_and_lost(killed) == (list(range(1, COUNT + 1)), 0, 1)


@pytest.mark.parametrize("part", range(6))
def test_a_damaged_frame_in_the_middle_costs_what_it_held_at_most(killed, part):
    """A bit in its head: page number, commit mark, salts, checksums."""
    log = bytearray(log_of(killed).read_bytes())
    step = FRAME.size + HEADER.unpack_from(log)[2]
    frames = (len(log) - HEADER.size) // step
    log[HEADER.size + frames // 2 * step + 4 * part + 3] ^= 1
    log_of(killed).write_bytes(log)
    found, lost, set_aside = found_and_lost(killed)
    assert set_aside == 1
    assert COUNT - len(found) <= lost <= COUNT
    assert len(found) > COUNT * 3 // 4


def test_every_message_is_delivered_or_counted_whatever_bit_flips(killed):
    log, database = log_of(killed).read_bytes(), killed.read_bytes()
    dice = Random(11)
    for _ in range(120):
        damaged = bytearray(log)
        place = dice.randrange(len(log))
        damaged[place] ^= 1 << dice.randrange(8)
        for path in killed.parent.iterdir():
            path.unlink()
        killed.write_bytes(database)
        log_of(killed).write_bytes(damaged)
        found, lost, _ = found_and_lost(killed)
        assert len(found) + lost >= COUNT, f"byte {place}"
        assert lost <= COUNT


def test_a_frame_that_was_only_begun_is_no_damage(killed):
    log = log_of(killed).read_bytes()
    step = FRAME.size + HEADER.unpack_from(log)[2]
    for cut in (1, FRAME.size, step - 1, step // 2):
        assert is_whole(log[:-cut])


def test_frames_of_an_older_log_are_not_read(killed):
    """A log is written over from its beginning; what follows has other salts."""
    log = log_of(killed).read_bytes()
    _, _, page_size, _, salt, *_ = HEADER.unpack_from(log)
    old = struct.pack(">6I", 2, 2, salt - 1, 1, 0, 0) + bytes(page_size)
    assert is_whole(log + old)
    assert read_pages(b"", log + old) == read_pages(b"", log)


def test_a_size_that_cannot_be_is_put_right(killed):
    """SQLite makes the database as large as the last commit says."""
    log = bytearray(log_of(killed).read_bytes())
    step = FRAME.size + HEADER.unpack_from(log)[2]
    last = len(log) - step
    log[last + 4] = 0x40
    log_of(killed).write_bytes(log)
    found, lost, _ = found_and_lost(killed)
    assert len(found) + lost >= COUNT
    assert sum(path.stat().st_size for path in killed.parent.iterdir()) < 10e6


def test_a_file_that_another_process_uses_is_not_touched(killed):
    log_of(killed).write_bytes(log_of(killed).read_bytes()[:-1])
    with contextlib.closing(sqlite3.connect(killed, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN IMMEDIATE")
        damaged = bytearray(log_of(killed).read_bytes())
        damaged[HEADER.size + FRAME.size + 9] ^= 1
        log_of(killed).write_bytes(damaged)
        spool = Spool(killed, 1000)
        with pytest.raises(SpoolError, match="in use"):
            spool.depth()
        assert spool.set_aside == 0
        assert killed.exists()


def damaged(log: bytes, kind: str, dice: Random) -> bytes:
    step = FRAME.size + HEADER.unpack_from(log)[2]
    frames = (len(log) - HEADER.size) // step
    place, (first, second) = dice.randrange(len(log)), sorted(dice.sample(range(frames), 2))
    result = bytearray(log)
    if kind == "two frames in the wrong order":
        one, two = (
            slice(HEADER.size + number * step, HEADER.size + (number + 1) * step)
            for number in (first, second)
        )
        result[one], result[two] = result[two], result[one]
    elif kind == "a frame missing":
        del result[HEADER.size + first * step : HEADER.size + (first + 1) * step]
    elif kind == "a sector of zeros":
        result[place : place + 512] = bytes(len(result[place : place + 512]))
    else:
        result[place : place + 20_000] = dice.randbytes(len(result[place : place + 20_000]))
    return bytes(result)
