"""A crash at any moment of finishing or recovering a segment loses none of its parts."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from emoedge.files import partial_of
from emoedge.outcomes import FusedState
from emoedge.record.finish import ClosedSegment, finish
from emoedge.record.mux import VideoFormat
from emoedge.record.names import ALL_SUFFIXES
from emoedge.record.recover import recover
from emoedge.record.segment import OpenSegment, SegmentPlan
from emoedge.record.store import Store
from emoedge.record.timeline import TimelineEntry

from .helpers import FPS, HEIGHT, WIDTH, clip, media_facts

STARTED = datetime(2026, 11, 22, 9, 0, tzinfo=timezone.utc)
SEGMENT_ID = "20261122T090000Z-0123abcd"
SECONDS = 2.0
ABOUT = {"reason": "event", "clock_synced": True, "models": {"face": "abc"}}


def closed_segment(root: Path) -> ClosedSegment:
    media = root / "2026-11-22" / f"{SEGMENT_ID}.mp4"
    media.parent.mkdir(parents=True)
    plan = SegmentPlan(SEGMENT_ID, media, 0.0, STARTED, 0.0, ABOUT)
    segment = OpenSegment(plan, VideoFormat(WIDTH, HEIGHT, FPS), sound=True, encoder="auto", overlay=None)
    for item in clip(0.0, SECONDS):
        segment.write(item)
    for index in range(8):
        segment.write(TimelineEntry("state", FusedState(index / 4, None, "happiness", 0.8, None)))
    return segment.close("finished", STARTED + timedelta(seconds=SECONDS))


@pytest.fixture
def crashes(tmp_path, monkeypatch) -> Callable[[Path, Callable[[], object]], list[Path]]:
    """Run an action on a store; return copies of the store as they were before each rename and deletion.

    A copy is what a process leaves that is killed at that moment, which no handler sees.
    """
    copies: list[Path] = []

    def copied_first(original: Callable, store: Path) -> Callable:
        def method(path: Path, *args, **kwargs):
            if path.exists():
                copies.append(tmp_path / f"crash{len(copies)}")
                shutil.copytree(store, copies[-1])
            return original(path, *args, **kwargs)

        return method

    def run(store: Path, action: Callable[[], object]) -> list[Path]:
        begin = len(copies)
        with monkeypatch.context() as watched:
            for name in ("replace", "rename", "unlink"):
                watched.setattr(Path, name, copied_first(getattr(Path, name), store))
            action()
        return copies[begin:]

    return run


def parts(folder: Path) -> dict[str, bytes]:
    return {path.name.removeprefix(SEGMENT_ID): path.read_bytes() for path in folder.glob("*/*")}


def check(found: dict[str, bytes], whole: dict[str, bytes]) -> None:
    """Compare a recovered segment with one that was finished without a crash."""
    assert set(found) == set(ALL_SUFFIXES)
    assert found[".vtt"] == whole[".vtt"]
    assert found[".jsonl"] == whole[".jsonl"]
    assert found[".jpg"].startswith(b"\xff\xd8")
    details, expected = json.loads(found[".json"]), json.loads(whole[".json"])
    assert ABOUT.items() <= details.items()
    assert details["started"] == expected["started"]
    assert details["duration"] == expected["duration"]
    assert details["bytes"] == len(found[".mp4"])
    assert details["ended"]


def test_a_kill_before_any_rename_of_finishing_loses_nothing(tmp_path, crashes):
    store = tmp_path / "store"
    closed = closed_segment(store)
    moments = crashes(store, lambda: finish(closed))
    whole = parts(store)
    assert set(whole) == set(ALL_SUFFIXES)
    assert "alegr" in whole[".vtt"].decode()
    assert len(moments) >= len(ALL_SUFFIXES)
    for moment in moments:
        before = parts(moment)
        (finished,) = recover(Store(moment), "es")
        assert finished.duration_s == pytest.approx(SECONDS, abs=0.1)
        after = parts(moment)
        check(after, whole)
        assert "subtitle" in media_facts(finished.media)["streams"]
        if ".mp4" in before:
            assert after == {suffix: before[suffix] for suffix in ALL_SUFFIXES}, "it was whole already"
        if ".json" in before:
            assert json.loads(after[".json"])["end_reason"] == "finished"
        assert list(recover(Store(moment), "es")) == []


def test_a_kill_while_recovering_loses_nothing_either(tmp_path, crashes):
    store = tmp_path / "store"
    closed = closed_segment(store)
    first = crashes(store, lambda: finish(closed))
    whole = parts(store)
    halfway = next(moment for moment in first if ".json" in parts(moment))
    for moment in crashes(halfway, lambda: list(recover(Store(halfway), "es"))):
        assert len(list(recover(Store(moment), "es"))) == 1
        check(parts(moment), whole)


def test_an_unreadable_mp4_under_the_final_name_is_made_again(tmp_path):
    closed = closed_segment(tmp_path)
    assert closed.lock is not None
    closed.lock.release()
    closed.media.write_bytes(b"")
    (finished,) = recover(Store(tmp_path), "es")
    assert finished.duration_s == pytest.approx(SECONDS, abs=0.1)
    assert set(parts(tmp_path)) == set(ALL_SUFFIXES)


def test_nothing_is_left_of_a_segment_without_video_and_audio(tmp_path):
    closed = closed_segment(tmp_path)
    assert closed.lock is not None
    closed.lock.release()
    partial_of(closed.media).write_bytes(b"")
    timeline = closed.media.with_suffix(".jsonl")
    partial_of(timeline).rename(timeline)
    assert list(recover(Store(tmp_path), "es")) == []
    assert parts(tmp_path) == {}, "the words of the timeline would stay for ever"
