"""The Whisper adapter: cuts, times and spelling with a stand-in; the real model where installed."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from emoedge.errors import ModelError
from emoedge.speech import whisper_engine
from emoedge.speech.recogniser import Recogniser, Utterance
from emoedge.speech.whisper_engine import CHUNK_SAMPLES, REQUIRED_FILES, WhisperRecogniser, plain

RATE = 16000


class OneWordModel:
    """Answers like faster-whisper: one word over all that it was given, and remembers what that was."""

    def __init__(self) -> None:
        self.heard: list[np.ndarray] = []

    def transcribe(self, sound: np.ndarray, *, language: str, word_timestamps: bool, **options: object):
        assert language == "es"
        assert word_timestamps
        self.heard.append(sound)
        word = SimpleNamespace(word=" ¡Hola!", start=0.1, end=len(sound) / RATE, probability=0.9)
        return iter([SimpleNamespace(words=[word]), SimpleNamespace(words=None)]), None


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> OneWordModel:
    stand_in = OneWordModel()
    monkeypatch.setattr(whisper_engine, "load_model", lambda *_, **__: stand_in)
    return stand_in


def test_it_is_a_recogniser(model: OneWordModel, tmp_path: Path) -> None:
    recogniser = WhisperRecogniser(tmp_path)
    assert isinstance(recogniser, Recogniser)
    assert recogniser.accept(np.ones(RATE, np.int16)) == []
    utterance = recogniser.finish()
    assert utterance is not None
    assert utterance.text == "hola"
    assert utterance.words[0].confidence == pytest.approx(0.9)


def test_samples_reach_the_model_as_floats_of_full_scale_one(model: OneWordModel, tmp_path: Path) -> None:
    recogniser = WhisperRecogniser(tmp_path)
    sound = np.arange(-8000, 8000, dtype=np.int16) * 4
    recogniser.accept(sound[:5000])
    recogniser.accept(sound[5000:])
    recogniser.finish()
    assert model.heard[0].dtype == np.float32
    assert np.array_equal(model.heard[0], sound / np.float32(32768))


def test_times_count_all_sound_accepted(model: OneWordModel, tmp_path: Path) -> None:
    recogniser = WhisperRecogniser(tmp_path)
    recogniser.accept(np.ones(RATE, np.int16))
    recogniser.finish()
    recogniser.accept(np.ones(2 * RATE, np.int16))
    recogniser.reset()
    recogniser.accept(np.ones(RATE, np.int16))
    utterance = recogniser.finish()
    assert utterance is not None
    assert (utterance.start_s, utterance.end_s) == (pytest.approx(3.1), pytest.approx(4.0))


@pytest.mark.parametrize("block", [1600, 12_345, 2_000_000])
def test_overlong_speech_is_cut_at_the_same_sample_whatever_the_blocks(
    model: OneWordModel, tmp_path: Path, block: int
) -> None:
    recogniser = WhisperRecogniser(tmp_path)
    sound = np.ones(2 * CHUNK_SAMPLES + RATE, np.int16)
    found: list[Utterance] = []
    for start in range(0, len(sound), block):
        found += recogniser.accept(sound[start : start + block])
    assert [len(heard) for heard in model.heard] == [CHUNK_SAMPLES, CHUNK_SAMPLES]
    assert [result.start_s for result in found] == [0.1, 28.1]
    assert recogniser.finish() is not None
    assert len(model.heard[2]) == RATE


def test_a_click_is_not_transcribed(model: OneWordModel, tmp_path: Path) -> None:
    recogniser = WhisperRecogniser(tmp_path)
    recogniser.accept(np.ones(1000, np.int16))
    assert recogniser.finish() is None
    assert model.heard == []


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (" ¡Qué", "qué"),
        ("alegría!", "alegría"),
        (" 25,", "25"),
        (" ...", ""),
        (" vice-rector.", "vice-rector"),
    ],
)
def test_words_are_spelt_as_vosk_does(written: str, read: str) -> None:
    assert plain(written) == read


def test_incomplete_folder_is_refused_before_anything_asks_the_network(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"")
    with pytest.raises(ModelError, match=r"config\.json, tokenizer\.json missing"):
        WhisperRecogniser(tmp_path)


def test_without_the_extra_the_error_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in REQUIRED_FILES:
        (tmp_path / name).write_bytes(b"{}")
    monkeypatch.setitem(__import__("sys").modules, "faster_whisper", None)
    with pytest.raises(ModelError, match="not installed") as caught:
        WhisperRecogniser(tmp_path)
    assert "emoedge[whisper]" in caught.value.remedy


@pytest.mark.slow
def test_the_real_engine_hears_spanish() -> None:
    """Set EMOEDGE_WHISPER to a CTranslate2 Whisper folder to run it (with the extra `whisper`)."""
    import json
    import wave

    pytest.importorskip("faster_whisper")
    folder = os.environ.get("EMOEDGE_WHISPER")
    if not folder:
        pytest.skip("EMOEDGE_WHISPER is not set")
    data = Path(__file__).resolve().parent.parent / "data" / "speech"
    with wave.open(str(data / "example.wav")) as file:
        sound = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    truth = json.loads((data / "example.json").read_text(encoding="utf-8"))["words"]
    recogniser = WhisperRecogniser(Path(folder))
    assert recogniser.accept(sound) == []
    utterance = recogniser.finish()
    assert utterance is not None
    spoken = {word["word"]: word["start_s"] for word in truth}
    heard = [word for word in utterance.words if word.text in spoken]
    assert len(heard) >= 2
    for word in heard:
        assert word.start_s == pytest.approx(spoken[word.text], abs=0.35)
