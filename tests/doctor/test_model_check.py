"""Models: the real ones pass, each broken one is named with its remedy."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from emoedge.config import Settings
from emoedge.doctor.model_check import check_models, needed_models
from emoedge.doctor.result import CheckResult
from emoedge.model_store import package_models_dir

Make = Callable[..., Settings]
FACE = ("face_detector", "face_emotion")


@pytest.fixture
def make_settings(make_settings: Make) -> Make:
    """With camera and microphone, for which the models are needed."""
    return partial(make_settings, camera={"source": "auto"}, microphone={"source": "auto"})


def by_name(settings: Settings) -> dict[str, CheckResult]:
    return {result.name: result for result in check_models(settings)}


@pytest.fixture
def faces_only(make_settings: Make) -> Settings:
    return make_settings(voice={"enabled": False}, speech={"enabled": False})


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the shipped models, to be broken."""
    folder = tmp_path / "shipped"
    folder.mkdir()
    for path in package_models_dir().iterdir():
        if path.is_file():
            shutil.copy(path, folder)
    monkeypatch.setattr("emoedge.model_store.package_models_dir", lambda: folder)
    return folder


def test_only_what_is_switched_on_is_needed(make_settings: Make, faces_only: Settings) -> None:
    assert needed_models(make_settings()) == (*FACE, "voice_emotion", "text_emotion", "confidence")
    assert needed_models(faces_only) == (*FACE, "confidence")
    assert needed_models(make_settings(fusion={"method": "learned"}))[-1] == "fusion"


def test_a_modality_without_its_device_needs_no_model(make_settings: Make) -> None:
    assert needed_models(make_settings(microphone={"source": "none"})) == (*FACE, "confidence")
    assert needed_models(make_settings(camera={"source": "none"}))[0] == "voice_emotion"
    results = by_name(make_settings(microphone={"source": "none"}))
    assert not [name for name in results if "vosk" in name]
    assert [result for result in results.values() if result.state != "ok"] == []


def test_the_shipped_models_load_and_run(make_settings: Make) -> None:
    results = by_name(make_settings(speech={"model": "vosk-es-demo"}))
    assert results["inference"].state == "ok"
    assert [result for result in results.values() if result.state != "ok"] == []
    assert set(results) == {
        "inference",
        *(f"model {name}" for name in (*FACE, "voice_emotion", "text_emotion", "confidence", "vosk-es-demo")),
    }


def test_a_missing_speech_model(make_settings: Make) -> None:
    result = by_name(make_settings(face={"enabled": False}, voice={"enabled": False}))[
        "model vosk-model-small-es-0.42"
    ]
    assert (result.state, result.detail) == ("failed", "missing")
    assert "emoedge models fetch" in result.remedy


def test_a_speech_model_by_path(make_settings: Make, tmp_path: Path) -> None:
    off = {"face": {"enabled": False}, "voice": {"enabled": False}}
    good = package_models_dir() / "vosk-es-demo"
    assert by_name(make_settings(**off, speech={"model": str(good)}))[f"model {good}"].state == "ok"
    for bad in (tmp_path / "nowhere", tmp_path):
        result = by_name(make_settings(**off, speech={"model": str(bad)}))[f"model {bad}"]
        assert result.state == "failed"
        assert result.remedy


def test_a_missing_file(faces_only: Settings, copied: Path) -> None:
    (copied / "face_detector.tflite").unlink()
    result = by_name(faces_only)["model face_detector"]
    assert result.state == "failed"
    assert "missing" in result.detail


def test_a_damaged_file(faces_only: Settings, copied: Path) -> None:
    path = copied / "face_detector.tflite"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    result = by_name(faces_only)["model face_detector"]
    assert result.state == "failed"
    assert "damaged" in result.detail
    assert result.remedy


def test_no_runtime(faces_only: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emoedge.inference.RUNTIMES", ("no_such_runtime",))
    results = by_name(faces_only)
    assert results["inference"].state == "failed"
    assert "ai-edge-litert" in results["inference"].remedy
    assert results["model face_detector"].state == "failed"


def test_a_damaged_file_in_place_of_a_shipped_model(make_settings: Make, tmp_path: Path) -> None:
    """The daemon takes the file under paths.models first; the other one was looked at, and found well."""
    models = tmp_path / "models"
    models.mkdir()
    whole = (package_models_dir() / "face_emotion.tflite").read_bytes()
    (models / "face_emotion.tflite").write_bytes(whole[: len(whole) // 2])
    settings = make_settings(voice={"enabled": False}, speech={"enabled": False}, paths={"models": models})
    results = by_name(settings)
    assert results["model face_detector"].state == "ok"
    assert results["model face_emotion"].state == "failed"
    assert f"delete {models}" in results["model face_emotion"].remedy
    (models / "face_emotion.tflite").write_bytes(whole)
    assert by_name(settings)["model face_emotion"].detail.startswith(str(models))
