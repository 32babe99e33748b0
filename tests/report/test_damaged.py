"""Damaged timelines and details: a report is made or refused, without a traceback, a hang or much memory."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from emoedge.config import Settings
from emoedge.errors import RecordingError
from emoedge.record.finish import complete
from emoedge.record.store import Store
from emoedge.record.timeline import MAX_S, read_replay, read_timeline
from emoedge.report.day import write_day
from emoedge.report.exports import SUFFIXES, export
from emoedge.report.page import write_page
from emoedge.report.source import ReportSource, find_source

from .helpers import make_segment

QUICK, ALL = 150, 10_000
SHORT_S = 4.0
VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 1e7, 1e12, 1e308, -1e308, float("nan"), float("inf"), 10**400, "", "x", "é" * 50,
    "\ud800", "\x00\x1b[2J", [], {}, [[[]]], {"a": {}}, -0.0,
    "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+23:59",
)  # fmt: skip


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> Path:
    """A short segment; the tests damage copies of it."""
    return make_segment(tmp_path_factory.mktemp("short"), seconds=SHORT_S, size=(64, 48)).media


@pytest.fixture
def copy(sound, tmp_path) -> Path:
    folder = tmp_path / sound.parent.name
    shutil.copytree(sound.parent, folder)
    return folder / sound.name


def everything(media: Path, tmp_path: Path) -> ReportSource | None:
    """Make all that can be made of a segment; None where it is refused."""
    store = Store(media.parent.parent)
    try:
        source = find_source(media.stem, store, None)
    except RecordingError:
        return None
    for kind in SUFFIXES:
        if kind not in ("html", "png", "parquet"):
            export(source.data, source.segment_id, kind, "es")
    write_page(source, tmp_path / "page.html", "es", link_video=True)
    write_day(
        Settings(recording={"dir": store.root}, paths={"state": tmp_path / "state"}),
        date.fromisoformat(media.parent.name),
        tmp_path / "day.html",
        "es",
    )
    return source


def damage(chance: random.Random, value: Any) -> Any:
    """Change a JSON value somewhere."""
    if isinstance(value, dict) and value and chance.random() < 0.8:
        name = chance.choice(sorted(value))
        act = chance.randrange(6)
        if act == 0:
            return {key: inner for key, inner in value.items() if key != name}
        if act == 1:
            return value | {name + "x": chance.choice(VALUES)}
        return value | {name: damage(chance, value[name])}
    if isinstance(value, list) and value and chance.random() < 0.8:
        place = chance.randrange(len(value))
        return [*value[:place], damage(chance, value[place]), *value[place + 1 :]]
    return chance.choice(VALUES)


def damaged_lines(chance: random.Random, text: str) -> bytes:
    """Some lines of a timeline, changed: values, bytes, order, size."""
    lines = text.splitlines()
    for _ in range(chance.randrange(1, 6)):
        place = chance.randrange(len(lines))
        lines[place] = json.dumps(
            damage(chance, json.loads(lines[place])), ensure_ascii=chance.random() < 0.5
        )
    data = bytearray("\n".join(lines).encode(errors="surrogatepass"))
    act = chance.randrange(8)
    if act == 0:
        del data[chance.randrange(len(data)) :]
    elif act == 1:
        for _ in range(20):
            data[chance.randrange(len(data))] = chance.randrange(256)
    elif act == 2:
        data += b"\n" + chance.choice([b"[", b'{"a":', b"-", b"9"]) * chance.choice([10, 200_000])
    return bytes(data)


@pytest.mark.parametrize("count", [QUICK, pytest.param(ALL, marks=pytest.mark.slow)])
def test_damaged_timelines(copy, tmp_path, count):
    chance = random.Random(25)
    path = copy.with_suffix(".jsonl")
    text = path.read_text(encoding="utf-8")
    made = 0
    for _ in range(count):
        data = damaged_lines(chance, text)
        path.write_bytes(data)
        read_replay(data.decode(errors="replace"))
        made += everything(copy, tmp_path) is not None
    assert made == count, "the video is whole: there is a report of it"


@pytest.mark.parametrize("count", [QUICK, pytest.param(ALL, marks=pytest.mark.slow)])
def test_damaged_details(copy, tmp_path, count):
    chance = random.Random(26)
    path = copy.with_suffix(".json")
    whole = json.loads(path.read_text(encoding="utf-8"))
    for _ in range(count):
        data = json.dumps(damage(chance, whole), ensure_ascii=False).encode(errors="surrogatepass")
        if chance.random() < 0.2:
            data = data[: chance.randrange(len(data))]
        path.write_bytes(data)
        source = everything(copy, tmp_path)
        assert source is not None
        assert source.data.duration_s == pytest.approx(SHORT_S, abs=0.3)


@pytest.mark.parametrize(
    "duration", [1e308, 1e12, 1e7, float("nan"), float("inf"), -1, "12", None, [], 10**400]
)
def test_the_length_comes_from_the_media(copy, tmp_path, duration):
    path = copy.with_suffix(".json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"duration": duration}))
    source = everything(copy, tmp_path)
    assert source is not None
    assert source.data.duration_s == pytest.approx(SHORT_S, abs=0.3)


@pytest.mark.parametrize("moment", [1e308, 1e12, 1e7, float("nan"), -1e308, 10**400])
def test_without_the_media_a_damaged_moment_is_no_length(copy, tmp_path, moment):
    copy.unlink()
    path = copy.with_suffix(".jsonl")
    row = {"t": moment, "topic": "state", "payload": {"emotion": None, "modalities": {}}}
    path.write_text(path.read_text() + json.dumps(row) + "\n")
    source = find_source(str(path), Store(tmp_path), None)
    assert source.data.duration_s < 2 * SHORT_S


def boxes(data: bytes, name: bytes, change: Callable[[bytearray, int], None]) -> bytes:
    """Change each box of a name; `change` gets the file and where the box's content begins."""
    changed, at = bytearray(data), 0
    while (at := data.find(name, at)) >= 0:
        change(changed, at + 4)
        at += 4
    return bytes(changed)


def test_a_head_that_says_the_video_is_years_long_is_not_believed(copy, tmp_path):
    def lengthen(data: bytearray, at: int) -> None:
        data[at + 16 : at + 20] = b"\xff\xff\xff\x7f"  # duration, ISO/IEC 14496-12, 8.2.2, version 0

    copy.write_bytes(boxes(copy.read_bytes(), b"mvhd", lengthen))
    source = everything(copy, tmp_path)
    assert source is not None
    assert source.data.duration_s <= MAX_S


def test_a_head_of_one_flipped_byte(copy, tmp_path):
    data, chance = copy.read_bytes(), random.Random(27)
    begin = data.rfind(b"moov")
    for _ in range(40):
        changed = bytearray(data)
        changed[chance.randrange(begin, len(data))] ^= 1 << chance.randrange(8)
        copy.write_bytes(changed)
        source = everything(copy, tmp_path)
        assert source is None or 0 < source.data.duration_s <= MAX_S


def test_a_segment_whose_timeline_is_damaged_is_still_recovered(copy):
    chance = random.Random(28)
    path = copy.with_suffix(".jsonl")
    text = path.read_text(encoding="utf-8")
    for _ in range(20):
        path.write_bytes(damaged_lines(chance, text))
        assert complete(copy).duration_s == pytest.approx(SHORT_S, abs=0.3)


def test_a_timeline_without_end_is_read_in_part(copy, monkeypatch):
    from emoedge.record import timeline

    whole = len(read_timeline(copy.with_suffix(".jsonl").read_text()).outcomes)
    monkeypatch.setattr(timeline, "MAX_TIMELINE_BYTES", copy.with_suffix(".jsonl").stat().st_size // 2)
    source = find_source(copy.stem, Store(copy.parent.parent))
    assert source.data.duration_s == pytest.approx(SHORT_S, abs=0.3)
    part = len(read_timeline(timeline.read_timeline_text(copy.with_suffix(".jsonl"))).outcomes)
    assert 0 < part < whole
