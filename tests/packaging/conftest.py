"""Source archive and wheel, built as a user would build them."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

LEFT_OUT = (
    ".git",
    ".venv*",
    "build",
    "dist",
    "*.egg-info",
    "__pycache__",
    ".*_cache",
    "demo-output",
    ".hypothesis",
)


def need_setuptools() -> None:
    """Skip the test where the environment has no setuptools that can build the package."""
    try:
        found = int(version("setuptools").partition(".")[0])
    except PackageNotFoundError:
        found = 0
    if found < 77:
        pytest.skip("no setuptools 77 or later here; run: pip install -r lock/build.txt")


def build(hook: str, source: Path, output: Path) -> Path:
    """Call a hook of the build backend in the folder of the sources."""
    need_setuptools()
    program = f"import sys; from setuptools import build_meta as b; print(b.{hook}(sys.argv[1]))"
    output.mkdir(exist_ok=True)
    done = subprocess.run(
        (sys.executable, "-c", program, str(output)), cwd=source, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return output / done.stdout.splitlines()[-1]


@pytest.fixture(scope="session")
def archive(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source archive."""
    folder = tmp_path_factory.mktemp("archive")
    shutil.copytree(repository, folder / "tree", ignore=shutil.ignore_patterns(*LEFT_OUT), symlinks=True)
    return build("build_sdist", folder / "tree", folder / "dist")


@pytest.fixture(scope="session")
def wheel(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from nothing but the source archive."""
    folder = tmp_path_factory.mktemp("wheel")
    with tarfile.open(archive) as packed:
        packed.extractall(folder, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    return build("build_wheel", folder / archive.name.removesuffix(".tar.gz"), folder / "dist")
