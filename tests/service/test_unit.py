"""The systemd unit: valid, closed enough, and the engines work under its strictest rule."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXPOSURE_LIMIT = 20  # tenths: 2.0
WATCHDOG_MIN_S = 10  # pulses come every second, but a small board may stall when a model is loaded

needs_systemd_analyze = pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="no systemd-analyze here"
)


@pytest.fixture
def unit(repository: Path) -> Path:
    return repository / "systemd" / "emoedge.service"


def settings(unit: Path) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for line in unit.read_text().splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            values.setdefault(key, []).append(value)
    return values


@needs_systemd_analyze
def test_exposure_is_at_most_2(unit: Path) -> None:
    command = ("systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE_LIMIT}", str(unit))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout.splitlines()[-1]


@needs_systemd_analyze
def test_the_measure_would_notice_an_open_unit(unit: Path, tmp_path: Path) -> None:
    text = unit.read_text().replace("User=emoedge\n", "").replace("CapabilityBoundingSet=\n", "")
    (tmp_path / "open.service").write_text(text)
    command = ("systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE_LIMIT}")
    done = subprocess.run((*command, str(tmp_path / "open.service")), capture_output=True, check=False)
    assert done.returncode != 0


@needs_systemd_analyze
def test_systemd_knows_every_key(unit: Path, tmp_path: Path) -> None:
    # The program need not be installed here.
    text = unit.read_text().replace("/opt/emoedge/venv/bin/emoedge", shutil.which("true") or "/bin/true")
    (tmp_path / "emoedge.service").write_text(text)
    command = ("systemd-analyze", "verify", "--man=no", str(tmp_path / "emoedge.service"))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "emoedge.service" not in done.stderr, done.stderr


def test_what_a_year_in_a_living_room_needs(unit: Path) -> None:
    values = settings(unit)
    assert values["Type"] == ["notify"]
    assert int(values["WatchdogSec"][0]) >= WATCHDOG_MIN_S
    assert values["Restart"] == ["on-failure"]
    assert values["RestartPreventExitStatus"] == ["2"], "a wrong configuration does not mend itself"
    assert values["StartLimitIntervalSec"] == ["0"], "it never gives up"
    assert values["User"] == values["Group"] == values["StateDirectory"] == ["emoedge"]
    assert values["RuntimeDirectory"] == ["emoedge"]
    assert values["RuntimeDirectoryPreserve"] == ["yes"], "whether privacy is on outlives the process"
    assert "DynamicUser" not in values, "scp of recordings would not work"
    assert values["LimitCORE"] == ["0"], "a core dump would hold pictures and sound"
    devices = {"char-video4linux rw", "char-alsa rw", "char-media rw", "char-gpiochip rw"}
    assert devices <= set(values["DeviceAllow"])
    assert values["SupplementaryGroups"] == ["video audio"]


ENGINES = """
import ctypes, fractions, mmap, sys
PR_SET_MDWE, REFUSE_EXEC_GAIN = 65, 1
if ctypes.CDLL(None).prctl(PR_SET_MDWE, REFUSE_EXEC_GAIN, 0, 0, 0) != 0:
    sys.exit(77)
try:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
except OSError:
    pass
else:
    sys.exit("memory that is writeable and executable was given out")
import numpy as np
from emoedge.model_store import load_manifest, package_models_dir
from emoedge.pipeline.model_trial import load_once
from emoedge.model_store.places import location
ran = []
for entry in load_manifest().entries:
    path = location(entry, package_models_dir())
    if path is not None and entry.kind in ("tflite", "text", "vosk"):
        load_once(entry.kind, path)
        ran.append(entry.kind)
assert "tflite" in ran, ran
import av, cv2, pyaudio, soxr, vosk
cv2.resize(np.zeros((480, 640, 3), np.uint8), (64, 64))
soxr.resample(np.zeros(4800, np.float32), 48000, 16000)
encoder = av.CodecContext.create("libx264", "w")
encoder.width, encoder.height, encoder.pix_fmt = 64, 64, "yuv420p"
encoder.time_base = fractions.Fraction(1, 15)
encoder.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24"))
assert encoder.encode(None)
"""


@pytest.mark.timeout(900)
def test_the_engines_work_without_executable_writeable_memory() -> None:
    """What MemoryDenyWriteExecute= forbids, by the kernel's own switch (Linux 6.3)."""
    if not sys.platform.startswith("linux"):
        pytest.skip("Linux only")
    done = subprocess.run((sys.executable, "-c", ENGINES), capture_output=True, text=True, check=False)
    if done.returncode == 77:
        pytest.skip("this kernel has no PR_SET_MDWE")
    assert done.returncode == 0, done.stderr[-2000:]
