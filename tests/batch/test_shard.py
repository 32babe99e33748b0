"""Shares of a corpus: each file in one of them, whatever else is in the folder."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import wave
from pathlib import Path

import pytest

from emoedge.batch import Shard, find_jobs, run_batch, workers
from emoedge.config import Settings
from emoedge.errors import ConfigError

from .conftest import write_tone
from .test_run import replay, stand_in


@pytest.mark.parametrize(("text", "share"), [("1/1", (1, 1)), ("3/8", (3, 8)), ("0008/1000", (8, 1000))])
def test_a_share_is_read(text, share):
    assert Shard.parse(text) == Shard(*share)


@pytest.mark.parametrize(
    "text", ["", "3", "0/8", "9/8", "1/0", "-1/2", "1/2/3", "a/b", "1 / 2", "1.0/2", "٣/٨"]
)
def test_what_is_no_share_is_refused(text):
    with pytest.raises(ConfigError, match="not a share"):
        Shard.parse(text)


def test_each_file_is_in_one_share_and_stays_there_when_others_come():
    names = [f"day/{number:04}.mp4" for number in range(1000)] + [
        b"caf\xe9.wav".decode(errors="surrogateescape")
    ]
    shares = [{name for name in names if Shard(index, 7).owns(name)} for index in range(1, 8)]
    assert sorted(name for share in shares for name in share) == sorted(names)
    assert all(100 < len(share) < 190 for share in shares)
    # A digest of the name, known for ever: a share begun by one version is ended by the next.
    assert [Shard(index, 7).owns("day/0000.mp4") for index in range(1, 8)].index(True) == 4
    assert all(Shard(1, 1).owns(name) for name in names)


def test_shares_make_the_results_of_one_call_and_have_books_of_their_own(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "serve", stand_in)
    settings = Settings(device_id="sala")
    write_tone(folder / "bad.wav")
    whole, shared = tmp_path / "whole", tmp_path / "shared"
    run_batch(settings, find_jobs([folder], whole), whole, 2)
    jobs = find_jobs([folder], shared)
    # Left by a process that was killed: no stamp, so it counts as nothing.
    shared.mkdir()
    (shared / "a.wav.jsonl").write_text("half")
    (shared / "b.wav.jsonl.partial").write_text("half")
    failed = []
    for index in (1, 2, 3):
        shard = Shard(index, 3)
        own = [job for job in jobs if shard.owns(job.name)]
        report = run_batch(settings, own, shared, 1, shard=shard)
        assert sorted(report.done + [failure.name for failure in report.failures]) == [
            job.name for job in own
        ]
        failed += [failure.name for failure in report.failures]
        assert (shared / f"errors-{index}-of-3.jsonl").exists() is bool(report.failures)
        with (shared / f"summary-{index}-of-3.csv").open() as file:
            assert [row["media"] for row in csv.DictReader(file)] == [job.name for job in own]
    assert failed == ["bad.wav"]
    assert not (shared / "summary.csv").exists()
    assert not (shared / "errors.jsonl").exists()
    assert results(shared) == results(whole)
    again = run_batch(settings, jobs, shared, 1)
    assert (again.done, len(again.skipped), len(again.failures)) == ([], 3, 1)
    assert (shared / "summary.csv").read_bytes() == (whole / "summary.csv").read_bytes()


def results(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.*.jsonl")}


def test_shard_goes_with_out_only(tmp_path):
    write_tone(tmp_path / "a.wav")
    for arguments in (["a.wav", "--shard", "1/2"], [".", "--out", "x", "--shard", "3/2"]):
        result = replay(*arguments, cwd=tmp_path)
        assert result.returncode == 2, result.stderr
        assert "--shard" in result.stderr
        assert "Traceback" not in result.stderr
    assert not (tmp_path / "x").exists()


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_thousand_clips_in_shares_at_once_are_those_of_one_process(tmp_path):
    """Real models: a call by itself, and four shares at the same time in one folder."""
    from emoedge.capture.media import read_sound
    from emoedge.demo.clip import ensure_demo_clip

    samples = (read_sound(ensure_demo_clip()) * 32767).astype("<i2")
    for number in range(1000):
        at = number * 7919 % (len(samples) - 16000)
        path = tmp_path / "in" / f"{number % 10}" / f"{number:04}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(16000)
            file.writeframes(samples[at : at + 8000 + number * 8].tobytes())
    (tmp_path / "in" / "broken.wav").write_bytes(b"nothing")
    command = [sys.executable, "-m", "emoedge", "replay", tmp_path / "in", "--jobs", "1", "--out"]
    alone = subprocess.run([*command, tmp_path / "alone"], capture_output=True, text=True, check=False)
    assert alone.returncode == 1, alone.stderr
    shares = [
        subprocess.Popen(
            [*command, tmp_path / "shared", "--shard", f"{index}/4"], stderr=subprocess.PIPE, text=True
        )
        for index in range(1, 5)
    ]
    said = [share.communicate(timeout=3000)[1] for share in shares]
    assert sorted(share.returncode for share in shares) == [0, 0, 0, 1], said
    assert len(results(tmp_path / "alone")) == 1000
    assert results(tmp_path / "shared") == results(tmp_path / "alone")
    again = subprocess.run([*command, tmp_path / "shared"], capture_output=True, text=True, check=False)
    assert "0 done, 1000 done before, 1 failed" in again.stderr
    for name in ("summary.csv", "making.json"):
        assert (tmp_path / "shared" / name).read_bytes() == (tmp_path / "alone" / name).read_bytes()
    (failure,) = (tmp_path / "shared" / "errors.jsonl").read_text().splitlines()
    assert json.loads(failure)["name"] == "broken.wav"
