"""What a release checks, and that two builds give the same bytes."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from emoedge.version import __version__
from scripts.release_files import (
    changelog_section,
    components,
    describe,
    fault_in_components,
    locked_packages,
    pack,
    problems,
)
from tests.packaging.conftest import need_setuptools

EPOCH = 1_790_000_000


@pytest.fixture
def tree(repository: Path, tmp_path: Path) -> Path:
    """A repository that can be released."""
    for name in ("emoedge", "models", "lock"):
        shutil.copytree(repository / name, tmp_path / name, ignore=shutil.ignore_patterns("vosk-model-*"))
    shutil.copy(repository / "pyproject.toml", tmp_path)
    changelog = f"# Changelog\n\n## Unreleased\n\n## {__version__} - 2026-11-30\n\n### Added\n- A thing.\n\n## 0.0.1 - 2026-01-01\n\n- Old.\n"  # noqa: E501
    (tmp_path / "CHANGELOG.md").write_text(changelog)
    return tmp_path


def test_what_fits_can_be_released(tree: Path) -> None:
    assert problems(__version__, tree) == []


def test_another_version_is_named(tree: Path) -> None:
    found = "\n".join(problems("9.9.9", tree))
    assert "emoedge/version.py" in found
    assert "CHANGELOG.md" in found


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("CHANGELOG.md", " - 2026-11-30", "", "rename the heading Unreleased"),
        ("CHANGELOG.md", "- A thing.", "", "nothing under"),
        ("CHANGELOG.md", "## Unreleased\n", "## Unreleased\n\n- Forgotten.\n", "under Unreleased"),
        ("lock/run.txt", "click==8", "click==7", "fits click"),
        ("lock/run.txt", "vosk==", "other==", "fits vosk"),
        ("models/fusion.json", "{", "{ ", "models/fusion.json"),
    ],
)
def test_what_does_not_fit_is_named(tree: Path, file: str, old: str, new: str, words: str) -> None:
    path = tree / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    (found,) = problems(__version__, tree)
    assert words in found


def test_the_section_ends_at_the_next(tree: Path) -> None:
    text = (tree / "CHANGELOG.md").read_text()
    assert changelog_section(text, __version__) == "### Added\n- A thing."
    assert changelog_section(text, "0.0.1") == "- Old."
    assert changelog_section(text, "0.0") is None


def test_every_locked_package_and_model_is_a_component(tree: Path) -> None:
    bom = components(__version__, EPOCH, tree)
    purls = {part.get("purl") for part in bom["components"]}
    assert {f"pkg:pypi/{item['name']}@{item['version']}" for item in locked_packages(tree)} <= purls
    face = next(part for part in bom["components"] if part["name"] == "face_emotion")
    assert face["licenses"] == [{"license": {"name": "LicenseRef-emoedge-weights"}}]
    file = next(part for part in face["components"] if part["name"].endswith(".tflite"))
    digest = hashlib.sha256((tree / "models" / "face_emotion.tflite").read_bytes()).hexdigest()
    assert file["hashes"] == [{"alg": "SHA-256", "content": digest}]
    references = [part["bom-ref"] for part in bom["components"]]
    assert len(references) == len(set(references))
    assert json.dumps(bom) == json.dumps(components(__version__, EPOCH, tree))


def test_the_components_are_valid_cyclonedx(tree: Path, tmp_path: Path) -> None:
    pytest.importorskip("cyclonedx", reason="no cyclonedx-python-lib[json-validation] here")
    path = tmp_path / "list.cdx.json"
    bom = components(__version__, EPOCH, tree)
    path.write_text(json.dumps(bom))
    assert fault_in_components(path) is None
    bom["components"][0]["type"] = "nonsense"
    path.write_text(json.dumps(bom))
    assert fault_in_components(path)


def test_the_digests_are_those_of_the_files(tree: Path, tmp_path: Path) -> None:
    output = tmp_path / "dist"
    output.mkdir()
    (output / "emoedge.whl").write_bytes(b"wheel")
    describe(__version__, output, EPOCH, tree)
    assert "- A thing." in (output / "NOTES.md").read_text()
    check = subprocess.run(("sha256sum", "--check", "--strict", "SHA256SUMS"), cwd=output, check=False)
    assert check.returncode == 0
    assert len((output / "SHA256SUMS").read_text().splitlines()) == 3


def test_an_archive_of_a_folder_depends_on_names_and_content_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(EPOCH))
    for name, time in (("one", 1_000_000_000), ("two", 1_500_000_000)):
        for file in ("b.html", "a/c.html") if name == "one" else ("a/c.html", "b.html"):
            path = tmp_path / name / "site" / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(file)
            os.utime(path, (time, time))
        pack(tmp_path / name / "site", tmp_path / name / "docs.tar.gz")
    archive = tmp_path / "one" / "docs.tar.gz"
    assert archive.read_bytes() == (tmp_path / "two" / "docs.tar.gz").read_bytes()
    with tarfile.open(archive) as packed:
        assert {member.name for member in packed if member.isfile()} == {"docs/a/c.html", "docs/b.html"}


def test_two_builds_give_the_same_bytes(repository: Path, tmp_path: Path) -> None:
    """From trees whose files have other times."""
    need_setuptools()
    ignore = shutil.ignore_patterns(
        ".git", ".venv*", "build", "dist", "*.egg-info", "__pycache__", ".*_cache"
    )
    built = []
    for name in ("first", "second"):
        tree = tmp_path / name / "tree"
        shutil.copytree(repository, tree, ignore=ignore, symlinks=True, copy_function=shutil.copyfile)
        output = tmp_path / name / "dist"
        command = (sys.executable, "-m", "scripts.release_files", "build", str(tree), str(output))
        environment = {**os.environ, "SOURCE_DATE_EPOCH": str(EPOCH)}
        subprocess.run(command, cwd=repository, env=environment, capture_output=True, check=True)
        built.append({path.name: path.read_bytes() for path in output.iterdir()})
    assert len(built[0]) == 2
    assert built[0] == built[1]
