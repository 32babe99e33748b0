"""The voice network, its sidecar, and clips that are judged whole."""

import numpy as np
import pytest

from emoedge.emotions import EMOTIONS
from emoedge.errors import ModelError
from emoedge.fusion.fuser import snr_reliability
from emoedge.vad.detector import CLIP_ON, SpeechActivity
from emoedge.voice.classify import (
    JOIN_S,
    Calibration,
    VoiceClassifier,
    VoiceModel,
    calibration_terms,
    hear_clip,
)

RATE = 16_000


@pytest.fixture
def classifier(model_path, by_loudness):
    return quick(VoiceClassifier(model_path), by_loudness)


def quick(classifier, by_loudness):
    """The classifier with speech in its clips found by loudness."""
    classifier._clip_activity = by_loudness()
    return classifier


def silence(seconds):
    return np.zeros(int(seconds * RATE), np.int16)


def test_the_sidecar_fits_the_network(model_path):
    model = VoiceModel.load(model_path.with_suffix(".json"))
    import hashlib

    assert model.sha256 == hashlib.sha256(model_path.read_bytes()).hexdigest()


def test_large_logits_are_believed_less_and_keep_the_leader():
    logits = np.array([3.0, 0.0, -1.0, 0.5, 2.0, 0.0, 1.0])
    terms = calibration_terms(0.0, 0.0, 3.0, 0.0)
    plain, damped = (Calibration(0.0, 0.0, 0.0, 0.0, 0.0, power) for power in (0.0, 0.5))
    assert damped(logits, terms).sum() == pytest.approx(1)
    assert damped(logits, terms).argmax() == 0
    # Four times the logits count as twice as large with a power of one half.
    assert damped(4 * logits, terms) == pytest.approx(
        plain(2 * logits / np.std(logits) ** 0.5, terms), abs=1e-6
    )
    assert damped(4 * logits, terms).max() < plain(4 * logits, terms).max()
    assert damped(np.zeros((2, 7)), terms) == pytest.approx(np.full((2, 7), 1 / 7))
    with pytest.raises(ValueError, match="impossible"):
        Calibration(4.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    with pytest.raises(ValueError, match="impossible"):
        Calibration(0.0, 0.0, 0.0, 0.0, 0.0, 1.5)


def test_the_temperature_depends_on_what_is_known():
    assert calibration_terms(0.0, 0.0, 4.0, 1 / 7) == pytest.approx(np.zeros(4))
    person, device, short, one_sided = calibration_terms(1.0, 10.0, 0.4, 0.9)
    assert person == device == 0.5
    assert short == pytest.approx(2.0)
    assert one_sided == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("labels", [*EMOTIONS[1:], EMOTIONS[0]]),
        ("feature_version", 0),
        ("calibration", 1.0),
        ("normalisation", {}),
    ],
)
def test_a_sidecar_of_another_model_is_refused(model_path, tmp_path, key, value):
    import json

    content = json.loads(model_path.with_suffix(".json").read_text())
    path = tmp_path / "voice_emotion.json"
    path.write_text(json.dumps(content | {key: value}))
    with pytest.raises(ModelError):
        VoiceModel.load(path)


def test_a_missing_sidecar_is_reported(tmp_path):
    with pytest.raises(ModelError, match="missing"):
        VoiceModel.load(tmp_path / "none.json")


@pytest.mark.parametrize("gain_db", [-20, 20])
def test_gain_does_not_change_the_answer(model_path, spoken, gain_db):
    classifier = VoiceClassifier(model_path)  # with Silero
    quiet = spoken[: 2 * RATE].astype(np.float32) / np.float32(32768) * np.float32(0.08)
    usual = classifier.classify_clip(quiet)
    other = classifier.classify_clip(quiet * np.float32(10 ** (gain_db / 20)))
    assert usual.probabilities.argmax() == other.probabilities.argmax()
    assert np.allclose(usual.probabilities, other.probabilities, atol=0.08)
    assert other.level_dbfs - usual.level_dbfs == pytest.approx(gain_db, abs=0.5)


LOW_SOUND = {
    "offset 5 %": lambda time_s: 0.05 + 0 * time_s,
    "offset -12 %": lambda time_s: -0.12 + 0 * time_s,
    "offset 20 %": lambda time_s: 0.2 + 0 * time_s,
    "offset that drifts": lambda time_s: 0.1 + 0.05 * np.sin(time_s),
    "hum 50 Hz": lambda time_s: 0.1 * np.sin(2 * np.pi * 50 * time_s),
    "hum 60 Hz": lambda time_s: 0.1 * np.sin(2 * np.pi * 60 * time_s),
    "rumble 10 Hz": lambda time_s: 0.1 * np.sin(2 * np.pi * 10 * time_s),
    "rumble 25 Hz": lambda time_s: 0.1 * np.sin(2 * np.pi * 25 * time_s),
    "all at once": lambda time_s: 0.1 + sum(0.1 * np.sin(2 * np.pi * hz * time_s) for hz in (10, 50)),
}


def spoilt(sound, low):
    added = sound + 32768 * LOW_SOUND[low](np.arange(len(sound)) / RATE)
    return np.clip(np.rint(added), -32768, 32767).astype(np.int16)


@pytest.mark.parametrize("low", LOW_SOUND)
@pytest.mark.parametrize("source", ["spoken", "voiced"])
def test_sound_below_speech_does_not_count(model_path, by_loudness, low, source, request):
    speech = (0.6 * request.getfixturevalue(source)).astype(np.int16)
    hiss = np.random.default_rng(1).normal(0, 3, len(speech) + 2 * RATE)
    sound = np.rint(np.concatenate([silence(1.0), speech, silence(1.0)]) + hiss).astype(np.int16)
    # The buzz is no speech to Silero.
    activity = SpeechActivity(on=CLIP_ON) if source == "spoken" else by_loudness()
    clean, other = (
        VoiceClassifier(model_path).judge_clip(hear_clip(heard, activity))
        for heard in (sound, spoilt(sound, low))
    )
    assert snr_reliability(other.snr_db) == pytest.approx(snr_reliability(clean.snr_db), rel=0.1)
    assert other.level_dbfs == pytest.approx(clean.level_dbfs, abs=0.5)
    assert other.speech_s == pytest.approx(clean.speech_s, abs=0.1)


def test_no_voice(classifier):
    for sound in (silence(2.0), silence(0.0), np.ones(10, np.float32)):
        result = classifier.classify_clip(sound)
        assert result.probabilities is None
        assert result.reason == "no_voice"


def test_another_sample_rate_is_refused(classifier, spoken):
    with pytest.raises(ValueError, match="16000"):
        classifier.classify_clip(spoken, 44_100)
    with pytest.raises(ValueError, match="mono"):
        classifier.classify_clip(np.stack([spoken, spoken]))


def test_long_clips_are_judged_in_stretches(spoken, by_loudness):
    sound = np.concatenate([spoken, spoken, silence(JOIN_S + 1.0), spoken])
    heard = hear_clip(sound, by_loudness())
    assert len(heard.vectors) >= 4
    assert heard.speech_s == pytest.approx(3 * len(spoken) / RATE, abs=0.8)
