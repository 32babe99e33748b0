"""Write the requirement files of `lock/`, from which `scripts/setup` installs.

uv chooses the versions for all supported Pythons and processors at once. Only the hashes of files that these
can install are kept, and no addresses: the files come from the index that a machine uses.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import tomli
from packaging.utils import parse_wheel_filename

REPOSITORY = Path(__file__).resolve().parents[1]
INTERPRETERS = ("10", "11", "12", "13")
"""Minor versions of the supported Pythons."""
PROCESSORS = ("x86_64", "aarch64")
SETS = {"dev": ("dev",), "run": ("web",), "docs": ("docs",)}
"""Extras in each set. The first contains all others, and its versions are theirs."""
HEADER = "# The versions that were tested, for CPython 3.10 to 3.13 on x86-64 and 64-bit Arm. Written by scripts/lock.\n"  # noqa: E501
SUPPORTED = (
    "((platform_machine == 'aarch64' and sys_platform == 'linux')"
    " or (platform_machine == 'x86_64' and sys_platform == 'linux'))"
)
ALWAYS_TRUE = (
    "python_full_version >= '3.10' and ", "python_full_version < '3.14' and ", f" and {SUPPORTED}", SUPPORTED,
)  # fmt: skip
"""Conditions that hold on every machine that installs from these files."""

Package = dict[str, Any]


def resolve(source: str, *options: str, requirements: str = "") -> list[Package]:
    """Return the packages that uv chooses for `pyproject.toml`, or for requirements (source `-`)."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "pylock.toml")
        uv = str(Path(sys.executable).with_name("uv"))
        command = (
            uv, "pip", "compile", source, "--universal", "--python-version=3.10", "--format=pylock.toml", "--quiet",  # noqa: E501
            f"--output-file={output}", *options,
        )  # fmt: skip
        subprocess.run(
            command, cwd=REPOSITORY, check=True, input=requirements, text=True, stdout=subprocess.DEVNULL
        )
        packages: list[Package] = tomli.loads(output.read_text())["packages"]
        return packages


def can_install(url: str) -> bool:
    """Return whether a supported Python on a supported processor can install this wheel."""
    tags = parse_wheel_filename(urlparse(url).path.rpartition("/")[2])[3]
    return any(
        (tag.interpreter in {"py3", *(f"{kind}3{minor}" for kind in ("py", "cp") for minor in INTERPRETERS)} or tag.abi == "abi3")  # noqa: E501
        and (tag.platform == "any" or (tag.platform.startswith("manylinux") and tag.platform.endswith(PROCESSORS)))  # noqa: E501
        for tag in tags
    )  # fmt: skip


def requirement(package: Package) -> str:
    """Return name, version and marker, without the conditions that always hold."""
    marker = package.get("marker", "")
    for condition in ALWAYS_TRUE:
        marker = marker.replace(condition, "")
    return f"{package['name']}=={package['version']}" + (f" ; {marker}" if marker else "")


def locked(package: Package) -> str:
    """Return the requirement with the hashes of its files, in the format of pip."""
    files = [wheel for wheel in package.get("wheels", ()) if can_install(wheel["url"])]
    files += [package["sdist"]] if "sdist" in package else []
    hashes = sorted(file["hashes"]["sha256"] for file in files)
    return " \\\n".join([requirement(package), *(f"    --hash=sha256:{digest}" for digest in hashes)]) + "\n"


def write(name: str, packages: list[Package]) -> None:
    """Write one requirements file."""
    path = REPOSITORY / "lock" / f"{name}.txt"
    path.write_text(HEADER + "".join(locked(package) for package in packages))
    print(f"{path.relative_to(REPOSITORY)}: {len(packages)} packages")


def main() -> None:
    """Write all requirements files."""
    (REPOSITORY / "lock").mkdir(exist_ok=True)
    with tempfile.NamedTemporaryFile("w+", suffix=".txt") as versions:
        for name, extras in SETS.items():
            packages = resolve(
                "pyproject.toml", f"--constraints={versions.name}", *(f"--extra={extra}" for extra in extras)
            )
            write(name, packages)
            if versions.tell() == 0:
                versions.writelines(requirement(package) + "\n" for package in packages)
                versions.flush()
    project = tomli.loads((REPOSITORY / "pyproject.toml").read_text())
    write("build", resolve("-", requirements="\n".join(project["build-system"]["requires"])))


if __name__ == "__main__":
    main()
