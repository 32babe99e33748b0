"""The command lines of the documentation are run where that is possible here, on a prepared device."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from emoedge.cli import main
from emoedge.demo import clip as demo_clip
from emoedge.history.database import HistoryFile
from emoedge.history.rows import Changes, EpisodeRow
from emoedge.translation import use_language
from faults.surroundings import free_port, listens
from tests.history.test_buckets import whole
from tests.publish.write_examples import examples
from tests.report.helpers import STARTED, make_segment

from .test_commands import CALLS, MENTIONED, PLACEHOLDERS

NOT_RUN = {
    r"python -m .*|scripts/.*": "builds, measures, or needs hours or data that are not shipped",
    r"mosquitto_passwd .*": "changes the machine",
    r"(?!emoedge |mosquitto_|sed ).*": "another program: apt, systemctl, git, docker, scp and the like",
    r"emoedge run": "does not end; tests/end_to_end runs it",
    r"emoedge web( certificate| password)?": "does not end or writes a certificate or asks; tests/web",
    r"emoedge watch.*": "does not end and needs a terminal; tests/watch",
    r"emoedge service .*": "systemd; tests/service, and faults/installed on a booted machine",
    r"emoedge models fetch.*": "downloads, or takes an archive that is not shipped; tests/model_store",
    r"emoedge bench.*": "minutes of load; tests/bench",
    r"emoedge replay rtsp:.*": "a network camera; tests/capture",
    r"emoedge .*/etc/emoedge@.*": "a second device of an installation",
    r"emoedge classify face --crop --list crops\.txt": "crops of faces are not shipped; tests/cli",
    r"emoedge classify face --list -": "reads standard input; tests/cli",
    r"mosquitto_sub .*8883.*": "a broker with TLS and passwords; tests/publish",
    r"emoedge annotate .*parquet.*": "needs the extra tables; tests/report",
}
"""Commands that are not run here, and why."""
SLOW = re.compile(
    r"emoedge (replay|evaluate|transcribe|demo|doctor|classify (face|voice)|"
    r"annotate (interview|entrevista|results))"
)
"""Loads models and decodes a clip."""
SEGMENT = "20261122T091000Z-1a2b3c4d"
"""The segment of which the pages speak."""
ANSWERS = {"emoedge doctor": {0, 1}, "emoedge models verify": {0, 1}}
"""Exit codes that are an answer where not only 0 is."""


def reason_not_to_run(words: tuple[str, ...]) -> str | None:
    text = " ".join(words)
    return next((why for pattern, why in NOT_RUN.items() if re.fullmatch(pattern, text)), None)


def is_whole(line: str, call: list[str]) -> bool:
    """Return whether this is a command with its arguments, not one of which the text speaks."""
    if PLACEHOLDERS & set(call) or any("…" in word for word in call):
        return False
    return line not in MENTIONED or not any(
        re.fullmatch(r"[A-Z]+(/[A-Z]+)?(\.\w+)?", word) for word in call[1:]
    )


WHOLE = sorted({tuple(call) for _, line, call in CALLS if is_whole(line, call)})
SPOKEN_OF = {tuple(call) for _, line, call in CALLS} - {
    tuple(call) for _, line, call in CALLS if line not in MENTIONED
}
"""Commands of which the text speaks without calling them: an argument may be missing."""
TO_RUN = [words for words in WHOLE if reason_not_to_run(words) is None]
PIPES = sorted(
    {line for _, line, call in CALLS if re.match("mosquitto_[ps]ub", call[0]) and "8883" not in line}
)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A broker that keeps one message on each topic."""
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if program is None or shutil.which("mosquitto_pub") is None:
        pytest.skip("no mosquitto here (apt-get install mosquitto mosquitto-clients)")
    port = free_port()
    configuration = tmp_path_factory.mktemp("broker") / "mosquitto.conf"
    configuration.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    process = subprocess.Popen([program, "-c", str(configuration)], stderr=subprocess.DEVNULL)
    deadline_s = time.monotonic() + 120
    while not listens(port):
        assert time.monotonic() < deadline_s
        time.sleep(0.05)
    for device in ("living-room", "livingroom", "salon"):
        states = {name.removesuffix("-begin"): text for name, text in examples(device, "es").items()}
        for suffix, payload in {**states, "status": "online"}.items():
            topic = f"emoedge/{device}/{suffix}"
            publish = ["mosquitto_pub", "-p", str(port), "-r", "-t", topic, "-m", payload]
            subprocess.run(publish, check=True, timeout=120)
    yield port
    process.terminate()
    process.wait(60)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first seconds of the demonstration clip."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo_clip, "DURATION_S", 3.0)
        return demo_clip.ensure_demo_clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("recorded")
    make_segment(root, seconds=3.0)
    return root


@pytest.fixture
def device(tmp_path: Path, recorded: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A device with a recording and a history, its working folder, and the id of the recording."""
    shutil.copytree(recorded, tmp_path / "recordings")
    for name, value in {
        "PATHS__STATE": tmp_path / "state",
        "PATHS__MODELS": tmp_path / "models",
        "PATHS__SOCKET": tmp_path / "daemon.sock",
        "RECORDING__DIR": tmp_path / "recordings",
        "MQTT__ENABLED": "false",
        "SPEECH__MODEL": "vosk-es-demo",
        "TIMEZONE": "Europe/Madrid",
    }.items():
        monkeypatch.setenv(f"EMOEDGE_{name}", str(value))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr("emoedge.cli.options.set_up_logging", lambda _level: None)
    history = HistoryFile(tmp_path / "state")
    yesterday = datetime.now(timezone.utc).replace(minute=0, second=0, microsecond=0) - timedelta(days=1)
    for start in (STARTED, yesterday):
        at = int(start.timestamp()) * 1000
        episode = EpisodeRow(f"{at:x}", "happiness", at + 5000, at + 9000, 7000)
        history.write([Changes(whole(start, 60), (episode,), ())])
    history.close()
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    media = next((tmp_path / "recordings").rglob("*.mp4"))
    for suffix in (".mp4", ".jsonl", ".json", ".vtt"):
        shutil.copy(media.with_suffix(suffix), work / f"{media.stem}{suffix}")
        shutil.copy(media.with_suffix(suffix), work / f"copied{suffix}")
    yield media.stem
    use_language("en")


def with_media(work: Path, clip: Path) -> None:
    """What the examples call by name."""
    for name in ("interview", "entrevista", "clip", "video", "MY", "MI"):
        shutil.copy(clip, work / f"{name}.mp4")
    for folder in ("interviews", "entrevistas"):
        (work / folder / "a").mkdir(parents=True)
        shutil.copy(clip, work / folder / "one.mp4")
        shutil.copy(clip, work / folder / "a" / "two.mkv")
    for folder in ("my-clips", "mis-clips"):
        for label in ("happiness", "sadness"):
            (work / folder / label).mkdir(parents=True)
            shutil.copy(clip, work / folder / label / "1.mp4")
    for name in ("note", "nota", "clip", "one"):
        subprocess.run(
            ["ffmpeg", "-v", "error", "-y", "-i", str(clip), "-ac", "1", str(work / f"{name}.wav")],
            check=True,
            timeout=600,
            stdin=subprocess.DEVNULL,
        )
    (work / "clips.txt").write_text("note.wav\n")


def arguments_of(words: tuple[str, ...], segment: str) -> list[str]:
    """The call with the segment of the test, patterns as the shell expands them."""
    found: list[str] = []
    for word in words:
        here = re.sub(r"^ID$", segment, word.replace(SEGMENT, segment))
        found += sorted(map(str, Path().glob(here))) if "*" in here else [here]
    return found


def test_most_is_run() -> None:
    assert {words[0] for words in TO_RUN} == {"emoedge", "mosquitto_sub", "mosquitto_pub", "sed"}
    assert len([words for words in TO_RUN if words[0] == "emoedge"]) > 60
    assert reason_not_to_run(("emoedge", "watch", "--lines"))
    assert reason_not_to_run(("emoedge", "check")) is None


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(
            words, id=" ".join(words)[:80], marks=[pytest.mark.slow] if SLOW.match(" ".join(words)) else []
        )
        for words in TO_RUN
        if words[0] == "emoedge"
    ],
)
def test_emoedge_does_it(
    words: tuple[str, ...], device: str, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    if SLOW.match(" ".join(words)):
        with_media(Path.cwd(), request.getfixturevalue("clip"))
    if "results/a/b.mp4.jsonl" in words:
        Path("results/a").mkdir(parents=True)
        assert main(["replay", str(request.getfixturevalue("clip")), "-o", "results/a/b.mp4.jsonl"]) == 0
    (Path.cwd() / "sentences.txt").write_text("qué alegría verte\n", encoding="utf-8")
    code = main(arguments_of(words[1:], device))
    told = capsys.readouterr()
    if words in SPOKEN_OF and code == 2:
        return
    assert code in ANSWERS.get(" ".join(words[:3]), {0}), told.err
    assert "Traceback" not in told.err
    if "--json" in words:
        json.loads(told.out)


@pytest.mark.parametrize("line", PIPES)
def test_the_broker_answers(line: str, broker: int, tmp_path: Path) -> None:
    """Whole lines, with `jq` where it is there; a subscription ends with its first message."""
    if "jq" in line and shutil.which("jq") is None:
        pytest.skip("no jq here (apt-get install jq)")
    here = re.sub(r" -h [a-z.-]+", "", line)
    here = re.sub(r"mosquitto_(sub|pub)", rf"mosquitto_\1 -h 127.0.0.1 -p {broker}", here)
    if "-C 1" not in here:
        here = here.replace("mosquitto_sub", "mosquitto_sub -C 1")
    here = here.replace("mosquitto_sub", "mosquitto_sub -W 60")
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", here],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{shlex.quote(here)}: {done.stderr}"
    assert done.stdout or "mosquitto_pub" in line


@pytest.mark.parametrize("words", [words for words in TO_RUN if words[0] == "sed"], ids=" ".join)
def test_the_dashboard_is_renamed(words: tuple[str, ...], repository: Path) -> None:
    folder = repository / "docs" / "integrations" / "home-assistant"
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=300, check=True)
    assert "livingroom" not in done.stdout
    assert words[1].split("/")[2] in done.stdout
