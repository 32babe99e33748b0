"""What cannot be deleted keeps nothing else from being deleted; nothing outside the store is touched."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from emoedge.clock import MediaClock
from emoedge.files import partial_of
from emoedge.record import sweep
from emoedge.record.housekeeping import Housekeeping
from emoedge.record.names import new_segment_id
from emoedge.record.retention import Limits
from emoedge.record.store import Store

from .test_store import NOW, put


@pytest.fixture
def fix() -> Iterator:
    """Make files immutable as `chattr +i` does; needs root and a file system that can."""
    fixed: list[Path] = []

    def make(path: Path, flag: str = "+i") -> None:
        if (
            os.geteuid()
            or shutil.which("chattr") is None
            or subprocess.run(["chattr", flag, path], check=False, capture_output=True).returncode
        ):
            pytest.skip("cannot make a file immutable here")
        fixed.append(path)

    yield make
    for path in fixed:
        if path.exists():
            subprocess.run(["chattr", "-i", "-a", path], check=True)


def seven(root: Path) -> list[str]:
    return [put(root, NOW - timedelta(hours=7 - hour)) for hour in range(7)]


def media_of(root: Path, segment_id: str) -> Path:
    return next(root.glob(f"*/{segment_id}.mp4"))


def left_after(root: Path, max_bytes: int) -> list[str]:
    store = Store(root)
    store.enforce(Limits(0, max_bytes, 0), now=NOW, clock_synced=True)
    return [segment.segment_id for segment in store.segments()]


def test_the_next_one_goes_in_the_place_of_an_immutable_one(tmp_path, fix, caplog):
    ids = seven(tmp_path)
    media = media_of(tmp_path, ids[0])
    fix(media)
    store = Store(tmp_path)
    deleted = []
    for _ in range(2):
        store.enforce(
            Limits(0, 3300, 0),
            now=NOW,
            clock_synced=True,
            deleted=lambda segment, _: deleted.append(segment.segment_id),
        )
    assert deleted == ids[1:4]
    assert [segment.segment_id for segment in store.segments()] == [ids[0], *ids[4:]]
    (left,) = store.undeletable()
    assert left.path == media
    assert "root" in left.reason
    assert f"chattr -i -a {media}" in left.remedy
    assert len([line for line in caplog.messages if str(media) in line]) == 1, "named once"
    subprocess.run(["chattr", "-i", media], check=True)
    swept = store.enforce(Limits(0, 3300, 0), now=NOW, clock_synced=True)
    assert swept.reasons == {"size": 1}
    assert store.undeletable() == []
    assert [segment.segment_id for segment in store.segments()] == ids[4:]


def test_a_days_folder_that_is_immutable_holds_up_no_other_one(tmp_path, fix):
    put(tmp_path, NOW - timedelta(days=2))
    new = [put(tmp_path, NOW - timedelta(minutes=minute)) for minute in (2, 1)]
    fix(tmp_path / "2026-11-20")
    assert left_after(tmp_path, 2000) == [Store(tmp_path).segments()[0].segment_id, new[1]]


@pytest.mark.parametrize("name", [".mp4.partial", ".frames", ".json", ".mp4.remux.partial"])
def test_folders_with_the_name_of_a_segment_go_with_it(tmp_path, name):
    ids = seven(tmp_path)
    odd = media_of(tmp_path, ids[0]).with_name(f"{ids[0]}{name}")
    odd.unlink(missing_ok=True)
    (odd / "inner").mkdir(parents=True)
    (odd / "inner" / "frame.jpg").write_bytes(b"a face")
    assert left_after(tmp_path, 3000) in (ids[-3:], ids[-2:]), "the folder itself has a size"
    assert not odd.exists()


@pytest.mark.parametrize("name", [".mp4.partial", ".mp4"])
def test_a_folder_in_the_place_of_a_video_holds_up_neither_recovery_nor_limits(
    tmp_path, settings, notices, monkeypatch, name
):
    monkeypatch.setattr(sweep, "ORPHAN_AGE_S", -1.0)
    ids = seven(settings.dir)
    odd = settings.dir / "2026-11-22" / (new_segment_id(NOW - timedelta(days=1)) + name)
    odd.mkdir()
    limited = settings.model_copy(update={"max_bytes": 3000})
    housekeeping = Housekeeping(Store(settings.dir), limited, MediaClock(), "es", notices)
    housekeeping._sweep()
    assert [notice.segment_id for notice in notices.of("deleted")][-4:] == ids[:4]
    assert housekeeping.fault == ""


@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
def test_brackets_without_end_hold_up_nothing(tmp_path, settings, notices, suffix):
    ids = seven(settings.dir)
    media_of(settings.dir, ids[0]).with_suffix(suffix).write_text("[" * 200_000)
    cut = settings.dir / "2026-11-22" / f"{new_segment_id(NOW)}.mp4"
    partial_of(cut).write_bytes(b"cut off")
    partial_of(cut.with_suffix(suffix)).write_text("[" * 200_000)
    limited = settings.model_copy(update={"max_bytes": 3000})
    housekeeping = Housekeeping(Store(settings.dir), limited, MediaClock(), "es", notices)
    housekeeping._sweep()
    assert housekeeping.fault == ""
    assert not list(settings.dir.glob(f"*/{cut.stem}*"))
    assert len(Store(settings.dir).segments()) == 3


def test_what_cannot_go_is_counted_in_health(tmp_path, settings, notices, fix):
    ids = seven(settings.dir)
    fix(media_of(settings.dir, ids[0]))
    limited = settings.model_copy(update={"max_bytes": 3300})
    housekeeping = Housekeeping(Store(settings.dir), limited, MediaClock(), "es", notices)
    housekeeping._sweep()
    assert housekeeping.figures()["undeletable"] == 1
    assert "root" in housekeeping.fault
    assert "chattr -i" in housekeeping.fault
    assert len(notices.of("deleted")) == 3


def test_recovery_goes_on_past_a_segment_that_cannot_be_changed(tmp_path, settings, notices, fix):
    from .test_recover import SEGMENT_ID, closed_segment

    closed = closed_segment(settings.dir)
    assert closed.lock is not None
    closed.lock.release()
    media = closed.media
    copied = media.with_name(media.name.replace("0123abcd", "ffffffff"))
    for path in list(media.parent.iterdir()):
        path.with_name(path.name.replace("0123abcd", "ffffffff")).write_bytes(path.read_bytes())
    fix(partial_of(media))
    housekeeping = Housekeeping(Store(settings.dir), settings, MediaClock(), "es", notices)
    housekeeping._sweep()
    assert copied.stem in [notice.segment_id for notice in notices.of("finished")]
    assert str(partial_of(media)) in housekeeping.fault
    count = len(notices.seen)
    housekeeping._sweep()
    assert len(notices.seen) == count, "a segment is reported once"
    subprocess.run(["chattr", "-i", partial_of(media)], check=True)
    housekeeping._sweep()
    housekeeping._sweep()
    assert housekeeping.fault == ""
    assert not list(settings.dir.glob("*/*.partial"))
    assert SEGMENT_ID in [segment.segment_id for segment in Store(settings.dir).segments()]


# ---- sidecars without an MP4 ----


# ---- nothing outside ----


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder of somebody else's, with a segment, pictures and a page."""
    folder = tmp_path / "outside"
    put(folder, NOW)
    (folder / "picture.jpg").write_bytes(b"not ours")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_purge_touches_nothing_outside_and_leaves_nothing_inside(tmp_path, outside):
    before = contents(outside)
    root = tmp_path / "recordings"
    ids = seven(root)
    day = root / "2026-11-22"
    (root / "snapshots").symlink_to(outside)
    (root / "2026-11-21").symlink_to(outside / "2026-11-22")
    (day / f"{ids[0]}.html").symlink_to(outside / "picture.jpg")
    (day / f"{ids[1]}.frames").symlink_to(outside)
    (day / "2026-11-22.html").write_text("a page about the day")
    (root / "day.html").write_text("another")
    (root / "mine.html").write_text('<!doctype html><meta name="generator" content="emoedge">')
    (root / "notes.html").write_text("<p>the user's own")
    store = Store(root)
    assert sorted(store.purge()) == sorted(ids)
    assert contents(outside) == before
    assert [path.name for path in root.iterdir()] == ["notes.html"]
    assert set(store.remover.links) == {root / "snapshots", root / "2026-11-21"}


def test_retention_follows_no_link_either(tmp_path, outside, monkeypatch):
    monkeypatch.setattr(sweep, "ORPHAN_AGE_S", -1.0)
    before = contents(outside)
    root = tmp_path / "recordings"
    ids = seven(root)
    (root / "2026-11-21").symlink_to(outside / "2026-11-22")
    media = media_of(root, ids[0])
    media.with_suffix(".frames").symlink_to(outside)
    media.with_suffix(".json").unlink()
    media.with_suffix(".json").symlink_to(next(outside.rglob("*.json")))
    store = Store(root)
    store.enforce(Limits(30, 0, 0), now=NOW, clock_synced=True)
    assert not media.with_suffix(".json").is_symlink() or contents(outside) == before
    store.enforce(Limits(0, 1, 0), now=NOW, clock_synced=True)
    assert contents(outside) == before
    assert store.segments() == []


def test_named_pipes_hold_up_nothing(tmp_path):
    ids = seven(tmp_path)
    media = media_of(tmp_path, ids[0])
    for suffix in (".json", ".jsonl"):
        media.with_suffix(suffix).unlink()
        os.mkfifo(media.with_suffix(suffix))
    odd = media.with_name(f"{new_segment_id(NOW)}.mp4")
    os.mkfifo(odd)
    os.mkfifo(partial_of(odd))
    store = Store(tmp_path)
    assert store.partials() == []
    assert store.find(ids[0]).details() == {}
    assert sorted(store.purge()) == sorted([*ids, odd.stem])
    assert list(tmp_path.iterdir()) == []


def test_a_disk_mounted_in_the_store_is_left_alone(tmp_path):
    ids = seven(tmp_path)
    inner = media_of(tmp_path, ids[0]).with_suffix(".frames")
    inner.mkdir()
    if (
        os.geteuid()
        or subprocess.run(
            ["mount", "-t", "tmpfs", "tmpfs", inner], check=False, capture_output=True
        ).returncode
    ):
        pytest.skip("cannot mount here")
    try:
        (inner / "file").write_bytes(b"of another disk")
        store = Store(tmp_path)
        store.purge()
        assert (inner / "file").exists()
        assert [one.remedy for one in store.undeletable()] == [f"run: sudo umount {inner}"]
    finally:
        subprocess.run(["umount", inner], check=True)
    assert store.purge() == []
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_somebody_else_is_named_with_its_owner(tmp_path, monkeypatch):
    """Root may delete everything: what the kernel says to another user is put in its mouth."""
    ids = seven(tmp_path)
    os.chown(tmp_path / "2026-11-22", 65534, -1)
    unlink = os.unlink

    def forbidden(path, *, dir_fd=None):
        if str(path).startswith(ids[0]):
            raise OSError(errno.EACCES, "Permission denied")
        unlink(path, dir_fd=dir_fd)

    monkeypatch.setattr(os, "unlink", forbidden)
    store = Store(tmp_path)
    store.enforce(Limits(0, 3000, 0), now=NOW, clock_synced=True)
    assert [segment.segment_id for segment in store.segments()] == [ids[0], *ids[-2:]]
    assert {"nobody" in one.reason for one in store.undeletable()} == {True}


def test_a_folder_that_cannot_be_read_is_named_until_it_can(tmp_path, monkeypatch):
    segment_id = put(tmp_path, NOW)
    store = Store(tmp_path)
    opened = os.open

    def forbidden(path, flags, *args, **kwargs):
        if str(path) == "2026-11-22":
            raise OSError(errno.EACCES, "Permission denied")
        return opened(path, flags, *args, **kwargs)

    with monkeypatch.context() as closed:
        closed.setattr(os, "open", forbidden)
        assert store.segments() == []
        assert [one.path for one in store.undeletable()] == [tmp_path / "2026-11-22"]
    assert [segment.segment_id for segment in store.segments()] == [segment_id]
    assert store.undeletable() == []
