"""The shell scripts, run for real with stand-ins for what would change the machine (apt, sudo, pip)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

SCRIPTS = (
    "setup", "demo", "test", "fresh", "lock", "lint", "format", "docs", "train", "evaluate", "install", "uninstall", "faults", "audit", "release", "package",  # noqa: E501
)  # fmt: skip

# Stands in for the environment's interpreter: logs its calls; pip fails, and is configured, as the test
# wants.
PYTHON = """#!/bin/sh
echo "python $*" >> "$CALLS"
case "$*" in
  *--version*) echo "Python 3.11.2" ;;
  *platform.machine*) exit "${UNLOCKED:-0}" ;;
  *"pip config list"*) cat "$PIP_CONFIGURED" 2>/dev/null ;;
  *"pip install"*) env | grep '^PIP_[A-Z_]*=' | sort > "$PIP_ENVIRONMENT"; cat "$PIP_SAYS" 2>/dev/null; exit "${PIP_EXIT:-0}" ;;
esac
"""  # noqa: E501
LOGGED = '#!/bin/sh\necho "$(basename "$0") $*" >> "$CALLS"\n'


@dataclass
class Stage:
    """A place to run scripts in: stand-ins first on PATH, an environment of its own."""

    repository: Path
    folder: Path

    def stand_in(self, name: str, text: str) -> None:
        path = self.folder / "bin" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def make_environment(self) -> None:
        path = self.folder / "venv" / "bin" / "python"
        path.parent.mkdir(parents=True)
        path.write_text(PYTHON)
        path.chmod(0o755)

    def run(self, script: str, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        values = {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "VENV": str(self.folder / "venv"),
            "PYTHON": sys.executable,
            "CALLS": str(self.folder / "calls"),
            "PIP_SAYS": str(self.folder / "pip-says"),
            "PIP_CONFIGURED": str(self.folder / "pip-configured"),
            "PIP_ENVIRONMENT": str(self.folder / "pip-environment"),
            **environ,
        }
        return subprocess.run(
            (str(self.repository / "scripts" / script), *arguments),
            env=values,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=500,
        )

    @property
    def calls(self) -> list[str]:
        path = self.folder / "calls"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def stage(repository: Path, tmp_path: Path) -> Stage:
    return Stage(repository, tmp_path)


@pytest.fixture
def lacking_headers(stage: Stage) -> Stage:
    """A machine whose compiler does not find portaudio.h."""
    stage.stand_in("cc", "#!/bin/sh\nexit 1\n")
    stage.stand_in("apt-get", LOGGED)
    return stage


@pytest.fixture
def as_user(stage: Stage) -> Callable[[str], None]:
    def become(sudo: str) -> None:
        stage.stand_in("id", "#!/bin/sh\necho 1000\n")
        stage.stand_in("sudo", sudo)

    return become


@pytest.mark.parametrize("name", SCRIPTS)
def test_can_be_run(repository: Path, name: str) -> None:
    path = repository / "scripts" / name
    assert os.access(path, os.X_OK)
    assert path.read_text().startswith("#!/usr/bin/env bash\n")
    assert "\nset -euo pipefail\n" in path.read_text()


def test_shellcheck(repository: Path) -> None:
    program = shutil.which("shellcheck")
    if program is None:
        pytest.skip("no shellcheck here")
    files = [f"scripts/{name}" for name in (*SCRIPTS, "lib.sh")] + [".ci/run"]
    done = subprocess.run(
        (program, "-x", *files), cwd=repository, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_ci_runs_the_tests(repository: Path) -> None:
    path = repository / ".ci" / "run"
    assert os.access(path, os.X_OK)
    assert "scripts/test" in path.read_text()


@pytest.mark.parametrize("script", ["setup", "install", "uninstall", "fresh", "release", "package"])
def test_a_wrong_call_is_answered_with_the_usage(stage: Stage, script: str) -> None:
    done = stage.run(script, "--nonsense")
    assert done.returncode == 2
    assert "Usage:" in done.stderr
    assert stage.calls == []


# System packages


def test_without_root_the_administrator_is_told_what_to_run(
    lacking_headers: Stage, as_user: Callable[[str], None]
) -> None:
    as_user("#!/bin/sh\nexit 1\n")
    done = lacking_headers.run("setup", "system", "run")
    assert done.returncode == 1
    assert "An administrator must run once: apt-get install" in done.stderr
    assert "portaudio19-dev" in done.stderr
    assert lacking_headers.calls == []


def test_with_sudo_only_the_missing_packages_are_installed(
    lacking_headers: Stage, as_user: Callable[[str], None]
) -> None:
    as_user('#!/bin/sh\nif [ "$1" = -n ]; then exit 0; fi\necho "sudo $*" >> "$CALLS"\nexec "$@"\n')
    done = lacking_headers.run("setup", "system", "run")
    assert done.returncode == 0, done.stderr
    installs = [call for call in lacking_headers.calls if call.startswith("apt-get install")]
    assert len(installs) == 1
    assert "portaudio19-dev" in installs[0]
    assert "gcc" not in installs[0].split(), "a compiler is there"
    assert [call for call in lacking_headers.calls if call.startswith("sudo ") and "apt-get install" in call]


def test_apt_that_fails_is_reported(lacking_headers: Stage) -> None:
    lacking_headers.stand_in("id", "#!/bin/sh\necho 0\n")
    lacking_headers.stand_in("apt-get", '#!/bin/sh\n[ "$1" = update ]\n')
    done = lacking_headers.run("setup", "system", "run")
    assert done.returncode == 1
    assert "apt-get failed" in done.stderr


def test_where_nothing_is_missing_nobody_needs_root(stage: Stage, as_user: Callable[[str], None]) -> None:
    # It must read what is piped into it: a writer without a reader would fail now and then.
    stage.stand_in("cc", "#!/bin/sh\ncat > /dev/null\n")
    as_user("#!/bin/sh\nexit 1\n")
    done = stage.run("setup", "system", "run")
    if "python3-venv" in done.stderr or "python3-dev" in done.stderr:
        pytest.skip("this Python cannot make environments, or has no headers")
    assert done.returncode == 0, done.stderr
    assert "all there" in done.stderr


def test_an_interpreter_that_is_too_old_is_refused(stage: Stage) -> None:
    stage.stand_in("apt-get", LOGGED)
    done = stage.run("setup", "run", PYTHON="/bin/false")
    assert stage.calls == []
    assert done.returncode == 1
    assert "not Python 3.10 or later" in done.stderr


# The environment


@pytest.fixture
def prepared(stage: Stage) -> Stage:
    # It must read what is piped into it: a writer without a reader would fail now and then.
    stage.stand_in("cc", "#!/bin/sh\ncat > /dev/null\n")
    stage.stand_in("apt-get", LOGGED)
    stage.make_environment()
    return stage


PIP = "python -m pip install --disable-pip-version-check --no-input"


def pip_calls(stage: Stage) -> list[str]:
    return [call.removeprefix(PIP).strip() for call in stage.calls if "pip install" in call]


def locked(name: str) -> list[str]:
    return [
        "--require-hashes -r lock/build.txt",
        f"--require-hashes --no-build-isolation --use-pep517 -r lock/{name}.txt",
        "--no-deps --no-build-isolation -e .",
    ]


def test_the_second_run_has_nothing_to_do(prepared: Stage) -> None:
    first = prepared.run("setup", "run")
    assert first.returncode == 0, first.stderr
    assert pip_calls(prepared) == locked("run")
    second = prepared.run("setup", "run")
    assert second.returncode == 0
    assert "up to date" in second.stderr
    assert pip_calls(prepared) == locked("run")
    prepared.run("setup", "dev")
    assert pip_calls(prepared) == locked("run") + locked("dev")
    assert prepared.run("setup", "run").returncode == 0, (
        "the tests' environment has all that the daemon needs"
    )
    assert pip_calls(prepared) == locked("run") + locked("dev")


def test_a_machine_without_a_lock_is_told_so(prepared: Stage) -> None:
    done = prepared.run("setup", "docs", UNLOCKED="1")
    assert pip_calls(prepared) == ["--upgrade --upgrade-strategy eager -e .[docs]"]
    assert "lock/ does not cover this machine or Python" in done.stderr


def test_the_newest_versions_are_looked_for_at_each_run(prepared: Stage) -> None:
    for _ in range(2):
        done = prepared.run("setup", "--newest", "dev")
        assert done.returncode == 0
    assert pip_calls(prepared) == ["--upgrade --upgrade-strategy eager -e .[dev]"] * 2


def test_where_hashes_count_only_the_main_index_is_asked(prepared: Stage) -> None:
    """Raspberry Pi OS configures a second index, whose files have other hashes."""
    (prepared.folder / "pip-configured").write_text(
        "global.extra-index-url='https://wheels.example/simple'\n"
        "global.find-links='/opt/wheels'\n"
        "global.index-url='https://mirror.example/simple'\n"
        "global.trusted-host='mirror.example\\nother.example'\n"
        "global.proxy='http://configured.example'\n"
        ":env:.proxy='http://proxy.example'\n"
    )
    environment = {
        "PIP_PROXY": "http://proxy.example",
        "PIP_EXTRA_INDEX_URL": "https://wheels.example/simple",
    }
    assert prepared.run("setup", "run", **environment).returncode == 0
    seen = dict(line.split("=", 1) for line in (prepared.folder / "pip-environment").read_text().splitlines())
    assert {name: value for name, value in seen.items() if not value.startswith(str(prepared.folder))} == {
        "PIP_CONFIG_FILE": "/dev/null",
        "PIP_INDEX_URL": "https://mirror.example/simple",
        "PIP_PROXY": "http://proxy.example",
        "PIP_TRUSTED_HOST": "mirror.example other.example",
    }


def test_an_installation_without_an_index_keeps_its_folder(prepared: Stage) -> None:
    (prepared.folder / "pip-configured").write_text("global.no-index='true'\n")
    assert prepared.run("setup", "run", PIP_FIND_LINKS="/media/wheels").returncode == 0
    seen = (prepared.folder / "pip-environment").read_text()
    assert "PIP_FIND_LINKS=/media/wheels\n" in seen
    assert "PIP_CONFIG_FILE" not in seen


def test_progress_goes_to_standard_error(prepared: Stage) -> None:
    (prepared.folder / "pip-says").write_text("Collecting numpy\nnoise\n")
    done = prepared.run("setup", "run")
    assert done.stdout == ""
    assert "Collecting numpy" in done.stderr
    assert "noise" not in done.stderr
    assert "noise" in (prepared.folder / "venv" / "setup.log").read_text()


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (
            "src/pyaudio/device_api.c:9:10: fatal error: portaudio.h: No such file\nerror: gcc failed\n",
            "portaudio19-dev",
        ),
        ("ERROR: No matching distribution found for vosk\n", "No matching distribution found for vosk"),
        (
            "  error: subprocess-exited-with-error\n   ERROR: No matching distribution found for setuptools\n",  # noqa: E501
            "No matching distribution found for setuptools",
        ),
        (
            "WARNING: broken by SSLError('[SSL: CERTIFICATE_VERIFY_FAILED]')\nERROR: No matching distribution\n",  # noqa: E501
            "check network, clock and certificates",
        ),
    ],
)
def test_pip_that_fails_is_explained_and_tried_again(prepared: Stage, output: str, words: str) -> None:
    (prepared.folder / "pip-says").write_text(output)
    done = prepared.run("setup", "run", PIP_EXIT="1")
    assert done.returncode == 1
    assert words in done.stderr.splitlines()[-1]
    assert pip_calls(prepared) == locked("run")[:1]
    prepared.run("setup", "run")
    assert pip_calls(prepared)[1:] == locked("run")


def test_the_tests_are_the_fast_ones_unless_all_are_wanted(prepared: Stage) -> None:
    assert prepared.run("test", "-k", "two words").returncode == 0
    assert prepared.calls[-1] == "python -m pytest -n 2 -m not slow -k two words"
    prepared.run("test", "--all", "tests/config")
    assert prepared.calls[-1] == "python -m pytest -n 2 tests/config"


def test_the_newest_packages_have_an_environment_of_their_own(prepared: Stage) -> None:
    shutil.copytree(prepared.folder / "venv", prepared.folder / "venv-newest")
    assert prepared.run("test", "--newest", "--all", "tests/config").returncode == 0
    assert pip_calls(prepared) == ["--upgrade --upgrade-strategy eager -e .[dev]"]
    assert (prepared.folder / "venv-newest" / "setup.log").exists()
    assert prepared.calls[-1] == "python -m pytest -n 2 tests/config"


def test_the_oldest_packages_have_an_environment_of_their_own(prepared: Stage) -> None:
    shutil.copytree(prepared.folder / "venv", prepared.folder / "venv-lowest")
    prepared.stand_in("tools/bin/uv", LOGGED)
    done = prepared.run("test", "--lowest", "tests/config", TOOLS=str(prepared.folder / "bin" / "tools"))
    assert done.returncode == 0, done.stderr
    (compiled,) = [call for call in prepared.calls if call.startswith("uv ")]
    environment = prepared.folder / "venv-lowest"
    assert compiled.startswith("uv pip compile pyproject.toml --quiet --resolution lowest-direct --python ")
    assert f" {environment}/bin/python --extra dev " in compiled
    assert pip_calls(prepared) == [f"--requirement {environment}/lowest.txt", "--no-deps -e ."]
    assert prepared.calls[-1] == "python -m pytest -n 2 -m not slow tests/config"


def test_the_result_of_the_tests_is_that_of_the_script(prepared: Stage) -> None:
    python = prepared.folder / "venv" / "bin" / "python"
    python.write_text(python.read_text().replace("esac", "  *pytest*) exit 5 ;;\nesac"))
    assert prepared.run("test").returncode == 5


# Training


@pytest.mark.parametrize("task", ["train", "evaluate"])
def test_training_is_handed_on_with_its_arguments(prepared: Stage, task: str) -> None:
    done = prepared.run(task, "face", "--data", "/some where")
    assert done.returncode == 0, done.stderr
    assert pip_calls(prepared) == [*locked("dev"), "-e .[dev,train]"]
    assert prepared.calls[-1] == f"python -m training {task} face --data /some where"


@pytest.mark.parametrize("task", ["train", "evaluate"])
def test_the_usage_names_what_can_be_trained(prepared: Stage, task: str) -> None:
    done = prepared.run(task, "--help")
    assert done.returncode == 0
    for path in (prepared.repository / "training").glob("*/train.py"):
        assert path.parent.name in done.stdout
    assert prepared.run(task).returncode == 2
    assert prepared.calls == [], "no word of usage needs an environment"


@pytest.mark.parametrize("call", [("install",), ("uninstall",), ("fresh", "trixie")])
def test_what_needs_root_says_so(stage: Stage, as_user: Callable[[str], None], call: tuple[str, ...]) -> None:
    as_user("#!/bin/sh\nexit 1\n")
    done = stage.run(*call)
    assert done.returncode == 1
    assert f"sudo scripts/{call[0]}" in done.stderr
