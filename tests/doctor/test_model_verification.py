"""Every model is loaded and run; damage is reported."""

from __future__ import annotations

import shutil
from pathlib import Path

from emoedge.doctor.model_verification import check, verify
from emoedge.model_store import installed, load_manifest, package_models_dir
from emoedge.model_store.manifest import Manifest, ModelEntry, Source

DEMO = "vosk-es-demo"


def entry_for(url: str, sha256: str | None = None) -> ModelEntry:
    return ModelEntry(
        "vosk-test", "vosk", "test", "MIT", "none", shipped=False, sources=(Source(url, "", sha256),)
    )


def test_verify_really_loads_every_shipped_model(tmp_path: Path) -> None:
    shipped = Manifest(tuple(entry for entry in load_manifest().entries if entry.shipped))
    named: list[str] = []
    findings = verify(shipped, tmp_path, progress=named.append)
    assert [finding for finding in findings if not finding.ok] == []
    assert named == [entry.name for entry in shipped.entries]


def test_listing_says_what_is_there(tmp_path: Path) -> None:
    states = {state.entry.name: state for state in installed(load_manifest(), tmp_path)}
    assert states[DEMO].path is not None
    assert states[DEMO].bytes > 100_000
    assert states["vosk-model-small-es-0.42"].path is None


def test_a_damaged_vosk_model_is_reported_not_raised(tmp_path: Path) -> None:
    entry = entry_for("http://127.0.0.1:9/x.zip")
    shutil.copytree(package_models_dir() / DEMO, tmp_path / "vosk-test")
    (tmp_path / "vosk-test/am/final.mdl").write_text("not a model")
    finding = check(entry, tmp_path, package_models_dir())
    assert not finding.ok
