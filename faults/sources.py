"""Faults of camera and microphone."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Final

from faults.bench import REPOSITORY, START_S, Bench
from faults.fault import fault
from faults.surroundings import Unmet, free_port, holds, program, until

PORTRAIT: Final = REPOSITORY / "emoedge" / "data" / "demo" / "portrait.jpg"
WORKING: Final = ("ok", "degraded")
"""A busy machine loses audio and reports it; that is not the fault under test."""
PULSE: Final = "pulse.socket"
SPEECH: Final = "speech.wav"
LOST_S: Final = 60.0
BACK_S: Final = 60.0
"""A lost device is retried at least every 15 s, and PortAudio takes a few seconds more."""


@fault()
def camera_file_vanishes(bench: Bench) -> float:
    """The clip that the camera plays is moved away and back.

    At the end of the loop the camera is failed with the reason, the voice continues, and the camera recovers
    automatically.
    """
    short = bench.folder / "short.mp4"
    _cut(bench, short, seconds=5)
    bench.start_all(camera__source=f"file:{short}")
    moved = short.with_name("moved.mp4")
    short.rename(moved)
    until(lambda: bench.state_of("camera") == "failed", "health reports that the camera failed", LOST_S)
    bench.goes_on("voice", "voices are published")
    _check_no_face(bench)
    moved.rename(short)
    return _camera_back(bench)


@fault()
def network_camera_stops(bench: Bench) -> float:
    """An MJPEG camera behind HTTP is switched off and on again.

    The camera is failed within seconds, the voice continues, and the camera recovers automatically.
    """
    port = free_port()
    server = _mjpeg(bench, port)
    bench.start_all(camera__source=f"http://127.0.0.1:{port}/cam.mjpg")
    server.kill()
    server.wait(10)
    until(lambda: bench.state_of("camera") == "failed", "health reports that the camera failed", LOST_S)
    bench.goes_on("voice", "voices are published")
    _check_no_face(bench)
    _mjpeg(bench, port)
    return _camera_back(bench)


@fault()
def network_camera_freezes(bench: Bench) -> float:
    """A network camera keeps its connection but stops sending (SIGSTOP), until it is restarted.

    The camera is failed within seconds and recovers automatically.
    """
    port = free_port()
    server = _mjpeg(bench, port)
    bench.start_all(camera__source=f"http://127.0.0.1:{port}/cam.mjpg")
    subprocess.run(["kill", "-STOP", str(server.pid)], check=True)
    until(lambda: bench.state_of("camera") == "failed", "health reports that the camera failed", LOST_S)
    bench.goes_on("voice", "voices are published")
    # It serves only one viewer, which is gone now, as after a power cycle.
    server.kill()
    server.wait(10)
    _mjpeg(bench, port)
    return _camera_back(bench)


@fault()
def camera_black(bench: Bench) -> None:
    """The camera delivers black frames, as with the lens cover on.

    `health` reports it with the remedy, no face is published, and voices are published.
    """
    black = bench.folder / "black.mp4"
    _make(black, "-f", "lavfi", "-i", "color=black:size=320x240:rate=10:duration=30")
    bench.start_all(camera__source=f"file:{black}")
    until(lambda: "black" in _reason(bench, "camera"), "health reports that it is black", LOST_S)
    bench.goes_on("voice", "voices are published", START_S)
    _check_no_face(bench)
    bench.check_alive()


@fault()
def camera_frozen(bench: Bench) -> None:
    """The camera repeats the same frame of a person.

    `health` reports it with the remedy, and voices are published.
    """
    frozen = bench.folder / "frozen.mp4"
    _make(frozen, "-loop", "1", "-framerate", "10", "-i", str(PORTRAIT), "-t", "60", "-vf", "scale=320:-2")
    bench.start_all(camera__source=f"file:{frozen}")
    until(lambda: "frozen" in _reason(bench, "camera"), "health reports that it is frozen", LOST_S)
    bench.goes_on("voice", "voices are published", START_S)
    bench.check_alive()


@fault()
def microphone_silent(bench: Bench) -> None:
    """The microphone delivers digital silence, as when it is muted.

    `health` reports it with the remedy, faces are published, and no voice is published.
    """
    silence = bench.folder / "silence.wav"
    _make(
        silence, "-f", "lavfi", "-i", "anullsrc=sample_rate=16000:channel_layout=mono", "-t", "30", sound=True
    )
    bench.start_all(microphone__source=f"file:{silence}")
    until(lambda: "silence" in _reason(bench, "microphone"), "health reports that it is silent", LOST_S)
    bench.goes_on("face", "faces are published")
    holds(not bench.payloads("voice"), "no voice is published")
    bench.check_alive()


@fault()
def microphone_clipping(bench: Bench) -> None:
    """The microphone is set far too loud, so that all speech is clipped at full scale.

    `health` reports it with the remedy, and the analysis continues.
    """
    loud = bench.folder / "loud.wav"
    _make(loud, "-i", str(bench.clip), "-vn", "-af", "volume=60dB", "-ar", "16000", "-ac", "1", sound=True)
    bench.start_all(microphone__source=f"file:{loud}")
    until(lambda: "clips" in _reason(bench, "microphone"), "health reports that it clips", LOST_S)
    holds("lower the input level" in _reason(bench, "microphone"), "it names the remedy")
    bench.goes_on("face", "faces are published")
    bench.check_alive()


@fault()
def microphone_stalls(bench: Bench) -> float:
    """The sound server hangs with its connections open (SIGSTOP), and continues later.

    The microphone is failed within seconds, faces are published, and the microphone recovers automatically.
    """
    _, server = _start_with_pulse(bench)
    server.send_signal(signal.SIGSTOP)
    until(lambda: bench.state_of("microphone") == "failed", "health reports that there is no sound", LOST_S)
    holds(_reason(bench, "microphone"), "it names the reason")
    bench.goes_on("face", "faces are published")
    bench.check_alive()
    server.send_signal(signal.SIGCONT)
    return _microphone_back(bench)


@fault()
def microphone_of_another_format(bench: Bench) -> None:
    """The microphone delivers 44.1 kHz stereo, which must be converted.

    It is accepted: voices and transcripts are published.
    """
    _start_with_pulse(bench, "rate=44100 channels=2")
    bench.goes_on("voice", "voices are published", START_S)
    bench.goes_on("text", "sentences are published", START_S)
    bench.check_alive()


@fault()
def camera_of_an_odd_format(bench: Bench) -> None:
    """The network camera delivers JPEG pictures of 333 x 251 pixels at 7 fps.

    They are accepted, and faces are found.
    """
    port = free_port()
    _mjpeg(bench, port, "fps=7,scale=333:251,format=yuvj444p")
    bench.start_all(camera__source=f"http://127.0.0.1:{port}/cam.mjpg")
    until(lambda: any(one["faces"] for one in bench.payloads("face")), "a face is found", START_S)
    bench.check_alive()


@fault()
def network_camera_busy(bench: Bench) -> float:
    """Another viewer holds the only connection that the camera allows, and leaves later.

    The camera is failed with a reason, the voice continues, and the camera is opened as soon as it is free.
    """
    port = free_port()
    _mjpeg(bench, port)
    with _connected(port) as held:
        held.sendall(b"GET /cam.mjpg HTTP/1.0\r\n\r\n")
        bench.start_broker()
        bench.start(camera__source=f"http://127.0.0.1:{port}/cam.mjpg")
        bench.wait_working("voice", "text")
        until(lambda: bench.state_of("camera") == "failed", "health reports that the camera failed", LOST_S)
        holds(_reason(bench, "camera"), "it names the reason")
        bench.goes_on("voice", "voices are published")
    _mjpeg(bench, port)
    return _camera_back(bench, losses=0)


@fault()
def microphone_lost(bench: Bench) -> float:
    """The sound server of the microphone (a PulseAudio null sink) is killed and restarted.

    The microphone is failed, faces are published, and the microphone recovers automatically.
    """
    environment, server = _start_with_pulse(bench)
    server.kill()
    server.wait(10)
    until(
        lambda: bench.state_of("microphone") == "failed", "health reports that the microphone failed", LOST_S
    )
    bench.goes_on("face", "faces are published")
    _pulse(bench, environment)
    return _microphone_back(bench)


def _make(target: Path, *arguments: str, sound: bool = False) -> None:
    pixels = () if sound else ("-pix_fmt", "yuv420p", "-preset", "ultrafast")
    subprocess.run([program("ffmpeg", "ffmpeg"), "-v", "error", *arguments, *pixels, str(target)], check=True)


def _reason(bench: Bench, name: str) -> str:
    return str(bench.part(name).get("reason", ""))


def _cut(bench: Bench, target: Path, seconds: int) -> None:
    command = [
        program("ffmpeg", "ffmpeg"),
        "-v",
        "error",
        "-ss",
        "2",
        "-i",
        str(bench.clip),
        "-t",
        str(seconds),
    ]
    subprocess.run([*command, "-preset", "ultrafast", str(target)], check=True)


def _mjpeg(bench: Bench, port: int, filters: str = "fps=10,scale=480:-2") -> subprocess.Popen[bytes]:
    """Start a camera that serves the demo clip in real time, in a loop, to the first client."""
    clip = bench.folder / "camera.mp4"
    if not clip.exists():
        shutil.copy(bench.clip, clip)
    return bench.spawn(
        program("ffmpeg", "ffmpeg"), "-v", "error", "-re", "-stream_loop", "-1", "-i", str(clip), "-an",
        "-vf", filters, "-q:v", "6", "-f", "mpjpeg", "-listen", "1",
        f"http://127.0.0.1:{port}/cam.mjpg",
    )  # fmt: skip


def _connected(port: int) -> socket.socket:
    """Connect as soon as the port is open; a mere probe would use up the only connection."""
    for _ in range(100):
        try:
            return socket.create_connection(("127.0.0.1", port))
        except ConnectionRefusedError:
            time.sleep(0.1)
    raise Unmet("the camera of the bench is not listening")


def _start_with_pulse(
    bench: Bench, kind: str = "rate=16000 channels=1"
) -> tuple[dict[str, str], subprocess.Popen[bytes]]:
    """Start the daemon with a sound server's microphone; return the server's environment and process."""
    environment = {"PULSE_SERVER": f"unix:{bench.folder / PULSE}", "PULSE_SOURCE": "mic",
                   "HOME": str(bench.folder), "XDG_RUNTIME_DIR": str(bench.folder)}  # fmt: skip
    _make(bench.folder / SPEECH, "-i", str(bench.clip), "-vn", "-ar", "16000", sound=True)
    server = _pulse(bench, environment, kind)
    bench.start_broker()
    bench.start(microphone__source="pulse", **environment)
    bench.wait_working()
    return environment, server


def _pulse(
    bench: Bench, environment: dict[str, str], kind: str = "rate=16000 channels=1"
) -> subprocess.Popen[bytes]:
    """Start a sound server whose microphone repeats the demo's speech."""
    socket_file = bench.folder / PULSE
    socket_file.unlink(missing_ok=True)
    server = bench.spawn(
        program("pulseaudio", "pulseaudio"), "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no",  # noqa: E501
        "-L", f"module-native-protocol-unix auth-anonymous=1 socket={socket_file}",
        "-L", f"module-null-sink sink_name=fakemic {kind}",
        "-L", "module-remap-source master=fakemic.monitor source_name=mic",
        **environment,
    )  # fmt: skip
    until(socket_file.exists, "PulseAudio runs")
    time.sleep(0.5)
    paplay = program("paplay", "pulseaudio-utils")
    speech = bench.folder / SPEECH
    bench.spawn("sh", "-c", f"while {paplay} -d fakemic {speech}; do :; done", **environment)
    return server


def _microphone_back(bench: Bench) -> float:
    blocks = bench.figure("microphone", "blocks")
    took_s = until(lambda: bench.figure("microphone", "blocks") > blocks, "the microphone is back", BACK_S)
    until(lambda: bench.state_of("microphone") in WORKING, "health reports that it works")
    took_s += bench.goes_on("voice", "a voice is heard", START_S)
    return took_s


def _check_no_face(bench: Bench) -> None:
    """Check that the fusion drops the face's opinion once there are no frames."""
    until(
        lambda: b'"face":null' in bench.last("emotion"),
        "the emotion is no longer taken from the face",
        LOST_S,
    )


def _camera_back(bench: Bench, losses: int = 1) -> float:
    took_s = until(lambda: bench.state_of("camera") in WORKING, "the camera is back", BACK_S)
    took_s += bench.goes_on("face", "faces are published again")
    holds(bench.figure("camera", "losses") >= losses, "the loss is counted")
    bench.check_alive()
    return took_s
