"""The scripts of the Debian package; the package as a whole is built and tried in bare roots by hand."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from pathlib import Path

import pytest

needs_dpkg = pytest.mark.skipif(shutil.which("dpkg") is None, reason="no dpkg here")


def preinst(repository: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    script = folder / "preinst"
    text = (repository / "scripts" / "debian" / "preinst").read_text()
    script.write_text(text.replace("@VERSION@", "1.2.0+deb12"))
    return subprocess.run(("sh", str(script), *arguments), capture_output=True, text=True, check=False)


@needs_dpkg
@pytest.mark.parametrize("old", ["1.2.1+deb12", "1.10.0+deb12", "1.2.0+deb13"])
def test_a_downgrade_is_refused_with_the_way_back(repository: Path, tmp_path: Path, old: str) -> None:
    done = preinst(repository, tmp_path, "upgrade", old, "1.2.0+deb12")
    assert done.returncode == 1
    assert f"{old} is installed; 1.2.0+deb12 is older" in done.stderr
    assert "Run: sudo apt remove emoedge" in done.stderr


@needs_dpkg
@pytest.mark.parametrize("old", ["1.1.9+deb12", "1.2.0+deb12", "1.2.0+deb11"])
def test_an_upgrade_is_not(repository: Path, tmp_path: Path, old: str) -> None:
    assert preinst(repository, tmp_path, "upgrade", old, "1.2.0+deb12").returncode == 0


@pytest.mark.parametrize("name", ["preinst", "postinst", "prerm", "postrm"])
def test_they_stop_at_the_first_failure_and_are_plain_sh(repository: Path, name: str) -> None:
    path = repository / "scripts" / "debian" / name
    assert path.read_text().startswith("#!/bin/sh\nset -e\n")
    assert subprocess.run(("sh", "-n", str(path)), check=False).returncode == 0
    checker = shutil.which("shellcheck")
    assert checker is None or subprocess.run((checker, str(path)), check=False).returncode == 0


def package_on(processor: str, repository: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    for name, text in (("dpkg", f"echo {processor}"), ("dpkg-deb", "exit 1")):
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
    script = str(repository / "scripts" / "package")
    return subprocess.run((script,), env=environment, capture_output=True, text=True, check=False)


def test_a_processor_without_litert_is_refused(repository: Path, tmp_path: Path) -> None:
    done = package_on("armhf", repository, tmp_path)
    assert done.returncode == 1
    assert "no wheels of LiteRT" in done.stderr


@pytest.mark.skipif(platform.machine() != "x86_64", reason="plays a root that is emulated on x86-64")
def test_an_emulated_root_with_sys_is_refused_before_anything_is_fetched(
    repository: Path, tmp_path: Path
) -> None:
    done = package_on("arm64", repository, tmp_path)
    assert done.returncode == 1
    assert "do not mount /sys into it" in done.stderr
    assert "fetching" not in done.stderr


def test_every_folder_that_is_made_is_purged(repository: Path) -> None:
    purge = (repository / "scripts" / "debian" / "postrm").read_text()
    made = [
        line.split()[1]
        for line in (repository / "systemd" / "tmpfiles.conf").read_text().splitlines()
        if line.startswith("d ")
    ]
    tops = {"/".join(path.split("/")[: 4 if path.startswith("/var") else 3]) for path in made}
    removed = [line for line in purge.replace("\\\n", "").splitlines() if line.strip().startswith("rm -rf ")]
    assert tops | {"/etc/emoedge@*", "/var/lib/emoedge@*"} <= set(" ".join(removed).split())
