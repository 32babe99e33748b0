"""Reduce the environment of `scripts/package`: `python3 package_contents.py SITE_PACKAGES`.

Files that emoedge never loads are left out, and libraries that two wheels bring are kept once. Those that it
never calls are replaced by an empty shell, those that each device has are taken from the distribution, and
the rest is stripped. Imports only the standard library.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

LEFT_OUT: Final = {
    "headers, sources and types for compilers and type checkers": (
        "**/*.pyi", "**/*.pxd", "**/*.pyx", "**/*.h", "**/*.hpp", "**/*.a", "**/*.c", "**/*.cc", "**/*.tmpl",
    ),
    "tests of the libraries": (
        "**/tests", "numpy/_core/_simd.*", "numpy/_core/_*_tests.*", "numpy/testing",
        "google/protobuf/testdata",
    ),
    "conversion, compilation and hardware of LiteRT; emoedge uses its interpreter": (
        "ai_edge_litert/aot", "ai_edge_litert/tflite", "ai_edge_litert/tools", "ai_edge_litert/vendors",
        "ai_edge_litert/libLiteRt.so", "ai_edge_litert/libLiteRtWebGpuAccelerator.so",
        "ai_edge_litert/*_pb2.py", "ai_edge_litert/schema_py_generated.py",
        "google", "protobuf-*.dist-info", "ml_dtypes", "ml_dtypes-*.dist-info",
        "flatbuffers", "flatbuffers-*.dist-info", "backports", "backports_strenum-*.dist-info",
    ),
    "Fortran, building of extensions, polynomials": (
        "numpy/f2py", "numpy/distutils", "numpy/polynomial",
    ),
    "compilation of bindings; those of Vosk and Argon2 are compiled": (
        "cffi", "cffi-*.dist-info", "pycparser", "pycparser-*.dist-info",
    ),
    "pydantic for type checkers, and as it was before version 2": ("pydantic/v1", "pydantic/mypy.py"),
    "colours for source text, and Markdown, in the terminal": (
        "pygments", "pygments-*.dist-info", "markdown_it", "markdown_it_py-*.dist-info",
        "mdurl", "mdurl-*.dist-info",
    ),
    "commands of other packages": (
        "typer", "typer-*.dist-info", "shellingham", "shellingham-*.dist-info",
        "annotated_doc", "annotated_doc-*.dist-info", "srt_tools", "tqdm/completion.sh", "amqtt/scripts",
    ),
    "plugins, diagrams and older interfaces of libraries": (
        "amqtt/contrib", "transitions/extensions", "websockets/legacy", "websockets/sync",
    ),
    "formats and windows of Pillow; OpenCV reads pictures": (
        "PIL/_avif.*", "PIL/_imagingcms.*", "PIL/_imagingtk.*", "PIL/_webp.*", "PIL/*ImagePlugin.py",
        "PIL/ImageCms.py", "PIL/ImageQt.py", "PIL/ImageTk.py", "PIL/PdfParser.py",
    ),
    "what is there twice, and sources of what is compiled": (
        "cv2/LICENSE*.txt", "*.dist-info/sboms", "emoedge/locale/**/*.po", "emoedge/locale/*.pot",
    ),
    "what the package puts elsewhere": ("emoedge/data/systemd",),
}  # fmt: skip
"""Reason, and patterns below `site-packages`; a test checks what emoedge loads."""
SHELLS: Final = {
    **dict.fromkeys(
        ("libx265", "libmp3lame", "libopus", "libopencore-amrnb", "libopencore-amrwb", "libwebp"), "0"
    ),
    **dict.fromkeys(
        ("libwebpmux", "libvpl", "libavdevice", "libtiff", "libjpeg", "libopenjp2", "libxcb"), "0"
    ),
    "libSvtAv1Enc": "0x80001000L",
    "libvpx": '(long)"not in this package"',
    "libavif": "1",
}
"""Libraries that emoedge never calls, and what their functions return instead: nothing, or an error.

Of FFmpeg these are encoders, further decoders of what it decodes itself, and devices; of Pillow, formats.
OpenCV asks libavif about every picture, and reads fields of what it gets.
"""
ANSWERS: Final = {
    **dict.fromkeys(
        ("avdevice_configuration", "avdevice_license", "opj_version", "TIFFGetVersion"), '(long)""'
    ),
    **dict.fromkeys(("avifDecoderCreate", "avifEncoderCreate", "avifImageCreate"), "(long)outer"),
    **dict.fromkeys(("avifDecoderSetIOFile", "avifDecoderSetIOMemory"), "0"),
    "avifImageCreateEmpty": "(long)outer",
    "avifResultToString": '(long)"not in this package"',
}
"""Their functions that are called nevertheless, when modules are imported or formats are tried."""
SYSTEM: Final = ("libgnutls.so.30", "libgfortran.so.5")
"""Libraries that the distribution has on every device: apt needs one, LAPACK the other."""
SYSTEM_BLAS: Final = ("libblas.so.3", "liblapack.so.3")
"""Libraries of the distribution that replace OpenCV's own copy of OpenBLAS."""
_FFMPEG: Final = ("libavcodec", "libavformat", "libavutil", "libswresample", "libswscale")
_STRUCTURE: Final = "static void *inner[512]; static void *outer[512] = {[0 ... 511] = inner};\n"
"""What a pointer to any structure may point to: fields that are pointers themselves."""
_NAME: Final = re.compile(r"(?P<stem>lib[A-Za-z0-9_+]+?)-(?P<hash>[0-9a-f]{8})\.so\.(?P<version>[\w.]+)")
"""A library as auditwheel names it."""


def leave_out(site: Path) -> None:
    """Delete the files of `LEFT_OUT`, and compiled Python files."""
    for patterns in (*LEFT_OUT.values(), ("**/__pycache__",)):
        for pattern in patterns:
            for path in list(site.glob(pattern)):
                if path.is_dir():
                    shutil.rmtree(path)
                else:
                    path.unlink(missing_ok=True)


def leave_out_descriptions(site: Path) -> None:
    """Delete the long descriptions in the packages' metadata; names, versions and licences stay."""
    for path in site.glob("*.dist-info/METADATA"):
        path.write_text(path.read_text(encoding="utf-8").partition("\n\n")[0] + "\n", encoding="utf-8")


def join_libraries(site: Path) -> Path:
    """Move the libraries of all wheels into one folder, which is returned."""
    joint = site / "emoedge.libs"
    joint.mkdir()
    for library in sorted(site.glob("*.libs/*")):
        same = joint / library.name
        if not same.exists() or library.stat().st_size < same.stat().st_size:
            library.rename(same)
        else:
            library.unlink()
    return joint


def link_libraries(site: Path, joint: Path) -> None:
    """Put a link to each library into each folder where wheels look for theirs.

    The folder itself cannot be a link: dpkg leaves a folder of an older version where it is.
    """
    for folder in site.glob("*.libs"):
        if folder != joint:
            for library in joint.iterdir():
                (folder / library.name).symlink_to(Path("..", joint.name, library.name))


def share_libraries(site: Path, joint: Path) -> None:
    """Keep one of the libraries of equal name and version: the smallest with what it needs.

    For FFmpeg, PyAV's copy is kept, which can encode H.264, if the versions of all parts are close enough.
    """
    of_pyav = {name for path in (site / "av").rglob("*.so") for name in _needed(path)}
    known: dict[tuple[str, str], list[Path]] = {}
    for path in sorted(joint.iterdir()):
        if match := _NAME.fullmatch(path.name):
            parts = match["version"].split(".")
            version = ".".join(parts[:2] if match["stem"] in _FFMPEG else parts)
            known.setdefault((match["stem"], version), []).append(path)
    doubled = {stem for (stem, _), paths in known.items() if len(paths) > 1}
    for (stem, _), paths in known.items():
        if stem in _FFMPEG and not doubled.issuperset(_FFMPEG):
            continue
        kept = min(paths, key=lambda path: (path.name not in of_pyav, _weight(path)))
        for path in paths:
            if path != kept:
                path.unlink()
                path.symlink_to(kept.name)


def replace_unused(site: Path, joint: Path) -> None:
    """Replace each library in `SHELLS` with a shell: functions of the same names that do nothing."""
    asked = _undefined(site)
    for stem, answer in SHELLS.items():
        for path in joint.glob(f"{stem}-*.so.*"):
            if path.is_symlink():
                continue
            versions: dict[str, list[str]] = {}
            for symbol in sorted(_symbols(path) & asked):
                name, _, version = symbol.partition("@")
                versions.setdefault(version, []).append(name)
            functions = ""
            for name in sorted(name for names in versions.values() for name in names):
                functions += f"long {name}(void) {{ return {ANSWERS.get(name, answer)}; }}\n"
            _compile(path, _STRUCTURE + functions, versions=versions)


def use_system_libraries(site: Path, joint: Path) -> None:
    """Link to the distribution's library for each in `SYSTEM`, where it has the functions that are needed."""
    asked = _undefined(site)
    for soname in SYSTEM:
        path = _system_library(soname)
        for bundled in joint.glob(f"{soname.partition('.')[0]}-*.so.*"):
            if path and _symbols(bundled) & asked <= _symbols(path):
                bundled.unlink()
                bundled.symlink_to(path)


def replace_blas(joint: Path) -> None:
    """Let OpenCV use the distribution's BLAS and LAPACK; numpy keeps its own."""
    for path in joint.glob("libopenblas*.so*"):
        _compile(path, "", "-Wl,--no-as-needed", *(f"-l:{name}" for name in SYSTEM_BLAS))


def remove_unneeded(site: Path, joint: Path) -> None:
    """Delete libraries that nothing in the package is linked against."""
    waiting = [path for path in _libraries(site) if path.parent != joint]
    needed: set[str] = set()
    while waiting:
        for name in _needed(waiting.pop()) - needed:
            if (joint / name).exists():
                needed |= {name, (joint / name).resolve().name}
                waiting.append(joint / name)
    for path in list(joint.iterdir()):
        if path.name not in needed:
            path.unlink()


def strip(site: Path) -> None:
    """Remove debugging symbols, except where strip would damage what auditwheel has rearranged."""
    with tempfile.TemporaryDirectory() as folder:
        stripped = Path(folder, "stripped")
        for path in _libraries(site):
            subprocess.run(("strip", "--strip-unneeded", "-o", stripped, path), check=True)
            if is_loadable(stripped) and stripped.stat().st_size < path.stat().st_size:
                shutil.copyfile(stripped, path)


def is_loadable(library: Path) -> bool:
    """Return whether offset and address of each segment agree, as the dynamic loader asks for."""
    segments = re.findall(
        r"^ +LOAD +(0x\w+) (0x\w+) .* (0x\w+)$", _output("readelf", "-lW", library), re.MULTILINE
    )
    return bool(segments) and all(
        (int(address, 16) - int(offset, 16)) % int(align, 16) == 0 for offset, address, align in segments
    )


def _libraries(site: Path) -> list[Path]:
    return [path for path in sorted(site.rglob("*.so*")) if path.is_file() and not path.is_symlink()]


def _output(*command: str | Path) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _needed(path: Path) -> set[str]:
    return set(re.findall(r"\(NEEDED\).*\[(.+)\]", _output("readelf", "-dW", path)))


def _weight(path: Path) -> int:
    """Bytes of a library and of those beside it that it needs."""
    beside = [path.with_name(name) for name in _needed(path)]
    return sum(one.stat().st_size for one in (path, *beside) if one.exists())


def _symbols(path: Path) -> set[str]:
    """Functions and data that a library exports, as `name@version`, or `name` where it has no versions."""
    text = _output("nm", "-D", "--defined-only", path)
    return {name.replace("@@", "@") for name in re.findall(r" [BDRTVWi] (\S+)", text)}


def _undefined(site: Path) -> set[str]:
    text = "".join(_output("nm", "-D", "-u", path) for path in _libraries(site))
    return set(re.findall(r" U (\S+)", text))


def _system_library(soname: str) -> Path | None:
    loader = shutil.which("ldconfig", path=f"{os.environ['PATH']}:/sbin:/usr/sbin") or "ldconfig"
    match = re.search(rf"^\s+{re.escape(soname)} .* => (?:/usr)?(/\S+)$", _output(loader, "-p"), re.MULTILINE)
    return Path("/usr" + match[1]) if match else None


def _compile(
    target: Path, source: str, *options: str, versions: Mapping[str, Sequence[str]] = MappingProxyType({})
) -> None:
    """Compile a library in the place of another, with the names in `versions` by version, "" for none."""
    with tempfile.TemporaryDirectory() as folder:
        code = Path(folder, "shell.c")
        code.write_text(source)
        if any(versions):
            script = Path(folder, "versions")
            script.write_text(
                "".join(
                    f"{version} {{ {'; '.join(names)}; }};\n"
                    for version, names in versions.items()
                    if version
                )
            )
            options = (*options, f"-Wl,--version-script={script}")
        target.unlink()
        subprocess.run(
            ("gcc", "-shared", "-fPIC", "-O1", "-fno-builtin", "-Wl,--build-id=none",
             f"-Wl,-soname,{target.name}", "-o", target, code, *options),
            check=True,
        )  # fmt: skip


def main(site: Path) -> None:
    """Reduce the size of an environment."""
    leave_out(site)
    leave_out_descriptions(site)
    joint = join_libraries(site)
    share_libraries(site, joint)
    replace_unused(site, joint)
    replace_blas(joint)
    use_system_libraries(site, joint)
    remove_unneeded(site, joint)
    link_libraries(site, joint)
    strip(site)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
