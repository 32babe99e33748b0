"""The command line from outside: exit codes, streams, errors without tracebacks."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from emoedge.cli import COMMANDS


def emoedge(*arguments, stdin="", **environment):
    env = {k: v for k, v in os.environ.items() if not k.startswith("EMOEDGE_")} | environment
    return subprocess.run(
        [sys.executable, "-m", "emoedge", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        text=True,
        env=env,
        timeout=500,
        check=False,
    )


def lines_of(result):
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_help_names_every_command_and_imports_none():
    code = (
        "import sys, emoedge.cli as c; c.main(['--help']); "
        "assert not {'numpy', 'cv2', 'av', 'pydantic', 'rich'} & set(sys.modules), 'heavy imports'"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    for name in COMMANDS:
        assert f"  {name} " in result.stdout


def test_a_sentence_is_judged_without_what_pictures_sound_and_downloads_need():
    code = (
        "import sys, emoedge.cli as c; c.main(['classify', 'text', 'hola']); "
        "print(sorted({'cv2', 'av', 'ssl', 'http.client', 'emoedge.fusion'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == "[]"


def test_garbage_is_collected_as_usual_once_the_imports_are_done():
    code = (
        "import gc, emoedge.cli as c; usual = gc.get_threshold(); c.main(['--help']); "
        "assert gc.get_threshold()[0] == c.IMPORTED_OBJECTS; "
        "kept = [[] for _ in range(2 * c.IMPORTED_OBJECTS)]; "
        "assert gc.get_threshold() == usual, gc.get_threshold(); assert not gc.callbacks"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_has_help_with_an_example(name):
    from importlib import import_module

    import click
    from click.testing import CliRunner

    command = import_module(COMMANDS[name][0]).command
    result = CliRunner().invoke(command, ["--help"])
    assert result.exit_code == 0
    assert "Example:" in result.output
    leaves = command.commands.values() if isinstance(command, click.Group) else [command]
    for leaf in leaves:
        names = {option for parameter in leaf.params for option in parameter.opts}
        assert {"--config", "--log-level"} <= names, leaf.name


def test_unknown_command_and_option():
    for arguments in (["nonsense"], ["check", "--nonsense"]):
        result = emoedge(*arguments)
        assert result.returncode == 2
        assert "Traceback" not in result.stderr


def test_check(tmp_path):
    good = tmp_path / "good.toml"
    good.write_text('device_id = "sala"\n[fusion]\nmargin = 0.3\n')
    assert emoedge("check", "--config", good).returncode == 0
    bad = tmp_path / "bad.toml"
    bad.write_text('device_id = "sala"\n[fusion]\nmargn = 0.3\nface_weight = 2\n')
    result = emoedge("check", "--config", bad)
    assert result.returncode == 2
    assert f"{bad}:3: fusion.margn: unknown key" in result.stderr
    assert f"{bad}:4: fusion.face_weight" in result.stderr
    assert "Traceback" not in result.stderr


def test_check_as_json(tmp_path):
    good = tmp_path / "good.toml"
    good.write_text('device_id = "sala"\n[speech]\nmodel = "none-such"\n')
    result = emoedge("check", "--json", "--config", good)
    answer = json.loads(result.stdout)
    assert result.returncode == 0
    assert (answer["valid"], answer["device"], answer["files"]) == (True, "sala", [str(good)])
    assert "none-such" in answer["warnings"][0]["message"]
    bad = tmp_path / "bad.toml"
    bad.write_text("[fusion]\nmargn = 0.3\n")
    result = emoedge("check", "--json", "--config", bad)
    answer = json.loads(result.stdout)
    assert (result.returncode, answer["valid"]) == (2, False)
    (problem,) = answer["problems"]
    assert (problem["source"], problem["line"], problem["key"]) == (str(bad), 2, "fusion.margn")
    result = emoedge("check", "--json", "--config", tmp_path / "missing.toml")
    assert result.returncode == 2
    assert "missing.toml" in json.loads(result.stdout)["problems"][0]["message"]


def test_check_warns_of_a_model_that_is_not_there(tmp_path):
    path = tmp_path / "good.toml"
    path.write_text('[speech]\nmodel = "none-such"\n')
    result = emoedge("check", "--config", path)
    assert result.returncode == 0
    assert "warning: model none-such is missing" in result.stderr
    path.write_text('[speech]\nmodel = "vosk-es-demo"\n')
    assert emoedge("check", "--config", path).stderr == ""


def test_global_options_stand_before_the_command_too(tmp_path):
    one, two = tmp_path / "one.toml", tmp_path / "two.toml"
    one.write_text('device_id = "one"\n')
    two.write_text('device_id = "two"\n')
    assert "device one" in emoedge("--config", one, "check").stdout
    assert "device two" in emoedge("--config", one, "check", "--config", two).stdout
    assert emoedge("--log-level", "debug", "--config", one, "recordings", "list", "--help").returncode == 0
    assert emoedge("--log-level", "loud", "check").returncode == 2


@pytest.mark.parametrize(
    ("arguments", "suggestion"),
    [
        (["recordngs"], "'recordings'"),
        (["Chek"], "'check'"),
        (["recordings", "lst"], "'list'"),
        (["classify", "fase", "x"], "'face'"),
        (["models", "fetsh"], "'fetch'"),
        (["service", "stats"], "'status'"),
        (["check", "--confg", "x"], "--config"),
        (["--log-lvel", "debug", "check"], "--log-level"),
    ],
)
def test_typos_get_a_suggestion(arguments, suggestion):
    result = emoedge(*arguments)
    assert result.returncode == 2
    assert suggestion in result.stderr


def test_the_version_names_the_commit(repository):
    shown = emoedge("--version").stdout
    found = re.fullmatch(r"emoedge ([0-9.]+)( \([0-9a-f]{7,40}\))?\n", shown)
    assert found
    assert bool(found[2]) == bool((repository / ".git").exists() and shutil.which("git"))


@pytest.mark.parametrize(
    ("host", "remedy"),
    [
        ("mqtt://pi:1884", "write: --host pi --port 1884"),
        ("pi:1883", "write: --host pi --port 1883"),
        ("mqtts://me:secret@pi", "write: --host pi, and set mqtt.tls to true"),
        ("tcp://[::1]:1", "write: --host ::1 --port 1"),
    ],
)
def test_an_address_is_not_a_host(host, remedy):
    result = emoedge("watch", "--host", host)
    assert result.returncode == 2
    assert remedy in result.stderr
    assert "secret" not in result.stderr


def test_check_missing_file(tmp_path):
    result = emoedge("check", "--config", tmp_path / "none.toml")
    assert result.returncode == 2
    assert "No such file" in result.stderr


def test_environment_overrides_and_its_mistakes_are_named():
    result = emoedge("check", EMOEDGE_FUSION__MARGIN="7")
    assert result.returncode == 2
    assert "EMOEDGE_FUSION__MARGIN" in result.stderr


def test_classify_needs_items():
    result = emoedge("classify", "text")
    assert result.returncode == 2
    assert "--list" in result.stderr


def test_an_unreadable_item_gives_a_line_and_exit_1(tmp_path, portrait):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"not a picture")
    result = emoedge("classify", "face", broken, portrait, tmp_path / "missing.png")
    lines = lines_of(result)
    assert result.returncode == 1
    assert [("error" in line) for line in lines] == [True, False, True]
    assert lines[1]["emotion"] is not None
    assert sum(lines[1]["probabilities"].values()) == pytest.approx(1, abs=1e-3)
    assert "Traceback" not in result.stderr


def test_a_list_of_faces_as_one_person(portrait):
    alone = lines_of(emoedge("classify", "face", portrait, portrait))
    adapted = lines_of(emoedge("classify", "face", "--adapt", portrait, portrait))
    assert [line.get("adapted") for line in alone] == [None, None]
    assert [line["adapted"] for line in adapted] == [1, 2]
    assert adapted[0]["probabilities"] == alone[0]["probabilities"] == alone[1]["probabilities"]


def test_a_list_of_sentences_from_standard_input():
    result = emoedge("classify", "text", "--list", "-", stdin="estoy muy contenta\n\ntengo mucho miedo\n")
    lines = lines_of(result)
    assert result.returncode == 0
    assert [line["item"] for line in lines] == ["estoy muy contenta", "", "tengo mucho miedo"]
    assert lines[0]["emotion"] == "happiness"
    assert lines[1]["emotion"] is None
    assert lines[2]["emotion"] == "fear"


def test_models_list_as_json():
    result = emoedge("models", "list", "--json")
    names = {line["name"]: line["installed"] for line in lines_of(result)}
    for name in ("face_detector", "face_emotion", "voice_emotion", "text_emotion", "vosk-es-demo"):
        assert names[name], name
    for line in lines_of(result):
        assert line["path"] is None or Path(line["path"]).exists()
        assert line["card"].startswith("https://") or Path(line["card"]).exists()
        assert (line["fetch_bytes"] == 0) == line["installed"]


def test_models_list_names_files_and_the_size_to_fetch(tmp_path):
    lines = emoedge("models", "list", EMOEDGE_PATHS__MODELS=str(tmp_path)).stdout.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("vosk-model-small-es-0.42"))
    assert "MISSING" in lines[at]
    assert "to fetch 39 MB, run: emoedge models fetch vosk-model-small-es-0.42" in lines[at + 1]
    assert Path(lines[1].strip()).exists()


def test_replay_of_what_is_no_medium(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("these are words")
    for item in (path, tmp_path / "missing.mp4", tmp_path):
        result = emoedge("replay", item)
        assert result.returncode == 1
        assert "Traceback" not in result.stderr
        assert result.stderr.startswith("emoedge: ")


def test_recordings_are_listed_with_their_length(tmp_path):
    """The sidecar's key had another name than the list asked for: "? s"."""
    folder = tmp_path / "2026-11-22"
    folder.mkdir()
    (folder / "20261122T091000Z-1a2b3c4d.mp4").write_bytes(b"media")
    (folder / "20261122T091000Z-1a2b3c4d.json").write_text('{"duration": 12.34}', encoding="utf-8")
    there = {"EMOEDGE_RECORDING__DIR": str(tmp_path)}
    header, line = emoedge("recordings", "list", **there).stdout.splitlines()
    assert header.split() == ["TIME", "ID", "LENGTH", "EMOTION", "SIZE"]
    assert " 12.3 s " in line
    assert len(line) <= 80
    assert lines_of(emoedge("recordings", "list", "--json", **there))[0]["duration"] == 12.34


def test_the_list_has_emotion_local_time_snapshots_and_what_is_being_written(tmp_path):
    folder, snapshots = tmp_path / "2026-11-22", tmp_path / "snapshots"
    folder.mkdir()
    snapshots.mkdir()
    (folder / "20261122T091000Z-1a2b3c4d.mp4").write_bytes(b"media")
    (folder / "20261122T091000Z-1a2b3c4d.json").write_text('{"duration": 12.34, "emotion": "sadness"}')
    (folder / "20261122T092000Z-1a2b3c4d.mp4.partial").write_bytes(b"media")
    (snapshots / "20261122T093000Z-1a2b3c4d.jpg").write_bytes(b"picture")
    there = {"EMOEDGE_RECORDING__DIR": str(tmp_path), "TZ": "America/Bogota", "EMOEDGE_LANGUAGE": "en"}
    lines = emoedge("recordings", "list", **there).stdout.splitlines()
    assert "sadness" in lines[1]
    assert lines[1].startswith("2026-11-22 04:10")
    assert lines[2].endswith("writing")
    assert "picture" in lines[3]
    rows = lines_of(emoedge("recordings", "list", "--json", **there))
    assert [row["type"] for row in rows] == ["segment", "segment", "snapshot"]
    assert [row.get("state") for row in rows] == ["finished", "writing", None]
    assert rows[0]["emotion"] == "sadness"
    assert rows[0]["time"] == "2026-11-22T04:10:00-05:00"
    assert rows[1]["path"].endswith(".mp4.partial")


@pytest.mark.parametrize("day", ["mañana", "2026-02-30", "20261122", "", "22/11/2026"])
@pytest.mark.parametrize("command", [("recordings", "list"), ("report",)])
def test_what_is_not_a_day_is_refused(command, day, tmp_path):
    result = emoedge(*command, "--day", day, EMOEDGE_RECORDING__DIR=str(tmp_path))
    assert result.returncode == 2
    assert "is not a day" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("day", ["today", "hoy", "yesterday", "AYER", "2026-11-22"])
def test_days_have_names(day, tmp_path):
    result = emoedge("recordings", "list", "--day", day, EMOEDGE_RECORDING__DIR=str(tmp_path))
    assert (result.returncode, result.stdout) == (0, "")


@pytest.mark.parametrize(
    ("output", "said"),
    [("/dev/full", "No space left on device"), ("/proc/nowhere/x.jsonl", "/proc/nowhere/x.jsonl: No such")],
)
def test_output_that_cannot_be_written_is_no_crash(portrait, output, said):
    result = emoedge("replay", portrait, "--output", output)
    assert result.returncode == 1
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_a_reader_who_has_seen_enough_is_no_failure():
    """`emoedge replay … | head -1`: click answered with exit code 1."""
    sentences = "\n".join(["estoy muy contento"] * 3000)  # far more than a pipe holds
    command = [sys.executable, "-m", "emoedge", "classify", "text", "--list", "-"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        process.stdin.write(sentences)
        process.stdin.close()
        assert process.stdout.readline()
        process.stdout.close()
        assert process.wait(500) == 0
        assert "Traceback" not in (said := process.stderr.read()), said
        assert "Exception ignored" not in said


@pytest.mark.parametrize("days", ["nan", "inf", "1e6", "-1"])
def test_days_beyond_the_calendar_are_a_wrong_call(tmp_path, days):
    result = emoedge("recordings", "purge", "--older-than", days, EMOEDGE_RECORDING__DIR=str(tmp_path))
    assert result.returncode == 2
    assert "Traceback" not in result.stderr


def test_help_errors_and_checks_are_spanish_where_that_is_configured(tmp_path):
    path = tmp_path / "emoedge.toml"
    path.write_text('language = "es"\n[fusion]\nmargn = 1\n')
    result = emoedge("check", "--config", path)
    assert result.returncode == 2
    assert f"{path}:3: fusion.margn: clave desconocida; ¿quería decir fusion.margin?" in result.stderr
    assert "-> corrija la configuración y ejecute: emoedge check" in result.stderr
    assert "clave desconocida" not in emoedge("check", "--json", "--config", path).stdout
    shown = emoedge("recordings", "list", "--help", EMOEDGE_LANGUAGE="es").stdout
    for words in ("Uso:", "Opciones:", "Ejemplo:", "Listar las grabaciones con su hora local"):
        assert words in shown
    assert "Órdenes:" in emoedge("--help", EMOEDGE_LANGUAGE="es").stdout
    refused = emoedge("chek", EMOEDGE_LANGUAGE="es").stderr
    assert "No existe la orden 'chek'. ¿Quería decir 'check'?" in refused
    refused = emoedge("check", "--confg", "x", EMOEDGE_LANGUAGE="es").stderr
    assert "No existe la opción '--confg'." in refused
    assert "'--config'" in refused
