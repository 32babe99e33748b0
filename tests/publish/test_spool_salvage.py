"""What can still be read of a damaged spool."""

from __future__ import annotations

from random import Random

import pytest

from emoedge.publish.spool import Spool
from emoedge.publish.spool_log import log_of

from .conftest import COUNT, entries
from .test_spool_log import damaged, found_and_lost


def test_a_page_of_the_database_that_cannot_be_read_hides_no_other(tmp_path):
    spool = Spool(tmp_path / "spool.sqlite3", 1000)
    spool.append(entries(*range(1, COUNT + 1)))
    spool.close()
    data = bytearray(spool.path.read_bytes())
    page = next(at for at in range(0, len(data), 4096) if b'{"n":14}' in data[at : at + 4096])
    data[page : page + 8] = b"\xff" * 8
    spool.path.write_bytes(data)
    found, lost, set_aside = found_and_lost(spool.path)
    assert set_aside == 1
    assert {1, COUNT} <= set(found)
    assert 14 not in found
    assert len(found) + lost >= COUNT


@pytest.mark.parametrize(
    "kind", ["a sector of zeros", "20 kB of noise", "two frames in the wrong order", "a frame missing"]
)
def test_larger_damage_costs_what_it_has_hit(killed, kind):
    """What is at both ends can be gone without a number that tells; most of it is read all the same."""
    log, database, dice = log_of(killed).read_bytes(), killed.read_bytes(), Random(12)
    for _ in range(30):
        for path in killed.parent.iterdir():
            path.unlink()
        killed.write_bytes(database)
        log_of(killed).write_bytes(damaged(log, kind, dice))
        found, lost, _ = found_and_lost(killed)
        assert len(found) >= COUNT // 2
        assert lost >= (len(found) < COUNT), "said, if not how many"
        assert len(found) + lost <= COUNT + 1
