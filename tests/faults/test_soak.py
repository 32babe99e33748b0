"""The soak's verdict, and a few minutes of it on the real daemon."""

from __future__ import annotations

import csv
import shutil

import pytest
from click.testing import CliRunner

from faults.paced import Pace
from faults.soak import judge, main


def rows(memory, files=20, threads=18):
    return [
        {"minute": n, "resident_mb": memory(n), "open_files": files, "threads": threads, "cpu_s": 3.0 * n,
         "sound_lost_s": 0.0} for n in range(1, 361)
    ]  # fmt: skip


def test_flat_is_flat_whatever_the_warm_up():
    result = judge(rows(lambda n: 150 + min(n, 60)))
    assert result["flat"]
    assert result["media_h"] == 6.0
    assert result["growth"] == 0


def test_what_grows_is_found():
    result = judge(rows(lambda n: 200 + n / 10))
    assert not result["flat"]
    assert result["growth"] > 0.05
    grown = rows(lambda _: 200.0)
    for row in grown[180:]:
        row["threads"] += 1
    assert not judge(grown)["flat"]


def test_nobody_is_let_far_ahead_of_the_other():
    pace = Pace()
    start_s = pace.start_s
    pace.wait("camera", start_s, start_s, lambda: True, 0.0)
    pace.wait("microphone", start_s, start_s + 0.1, lambda: True, 0.0)
    with pytest.raises(TimeoutError):
        pace.wait("camera", start_s + 1.0, start_s + 1.0, lambda: True, 0.0)
    with pytest.raises(TimeoutError):
        pace.wait("microphone", start_s + 0.1, start_s + 0.2, lambda: False, 0.0)
    assert pace.now_s() == pytest.approx(start_s + 0.1)
    pace.leave("microphone")
    pace.wait("camera", start_s + 1.0, start_s + 1.0, lambda: True, 0.0)
    assert pace.now_s() == pytest.approx(start_s + 1.0)


@pytest.mark.slow
@pytest.mark.device
@pytest.mark.timeout(1200)
def test_three_minutes_of_media_time(tmp_path):
    for program in ("ffmpeg", "mosquitto"):
        if shutil.which(program, path="/usr/bin:/usr/sbin:/bin:/usr/local/bin") is None:
            pytest.skip(f"no {program} here")
    table = tmp_path / "soak.csv"
    done = CliRunner().invoke(main, ["--hours", "0.05", "--csv", str(table)])
    assert done.exit_code in (0, 1), done.output  # three minutes are all warm-up
    measured = list(csv.DictReader(table.open(newline="")))
    assert [int(row["minute"]) for row in measured] == [1, 2, 3]
    assert int(measured[-1]["faces"]) > 200
    assert int(measured[-1]["texts"]) > 1500
    assert float(measured[-1]["sound_lost_s"]) == 0
