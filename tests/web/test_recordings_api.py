"""Recordings over the API."""

from __future__ import annotations

import json

import pytest

from tests.report.helpers import make_segment
from tests.web.conftest import start_console, stop

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def segment(console):
    return make_segment(console.recordings)


@pytest.fixture
def segment_id(console, segment, full):
    return full.get("/api/recordings").json()["items"][0]["id"]


def test_list(full, segment_id):
    answer = full.get("/api/recordings").json()
    item = answer["items"][0]
    assert answer["next"] is None
    assert item["duration_s"] == pytest.approx(30, abs=1)
    assert item["keep"] is False
    assert item["labels"] == 0
    assert set(item["emotions"]) == {"neutral", "happiness", "surprise", "sadness", "anger"}
    assert item["emotions"]["happiness"] == pytest.approx(7, abs=0.6)
    assert item["peak"]["emotion"] in item["emotions"]
    assert 0 <= item["peak"]["at_s"] <= 30
    assert full.get("/api/recordings?emotion=fear").json()["items"] == []
    assert len(full.get("/api/recordings?emotion=anger&from=2026-11-22&to=2026-11-24").json()["items"]) == 1
    assert full.get("/api/recordings?to=2026-11-21").json()["items"] == []
    assert full.get("/api/recordings", params={"from": "2026-11-23T00:00:00+01:00"}).json()["items"] == []
    assert full.get(f"/api/recordings?cursor={segment_id}").json()["items"] == []


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=201", "limit=x", "emotion=x", "cursor=../x", "from=yesterday", "to=9999-99-99"],
)
def test_bad_parameters(full, query):
    answer = full.get(f"/api/recordings?{query}")
    assert (answer.status_code, answer.json()["error"]) == (400, "parameter")
    assert query.split("=")[0] in answer.json()["reason"]


def test_show(full, segment_id):
    shown = full.get(f"/api/recordings/{segment_id}").json()
    assert shown["id"] == segment_id
    assert shown["details"]["id"] == segment_id
    assert {"fused", "face"} <= set(shown["curves"])
    for rows in shown["curves"].values():
        assert len(rows) == len(shown["named"]) <= 2000
        assert all(row is None or (len(row) == 7 and abs(sum(row) - 1) < 0.01) for row in rows)
    assert [one["emotion"] for one in shown["episodes"]] == ["happiness", "surprise", "sadness", "anger"]
    assert shown["words"] == [], "not without web.transcript"


def test_video_in_parts(full, segment, segment_id):
    path = f"/api/recordings/{segment_id}/video"
    whole = full.get(path)
    assert whole.status_code == 200
    assert whole.headers["accept-ranges"] == "bytes"
    size = len(whole.content)
    part = full.get(path, headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, whole.content[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{size}"
    assert full.get(path, headers={"Range": "bytes=-10"}).content == whole.content[-10:]
    assert full.get(path, headers={"Range": f"bytes={size - 5}-"}).content == whole.content[-5:]
    beyond = full.get(path, headers={"Range": f"bytes={size}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{size}")
    for odd in ("bytes=5-1", "bytes=0-1,4-5", "lines=1-2", "bytes=x-", "bytes=-"):
        assert full.get(path, headers={"Range": odd}).status_code == 200
    stale = full.get(path, headers={"Range": "bytes=0-1", "If-Range": '"other"'})
    assert stale.status_code == 200
    head = full.head(path)
    assert (head.headers["content-length"], head.content) == (str(size), b"")
    saved = full.get(path + "?download")
    assert saved.headers["content-disposition"] == f'attachment; filename="{segment_id}.mp4"'


def test_other_files(full, segment_id):
    base = f"/api/recordings/{segment_id}"
    assert full.get(f"{base}/thumbnail").headers["content-type"] == "image/jpeg"
    assert full.get(f"{base}/subtitles").text.startswith("WEBVTT")
    assert full.get(f"{base}/csv").text.startswith("time_s,")
    page = full.get(f"{base}/report")
    assert "video" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert len(full.get(f"{base}/report?download").content) > len(page.content) * 1.2, "the video is in it"
    assert full.get(f"{base}/json").status_code == 404
    assert full.get("/api/recordings/20261122T091000Z-1a2b3c4d/video").status_code == 404


def test_words_stay_away_without_web_transcript(full, segment_id, console, tmp_path):
    base = f"/api/recordings/{segment_id}"
    for name in ("", "/timeline", "/report", "/csv", "/subtitles"):
        assert "hermana" not in full.get(base + name).text
    timeline = [json.loads(line) for line in full.get(f"{base}/timeline").text.splitlines()]
    assert {"state", "event"} <= {row["topic"] for row in timeline}
    other = start_console(tmp_path, "transcript = true\n")
    try:
        make_segment(other.recordings)
        with other.client(other.key) as client:
            found = client.get("/api/recordings").json()["items"][0]["id"]
            for name in ("", "/timeline", "/report"):
                assert "hermana" in client.get(f"/api/recordings/{found}{name}").text
    finally:
        stop(other)
