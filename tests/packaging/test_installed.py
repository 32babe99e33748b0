"""The wheel in an environment of its own, outside the tree."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

from faults.surroundings import until
from tests.publish.conftest import free_port

Command = Callable[..., "subprocess.CompletedProcess[str]"]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel; the libraries are those of this one, so that nothing is downloaded."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    subprocess.run(
        (*(sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"),
         *("--no-deps", "--no-index", str(wheel))),
        check=True,
    )  # fmt: skip
    (packages,) = folder.glob("lib/python*/site-packages")
    # Lines of a .pth file come after the packages that are installed here.
    libraries = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    (packages / "libraries.pth").write_text("\n".join(libraries) + "\n")
    return folder


@pytest.fixture
def emoedge(installed: Path, tmp_path: Path) -> Command:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        "EMOEDGE_MQTT__PORT": str(free_port()),
    }

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            (str(installed / "bin" / "emoedge"), *arguments),
            cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=500,
        )  # fmt: skip

    return call


def test_it_is_the_installed_one(installed: Path, tmp_path: Path) -> None:
    program = "import emoedge; print(emoedge.__file__)"
    done = subprocess.run(
        (str(installed / "bin" / "python"), "-c", program),
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.startswith(str(installed))


def test_configuration_models_and_service(emoedge: Command) -> None:
    check = emoedge("check")
    assert check.returncode == 0, check.stderr
    models = emoedge("models", "list")
    assert models.returncode == 0, models.stderr
    assert "face_emotion" in models.stdout
    plan = emoedge("service", "install", "--dry-run")
    assert plan.returncode == 0, plan.stderr
    assert "write /etc/systemd/system/emoedge.service" in plan.stdout


def test_the_demo_runs_to_its_end(emoedge: Command, tmp_path: Path) -> None:
    done = emoedge("demo", "--output", "out")
    assert done.returncode == 0, done.stderr
    (sidecar,) = (tmp_path / "out").glob("*/*.json")  # not the index
    assert json.loads(sidecar.read_text())["id"] in done.stdout
    assert list((tmp_path / "out").rglob("*.html"))


def test_the_manual_page_is_where_man_looks(installed: Path) -> None:
    assert (installed / "share" / "man" / "man1" / "emoedge.1").is_file()


def test_the_console_serves_its_pages(installed: Path, tmp_path: Path) -> None:
    port = free_port()
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "STATE_DIRECTORY": str(tmp_path)}
    command = (str(installed / "bin" / "emoedge"), "web", "--bind", f"127.0.0.1:{port}")
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True
    ) as console:
        try:
            until(lambda: get(port, "/api/alive"), "the console answers", timeout_s=120)
            files = re.findall(r'(?:src|href)="((?:static|shared)/[^"]+)"', get(port, "/").decode())
            assert len(files) > 1
            assert all(get(port, f"/{name}") for name in files)
        finally:
            console.terminate()
            console.communicate(timeout=120)
    assert console.returncode == 0


def get(port: int, path: str) -> bytes:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
            return answer.read()
    except (urllib.error.URLError, ConnectionError):
        return b""
