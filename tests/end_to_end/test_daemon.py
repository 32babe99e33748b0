"""The daemon as a user meets it: a process, a real broker, a clip in real time, files on the disk."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import pytest
from jsonschema import Draft202012Validator

from emoedge.demo.clip import DURATION_S, SENTENCES, ensure_demo_clip
from emoedge.publish.payloads import PAYLOADS
from emoedge.publish.schemas import schema_of
from faults.surroundings import open_files
from tests.publish.conftest import listen, make_mosquitto, mosquitto, until  # noqa: F401 - fixtures

pytestmark = pytest.mark.device

TOPICS = ("status", "emotion", "event", "face", "voice", "text", "health")
LONG_S = 300.0


@pytest.fixture
def start(tmp_path, mosquitto):  # noqa: F811
    """Starts `emoedge run` on the demo clip."""
    clip = ensure_demo_clip(tmp_path)
    processes = []

    def go(**environment):
        settings = {
            "DEVICE_ID": "sala",
            "CAMERA__SOURCE": f"file:{clip}",
            "MICROPHONE__SOURCE": f"file:{clip}",
            "SPEECH__MODEL": "vosk-es-demo",
            "MQTT__PORT": str(mosquitto.port),
            "MQTT__HOST": "127.0.0.1",
            "RECORDING__DIR": str(tmp_path / "recordings"),
            "RECORDING__MODE": "manual",
            "RECORDING__MIN_FREE_BYTES": "0",
            "PATHS__STATE": str(tmp_path / "state"),
            "PATHS__MODELS": str(tmp_path / "models"),
            "PUBLISH__INTERVAL": "3",
        } | environment
        env = {k: v for k, v in os.environ.items() if not k.startswith("EMOEDGE_")}
        env |= {f"EMOEDGE_{name}": value for name, value in settings.items()}
        log = (tmp_path / "daemon.log").open("ab")
        process = subprocess.Popen([sys.executable, "-m", "emoedge", "run"], env=env, stderr=log)
        processes.append(process)
        return process

    yield go
    for process in processes:
        if process.poll() is None:
            process.kill()
            process.wait(10)


def validate(listener, base="emoedge/sala/"):
    for topic, payload, _ in listener.messages:
        suffix = topic.removeprefix(base)
        if suffix in PAYLOADS and payload:
            Draft202012Validator(schema_of(suffix)).validate(json.loads(payload))


def test_every_topic_a_recording_and_a_clean_end(start, mosquitto, listen, tmp_path):  # noqa: F811
    listener = listen(mosquitto, "emoedge/#")
    process = start()
    until(
        lambda: all(listener.last(f"emoedge/sala/{name}") for name in TOPICS),
        "every topic was published",
        LONG_S,
    )
    listener.send("emoedge/sala/control/record/set", "ON")
    until(lambda: listener.last("emoedge/sala/control/record") == b"ON", "recording is on")
    time.sleep(4)
    listener.send("emoedge/sala/control/record/set", "OFF")
    finished = []

    def is_finished():
        finished[:] = [
            message
            for message in map(json.loads, listener.payloads("emoedge/sala/recording"))
            if message["type"] == "finished"
        ]
        return finished

    until(is_finished, "the recording is finished", LONG_S)
    path = Path(finished[0]["path"])
    with av.open(str(path)) as container:
        assert len(container.streams.video) == 1
        assert len(container.streams.audio) == 1
        duration_s = container.duration / 1e6
    # Five seconds of pre-roll and at least the four that were asked for.
    assert duration_s >= 7.5
    assert duration_s == pytest.approx(finished[0]["duration"], abs=0.15)
    for suffix in (".json", ".jsonl", ".vtt", ".jpg"):
        assert path.with_suffix(suffix).stat().st_size > 0
    validate(listener)
    for payload in map(json.loads, listener.payloads("emoedge/sala/text")):
        assert "transcript" not in payload

    process.send_signal(signal.SIGTERM)
    assert process.wait(LONG_S) == 0
    until(lambda: listener.last("emoedge/sala/status") == b"offline", "offline was said")
    assert not list((tmp_path / "recordings").rglob("*.partial"))


def test_privacy_closes_the_clip_and_ends_what_is_said(start, mosquitto, listen):  # noqa: F811
    listener = listen(mosquitto, "emoedge/#")
    process = start()

    def clip_is_open():
        return any(name.endswith(".mp4") for name in open_files(process.pid))

    until(lambda: listener.last("emoedge/sala/face"), "a face was published", LONG_S)
    assert clip_is_open()
    listener.send("emoedge/sala/control/privacy/set", "ON")
    until(lambda: listener.last("emoedge/sala/control/privacy") == b"ON", "privacy is on")
    until(lambda: not clip_is_open(), "the source is closed")
    until(
        lambda: json.loads(listener.last("emoedge/sala/health"))["parts"]["camera"]["state"] == "off",
        "health says that the camera is off",
    )
    until(
        lambda: json.loads(listener.last("emoedge/sala/emotion"))["emotion"] is None, "no emotion is claimed"
    )
    listener.send("emoedge/sala/control/privacy/set", "OFF")
    until(clip_is_open, "the source is open again", LONG_S)


def test_a_second_start_keeps_what_was_changed(start, mosquitto, listen):  # noqa: F811
    listener = listen(mosquitto, "emoedge/#")
    process = start()
    until(lambda: listener.last("emoedge/sala/control/margin"), "the controls are there", LONG_S)
    listener.send("emoedge/sala/control/margin/set", "0.35")
    until(lambda: listener.last("emoedge/sala/control/margin") == b"0.35", "the margin is changed")
    process.send_signal(signal.SIGTERM)
    process.wait(LONG_S)
    listener.messages.clear()
    start()
    until(lambda: listener.last("emoedge/sala/control/margin") == b"0.35", "it is still changed", LONG_S)


def test_replay_of_the_demo_says_what_is_in_it_and_says_it_twice(tmp_path):
    clip = ensure_demo_clip(tmp_path)
    outputs = []
    for name in ("first.jsonl", "second.jsonl"):
        command = [sys.executable, "-m", "emoedge", "replay", str(clip), "-o", str(tmp_path / name)]
        subprocess.run([*command, "--speech-model", "vosk-es-demo"], check=True, timeout=500)
        outputs.append((tmp_path / name).read_bytes())
    assert outputs[0] == outputs[1]
    lines = [json.loads(line) for line in outputs[0].splitlines()]
    topics = {line["topic"].rpartition("/")[2] for line in lines}
    assert topics >= {"emotion", "face", "voice", "text", "event", "health"}
    texts = [line["payload"] for line in lines if line["topic"].endswith("/text")]
    assert [text["emotion"] for text in texts] == [sentence.text for sentence in SENTENCES]
    assert all(0 <= text["start_s"] < text["end_s"] <= DURATION_S for text in texts)
    empty = [line for line in lines if line["topic"].endswith("/face") and not line["payload"]["faces"]]
    assert empty, "the clip has a moment without anybody"
