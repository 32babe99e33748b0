"""Where a model is taken from."""

from __future__ import annotations

from pathlib import Path

import pytest

from emoedge.doctor.model_verification import check
from emoedge.errors import ModelError
from emoedge.model_store import load_manifest, package_models_dir, resolve

DEMO = "vosk-es-demo"


def test_resolve_prefers_the_models_directory_and_takes_paths(tmp_path: Path) -> None:
    own, package = tmp_path / "own", tmp_path / "package"
    for folder in (own, package):
        (folder / "m").mkdir(parents=True)
    (package / "face.tflite").write_bytes(b"")
    assert resolve("m", own, package) == own / "m"
    assert resolve("face", own, package) == package / "face.tflite"
    assert resolve(str(package / "m"), own, package) == package / "m"
    for missing in ("none", "..", "", str(tmp_path / "none")):
        with pytest.raises(ModelError, match="fetch"):
            resolve(missing, own, package)


def test_missing_default_model_names_the_remedy(tmp_path: Path) -> None:
    finding = check(load_manifest().get("vosk-model-small-es-0.42"), tmp_path, package_models_dir())
    assert (finding.ok, finding.detail) == (False, "missing")
    assert "emoedge models fetch" in finding.remedy
