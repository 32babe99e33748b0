"""Checks and files of a release, for `scripts/release`.

`python -m scripts.release_files check VERSION` names what does not fit, exit 1. `build TREE OUTPUT` makes
source archive and wheel, the same bytes from the same tree (SOURCE_DATE_EPOCH); `pack FOLDER ARCHIVE` makes
an archive of a folder. `describe VERSION OUTPUT` adds the list of components (CycloneDX), the notes and the
digests; `validate FILE` compares the list with the schema of CycloneDX.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import shutil
import sys
import tarfile
import tempfile
import uuid
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final

from emoedge.files import sha256_of

ROOT: Final = Path(__file__).resolve().parents[1]
_LICENCES: Final = {"Apache-2.0": "Apache-2.0", "MIT": "MIT"}
"""Beginnings of `licence` in models/manifest.json that name an SPDX licence; else the weights' own terms."""
_MACHINES: Final = (
    {"platform_machine": "x86_64", "python_version": "3.10"},
    {"platform_machine": "aarch64", "python_version": "3.13"},
)
"""Ends of what lock/ covers."""
_WEIGHTS: Final = "LicenseRef-emoedge-weights"


def changelog_section(text: str, version: str) -> str | None:
    """Return the text under `## VERSION - DATE`, or None."""
    match = re.search(rf"^## \[?{re.escape(version)}\]? - \d{{4}}-\d\d-\d\d$", text, re.MULTILINE)
    return text[match.end() :].partition("\n## ")[0].strip() if match else None


def problems(version: str, root: Path = ROOT) -> list[str]:
    """Return the obstacles to a release with their remedies."""
    return [
        *_version_problems(version, root),
        *_changelog_problems(version, root),
        *_lock_problems(root),
        *_model_problems(root),
    ]


def _version_problems(version: str, root: Path) -> Iterator[str]:
    match = re.search(r'^__version__ = "(.*)"$', (root / "emoedge/version.py").read_text(), re.MULTILINE)
    if match is None or match[1] != version:
        yield f"emoedge/version.py: {match and match[1]!r}, not {version!r}; write it there"


def _changelog_problems(version: str, root: Path) -> Iterator[str]:
    text = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    if not _has_lines(changelog_section(text, version) or ""):
        yield f"CHANGELOG.md: nothing under `## {version} - YYYY-MM-DD`; rename the heading Unreleased"
    if _has_lines(text.partition("\n## Unreleased\n")[2].partition("\n## ")[0]):
        yield "CHANGELOG.md: there are lines under Unreleased; move them to the release"


def _has_lines(section: str) -> bool:
    return any(line and not line.startswith("#") for line in section.splitlines())


def _lock_problems(root: Path) -> Iterator[str]:
    from packaging.requirements import Requirement

    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    locked: dict[str, set[str]] = {}
    for package in locked_packages(root):
        locked.setdefault(package["name"], set()).add(package["version"])
    for text in project["dependencies"]:
        requirement = Requirement(text)
        if requirement.marker and not any(map(requirement.marker.evaluate, _MACHINES)):
            continue  # only for machines that lock/ does not cover
        fitting = [
            version for version in locked.get(requirement.name, ()) if version in requirement.specifier
        ]
        if not fitting:
            yield f"lock/run.txt: nothing that fits {text}; run: scripts/lock"


def _model_problems(root: Path) -> Iterator[str]:
    for model in _models(root):
        for file in model["files"]:
            path = root / "models" / file["path"]
            if not path.is_file() or sha256_of(path) != file["sha256"]:
                yield f"models/{file['path']}: not what models/manifest.json says; train or restore it"


def _models(root: Path) -> list[dict[str, Any]]:
    manifest = json.loads((root / "models/manifest.json").read_text(encoding="utf-8"))
    return [model for model in manifest["models"] if model["shipped"]]


def locked_packages(root: Path = ROOT) -> list[dict[str, Any]]:
    """Return name, version, marker and digests of each package in lock/run.txt."""
    text = (root / "lock/run.txt").read_text(encoding="utf-8").replace("\\\n", "")
    packages = []
    for line in text.splitlines():
        if line and not line.startswith("#"):
            head, *digests = re.split(r"\s+--hash=sha256:", line.strip())
            pin, _, marker = head.partition(";")
            name, _, version = pin.strip().partition("==")
            packages.append(
                {"name": name, "version": version, "marker": marker.strip(), "digests": digests},
            )
    return packages


# Building


def build(tree: Path, output: Path) -> None:
    """Make the source archive, and from it the wheel; needs setuptools in the locked version."""
    from setuptools import build_meta

    output.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(tree)
        raw = Path(folder, build_meta.build_sdist(folder))
        archive = output / raw.name
        repack(raw, archive, int(os.environ["SOURCE_DATE_EPOCH"]))
        shutil.unpack_archive(archive, folder)
        os.chdir(Path(folder, archive.name.removesuffix(".tar.gz")))
        build_meta.build_wheel(str(output))
        os.chdir(ROOT)


def pack(folder: Path, archive: Path) -> None:
    """Make a .tar.gz of a folder, named as the archive is; the same bytes from the same files."""
    name = archive.name.removesuffix(".tar.gz")
    with tempfile.NamedTemporaryFile() as raw:
        with tarfile.open(raw.name, "w") as packed:
            packed.add(folder, name)
        repack(Path(raw.name), archive, int(os.environ["SOURCE_DATE_EPOCH"]))


def repack(source: Path, target: Path, epoch: int) -> None:
    """Copy an archive as .tar.gz without what differs from build to build: order, owners, modes and times."""
    with tarfile.open(source) as packed, target.open("wb") as file:
        members = sorted(packed.getmembers(), key=lambda member: member.name)
        # Neither a name nor a time in the header of gzip.
        with (
            gzip.GzipFile("", "wb", 9, file, mtime=epoch) as compressed,
            tarfile.open(fileobj=compressed, mode="w", format=tarfile.GNU_FORMAT) as fresh,
        ):
            for member in members:
                clean = tarfile.TarInfo(member.name)
                clean.type, clean.size, clean.linkname = member.type, member.size, member.linkname
                clean.mtime = epoch
                clean.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
                content = packed.extractfile(member) if member.isfile() else None
                fresh.addfile(clean, io.BytesIO(content.read()) if content else None)


# Describing


def components(version: str, epoch: int, root: Path = ROOT) -> dict[str, Any]:
    """Return the list of components in CycloneDX 1.6: locked packages and models.

    A package has the digests of all files from which a supported machine may install it.
    """
    parts = [_package_component(package) for package in locked_packages(root)]
    parts += [_model_component(model, root) for model in _models(root)]
    own = f"pkg:pypi/emoedge@{version}"
    licence = f"MIT AND Apache-2.0 AND Bitstream-Vera AND {_WEIGHTS}"
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, own + json.dumps(parts, sort_keys=True))}",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(epoch, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": {
                "type": "application",
                "bom-ref": own,
                "name": "emoedge",
                "version": version,
                "purl": own,
                "licenses": [{"expression": licence}],
            },
        },
        "components": parts,
        "dependencies": [{"ref": own, "dependsOn": [part["bom-ref"] for part in parts]}],
    }


def _package_component(package: dict[str, Any]) -> dict[str, Any]:
    purl = f"pkg:pypi/{package['name']}@{package['version']}"
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": purl,
        "name": package["name"],
        "version": package["version"],
        "purl": purl,
        "hashes": [{"alg": "SHA-256", "content": digest} for digest in package["digests"]],
    }
    if package["marker"]:
        component["properties"] = [{"name": "emoedge:marker", "value": package["marker"]}]
    return component


def _model_component(model: dict[str, Any], root: Path) -> dict[str, Any]:
    first = model["licence"].split(" ")[0]
    licence = {"id": _LICENCES[first]} if first in _LICENCES else {"name": _WEIGHTS}
    return {
        "type": "machine-learning-model",
        "bom-ref": f"model:{model['name']}",
        "name": model["name"],
        "description": model["use"],
        "licenses": [{"license": licence}],
        "components": [
            {
                "type": "file",
                "bom-ref": f"file:models/{file['path']}",
                "name": f"models/{file['path']}",
                "hashes": [{"alg": "SHA-256", "content": sha256_of(root / "models" / file["path"])}],
            }
            for file in model["files"]
        ],
    }


def describe(version: str, output: Path, epoch: int, root: Path = ROOT) -> None:
    """Write components, notes and digests beside the files of a release."""
    bom = json.dumps(components(version, epoch, root), indent=1, ensure_ascii=False)
    (output / f"emoedge-{version}.cdx.json").write_text(bom + "\n", encoding="utf-8")
    notes = changelog_section((root / "CHANGELOG.md").read_text(encoding="utf-8"), version)
    (output / "NOTES.md").write_text(f"# emoedge {version}\n\n{notes}\n", encoding="utf-8")
    lines = [
        f"{sha256_of(path)}  {path.name}\n" for path in sorted(output.iterdir()) if path.name != "SHA256SUMS"
    ]
    (output / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")


def fault_in_components(path: Path) -> str | None:
    """Return what the schema of CycloneDX 1.6 finds wrong, or None; needs cyclonedx-python-lib."""
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(path.read_text(encoding="utf-8"))
    return None if fault is None else str(fault)


def main(arguments: list[str]) -> int:
    """Do one of the five."""
    match arguments:
        case ["check", version]:
            found = problems(version)
            print("\n".join(found), file=sys.stderr, end="\n" if found else "")
            return 1 if found else 0
        case ["build", tree, output]:
            build(Path(tree).resolve(), Path(output).resolve())
        case ["pack", folder, archive]:
            pack(Path(folder), Path(archive))
        case ["describe", version, output]:
            describe(version, Path(output), int(os.environ["SOURCE_DATE_EPOCH"]))
        case ["validate", path]:
            fault = fault_in_components(Path(path))
            print(fault or "", file=sys.stderr, end="\n" if fault else "")
            return 1 if fault else 0
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
