"""The pages as files; what a browser makes of them is in test_browser.py."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import time
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from emoedge.errors import RecordingError
from emoedge.record.store import Store
from emoedge.report import find_source, write_page
from emoedge.report.texts import TEXTS

from .helpers import make_segment


def element(page: str, name: str) -> str:
    return re.search(rf'<script type="[^"]+" id="{name}">(.*?)</script>', page, re.DOTALL).group(1)


def test_the_video_is_in_the_page_byte_for_byte(page, source):
    assert base64.b64decode(element(page.read_text(), "media")) == source.media.read_bytes()


def test_the_policy_names_the_one_script_and_no_host(page):
    text = page.read_text()
    policy = html.unescape(re.search(r'Content-Security-Policy" content="([^"]+)"', text).group(1))
    script = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    assert len(script) == 1
    digest = base64.b64encode(hashlib.sha256(script[0].encode()).digest()).decode()
    assert f"'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    shown = text.replace(element(text, "media"), "")
    assert not re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}", shown)


def test_pages_are_for_owner_and_group_alone(page, source, tmp_path):
    old = tmp_path / "old.html"
    old.write_text("was there before")
    old.chmod(0o666)
    write_page(source, old)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (page, old)] == [0o640] * 2


def test_what_was_said_cannot_become_markup(page):
    text = page.read_text()
    assert "&lt;b&gt;" in text
    assert "<b>" not in text


def test_a_hostile_timeline_stays_text(tmp_path):
    finished = make_segment(tmp_path, seconds=2.0)
    evil = "</script><script>alert(1)</script>{{media}}{{js}}\"'><img src=x onerror=alert(1)>"
    timeline = finished.media.with_suffix(".jsonl")
    word = {"text": evil, "start_s": 0.5, "end_s": 0.9, "confidence": 0.9}
    timeline.write_text(
        timeline.read_text()
        + json.dumps({"t": 1.0, "topic": "transcript", "payload": {"transcript": evil, "words": [word]}})
        + "\n"
    )
    details = finished.media.with_suffix(".json")
    details.write_text(json.dumps({**json.loads(details.read_text()), "device": evil, "language": evil}))
    target = tmp_path / "page.html"
    write_page(find_source(str(finished.media), Store(tmp_path)), target)
    text = target.read_text()
    assert text.count("<script") == 3
    assert "<img" not in text
    assert base64.b64decode(element(text, "media")) == finished.media.read_bytes()


def test_linked_video_is_referred_to_from_where_the_page_lies(source, tmp_path):
    target = tmp_path / "page.html"
    write_page(source, target, "en", link_video=True)
    text = target.read_text()
    address = re.search(r'<video[^>]* src="([^"]+)"', text).group(1)
    assert (tmp_path / address).resolve() == source.media.resolve()
    assert element(text, "media") == ""
    assert '<html lang="en">' in text
    assert len(text) < 300_000


def test_a_copied_segment_is_found_by_its_path(source, tmp_path, store):
    for suffix in (".mp4", ".jsonl", ".json"):
        (tmp_path / f"copy{suffix}").write_bytes(source.media.with_suffix(suffix).read_bytes())
    copied = find_source(str(tmp_path / "copy.mp4"), store)
    assert copied.data.events == source.data.events
    assert find_source(source.segment_id, store).segment_id == source.segment_id


@pytest.mark.parametrize("name", ["nothing", "../../etc/passwd", "/etc/passwd"])
def test_what_is_no_segment_is_refused(name, store):
    with pytest.raises(RecordingError):
        find_source(name, store)


def test_a_segment_without_timeline_says_what_to_copy(source, tmp_path, store):
    (tmp_path / "alone.mp4").write_bytes(source.media.read_bytes())
    with pytest.raises(RecordingError, match=r"\.jsonl"):
        find_source(str(tmp_path / "alone.mp4"), store)


def test_both_languages_say_everything():
    assert TEXTS["es"].keys() == TEXTS["en"].keys()
    assert all(TEXTS[language][key] for language in TEXTS for key in TEXTS[language])


def test_episodes_are_the_same_in_band_list_and_downloads(page, source):
    text = page.read_text()
    listed = re.findall(r'class="link">([^<]+)</button>.*?<td class="number">(\d+ %)</td>', text)
    banded = re.findall(r'aria-label="Ir a \w+ (\d+ %) · ([^·]+) · [^·]+"', text)
    assert listed == [(when, sure) for sure, when in banded]
    assert len(listed) == len(source.data.events)


def test_the_clock_is_doubted_where_it_matters(source):
    from emoedge.report.page import render

    def page_of(**details):
        data = replace(source.data, details={**source.data.details, **details})
        return render(replace(source, data=data), "es", "x.mp4", "")

    note = "09:30:00"
    assert "hora sin sincronizar" not in page_of(clock_synced=True)
    assert "(hora sin sincronizar)" in page_of(clock_synced=False)
    played = {"camera": {"source": "file:clip.mp4"}, "microphone": {"source": "file:clip.mp4"}}
    assert "hora sin sincronizar" not in page_of(clock_synced=False, configuration=played)
    assert 'class="warning"' not in page_of(clock_synced=False)
    assert note in source.data.details["started"]


def test_times_and_numbers_are_local_and_of_the_language(source, monkeypatch):
    from emoedge.report.page import render

    monkeypatch.setenv("TZ", "Europe/Madrid")
    time.tzset()
    try:
        es, en = (render(source, language, "x.mp4", "") for language in ("es", "en"))
    finally:
        monkeypatch.undo()
        time.tzset()
    assert "22 de noviembre de 2026, 10:30:00" in es
    assert "22 de noviembre de 2026, 18:30:00" in render(source, "es", "x.mp4", "", ZoneInfo("Asia/Tokyo"))
    assert "30,0 s" in es
    assert "22 November 2026, 10:30:00" in en
    assert "30.0 s" in en


def test_a_report_of_what_may_only_be_read_goes_into_the_working_folder(store, source, tmp_path):
    """A member of the group can read the recordings, not write beside them."""
    root = tmp_path / "recordings"
    shutil.copytree(store.root, root)
    for folder in (root, *root.iterdir()):
        if folder.is_dir():
            folder.chmod(0o555)
    here = tmp_path / "here"
    here.mkdir()
    command = [sys.executable, "-m", "emoedge", "report", source.segment_id]
    if os.geteuid() == 0:
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            pytest.skip("no setpriv here: root may write anywhere")
        command = [setpriv, "--bounding-set=-dac_override", "--inh-caps=-dac_override", *command]
    environment = {**os.environ, "EMOEDGE_RECORDING__DIR": str(root)}
    result = subprocess.run(
        command, cwd=here, env=environment, capture_output=True, text=True, check=False, timeout=500
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == f"{source.segment_id}.html"
    assert (here / f"{source.segment_id}.html").stat().st_size > 10_000
    for kind in ("csv", "png"):
        made = subprocess.run(
            [*command, "--format", kind], cwd=here, env=environment, check=False, timeout=500
        )
        assert made.returncode == 0
    assert {path.suffix for path in here.iterdir()} == {".html", ".csv", ".png"}
