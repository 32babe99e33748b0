"""The command line from outside: exit codes, streams, errors without tracebacks."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import pytest

from emoedge.cli import COMMANDS

from .program import emoedge


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


def test_replay_of_what_is_no_medium(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("these are words")
    for item in (path, tmp_path / "missing.mp4", tmp_path):
        result = emoedge("replay", item)
        assert result.returncode == 1
        assert "Traceback" not in result.stderr
        assert result.stderr.startswith("emoedge: ")


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
