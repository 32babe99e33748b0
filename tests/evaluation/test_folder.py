"""`emoedge evaluate` on folders of generated media."""

from __future__ import annotations

import json
import subprocess
import sys

import cv2
import pytest

from emoedge.emotions import EMOTIONS
from emoedge.evaluation.answers import METHODS
from tests.batch.conftest import write_tone


def evaluate(*arguments, **options):
    command = [sys.executable, "-m", "emoedge", "evaluate", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=500, **options)


def write_portrait(path, portrait, seconds=1.0, fps=10):
    """A clip of a picture that stands still."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = cv2.imread(str(portrait))
    height, width = picture.shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), fps, (width, height))
    assert writer.isOpened()
    for _ in range(round(seconds * fps)):
        writer.write(picture)
    writer.release()


@pytest.fixture(scope="module")
def clips(tmp_path_factory, portrait):
    folder = tmp_path_factory.mktemp("clips")
    write_portrait(folder / "alegría" / "smile.mp4", portrait)
    write_portrait(folder / "take 2" / "02-happy.mp4", portrait)
    write_tone(folder / "sad" / "tone.wav", 1.0)
    write_tone(folder / "unlabelled.wav", 1.0)
    return folder


@pytest.mark.timeout(600)
def test_a_folder_gives_its_table_and_a_second_call_goes_on(clips, tmp_path):
    options = ("--out", tmp_path / "out", "--jobs", 1, "--speech-model", "vosk-es-demo")
    first = evaluate(clips, "--json", *options)
    assert first.returncode == 0, first.stderr
    assert "1 of 4 clips have no label and are skipped" in first.stderr
    found = json.loads(first.stdout)
    assert list(found["methods"]) == list(METHODS)
    labels = {clip["file"]: clip["label"] for clip in found["clips"]}
    assert labels == {
        "alegría/smile.mp4": "happiness",
        "sad/tone.wav": "sadness",
        "take 2/02-happy.mp4": "happiness",
    }
    answers = {clip["file"]: clip["answers"] for clip in found["clips"]}
    for method in ("face", "weighted", "learned", "replay"):
        assert answers["alegría/smile.mp4"][method]["emotion"] == "happiness"
        assert found["methods"][method]["answered"] == 2
        assert found["methods"][method]["accuracy"] == pytest.approx(2 / 3, abs=1e-3)
        assert found["methods"][method]["macro_recall"] == 0.5
    for method in METHODS:
        assert answers["sad/tone.wav"][method] == {"emotion": None, "confidence": 0.0}
        assert set(found["methods"][method]["confusion"]) == {"happiness", "sadness"}
        assert set(found["methods"][method]["confusion"]["sadness"]) == {*EMOTIONS, "none"}

    table = evaluate(clips, *options)
    assert table.returncode == 0
    assert "0 done, 3 done before, 0 failed" in table.stderr
    assert "0.667" in table.stdout
    assert "alegría" in table.stdout


@pytest.mark.timeout(600)
def test_a_clip_that_cannot_be_read_is_named_and_the_others_count(tmp_path):
    folder = tmp_path / "in"
    write_tone(folder / "fear" / "tone.wav", 1.0)
    (folder / "fear" / "broken.wav").write_bytes(b"nothing")
    result = evaluate(folder, "--json", "--jobs", 1)
    assert result.returncode == 1
    assert "fear/broken.wav" in result.stderr
    assert "Traceback" not in result.stderr
    assert [clip["file"] for clip in json.loads(result.stdout)["clips"]] == ["fear/tone.wav"]


@pytest.mark.parametrize("files", [None, (), ("a.wav",)], ids=["no folder", "no media", "no label"])
def test_a_folder_that_cannot_be_evaluated_is_refused_with_a_remedy(files, tmp_path):
    folder = tmp_path / "in"
    if files is not None:
        folder.mkdir()
        for name in files:
            write_tone(folder / name)
    result = evaluate(folder)
    assert result.returncode == 2
    assert str(folder) in result.stderr
    assert "->" in result.stderr
    assert "Traceback" not in result.stderr
