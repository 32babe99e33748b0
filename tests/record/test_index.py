"""The index fits the disk, whoever changes what is there, and saves the work that it is for."""

from __future__ import annotations

import json
import os
import random
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emoedge.record import index as index_module
from emoedge.record.index import FILE_NAME
from emoedge.record.index_entry import read_entry
from emoedge.record.retention import Limits
from emoedge.record.store import Store

from .test_store import NO_LIMITS, NOW, put


@pytest.fixture
def looked_at(monkeypatch) -> list[str]:
    """Ids of the segments whose files were looked at."""
    ids: list[str] = []
    read = read_entry

    def counted(folder, segment_id, suffixes):
        ids.append(segment_id)
        return read(folder, segment_id, suffixes)

    monkeypatch.setattr(index_module, "read_entry", counted)
    return ids


def settle(root: Path) -> None:
    """Let the folders look as if they had changed a minute ago."""
    for folder in root.iterdir():
        if folder.is_dir():
            os.utime(folder, (1_700_000_000, 1_700_000_000))


def truth(root: Path) -> tuple[int, int]:
    """Number of segments and bytes, by looking at everything."""
    paths = [path for path in root.glob("*/*") if path.is_file()]
    return sum(path.suffix == ".mp4" for path in paths), sum(path.stat().st_size for path in paths)


def test_a_second_sweep_looks_at_nothing(tmp_path, looked_at):
    for hours in range(60):
        put(tmp_path, NOW - timedelta(hours=hours))
    settle(tmp_path)
    store = Store(tmp_path)
    store.enforce(NO_LIMITS, now=NOW, clock_synced=True)
    assert len(looked_at) == 60
    looked_at.clear()
    store.enforce(NO_LIMITS, now=NOW, clock_synced=True)
    assert looked_at == []


def test_a_new_one_is_looked_at_alone(tmp_path, looked_at):
    for hours in range(60):
        put(tmp_path, NOW - timedelta(hours=hours))
    settle(tmp_path)
    store = Store(tmp_path)
    store.segments()
    looked_at.clear()
    new = put(tmp_path, NOW)
    assert new in [segment.segment_id for segment in store.segments()]
    assert looked_at == [new]


def test_the_saved_index_spares_the_next_process_the_work(tmp_path, looked_at):
    ids = [put(tmp_path, NOW - timedelta(hours=hours)) for hours in range(60)]
    settle(tmp_path)
    store = Store(tmp_path)
    usage = store.segments() and store.usage()
    store.save_index()
    looked_at.clear()
    other = Store(tmp_path)
    assert [segment.segment_id for segment in other.segments()] == sorted(ids)
    assert other.usage() == usage == truth(tmp_path)
    assert looked_at == []


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"[" * 200_000,
        b'{"schema": 1}',
        b'{"schema": 2, "days": {}, "kinds": []}',
        b'{"schema": 1, "days": {"2026-11-22": [1, {"x": [0]}]}, "kinds": []}',
        b'{"schema": 1, "days": {"2026-11-22": 7}, "kinds": []}',
        b'{"schema": 1, "days": [], "kinds": {}}',
        b"\xff\xfe\x00",
    ],
)
def test_a_damaged_index_is_made_again(tmp_path, damage):
    segment_id = put(tmp_path, NOW)
    (tmp_path / FILE_NAME).write_bytes(damage)
    store = Store(tmp_path)
    assert [segment.segment_id for segment in store.segments()] == [segment_id]
    store.save_index()
    assert json.loads((tmp_path / FILE_NAME).read_text())["schema"] == 1


def test_an_index_full_of_wrong_types_is_no_reason_to_fail(tmp_path):
    segment_id = put(tmp_path, NOW)
    store = Store(tmp_path)
    store.segments()
    store.save_index()
    whole = json.loads((tmp_path / FILE_NAME).read_text())
    mtime_ns = (tmp_path / "2026-11-22").stat().st_mtime_ns
    values = [None, "x", -1, 1e400, [], {}, True, 7, float("nan")]
    for field in range(7):
        for value in values:
            row = list(whole["days"]["2026-11-22"][1][segment_id])
            row[field] = value
            whole["days"]["2026-11-22"] = [mtime_ns, {segment_id: row}]
            (tmp_path / FILE_NAME).write_text(json.dumps(whole))
            store = Store(tmp_path)
            store.enforce(Limits(30, 10**9, 0), now=NOW, clock_synced=True)
            whole = json.loads((tmp_path / FILE_NAME).read_text())
            whole["days"]["2026-11-22"][1][segment_id] = [0, 1000, True, False, None, None, 1]


def test_a_comparison_finds_what_times_of_folders_do_not_show(tmp_path):
    ids = [put(tmp_path, NOW - timedelta(minutes=minute)) for minute in range(5)]
    settle(tmp_path)
    store = Store(tmp_path)
    store.segments()
    for path in tmp_path.glob(f"*/{ids[0]}*"):
        path.unlink()
    put(tmp_path, NOW + timedelta(minutes=1))
    next(tmp_path.glob(f"*/{ids[1]}.jsonl")).write_bytes(bytes(5000))
    settle(tmp_path)
    store.refresh()
    assert store.usage() != truth(tmp_path)
    store.refresh(trust_times=False, trust_files=False)
    assert store.usage() == truth(tmp_path)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32))
def test_the_index_fits_after_any_changes(tmp_path_factory, seed):
    """Files come and go, by the store and past it; at the end both say the same."""
    root, chance = tmp_path_factory.mktemp("store"), random.Random(seed)
    store = Store(root)
    for _ in range(12):
        act = chance.randrange(7)
        files = sorted(path for path in root.glob("*/*") if path.is_file())
        if act <= 1 or not files:
            put(root, NOW - timedelta(hours=chance.randrange(60)), synced=chance.random() < 0.5)
        elif act == 2:
            chance.choice(files).unlink()
        elif act == 3:
            shutil.rmtree(chance.choice(files).parent)
        elif act == 4:
            chance.choice(files).with_suffix(".html").write_bytes(bytes(50))
        elif act == 5 and (found := store.segments()):
            store.keep(chance.choice(found), chance.random() < 0.7)
        else:
            limits = Limits(1, chance.choice([0, 3000]), 0)
            store.enforce(limits, now=NOW, clock_synced=True)
        if chance.random() < 0.2:
            store.save_index()
            store = Store(root)
    store.refresh(trust_times=False)
    assert store.usage() == truth(root)
    fresh = Store(root)
    fresh.refresh(trust_files=False)
    assert fresh.segments() == store.segments()


# ---- the order of making ----


def order(store: Store) -> list[str]:
    return [segment.segment_id for segment in store.segments()]


def add_order(root: Path, segment_id: str, store: Store) -> None:
    """What finishing does."""
    path = next(root.glob(f"*/{segment_id}.json"))
    details = json.loads(path.read_text())
    details["order"] = store.next_order(details)
    path.write_text(json.dumps(details))


def test_with_the_clock_set_back_the_oldest_still_goes_first(tmp_path):
    old = [put(tmp_path, NOW - timedelta(hours=hours)) for hours in (3, 2, 1)]
    store = Store(tmp_path)
    store.segments()
    new = []
    for minute in range(3):
        new.append(put(tmp_path, NOW.replace(year=2000) + timedelta(minutes=minute)))
        add_order(tmp_path, new[-1], store)
        store = Store(tmp_path)
        assert order(store) == old + new
    store.enforce(Limits(0, 2000, 0), now=NOW.replace(year=2000), clock_synced=True)
    assert order(store) == new[-2:]


def test_the_order_lasts_when_the_clock_is_right_again(tmp_path):
    first = put(tmp_path, NOW)
    store = Store(tmp_path)
    store.segments()
    back = put(tmp_path, NOW.replace(year=1970), synced=False)
    add_order(tmp_path, back, store)
    store.segments()
    later = put(tmp_path, NOW + timedelta(hours=1))
    add_order(tmp_path, later, store)
    (tmp_path / FILE_NAME).unlink(missing_ok=True)
    assert order(Store(tmp_path)) == [first, back, later]


def test_a_date_from_before_this_was_written_is_not_believed(tmp_path):
    """A clock may say that it is synchronised and be years behind: its recordings are not too old."""
    segment_id = put(tmp_path, NOW.replace(year=2001), synced=True)
    store = Store(tmp_path)
    store.enforce(Limits(30, 0, 0), now=NOW, clock_synced=True)
    assert order(store) == [segment_id]
    store.enforce(Limits(30, 0, 0), now=NOW + timedelta(days=31), clock_synced=True)
    assert order(store) == []


# ---- keeping ----


def test_a_kept_segment_is_passed_over_and_its_bytes_count(tmp_path):
    ids = [put(tmp_path, NOW - timedelta(days=days)) for days in (40, 3, 2, 1)]
    store = Store(tmp_path)
    store.keep(store.find(ids[0]))
    store.enforce(Limits(30, 2500, 0), now=NOW, clock_synced=True)
    assert order(store) == [ids[0], ids[-1]]
    assert store.purge(before=NOW) == [ids[-1]]
    assert Store(tmp_path).find(ids[0]).is_kept
    store.keep(store.find(ids[0]), False)
    store.enforce(Limits(30, 0, 0), now=NOW, clock_synced=True)
    assert list(tmp_path.glob("2*")) == []


def test_delete_and_purge_take_a_kept_one(tmp_path):
    ids = [put(tmp_path, NOW), put(tmp_path, NOW)]
    store = Store(tmp_path)
    for one in ids:
        store.keep(store.find(one))
    assert store.delete(store.find(ids[0]))
    assert store.purge() == [ids[1]]
    assert list(tmp_path.iterdir()) == []
