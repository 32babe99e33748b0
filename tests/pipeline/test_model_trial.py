"""Models that end a process do so in a child."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from emoedge.config import Settings
from emoedge.doctor.model_verification import check
from emoedge.errors import ModelError
from emoedge.model_store import load_manifest, package_models_dir
from emoedge.model_store.manifest import FACE_CLASSIFIER
from emoedge.pipeline.model_trial import try_model
from emoedge.pipeline.perception import Perception

pytest.importorskip("vosk")
DEMO = "vosk-es-demo"


def crashing_model(folder: Path, name: str) -> Path:
    path = folder / name
    shutil.copytree(package_models_dir() / DEMO, path)
    graph = path / "graph" / "HCLG.fst"
    content = bytearray(graph.read_bytes())
    content[-1] ^= 0x40  # the state to which the last arc leads: gigabytes beyond the graph
    graph.write_bytes(content)
    return path


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("CACHE_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "emoedge"


def test_a_graph_that_crashes_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="SIG"):
        try_model("vosk", crashing_model(tmp_path, "crashing"))
    try_model("vosk", package_models_dir() / DEMO)


def test_what_the_child_says_is_told(tmp_path: Path) -> None:
    model = tmp_path / "face.tflite"
    model.write_bytes(b"rubbish")
    with pytest.raises(ModelError, match=r"face\.tflite cannot be loaded") as caught:
        try_model("tflite", model)
    assert caught.value.remedy == "run: emoedge models verify"


def test_face_and_voice_go_on(tmp_path: Path) -> None:
    crashing_model(tmp_path, "crashing")
    settings = Settings(speech={"model": "crashing"}, paths={"models": tmp_path})
    for _ in range(2):
        perception = Perception.build(settings)
        assert perception.face is not None
        assert perception.voice is not None
        (text,) = [part for part in perception.health if part.name == "text"]
        assert text.state == "failed"
        assert "damaged" in text.reason


def test_verify_looks_at_the_file_that_is_taken(tmp_path: Path) -> None:
    entry = load_manifest().get("face_emotion")
    (tmp_path / FACE_CLASSIFIER).write_bytes(b"rubbish")
    finding = check(entry, tmp_path, package_models_dir())
    assert not finding.ok
    assert str(tmp_path / FACE_CLASSIFIER) in finding.remedy
    for name in (FACE_CLASSIFIER, "face_emotion.json"):
        shutil.copy(package_models_dir() / name, tmp_path)
    finding = check(entry, tmp_path, package_models_dir())
    assert finding.ok
    assert "instead of emoedge's own" in finding.detail
    crashing_model(tmp_path, DEMO)
    finding = check(load_manifest().get(DEMO), tmp_path, package_models_dir())
    assert "SIG" in finding.detail
