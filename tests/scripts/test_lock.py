"""The lock: every direct dependency, for every supported Python and processor, each file with its hash."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement

try:
    import tomllib
except ImportError:
    import tomli as tomllib  # type: ignore[no-redef]

SETS = {"build": (), "run": (), "docs": ("docs",), "dev": ("dev", "docs")}
MACHINES = [
    {
        "python_version": f"3.{minor}", "python_full_version": f"3.{minor}.9", "platform_machine": machine,
        "sys_platform": "linux", "implementation_name": "cpython", "platform_python_implementation": "CPython",  # noqa: E501
        "extra": "",
    }
    for minor in (10, 11, 12, 13) for machine in ("x86_64", "aarch64")
]  # fmt: skip


@pytest.fixture(scope="module")
def project(repository: Path) -> dict:
    return tomllib.loads((repository / "pyproject.toml").read_text())


def wanted(project: dict, name: str) -> list[Requirement]:
    if name == "build":
        texts = project["build-system"]["requires"]
    else:
        texts = project["project"]["dependencies"] + [
            text for extra in SETS[name] for text in project["project"]["optional-dependencies"][extra]
        ]
    return [Requirement(text) for text in texts if not text.startswith("emoedge[")]


def read(path: Path) -> dict[Requirement, list[str]]:
    text = path.read_text().replace("\\\n", "")
    entries = [line.split(" --hash=") for line in text.splitlines() if line and not line.startswith("#")]
    return {Requirement(entry[0].strip()): [digest.strip() for digest in entry[1:]] for entry in entries}


@pytest.mark.parametrize("name", SETS)
def test_it_has_what_the_project_asks_for(repository: Path, project: dict, name: str) -> None:
    lock = read(repository / "lock" / f"{name}.txt")
    for machine in MACHINES:
        versions: dict[str, str] = {}
        for entry in lock:
            if entry.marker is None or entry.marker.evaluate(machine):
                assert entry.name not in versions, (entry.name, machine)
                versions[entry.name] = str(entry.specifier).removeprefix("==")
        for requirement in wanted(project, name):
            if requirement.marker is None or requirement.marker.evaluate(machine):
                version = versions.get(requirement.name.lower())
                assert version is not None, f"{requirement}: run scripts/lock"
                assert requirement.specifier.contains(version), f"{requirement}: run scripts/lock"


@pytest.mark.parametrize("name", SETS)
def test_every_package_has_hashes_and_none_an_address(repository: Path, name: str) -> None:
    path = repository / "lock" / f"{name}.txt"
    assert "://" not in path.read_text()
    for entry, digests in read(path).items():
        assert digests, entry
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", digest) for digest in digests), entry


def test_a_package_has_one_version_in_all_sets(repository: Path) -> None:
    everything = {str(entry) for entry in read(repository / "lock" / "dev.txt")}
    versions = {entry.split(";")[0].strip() for entry in everything}
    for name in ("run", "docs"):
        for entry in read(repository / "lock" / f"{name}.txt"):
            assert f"{entry.name}{entry.specifier}" in versions
