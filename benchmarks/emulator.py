"""Instructions of Python on emulated 64-bit Arm, counted by a plugin for qemu-user (`instructions.c`).

Of Debian's emulators `qemu-user` knows plugins and `qemu-user-static` does not. The program marks where
counting begins and ends by a system call that does not exist, and the plugin writes the count so far at each
mark. On another processor a mark has no effect.
"""

from __future__ import annotations

import ctypes
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
SOURCE: Final = Path(__file__).with_name("instructions.c")
PROGRAM: Final = "qemu-aarch64"
PROCESSOR: Final = "cortex-a72"
"""That of a Raspberry Pi 4, as in `scripts/arm64`."""
DESCRIPTION: Final = {
    "proc/cpuinfo": (
        "processor\t: 0\nFeatures\t: fp asimd evtstrm crc32 cpuid\nCPU implementer\t: 0x41\n"
        "CPU architecture: 8\nCPU variant\t: 0x0\nCPU part\t: 0xd08\nCPU revision\t: 3\n\n"
    ),
    "sys/devices/system/cpu/possible": "0\n",
    "sys/devices/system/cpu/present": "0\n",
}
"""Files about PROCESSOR, put into the userland: with those of the real processor LiteRT ends by a
segmentation fault."""
MARK: Final = 0x65676F
"""The system call, as in SOURCE."""
_COUNT, _PART, _VERSIONS = "instructions ", "part ", "versions "


def mark(name: str = "") -> None:
    """Mark the begin of a part, or with a name its end."""
    if platform.machine() == "aarch64":
        ctypes.CDLL(None).syscall(MARK)
        if name:
            _tell(f"{_PART}{name}")


def tell_versions(versions: Callable[[], dict[str, str]]) -> None:
    """Tell the versions of what is measured."""
    if platform.machine() == "aarch64":
        _tell(f"{_VERSIONS}{json.dumps(versions())}")


def counts(
    folder: Path, arguments: Sequence[str], environment: Mapping[str, str], timeout_s: float
) -> tuple[dict[str, int], dict[str, str]]:
    """Run Python in the userland of `scripts/arm64`; return the instructions of each part, and versions.

    Args:
        folder: of `scripts/arm64`.
        arguments: of the interpreter.
        environment: added to that of this process.
        timeout_s: seconds after which the program is ended.
    """
    root = folder / "root"
    for name, text in DESCRIPTION.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="ascii")
    with tempfile.TemporaryDirectory(prefix="emoedge-bench-") as temporary:
        plugin = Path(temporary) / "instructions.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", str(plugin), str(SOURCE)], check=True)
        done = subprocess.run(
            [
                *(PROGRAM, "-cpu", PROCESSOR, "-L", str(root), "-plugin", f"file={plugin}"),
                *(str(root / "usr/bin/python3"), *arguments),
            ],
            cwd=ROOT,
            env={**os.environ, **environment, "PYTHONPATH": f"{root / 'opt/site'}:{ROOT}"},
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_s,
        )
    if done.returncode:
        raise RuntimeError(f"exit status {done.returncode}: {done.stderr.strip()[-2000:]}")
    return read(done.stderr)


def read(output: str) -> tuple[dict[str, int], dict[str, str]]:
    """Return the instructions of each part, and the versions, from a program's standard error."""
    found: dict[str, int] = {}
    versions: dict[str, str] = {}
    marks: list[int] = []
    for line in output.splitlines():
        if line.startswith(_COUNT):
            marks.append(int(line.removeprefix(_COUNT)))
        elif line.startswith(_PART):
            found[line.removeprefix(_PART)] = marks[-1] - marks[-2]
        elif line.startswith(_VERSIONS):
            versions = json.loads(line.removeprefix(_VERSIONS))
    return found, versions


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
