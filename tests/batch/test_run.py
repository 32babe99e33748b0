"""The whole batch with real processes; what they do is a stand-in, except in the slow tests."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from emoedge.batch import Failure, find_jobs, run_batch, workers
from emoedge.batch.work import replay_file
from emoedge.config import Settings
from emoedge.errors import EmoedgeError

from .conftest import Stub, write_tone

SETTINGS = Settings(device_id="sala")


def stand_in(connection, settings, making, _level):
    """Does what `workers.serve` does, without models; runs in a process of its own."""
    stub = Stub(settings)
    connection.send(("health", ()))
    while (job := connection.recv()) is not None:
        if job.media.stem == "deadly":
            job.partial.parent.mkdir(parents=True, exist_ok=True)
            job.partial.write_text("half")
            os.kill(os.getpid(), signal.SIGSEGV)
        if job.media.stem == "fatal":
            connection.send(("fatal", ("no models at all", "fetch them")))
            return
        connection.send(("progress", 1.0))
        try:
            connection.send(("done", replay_file(stub, job, making)))
        except EmoedgeError as error:
            connection.send(("done", Failure(job.name, str(job.media), "MediaError", error.message)))


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(workers, "serve", stand_in)


def run(folder, out, **options):
    return run_batch(SETTINGS, find_jobs([folder], out), out, 2, **options)


@pytest.mark.usefixtures("quick")
def test_one_bad_file_and_one_that_kills_its_process_cost_themselves_only(folder, tmp_path):
    write_tone(folder / "bad.wav")
    write_tone(folder / "deadly.wav")
    out = tmp_path / "out"
    report = run(folder, out)
    assert sorted(report.done) == ["a.wav", "b.wav", "deep/er/c.WAV"]
    assert {failure.name: failure.kind for failure in report.failures} == {
        "bad.wav": "MediaError",
        "deadly.wav": "ProcessDied",
    }
    errors = [json.loads(line) for line in (out / "errors.jsonl").read_text().splitlines()]
    assert {line["name"]: line["error"] for line in errors}[
        "deadly.wav"
    ] == "worker process killed by SIGSEGV"
    assert not list(out.rglob("*.partial"))
    rows = {row["media"]: row for row in csv.DictReader((out / "summary.csv").open())}
    assert [row["status"] for row in rows.values()] == ["ok", "ok", "failed", "failed", "ok"]
    assert float(rows["a.wav"]["fear_s"]) == 2.5

    (folder / "bad.wav").unlink()
    (folder / "deadly.wav").unlink()
    again = run(folder, out)
    assert (len(again.done), len(again.skipped), again.failures) == (0, 3, [])
    assert not (out / "errors.jsonl").exists()
    (out / "a.wav.jsonl").unlink()
    assert run(folder, out).done == ["a.wav"]
    assert len(run(folder, out, force=True).done) == 3


@pytest.mark.usefixtures("quick")
def test_where_nothing_can_be_replayed_the_batch_ends_at_once(folder, tmp_path):
    write_tone(folder / "fatal.wav")
    with pytest.raises(EmoedgeError, match="no models at all"):
        run(folder, tmp_path / "out")


def replay(*arguments, **options):
    command = [sys.executable, "-m", "emoedge", "replay", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=500, **options)


@pytest.mark.parametrize(
    "arguments",
    [
        ["a.mp4", "b.mp4"],
        ["a.mp4", "--jobs", "2"],
        ["a.mp4", "--force"],
        ["a.mp4", "--out", "x", "--publish"],
    ],
)
def test_options_that_do_not_go_together_are_refused(arguments, tmp_path):
    result = replay(*arguments, cwd=tmp_path)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_many_at_once_say_what_each_says_alone(tmp_path, portrait):
    """Real models, two files after each other in one process, and the same file by itself."""
    import shutil

    from emoedge.demo.clip import ensure_demo_clip

    folder, out = tmp_path / "in", tmp_path / "out"
    (folder / "deep").mkdir(parents=True)
    shutil.copy(ensure_demo_clip(), folder / "a.mp4")
    shutil.copy(ensure_demo_clip(), folder / "deep" / "b.mp4")
    (folder / "broken.mp4").write_bytes(b"nothing")
    model = ("--speech-model", "vosk-es-demo")
    first = replay(folder, "--out", out, "--jobs", 1, *model)
    assert first.returncode == 1
    assert "2 done, 0 done before, 1 failed" in first.stderr
    alone = replay(folder / "a.mp4", *model)
    assert alone.stdout == (out / "a.mp4.jsonl").read_text() == (out / "deep" / "b.mp4.jsonl").read_text()
    (folder / "broken.mp4").unlink()
    second = replay(folder, "--out", out, *model)
    assert (second.returncode, second.stderr) == (0, "0 done, 2 done before, 0 failed\n")


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_leaves_whole_results_only(tmp_path, stop):
    import shutil
    import time

    from emoedge.demo.clip import ensure_demo_clip

    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for name in "abc":
        shutil.copy(ensure_demo_clip(), folder / f"{name}.mp4")
    command = [sys.executable, "-m", "emoedge", "replay", folder, "--out", out, "--jobs", "2"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, start_new_session=True)
    deadline = time.monotonic() + 300
    while not list(out.rglob("*.partial") if out.exists() else ()):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    # Ctrl+C goes to the group, what a cluster sends to the process that it started.
    (os.killpg if stop == signal.SIGINT else os.kill)(process.pid, stop)
    assert process.wait(60) == 130
    assert b"Traceback" not in process.stderr.read()
    assert not list(out.rglob("*.partial"))
    assert all(Path(str(path) + "l").exists() for path in out.glob("*.mp4.json"))
