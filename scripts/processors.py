"""Run the numerical tests as other processors would compute them: `python scripts/processors.py`.

Each variation is a run of pytest with other kernels of numpy, OpenBLAS and PyTorch. What the tests record as
fitted must be the same in all of them to two digits.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree as ET

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
CHOICES = ("NPY_DISABLE_CPU_FEATURES", "OPENBLAS_CORETYPE", "ATEN_CPU_CAPABILITY")
TOLERANCE = 0.005
"""Tolerance as a share of the largest of the values fitted together: half of the second digit."""

Fitted = dict[str, list[float]]


def variations(machine: str, found: list[str]) -> tuple[dict[str, dict[str, str]], list[str]]:
    """The environments in which to run, by name, and notes on what this processor leaves out.

    Together they have every kernel and both numbers of threads; not every kernel with every number.

    Args:
        machine: as `platform.machine` gives it.
        found: the features for which numpy has kernels of its own and this processor has the instructions.
    """
    everything = " ".join(found)
    native = {"as it is, two threads": _environment(2)}
    if machine not in ("x86_64", "AMD64"):
        name = "generic kernels, one thread"
        core = {"OPENBLAS_CORETYPE": "ARMV8"} if machine == "aarch64" else {}
        return native | {name: _environment(1, NPY_DISABLE_CPU_FEATURES=everything, **core)}, []
    wide = " ".join(name for name in found if name.startswith(("AVX512", "X86_V4")))
    notes = []
    if wide:
        native["SkylakeX, one thread"] = _environment(1, OPENBLAS_CORETYPE="SkylakeX")
    else:
        notes.append("SkylakeX is left out: this processor has no AVX-512")
    if not {"AVX2", "X86_V3"} & set(found):
        notes.append("Haswell and Zen are left out: this processor has no AVX2")
        return native, notes
    return native | {
        "Haswell with AVX2, one thread": _environment(
            1, NPY_DISABLE_CPU_FEATURES=wide, OPENBLAS_CORETYPE="Haswell", ATEN_CPU_CAPABILITY="avx2"
        ),
        "Zen with numpy's generic kernels, two threads": _environment(
            2, NPY_DISABLE_CPU_FEATURES=everything, OPENBLAS_CORETYPE="Zen", ATEN_CPU_CAPABILITY="default"
        ),
    }, notes


def _environment(threads: int, **choices: str) -> dict[str, str]:
    counts = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), str(threads))
    return counts | {name: value for name, value in choices.items() if value}


def features() -> list[str]:
    """Features that numpy finds beyond its baseline, asked where none is disabled."""
    code = "import json, numpy; print(json.dumps(numpy.show_config(mode='dicts')['SIMD Extensions'].get('found', [])))"  # noqa: E501
    done = subprocess.run(
        [sys.executable, "-c", code], env=_without_choices(), capture_output=True, text=True, check=True
    )
    return list(json.loads(done.stdout))


def _without_choices() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in CHOICES}


def run(environment: dict[str, str], arguments: list[str]) -> tuple[int, Fitted]:
    """The exit status of pytest, and what the tests recorded."""
    with TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        options = ["-m", "numerical", "-q", "-n", "0", "-o", "junit_family=xunit1", f"--junitxml={report}"]
        command = [sys.executable, "-m", "pytest", *options, *files(), *arguments]
        done = subprocess.run(command, cwd=ROOT, env=_without_choices() | environment, check=False)
        return done.returncode, recorded(report) if report.exists() else {}


def files() -> list[str]:
    """Test files with numerical tests: to collect all the others takes longer than to run these."""
    mark = "pytest.mark.numerical"
    return [
        str(path) for path in sorted((ROOT / "tests").rglob("test_*.py")) if mark in path.read_text("utf-8")
    ]


def recorded(report: Path) -> Fitted:
    """The recorded properties of a JUnit report, by test and name."""
    return {
        f"{case.get('name')}: {one.get('name')}": json.loads(one.get("value", ""))
        for case in ET.parse(report).iter("testcase")
        for one in case.iter("property")
    }


def differences(first: Fitted, other: Fitted) -> dict[str, float]:
    """Return the difference of two runs for each fit, as a share of the largest value."""
    apart = {}
    for name in first.keys() & other.keys():
        one, two = np.array(first[name]), np.array(other[name])
        apart[name] = float(np.abs(one - two).max() / np.abs(one).max()) if one.shape == two.shape else np.inf
    return apart


def main(arguments: list[str]) -> int:
    """Run all variations; 0 if the tests pass in each and the fitted values agree."""
    chosen, notes = variations(platform.machine(), features())
    failures, worst = [], 0.0
    reference: dict[str, list[float]] = {}
    for name, environment in chosen.items():
        print(f"== {name}: {' '.join(f'{key}={value!r}' for key, value in environment.items())}", flush=True)
        status, fitted = run(environment, arguments)
        if status:
            failures.append(f"{name}: pytest ended with status {status}")
        reference = reference or fitted
        for what, apart in differences(reference, fitted).items():
            worst = max(worst, apart)
            if apart > TOLERANCE:
                failures.append(f"{name}: {what} differs by {apart:.2g} of the largest value")
    print(f"== {len(chosen)} kinds of arithmetic, {len(reference)} fits, which differ by {worst:.1g} at most")
    for line in [f"note: {note}" for note in notes] + [f"FAILED: {failure}" for failure in failures]:
        print(f"== {line}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
