"""Annotations of a medium, of the lines of a replay, and of a segment; against the published schemas too."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from emoedge.emotions import EMOTIONS
from emoedge.errors import EmoedgeError
from emoedge.report.annotation import annotate
from emoedge.report.exports import export
from tests.pipeline.test_pipeline import clip, messages_of, pipeline  # noqa: F401 - a fixture

SCHEMAS = {"elan": ("EAFv2.8.xsd", "EAFv3.0.xsd"), "emotionml": ("emotionml.xsd",)}


def fine(**settings):
    return pipeline(publish={"interval": 0.2, "face_hz": 5}, **settings)[0]


@pytest.fixture
def lines(clip, tmp_path):  # noqa: F811
    """What replay writes into a folder of results."""
    made = pipeline(publish={"transcript": True})[0]
    path = tmp_path / "clip.mp4.jsonl"
    path.write_text("".join(message.line(made.settings.topic_base) for message in messages_of(made, clip)))
    return path


def test_a_medium_is_looked_at(clip):  # noqa: F811
    seen = []
    made = annotate(str(clip), None, fine, seen.append)
    assert seen
    assert (made.name, made.media, made.language) == ("clip", clip, None)
    assert made.data.duration_s == pytest.approx(4.0, abs=0.15)
    assert [word.text for word in made.data.words] == ["qué alegría"]  # the stand-in has no times of words
    assert {"fused", "face", "voice"} <= made.data.curves.keys()
    assert made.data.emotions[5] == "happiness"
    event = made.data.events[0]
    assert (event.emotion, event.start_s) == ("happiness", pytest.approx(0.5, abs=0.6))


def test_lines_say_the_same_without_looking_again(clip, lines):  # noqa: F811
    whole = annotate(str(clip), None, fine).data
    read = annotate(str(lines), None, pytest.fail)
    assert [event.emotion for event in read.data.events] == [event.emotion for event in whole.events]
    assert read.data.events[0].end_s == pytest.approx(whole.events[0].end_s, abs=0.001)
    assert [word.text for word in read.data.words] == ["qué alegría"]
    assert read.data.words[0].end_s - read.data.words[0].start_s == pytest.approx(1.0, abs=0.01)
    assert read.data.emotions[5] == whole.emotions[5]
    assert read.media is None
    (lines.parent / "clip.mp4").write_bytes(b"")
    assert annotate(str(lines), None, pytest.fail).media == lines.parent / "clip.mp4"


def test_a_segment_is_read_from_its_sidecars(source, store):
    for name in (source.segment_id, str(source.media), str(source.media.with_suffix(".jsonl"))):
        made = annotate(name, store, pytest.fail)
        assert made.media == source.media
        assert made.data.events == source.data.events
        assert [word.text for word in made.data.words] == [word.text for word in source.data.words]


def test_what_is_none_of_these_is_refused(tmp_path, store):
    (tmp_path / "odd.jsonl").write_text('[1]\n{"topic": 3}\nnonsense\n{"topic": "a/b", "payload": {}}\n')
    for name in (str(tmp_path / "odd.jsonl"), "nothing", str(tmp_path / "gone.mp4")):
        with pytest.raises(EmoedgeError):
            annotate(name, store, pytest.fail)


def test_subtitles_of_both_kinds_say_the_same(source):
    vtt, srt = (export(source.data, "x", kind, "es").decode() for kind in ("vtt", "srt"))
    assert vtt.startswith("WEBVTT\n\n00:00:00.000 --> 00:00:04.000\nneutro ")
    assert re.findall(r"[a-z]+ \d+ %", vtt) == re.findall(r"[a-z]+ \d+ %", srt)
    assert srt.startswith("1\n00:00:00,000 --> 00:00:04,000\nneutro ")
    # Nobody is there between 11 s and 13 s; what is known is held for two seconds at most.
    assert "00:00:13.000 -->" in vtt


def test_times_without_a_clock_are_relative_to_the_medium(clip):  # noqa: F811
    made = annotate(str(clip), None, fine)
    root = ET.fromstring(export(made.data, made.name, "emotionml", "es", "sub/my clip.mp4"))
    emotion = root.find("{*}emotion")
    assert emotion.get("time-ref-uri") == "sub/my%20clip.mp4"
    assert emotion.get("start") is None
    assert int(emotion.get("duration")) > 0
    assert emotion.find("{*}reference").get("uri").startswith("sub/my%20clip.mp4#t=")
    root = ET.fromstring(export(made.data, made.name, "elan", "es", "clip.wav"))
    assert root.find("HEADER/MEDIA_DESCRIPTOR").get("MIME_TYPE") in ("audio/x-wav", "audio/wav")
    alone = export(made.data, made.name, "elan", "es", "")
    assert b"MEDIA_DESCRIPTOR" not in alone


def run(*arguments, cwd) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "emoedge", "annotate", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, check=False, timeout=500, cwd=cwd)


def test_the_command_writes_beside_the_lines_goes_on_and_fails_at_the_end(lines):
    folder = lines.parent
    (folder / "bad.jsonl").write_text("nothing\n")
    result = run("bad.jsonl", lines.name, "--format", "srt", cwd=folder)
    assert result.returncode == 1
    assert b"bad.jsonl" in result.stderr
    assert b"Traceback" not in result.stderr
    assert result.stdout.decode().strip() == "clip.mp4.emotion.srt"
    assert (folder / "clip.mp4.emotion.srt").stat().st_mode & 0o777 == 0o640
    shown = run(lines.name, "--format", "csv", "-o", "-", cwd=folder)
    assert shown.stdout.startswith(b"time_s,")
    named = run(lines.name, "-o", "some.eaf", cwd=folder)
    assert named.returncode == 0
    assert ET.parse(folder / "some.eaf").getroot().tag == "ANNOTATION_DOCUMENT"
    assert run(lines.name, lines.name, "-o", "some.eaf", cwd=folder).returncode == 2


@pytest.fixture(scope="module")
def schemas() -> Path:
    """The published schemas, which are not ours to ship: `scripts/schemas` fetches them."""
    return Path(os.environ.get("XML_SCHEMAS", Path(__file__).parents[2] / ".cache" / "schemas"))


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, names in SCHEMAS.items() for name in names]
)
def test_exports_validate_against_the_published_schemas(kind, name, schemas, source, clip, lines):  # noqa: F811
    etree = pytest.importorskip("lxml.etree")
    if not (schemas / name).exists():
        pytest.skip(f"no {name} in {schemas} (run scripts/schemas)")
    schema = etree.XMLSchema(etree.parse(schemas / name))
    for data, media in (
        (source.data, None),
        (annotate(str(clip), None, fine).data, "my clip.mp4"),
        (annotate(str(lines), None, fine).data, ""),
    ):
        for language in ("es", "en"):
            schema.assertValid(etree.fromstring(export(data, "segment", kind, language, media)))
    # A schema that lets everything pass would prove nothing.
    broken = export(source.data, "segment", kind, "es").replace(b"sadness", b"<x/>", 1)
    with pytest.raises(etree.Error):
        schema.assertValid(etree.fromstring(broken))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_demo_clip_with_the_real_models(tmp_path):
    from emoedge.demo.clip import ensure_demo_clip

    clip = ensure_demo_clip()  # noqa: F811
    made = tmp_path / "made.eaf"
    result = run(clip, "-o", made, "--speech-model", "vosk-es-demo", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    root = ET.parse(made).getroot()
    words = [value.text for value in root.findall("TIER[@TIER_ID='words']//ANNOTATION_VALUE")]
    assert "alegría" in words
    assert {value.text for value in root.findall("TIER[@TIER_ID='emotion']//ANNOTATION_VALUE")} <= set(
        EMOTIONS
    )
    url = root.find("HEADER/MEDIA_DESCRIPTOR").get("RELATIVE_MEDIA_URL")
    assert (tmp_path / url).resolve() == Path(clip).resolve()
