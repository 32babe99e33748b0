"""emoedge models."""

from __future__ import annotations

from pathlib import Path

from .program import emoedge, lines_of


def test_models_list_as_json():
    result = emoedge("models", "list", "--json")
    names = {line["name"]: line["installed"] for line in lines_of(result)}
    for name in ("face_detector", "face_emotion", "voice_emotion", "text_emotion", "vosk-es-demo"):
        assert names[name], name
    for line in lines_of(result):
        assert line["path"] is None or Path(line["path"]).exists()
        assert line["card"].startswith("https://") or Path(line["card"]).exists()
        assert (line["fetch_bytes"] == 0) == line["installed"]


def test_models_list_names_files_and_the_size_to_fetch(tmp_path):
    lines = emoedge("models", "list", EMOEDGE_PATHS__MODELS=str(tmp_path)).stdout.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("vosk-model-small-es-0.42"))
    assert "MISSING" in lines[at]
    assert "to fetch 40 MB, run: emoedge models fetch vosk-model-small-es-0.42" in lines[at + 1]
    assert Path(lines[1].strip()).exists()
