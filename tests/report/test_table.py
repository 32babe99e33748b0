"""Tables: a row a frame and face as OpenFace has it, pandas and Parquet."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from dataclasses import replace

import pytest

from emoedge.capture.media import MediaReader
from emoedge.emotions import EMOTIONS
from emoedge.errors import EmoedgeError, MediaError
from emoedge.observations import Box, FaceObservation, FacesObservation
from emoedge.pipeline import Pipeline
from emoedge.record.timeline import Timeline
from emoedge.report import to_frame
from emoedge.report.annotation import annotate, fine_grained, sampling_of
from emoedge.report.data import build
from emoedge.report.exports import export
from emoedge.report.table import Sampling, table, to_csv, to_parquet
from tests.pipeline.test_pipeline import clip, pipeline  # noqa: F401 - a fixture

from .helpers import probabilities


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def face(number: int, *, primary: bool = False) -> FaceObservation:
    return FaceObservation(number, Box(0.1, 0.2, 0.3, 0.4), probabilities("fear", 0.0, 2.0), 0.8, primary)


def test_a_row_a_frame_of_the_video(clip):  # noqa: F811
    def every_frame():
        usual = pipeline()[0]
        return Pipeline(fine_grained(usual.settings, float("inf")), usual.perception)

    made = annotate(str(clip), None, every_frame)
    rows = rows_of(to_csv(made.data, sampling_of(made, float("inf"))))
    times = [frame.time_s for frame in MediaReader(clip, audio=False).frames()]
    assert [int(row["frame"]) for row in rows] == list(range(1, len(times) + 1))
    assert [float(row["timestamp"]) for row in rows] == pytest.approx(times, abs=0.001)
    assert list(rows[0])[:4] == ["frame", "face_id", "timestamp", "success"]
    seen = {one.time_s: one for one in made.data.timeline.outcomes if isinstance(one, FacesObservation)}
    assert seen
    for row in rows:
        assert row["success"] == ("1" if row["face_id"] != "0" else "0")
    assert any(row["success"] == "1" for row in rows)


def test_settings_for_a_row_a_frame_look_at_every_one():
    settings = fine_grained(pipeline()[0].settings, float("inf"))
    assert settings.performance.analysis_fps >= 1000
    assert settings.publish.face_hz >= 1000
    assert fine_grained(pipeline()[0].settings).performance.analysis_fps == 10


@pytest.mark.parametrize(("all_faces", "count"), [(False, [1, 1, 1]), (True, [2, 1, 1])])
def test_all_faces_or_the_primary_one(all_faces, count):
    outcomes = (
        FacesObservation(0.0, (face(3), face(7, primary=True))),
        FacesObservation(1.0, (face(7, primary=True),)),
        FacesObservation(2.0, ()),
    )
    data = build(Timeline(outcomes), {}, 3.0)
    columns, rows = table(data, Sampling((0.0, 1.0, 2.0), all_faces))
    found = [dict(zip(columns, row, strict=True)) for row in rows]
    assert [sum(row["frame"] == number for row in found) for number in (1, 2, 3)] == count
    assert {row["face_id"] for row in found if row["frame"] == 1} == ({3, 7} if all_faces else {7})
    gone = found[-1]
    assert (gone["success"], gone["face_id"], gone["quality"], gone["fear"]) == (0, 0, None, None)
    assert found[0]["emotion"] == "fear"
    assert found[0]["valence"] is not None


def test_a_face_does_not_stay_where_nothing_was_kept():
    data = build(Timeline((FacesObservation(0.0, (face(1, primary=True),)),)), {}, 5.0)
    columns, rows = table(data, Sampling.at(4.0, 5.0))
    success = columns.index("success")
    assert [row[success] for row in rows] == [1, 1, *[0] * 18]


def test_a_recording_has_a_row_for_each_of_its_frames(source):
    made = annotate(str(source.media), None, pytest.fail)
    rows = rows_of(
        export(made.data, made.name, "csv", "es", sampling=sampling_of(made, float("inf"))).decode()
    )
    assert len(rows) == 450
    at = rows[(8 * 15)]
    assert (at["success"], at["face_id"], at["fused_emotion"]) == ("1", "1", "happiness")
    gone = rows[(12 * 15)]
    assert (gone["success"], gone["fused_emotion"], gone["fused_fear"]) == ("0", "", "")


def test_a_rate_of_its_own(source):
    rows = rows_of(to_csv(source.data, Sampling.at(4.0, source.data.duration_s)))
    assert [row["timestamp"] for row in rows[:3]] == ["0.000", "0.250", "0.500"]
    assert len(rows) == 121


def test_pandas_and_parquet_hold_the_same(source):
    pytest.importorskip("pandas")
    for sampling in (None, Sampling.at(4.0, source.data.duration_s)):
        frame = to_frame(source.data, sampling)
        columns, rows = table(source.data, sampling)
        assert list(frame.columns) == columns
        assert len(frame) == len(rows)
        name = "fused_happiness"
        index = columns.index(name)
        assert frame[name].isna().tolist() == [row[index] is None for row in rows]
        assert set(frame[[f"fused_{one}" for one in EMOTIONS]].dtypes.astype(str)) == {"float64"}
        pq = pytest.importorskip("pyarrow.parquet")
        read = pq.read_table(io.BytesIO(to_parquet(source.data, sampling)))
        assert read.column_names == columns
        assert read.column(name).to_pylist() == [row[index] for row in rows]


@pytest.mark.parametrize(("make", "name"), [(to_frame, "pandas"), (to_parquet, "pyarrow")])
def test_what_is_not_installed_is_named(make, name, source, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(EmoedgeError, match=rf"{name} is not installed .run: pip install 'emoedge\[tables\]'"):
        make(source.data)


def test_without_a_video_there_are_no_frames_to_count(source):
    made = annotate(str(source.media), None, pytest.fail)
    with pytest.raises(MediaError, match="rows a second"):
        sampling_of(replace(made, media=None), float("inf"))


def run(*arguments, cwd) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "emoedge", "annotate", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=500, cwd=cwd)


def test_the_command(source, tmp_path):
    shown = run(source.media, "--format", "csv", "-o", "-", "--rate", "frame", "--all-faces", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.startswith("frame,face_id,timestamp,success,quality,x,y,width,height,emotion,anger,")
    assert shown.stdout.count("\n") == 451
    for arguments in (
        ("--rate", "frame"), ("--format", "csv", "--all-faces"), ("--format", "csv", "--rate", "0"),
        ("--format", "csv", "--rate", "often"), ("--format", "csv", "--rate", "nan"),
    ):  # fmt: skip
        refused = run(source.media, *arguments, cwd=tmp_path)
        assert refused.returncode == 2, arguments
        assert "Traceback" not in refused.stderr
