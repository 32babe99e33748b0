"""The real libvosk with the demonstration model and a synthetic sentence whose word times are known."""

from __future__ import annotations

import json
import shutil
import wave
from pathlib import Path

import numpy as np
import pytest

from emoedge.errors import ModelError
from emoedge.frames import AudioBlock
from emoedge.model_store import package_models_dir
from emoedge.speech.factory import open_recogniser
from emoedge.speech.recogniser import Recogniser, Utterance
from emoedge.speech.recycle import RecyclePolicy
from emoedge.speech.stage import SpeechStage
from emoedge.speech.vosk_engine import VoskRecogniser
from emoedge.vad.detector import SpeechActivity
from tests.vad.hearing import Hearing

DATA = Path(__file__).resolve().parent.parent / "data" / "speech"
MODEL = package_models_dir() / "vosk-es-demo"
RATE = 16000


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    with wave.open(str(DATA / "example.wav")) as file:
        assert file.getframerate() == RATE
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


@pytest.fixture(scope="module")
def truth() -> dict:
    return json.loads((DATA / "example.json").read_text(encoding="utf-8"))


@pytest.fixture
def recogniser() -> VoskRecogniser:
    return VoskRecogniser(MODEL)


def hear(recogniser: Recogniser, sound: np.ndarray, block: int = 1600) -> list[Utterance]:
    found: list[Utterance] = []
    for start in range(0, len(sound), block):
        found += recogniser.accept(sound[start : start + block])
    last = recogniser.finish()
    return found + ([last] if last else [])


def words(found: list[Utterance]) -> list:
    return [word for result in found for word in result.words]


def test_words_and_their_times(recogniser: VoskRecogniser, sound: np.ndarray, truth: dict) -> None:
    heard = words(hear(recogniser, sound))
    assert [word.text for word in heard] == [word["word"] for word in truth["words"]]
    for word, spoken in zip(heard, truth["words"], strict=True):
        assert word.start_s == pytest.approx(spoken["start_s"], abs=0.1)
        assert word.end_s == pytest.approx(spoken["end_s"], abs=0.1)
        assert word.confidence > 0.8
    errors = [word.start_s - spoken["start_s"] for word, spoken in zip(heard, truth["words"], strict=True)]
    assert np.mean(np.abs(errors)) < 0.03  # a wrong frame rate would show here first


@pytest.mark.parametrize("block", [160, 512, 777, 4096, 100_000])
def test_block_sizes_do_not_change_the_result(
    recogniser: VoskRecogniser, sound: np.ndarray, block: int
) -> None:
    expected = hear(VoskRecogniser(MODEL), sound)
    assert hear(recogniser, sound, block) == expected


def test_silence_and_nothing_give_nothing(recogniser: VoskRecogniser) -> None:
    assert recogniser.finish() is None
    assert hear(recogniser, np.zeros(5 * RATE, np.int16)) == []
    faint = np.random.default_rng(0).normal(0, 30, 5 * RATE).astype(np.int16)
    assert words(hear(recogniser, faint)) == []


def test_times_go_on_over_utterances_resets_and_reloads(sound: np.ndarray, truth: dict) -> None:
    always = RecyclePolicy(max_sound_h=1e-6)
    recogniser = VoskRecogniser(MODEL, always)
    first = words(hear(recogniser, sound))
    recogniser.accept(sound[: RATE + 333])
    recogniser.reset()
    second = words(hear(recogniser, sound))
    assert recogniser.recycled_count == 2
    shift = (len(sound) + RATE + 333) / RATE
    assert [word.text for word in second] == [word.text for word in first]
    for early, late in zip(first, second, strict=True):
        assert late.start_s == pytest.approx(early.start_s + shift, abs=0.031)


def test_grown_memory_reloads_between_utterances_only(sound: np.ndarray) -> None:
    readings = iter([100.0, 100.0 + 300.0, 120.0, 130.0, 140.0])
    recogniser = VoskRecogniser(MODEL, RecyclePolicy(max_growth_mb=250.0), lambda: next(readings))
    recogniser.accept(sound[:RATE])
    assert recogniser.recycled_count == 0
    recogniser.finish()
    assert recogniser.recycled_count == 1
    recogniser.finish()
    assert recogniser.recycled_count == 1


def test_stage_gives_media_times_soon_after_each_sentence(sound: np.ndarray, truth: dict) -> None:
    stage = Hearing(SpeechStage(VoskRecogniser(MODEL), None), SpeechActivity())
    padded = np.concatenate([np.zeros(2 * RATE, np.int16), sound, np.zeros(2 * RATE, np.int16)])
    start_s, found = 1000.0, []
    for at in range(0, len(padded), 1024):
        block = AudioBlock(start_s + at / RATE, padded[at : at + 1024])
        ready = stage.process(block)
        # 0.45 s of silence make the end of speech; the result may take 0.4 s after that.
        assert all(text.end_s < block.end_s < text.end_s + 0.45 + 0.4 for text in ready)
        found += ready
    assert [text.transcript for text in found] == truth["sentences"]
    heard = [word for text in found for word in text.words]
    for word, spoken in zip(heard, truth["words"], strict=True):
        assert word.start_s == pytest.approx(start_s + 2.0 + spoken["start_s"], abs=0.1)


@pytest.mark.parametrize("engine", ["vosk", "whisper"])
def test_missing_model_says_how_to_get_one(engine: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="none") as caught:
        open_recogniser(engine, tmp_path / "none")
    assert caught.value.remedy


def test_damaged_model_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"am/final\.mdl"):
        VoskRecogniser(tmp_path)
    shutil.copytree(MODEL, tmp_path / "m")
    (tmp_path / "m/am/final.mdl").write_text("nonsense")
    with pytest.raises(ModelError, match="cannot load") as caught:
        VoskRecogniser(tmp_path / "m")
    assert "emoedge models fetch" in caught.value.remedy
