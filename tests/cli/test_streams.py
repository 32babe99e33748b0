"""Full, closed or abandoned standard streams: every command ends with its own exit code."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from emoedge.cli import COMMANDS

UNDECODABLE = os.fsdecode(b"nothing-\xff.mp4")

CALLS = {
    "help": (["--help"], 0),
    **{f"help of {name}": ([name, "--help"], 0) for name in COMMANDS},
    "one line": (["classify", "text", "estoy muy contento"], 0),
    "check": (["check"], 0),
    "models": (["models", "list", "--json"], 0),
    "replay": (["replay", "PORTRAIT"], 0),
    "wrong option": (["check", "--nonsense"], 2),
    "wrong configuration": (["check", "--config", "/nowhere/emoedge.toml"], 2),
    "work that fails": (["replay", UNDECODABLE], 1),
}


def run(call, portrait, redirection):
    """Run the call under a shell's redirection, without and with Python's own buffers."""
    arguments = [str(portrait) if argument == "PORTRAIT" else argument for argument in call]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("EMOEDGE_", "PYTHONUNBUFFERED"))}
    return subprocess.run(
        ["bash", "-c", f'"$0" -m emoedge "$@" {redirection}', sys.executable, *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=500,
        check=False,
    )


@pytest.mark.parametrize("name", CALLS)
def test_a_full_standard_error_changes_nothing(name, portrait):
    call, code = CALLS[name]
    done = run(call, portrait, "2>/dev/full")
    assert done.returncode == code
    assert bool(done.stdout) == (code == 0)


@pytest.mark.parametrize("name", CALLS)
def test_a_full_standard_output_is_a_failure_with_a_reason(name, portrait):
    call, code = CALLS[name]
    done = run(call, portrait, ">/dev/full")
    assert done.returncode == (code or 1)
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert ("standard output: No space left on device" in done.stderr) == (code == 0)


@pytest.mark.parametrize("redirection", [">&-", "2>&-", "<&-", ">&- 2>&- <&-"])
@pytest.mark.parametrize("name", ["help", "one line", "replay", "wrong option", "work that fails"])
def test_closed_streams_change_nothing(name, redirection, portrait):
    call, code = CALLS[name]
    done = run(call, portrait, redirection)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", CALLS)
def test_a_reader_who_is_gone_changes_nothing(name, portrait):
    """The output of `replay` fits into Python's buffer: it failed at the interpreter's own end."""
    call, code = CALLS[name]
    done = run(call, portrait, "> >(exec true)")
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_a_broken_pipe_that_is_not_standard_output_is_a_failure():
    """click takes every broken pipe for the one on standard output, also that of a connection."""
    code = (
        "import sys, click, emoedge.cli as c\n"
        "@c.cli.command('x')\n"
        "def x(): raise BrokenPipeError(32, 'Broken pipe')\n"
        "c.COMMANDS['x'] = ('none', '')\n"
        "c.LazyGroup.get_command = lambda *_: x\n"
        "sys.exit(c.main(['x']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("emoedge: Broken pipe\n")


def test_the_next_file_does_not_get_the_number_of_a_closed_stream(tmp_path):
    code = (
        "import os; from emoedge.cli.streams import prepare_streams; prepare_streams(); "
        "assert os.open('/dev/null', os.O_RDONLY) > 2; print('into the void')"
    )
    done = subprocess.run(
        ["bash", "-c", '"$0" -c "$1" <&- >&- 2>&-', sys.executable, code], capture_output=True, check=False
    )
    assert done.returncode == 0
