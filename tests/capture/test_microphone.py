"""Microphones: the timeline on made-up chunks, and PyAudio on a real PulseAudio with a null sink."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import emoedge.capture.microphone as module
from emoedge.capture import portaudio
from emoedge.capture.devices import list_cameras, list_microphones
from emoedge.capture.microphone import Chunk, Microphone, SoundTimeline
from emoedge.capture.portaudio import InputDevice, choose, inputs
from emoedge.errors import DeviceError
from emoedge.frames import AudioBlock

from .clips import onset_s, read_items, sine, tone_hz


def chunks(signal: np.ndarray, rate_hz: int, start_s: float, size: int = 1024) -> list[Chunk]:
    return [
        Chunk(signal[index : index + size], start_s + index / rate_hz)
        for index in range(0, len(signal), size)
    ]


def pushed(timeline: SoundTimeline, items: list[Chunk]) -> list[AudioBlock]:
    return [block for chunk in items for block in timeline.push(chunk)]


@pytest.mark.parametrize("rate_hz", [8000, 16000, 22050, 44100, 48000])
def test_rates_are_converted_and_times_are_kept(rate_hz: int) -> None:
    signal = np.zeros(rate_hz * 3, np.int16)
    signal[rate_hz:] = (sine(440, rate_hz, 2.0)[0] * 20_000).astype(np.int16)
    blocks = pushed(SoundTimeline(rate_hz), chunks(signal, rate_hz, 1000.0))
    samples = np.concatenate([block.samples for block in blocks])
    assert blocks[0].time_s == pytest.approx(1000.0, abs=0.002)
    assert onset_s(samples, blocks[0].time_s) == pytest.approx(1001.0, abs=0.005)
    assert tone_hz(samples[17_000:]) == pytest.approx(440, abs=2)
    assert not any(block.gap_s for block in blocks)


@given(st.lists(st.floats(0, 0.08), min_size=60, max_size=120), st.floats(-0.0002, 0.0002))
def test_jitter_and_drift_make_no_gaps(delays_s: list[float], drift: float) -> None:
    timeline = SoundTimeline(16000)
    end_s = None
    for index, delay_s in enumerate(delays_s):
        captured_s = 50.0 + index * 0.1 * (1 + drift)
        for block in timeline.push(Chunk(np.zeros(1600, np.int16), captured_s + delay_s)):
            assert block.gap_s == 0
            if end_s is not None:
                assert block.time_s == pytest.approx(end_s, abs=0.0051)
            end_s = block.end_s


@pytest.mark.slow
@pytest.mark.parametrize(("rate_hz", "drift"), [(44100, 1e-4), (48000, -1e-4)])
def test_a_sound_card_that_drifts_stays_in_step_for_an_hour(rate_hz: int, drift: float) -> None:
    """100 ppm are 0.36 s in an hour; pictures have the true time, and sound is within 40 ms of it."""
    random = np.random.default_rng(3)
    timeline = SoundTimeline(rate_hz)
    size, count, worst_s = rate_hz // 4, 0, 0.0
    for index in range(4 * 3600):
        captured_s = 50.0 + index * 0.25 * (1 + drift)
        for block in timeline.push(Chunk(np.zeros(size, np.int16), captured_s + random.exponential(0.004))):
            true_s = 50.0 + count / 16000 * (1 + drift)
            worst_s = max(worst_s, abs(block.time_s - true_s))
            count += len(block.samples)
            assert block.gap_s == 0
    assert count / 16000 > 3599
    assert worst_s < 0.04


@pytest.mark.parametrize(("lost_s", "reported"), [(0.03, True), (1.7, True), (1.7, False)])
def test_lost_sound_becomes_a_gap_of_its_length(lost_s: float, reported: bool) -> None:
    timeline = SoundTimeline(16000)
    blocks = []
    for index in range(60):
        after = index >= 30
        time_s = index / 16 + (lost_s if after else 0.0)
        chunk = Chunk(np.zeros(1000, np.int16), time_s, overflowed=reported and index == 30)
        blocks += timeline.push(chunk)
    gaps = [block for block in blocks if block.gap_s]
    assert [block.gap_s for block in gaps] == [pytest.approx(lost_s, abs=0.02)]
    assert blocks[-1].end_s == pytest.approx(60 / 16 + lost_s, abs=0.11)
    assert sum(len(block.samples) for block in blocks) >= 60_000 - 1600


def test_a_latency_that_settles_is_no_gap() -> None:
    """Claims measured on an idle PulseAudio: half a second at first, a tenth later, arrivals steady."""
    timeline = SoundTimeline(16000)
    blocks = []
    for index in range(120):
        latency_s = 0.42 if index < 8 else 0.04
        blocks += timeline.push(Chunk(np.zeros(1600, np.int16), 100.0 + index * 0.1, latency_s))
    assert not any(block.gap_s for block in blocks)
    assert all(after.time_s == pytest.approx(b.end_s, abs=0.0051) for b, after in pairwise(blocks))
    assert blocks[-1].time_s == pytest.approx(111.9 - 0.04, abs=0.02)


FOUND = [
    InputDevice("USB Audio: -", 0, 1, 44100),
    InputDevice("pulse", 1, 32, 44100),
    InputDevice("ReSpeaker 4 Mic Array", 2, 4, 16000),
    InputDevice("USB Audio: - #2", 3, 1, 44100),
]


def test_a_name_means_one_device() -> None:
    assert choose(FOUND, "USB Audio: -").index == 0
    assert choose(FOUND, "respeaker").index == 2
    assert choose(FOUND, "auto").name == "pulse"
    assert choose([InputDevice("x", 7, 1, 8000, default=True), *FOUND], "auto").index == 7
    for wanted in ("usb", "nothing like it"):
        with pytest.raises(DeviceError):
            choose(FOUND, wanted)
    with pytest.raises(DeviceError, match="no microphone"):
        choose([], "auto")


@pytest.fixture
def asound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """/proc/asound of a machine with one sound card of two devices, the first of them open."""
    card = tmp_path / "card1"
    for device, status in ((0, "state: RUNNING\nowner_pid   : 812\ntrigger_time: 1.0\n"), (1, "closed\n")):
        (card / f"pcm{device}c" / "sub0").mkdir(parents=True)
        (card / f"pcm{device}c" / "sub0" / "status").write_text(status)
    (card / "id").write_text("Loopback\n")
    (tmp_path / "cards").write_text(" 1 [Loopback       ]: Loopback - Loopback\n")
    monkeypatch.setattr(portaudio, "_ASOUND", tmp_path)
    return tmp_path


class Listed:
    """PyAudio with these inputs."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def get_default_input_device_info(self) -> dict:
        raise OSError

    def get_device_count(self) -> int:
        return len(self.names)

    def get_device_info_by_index(self, index: int) -> dict:
        return {"name": self.names[index], "maxInputChannels": 2, "defaultSampleRate": 48000.0}

    def terminate(self) -> None:
        """Nothing to end."""


@pytest.mark.parametrize(
    "wanted", ["hw:1,1", "hw:Loopback,1", "plughw:CARD=Loopback,DEV=1", "Loopback: PCM (hw:Loopback,1)"]
)
def test_a_device_is_the_same_whether_its_twin_is_there_or_not(asound: Path, wanted: str) -> None:
    both = inputs(Listed("Loopback: PCM (hw:1,0)", "Loopback: PCM (hw:1,1)", "default"))
    assert [device.name for device in both] == [
        "Loopback: PCM (hw:Loopback,0)",
        "Loopback: PCM (hw:Loopback,1)",
        "default",
    ]
    assert choose(both, wanted).index == 1
    alone = inputs(Listed("Loopback: PCM (hw:1,1)"))
    assert alone[0].name == "Loopback: PCM"
    assert choose(alone, wanted).index == 0
    with pytest.raises(DeviceError, match="no microphone"):
        choose(inputs(Listed("Loopback: PCM (hw:1,0)")), wanted)


def test_a_busy_microphone_names_its_user_and_is_found_when_free(
    asound: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PortAudio does not list a device that somebody has open: it seemed absent, for five minutes."""
    system = Listed()
    monkeypatch.setattr(module, "start_audio", lambda: system)
    monkeypatch.setattr(Microphone, "_failures", {})
    monkeypatch.setattr(Microphone, "_open_stream", lambda *_: None)
    for _ in range(2):
        with pytest.raises(DeviceError, match="hw:Loopback,0 by process 812"):
            Microphone("hw:Loopback,0").open()
    (asound / "card1" / "pcm0c" / "sub0" / "status").write_text("closed\n")
    system.names = ("Loopback: PCM (hw:1,0)",)
    with Microphone("hw:Loopback,0") as microphone:
        assert microphone.describe() == "Loopback: PCM, 48000 Hz"


def test_listing_devices_works_without_any_and_stays_quiet(capfd: pytest.CaptureFixture[str]) -> None:
    assert isinstance(list_cameras(), list)
    assert isinstance(list_microphones(), list)
    assert capfd.readouterr().err == ""


def test_a_missing_microphone_does_not_start_portaudio_again_and_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    starts, cards = [], ["none"]

    class NoInputs:
        def get_default_input_device_info(self) -> dict:
            raise OSError

        def get_device_count(self) -> int:
            return 0

        def terminate(self) -> None:
            starts.append("ended")

    def start() -> NoInputs:
        starts.append("started")
        return NoInputs()

    monkeypatch.setattr(module, "start_audio", start)
    monkeypatch.setattr(module, "fingerprint", lambda: cards[0])
    monkeypatch.setattr(Microphone, "_failures", {})
    for _ in range(5):
        with pytest.raises(DeviceError, match="no microphone"):
            Microphone("auto").open()
    assert starts == ["started", "ended"]
    cards[0] = "one card"
    with pytest.raises(DeviceError):
        Microphone("auto").open()
    assert starts == ["started", "ended"] * 2


# ---- a real sound server ----


@dataclass
class SoundServer:
    """A PulseAudio with a null sink whose monitor is the microphone."""

    folder: Path
    process: subprocess.Popen | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [
                "pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--disallow-exit",
                "-L", f"module-native-protocol-unix socket={self.folder}/native auth-anonymous=1",
                "-L", "module-null-sink sink_name=fakemic rate=48000 channels=1",
                "-L", "module-remap-source master=fakemic.monitor source_name=mic",
            ],
            env=os.environ | {"XDG_RUNTIME_DIR": str(self.folder), "HOME": str(self.folder)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        deadline_s = time.monotonic() + 60
        while subprocess.run(["pactl", "info"], capture_output=True, check=False).returncode:
            assert time.monotonic() < deadline_s, "PulseAudio does not start"
            time.sleep(0.1)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def play(self, samples: np.ndarray, rate_hz: int) -> subprocess.Popen:
        path = self.folder / "play.wav"
        with wave.open(str(path), "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(rate_hz)
            out.writeframes((samples * 32767).astype("<i2").tobytes())
        return subprocess.Popen(["paplay", "-d", "fakemic", "--latency-msec=20", str(path)])


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SoundServer]:
    if not (shutil.which("pulseaudio") and shutil.which("paplay")):
        pytest.skip("no pulseaudio and pulseaudio-utils")
    monkeypatch.setenv("PULSE_SERVER", f"unix:{tmp_path}/native")
    monkeypatch.setenv("PULSE_SOURCE", "mic")
    server = SoundServer(tmp_path)
    server.start()
    try:
        if not any(device.source == "pulse" for device in list_microphones()):
            pytest.skip("PortAudio has no pulse device (libasound2-plugins)")
        yield server
    finally:
        server.kill()


@pytest.mark.device
def test_a_tone_is_heard_at_its_pitch_and_time(server: SoundServer) -> None:
    with Microphone("pulse") as microphone:
        read_items(microphone, 5)
        player = server.play(sine(700.0, 44100, 1.5)[0], 44100)
        blocks = read_items(microphone, 25)
        delay_s = time.monotonic() - blocks[-1].end_s
        player.wait()
    samples = np.concatenate([block.samples for block in blocks])
    loud = samples[np.abs(samples) > 100]
    assert len(loud) > 16000, "the tone was not heard"
    begin = int(np.argmax(np.abs(samples) > 100))
    assert tone_hz(samples[begin + 800 : begin + 16_800]) == pytest.approx(700.0, abs=3)
    assert delay_s >= 0, "sound from the future"


@pytest.mark.device
def test_a_dead_sound_server_is_noticed_and_found_again(server: SoundServer) -> None:
    microphone = Microphone("pulse")
    with microphone:
        read_items(microphone, 5)
        server.kill()
        with pytest.raises(DeviceError):
            read_items(microphone, 100_000)
    server.start()
    with microphone:
        assert len(read_items(microphone, 5)) == 5


@pytest.mark.device
def test_closing_frees_the_microphone(server: SoundServer) -> None:
    def listeners() -> int:
        shown = subprocess.run(["pactl", "list", "short", "source-outputs"], capture_output=True, check=True)
        # The remapped source itself listens to the monitor of the sink.
        return sum(b"module-remap" not in line for line in shown.stdout.splitlines()) - 1

    before = listeners()
    microphone = Microphone("pulse")
    with microphone:
        read_items(microphone, 2)
        assert listeners() == before + 1
    assert listeners() == before
