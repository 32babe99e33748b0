"""What is in the source archive and in the wheel."""

from __future__ import annotations

import email
import tarfile
import zipfile
from pathlib import Path

import pytest
from packaging.licenses import canonicalize_license_expression

from emoedge.cli import COMMANDS
from emoedge.model_store import load_manifest
from emoedge.publish.payloads import PAYLOADS
from emoedge.publish.schemas import file_name
from emoedge.version import __version__


@pytest.fixture(scope="module")
def archived(archive: Path) -> set[str]:
    with tarfile.open(archive) as packed:
        return {name.partition("/")[2] for name in packed.getnames()}


@pytest.fixture(scope="module")
def packed(wheel: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(wheel)


@pytest.fixture(scope="module")
def metadata(packed: zipfile.ZipFile) -> email.message.Message:
    return email.message_from_bytes(packed.read(f"emoedge-{__version__}.dist-info/METADATA"))


def test_the_archive_is_the_repository(repository: Path, archived: set[str]) -> None:
    folders = (
        "models",
        "systemd",
        "config",
        "containers",
        "scripts",
        "docs",
        "lock",
        "tests",
        "training",
        "faults",
        "emoedge",
    )
    expected = {
        str(path.relative_to(repository))
        for folder in folders
        for path in (repository / folder).rglob("*")
        if path.is_file()
        and path.suffix not in {".pyc", ".partial"}
        and not str(path.relative_to(repository)).startswith("models/vosk-model-")
    }
    assert expected - archived == set()
    assert {"setup.py", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", ".ci/run"} <= archived
    assert not [name for name in archived if "__pycache__" in name or "vosk-model-" in name]


def test_the_wheel_has_what_an_installed_program_needs(repository: Path, packed: zipfile.ZipFile) -> None:
    names = set(packed.namelist())
    data = "emoedge/data"
    models = load_manifest(repository / "models")
    for entry in models.entries:
        for file in entry.files:
            assert f"{data}/models/{file.path}" in names
            assert packed.getinfo(f"{data}/models/{file.path}").file_size == file.bytes
        if entry.shipped:
            assert f"{data}/{entry.card}" in names, "its card"
    for folder in ("systemd", "config"):
        for path in (repository / folder).rglob("*"):
            assert path.is_dir() or f"{data}/{path.relative_to(repository)}" in names
    assert {f"emoedge/publish/schemas/{file_name(suffix)}" for suffix in PAYLOADS} <= names
    assert "emoedge/py.typed" in names
    assert f"{data}/CHANGELOG.md" in names
    assert not [name for name in names if name.startswith(("tests/", "training/", "scripts/", "faults/"))]


def test_the_manual_page_names_every_command(packed: zipfile.ZipFile) -> None:
    (name,) = [name for name in packed.namelist() if name.endswith("share/man/man1/emoedge.1")]
    page = packed.read(name).decode()
    assert "@" not in page
    for command, (_, line) in COMMANDS.items():
        assert f".TP\n.B {command}\n{line}.\n" in page


def test_shells_complete_the_command(packed: zipfile.ZipFile) -> None:
    for name in (
        "share/bash-completion/completions/emoedge",
        "share/zsh/site-functions/_emoedge",
        "share/fish/vendor_completions.d/emoedge.fish",
    ):
        (path,) = [one for one in packed.namelist() if one.endswith(name)]
        assert b"_EMOEDGE_COMPLETE=" in packed.read(path)


def test_the_terms_of_the_weights_are_stated(
    packed: zipfile.ZipFile, metadata: email.message.Message
) -> None:
    expression = metadata["License-Expression"]
    assert "LicenseRef-emoedge-weights" in canonicalize_license_expression(expression)
    files = metadata.get_all("License-File") or []
    licences = f"emoedge-{__version__}.dist-info/licenses"
    assert {f"{licences}/{name}" for name in files} <= set(packed.namelist())
    terms = packed.read(f"{licences}/models/weights.LICENSE").decode()
    for entry in load_manifest().entries:
        if entry.licence.startswith("research and non-commercial use"):
            for file in entry.files:
                assert file.path in terms, "its terms are not stated"


def test_dependencies_are_bounded_on_both_sides(metadata: email.message.Message) -> None:
    required = [text for text in metadata.get_all("Requires-Dist") or [] if "extra ==" not in text]
    assert required
    assert [text for text in required if ">=" not in text or "<" not in text.partition(";")[0]] == []
