"""The variations cover every kernel that the processor has, and differences between runs are seen."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

from scripts import processors

OF_NUMPY = {
    "numpy 1": ["SSE41", "AVX", "FMA3", "AVX2", "AVX512F", "AVX512_SKX"],
    "numpy 2": ["X86_V3", "X86_V4", "AVX512_ICL", "AVX512_SPR"],
}


def settings(chosen, name):
    return {environment.get(name) for environment in chosen.values()}


@pytest.mark.parametrize("found", OF_NUMPY.values(), ids=OF_NUMPY)
def test_avx512_is_switched_off_alone_and_with_everything_else(found):
    chosen, notes = processors.variations("x86_64", found)
    wide = [name for name in found if "512" in name or name == "X86_V4"]
    assert settings(chosen, "NPY_DISABLE_CPU_FEATURES") == {None, " ".join(wide), " ".join(found)}
    assert settings(chosen, "OPENBLAS_CORETYPE") == {None, "Haswell", "SkylakeX", "Zen"}
    assert settings(chosen, "OPENBLAS_NUM_THREADS") == {"1", "2"}
    assert notes == []


def test_what_a_processor_lacks_is_left_out_with_a_note():
    chosen, notes = processors.variations("x86_64", ["X86_V3"])
    assert settings(chosen, "OPENBLAS_CORETYPE") == {None, "Haswell", "Zen"}
    assert notes == ["SkylakeX is left out: this processor has no AVX-512"]
    chosen, notes = processors.variations("x86_64", [])
    assert settings(chosen, "OPENBLAS_CORETYPE") == {None}
    assert len(notes) == 2


def test_arm_has_kernels_of_its_own():
    chosen, notes = processors.variations("aarch64", ["ASIMDHP", "SVE"])
    assert settings(chosen, "NPY_DISABLE_CPU_FEATURES") == {None, "ASIMDHP SVE"}
    assert settings(chosen, "OPENBLAS_CORETYPE") == {None, "ARMV8"}
    assert notes == []


def test_numpy_takes_the_names_that_it_gave():
    found = processors.features()
    code = "import warnings; warnings.simplefilter('error'); import numpy; print(numpy.__version__)"
    for environment in processors.variations(platform.machine(), found)[0].values():
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr


def test_files_are_those_with_the_marker():
    assert any(path.endswith("test_voice_calibration.py") for path in processors.files())
    assert not any(path.endswith("test_lock.py") for path in processors.files())


def test_values_are_read_and_compared(tmp_path):
    def report(value):
        path = tmp_path / "report.xml"
        path.write_text(
            f"<testsuites><testsuite><testcase name='test_a'><properties><property name='x' value='{value}'/>"
            "</properties></testcase><testcase name='test_b'/></testsuite></testsuites>"
        )
        return processors.recorded(path)

    first = report([2.0, 0.001])
    assert first == {"test_a: x": [2.0, 0.001]}
    assert processors.differences(first, report([2.0, 0.003]))["test_a: x"] == pytest.approx(0.001)
    assert processors.differences(first, report([1.0, 0.001]))["test_a: x"] == pytest.approx(0.5)
    assert processors.differences(first, report([2.0]))["test_a: x"] == float("inf")
