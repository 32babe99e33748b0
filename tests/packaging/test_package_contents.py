"""What the Debian package leaves out: never what emoedge loads."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from scripts import package_contents
from scripts.package_contents import (
    LEFT_OUT,
    join_libraries,
    leave_out,
    link_libraries,
    remove_unneeded,
    share_libraries,
)
from scripts.release_files import locked_packages

LOADED = """
import importlib, json, pkgutil, sys
import emoedge
for module in pkgutil.walk_packages(emoedge.__path__, "emoedge."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
import amqtt.broker, av, cv2, numpy.fft, numpy.random, rich.live, rich.progress, soxr, uvicorn, vosk
import PIL.Image, PIL.ImageDraw, PIL.ImageFont
from emoedge.inference import Interpreter
from emoedge.package_files import package_folder
Interpreter(package_folder("models") / "face_emotion.tflite")
modules = [getattr(module, "__file__", None) for module in sys.modules.values()]
mapped = [line.split()[-1] for line in open("/proc/self/maps") if ".so" in line]
print(json.dumps(sorted(filter(None, {*modules, *mapped}))))
"""
needs_binutils = pytest.mark.skipif(
    not shutil.which("gcc") or not shutil.which("readelf"), reason="no gcc or binutils here"
)


@pytest.fixture(scope="module")
def loaded() -> list[Path]:
    """Files that all modules of emoedge, and the libraries that they load late, bring into a process."""
    done = subprocess.run((sys.executable, "-c", LOADED), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    paths = [str(Path(path)) for path in json.loads(done.stdout)]
    return [Path(path.rpartition("-packages/")[2]) for path in paths if "-packages/" in path]


def matches(path: Path, pattern: str) -> bool:
    """Whether a pattern of `LEFT_OUT` takes this file, or a folder above it."""
    tail = pattern.removeprefix("**/")
    heads = (path, *path.parents)
    return any(
        head.match(tail) and (tail != pattern or len(head.parts) == len(Path(tail).parts)) for head in heads
    )


def test_nothing_that_is_loaded_is_left_out(loaded: list[Path]) -> None:
    # The oldest allowed ones load more; the package is made from the locked ones.
    locked = {(package["name"], package["version"]) for package in locked_packages()}
    other = [name for name in ("numpy", "pillow") if (name, version(name)) not in locked]
    if other:
        pytest.skip(f"not the version in lock/: {', '.join(other)}")
    assert len(loaded) > 300
    # LiteRT loads it where it is there, and does without.
    optional = {Path("ai_edge_litert/libLiteRt.so")}
    patterns = [pattern for patterns in LEFT_OUT.values() for pattern in patterns]
    assert [
        (str(path), pattern)
        for path in set(loaded) - optional
        for pattern in patterns
        if matches(path, pattern)
    ] == []


def test_the_measure_would_notice(loaded: list[Path]) -> None:
    for pattern in ("cv2", "numpy/_core", "PIL/_imaging.*", "**/tests"):
        inside = [*loaded, Path("numpy/_core/tests/test_x.py")]
        assert [path for path in inside if matches(path, pattern)], pattern


def test_folders_files_and_compiled_ones_go(tmp_path: Path) -> None:
    for name in (
        "numpy/f2py/a.py", "numpy/fft/a.py", "numpy/fft/a.pyi", "a/b/tests/c.py",
        "a/__pycache__/x.pyc", "a/t.py",
    ):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    leave_out(tmp_path)
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {"numpy/fft/a.py", "a/t.py"}


def library(
    path: Path, function: str, *needed: Path, options: tuple[str, ...] = (), calls: tuple[str, ...] = ()
) -> None:
    """Make a shared library whose function adds those of the libraries that it needs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    called = calls or tuple(name.name.partition("-")[0] for name in needed)
    text = "".join(f"int {name}(void);" for name in called)
    total = "+".join(["1", *(f"{name}()" for name in called)])
    code = path.with_suffix(".c")
    code.write_text(f"{text} int {function}(void) {{ return {total}; }}")
    rpath = "-Wl,-rpath,$ORIGIN:$ORIGIN/../two.libs:$ORIGIN/../one.libs"
    subprocess.run(
        (
            "gcc",
            "-shared",
            "-fPIC",
            "-g",
            f"-Wl,-soname,{path.name}",
            rpath,
            "-o",
            path,
            code,
            *needed,
            *options,
        ),
        check=True,
    )
    code.unlink()


def call(path: Path, function: str) -> int:
    program = f"import ctypes; print(ctypes.CDLL({str(path)!r}).{function}())"
    done = subprocess.run((sys.executable, "-c", program), capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return int(done.stdout)


@needs_binutils
def test_what_two_wheels_bring_is_kept_once_and_still_loads(tmp_path: Path) -> None:
    one = tmp_path / "one.libs/libpng16-00000001.so.16.58.0"
    two = tmp_path / "two.libs/libpng16-00000002.so.16.58.0"
    other = tmp_path / "two.libs/libvpx-00000003.so.11.0.1"
    encoder = tmp_path / "two.libs/libx265-00000004.so.216"
    library(one, "libpng16")
    library(two, "libpng16")
    library(other, "libvpx")
    library(encoder, "libx265")
    library(tmp_path / "a/module.so", "a", one)
    library(tmp_path / "b/module.so", "b", two, encoder)
    assert call(tmp_path / "b/module.so", "b") == 3
    joint = join_libraries(tmp_path)
    share_libraries(tmp_path, joint)
    (kept,) = [path for path in joint.glob("libpng16*") if not path.is_symlink()]
    encoder = joint / encoder.name
    package_contents.replace_unused(tmp_path, joint)
    remove_unneeded(tmp_path, joint)
    link_libraries(tmp_path, joint)
    package_contents.strip(tmp_path)
    for folder in ("one.libs", "two.libs"):
        assert not (tmp_path / folder).is_symlink(), "dpkg does not put a link in the place of a folder"
    assert {path.name for path in joint.iterdir()} == {one.name, two.name, encoder.name}
    assert kept.stat().st_size
    assert call(tmp_path / "a/module.so", "a") == 2
    assert call(tmp_path / "b/module.so", "b") == 2 + int(package_contents.SHELLS["libx265"])


@needs_binutils
def test_parts_of_ffmpeg_are_not_mixed(tmp_path: Path) -> None:
    for folder, digest, minor in (("one.libs", "0000000a", 28), ("two.libs", "0000000b", 28)):
        library(tmp_path / folder / f"libavcodec-{digest}.so.62.{minor}.1", "libavcodec")
    joint = join_libraries(tmp_path)
    share_libraries(tmp_path, joint)
    assert not [path for path in joint.iterdir() if path.is_symlink()], (
        "avutil and the others were not doubled"
    )


@needs_binutils
def test_a_library_that_strip_damages_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "sound.so"
    library(path, "sound")
    assert package_contents.is_loadable(path)
    content = bytearray(path.read_bytes())
    (first,) = struct.unpack_from("<Q", content, 32)  # e_phoff
    for header in range(first, first + 56 * struct.unpack_from("<H", content, 56)[0], 56):
        kind, _, offset = struct.unpack_from("<IIQ", content, header)
        if kind == 1 and offset:  # PT_LOAD
            struct.pack_into("<Q", content, header + 8, offset + 8)
    path.write_bytes(content)
    assert not package_contents.is_loadable(path)


@needs_binutils
def test_a_shell_has_the_versions_of_what_it_replaces(tmp_path: Path) -> None:
    versions = tmp_path / "versions"
    versions.write_text("LIBTIFF_4.0 { libtiff; };")
    shell = tmp_path / "one.libs/libtiff-00000001.so.6.3.0"
    library(shell, "libtiff", options=(f"-Wl,--version-script={versions}",))
    library(tmp_path / "a/module.so", "a", shell)
    assert call(tmp_path / "a/module.so", "a") == 2
    package_contents.replace_unused(tmp_path, shell.parent)
    assert call(tmp_path / "a/module.so", "a") == 1  # and nothing on standard error, see there


@needs_binutils
@pytest.mark.parametrize(("function", "is_linked"), [("zlibVersion", True), ("zlibInvention", False)])
def test_a_library_of_the_distribution_has_to_have_what_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str, is_linked: bool
) -> None:
    monkeypatch.setattr(package_contents, "SYSTEM", ("libz.so.1",))
    system = package_contents._system_library("libz.so.1")
    if system is None:
        pytest.skip("no zlib in the distribution")
    bundled = tmp_path / "one.libs/libz-00000001.so.1.3.1"
    library(bundled, function)
    library(tmp_path / "a/module.so", "a", bundled, calls=(function,))
    package_contents.use_system_libraries(tmp_path, bundled.parent)
    assert bundled.is_symlink() is is_linked
    if is_linked:
        assert bundled.resolve() == system.resolve()
    assert call(tmp_path / "a/module.so", "a")


def test_names_versions_and_licences_of_packages_stay(tmp_path: Path) -> None:
    path = tmp_path / "a-1.0.dist-info/METADATA"
    path.parent.mkdir()
    path.write_text("Name: a\nVersion: 1.0\nLicense-File: LICENSE\n\nA long\n\ndescription.\n")
    package_contents.leave_out_descriptions(tmp_path)
    assert path.read_text() == "Name: a\nVersion: 1.0\nLicense-File: LICENSE\n"
