"""The training of the message model: what it fits is what the device computes, and no group is on two sides."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("scipy")

from emoedge.emotions import EMOTION_COUNT, EMOTIONS, INDEX, softmax
from emoedge.speech.message import MessageModel
from emoedge.speech.text_features import Hasher
from emoedge.speech.text_tokens import normalize
from training.text import data, linear, templates, train
from training.text.augment import Recognizer, as_transcript, sound
from training.text.measures import Answers, calibration_error, f1_scores

LINES = [
    "qué alegría me da verte", "estoy contenta hoy", "me encanta la fiesta",
    "qué asco de comida", "huele a podrido", "me da asco",
    "no me da miedo nada", "tengo miedo del perro", "estoy asustada por el ruido",
    "no estoy contenta", "no me gusta nada", "el tren sale a las nueve",
]  # fmt: skip
LABELS = ["happiness"] * 3 + ["disgust"] * 3 + ["fear"] * 3 + ["sadness"] * 2 + ["neutral"]
SETTINGS = linear.Settings(
    word_bits=10, char_bits=10, min_count=1, own=0.01, shared=0.01, gate=0.01, rounds=2, iterations=25
)


@pytest.fixture(scope="module")
def toy():
    target = np.zeros((len(LINES), linear.HEADS, EMOTION_COUNT), np.float32)
    for index, name in enumerate(LABELS):
        target[index, :, INDEX[name]] = 1
    weight = np.ones((len(LINES), linear.HEADS), np.float32)
    origin = np.arange(len(LINES)) % linear.HEADS
    rows = linear.Rows([normalize(line) for line in LINES], origin, target, weight)
    hasher = Hasher(SETTINGS.word_bits, SETTINGS.char_bits)
    counted = linear.counts(rows.lines, hasher)
    vocabulary = linear.Vocabulary(*(linear.inverse_frequencies(part, 1) for part in counted))
    features = linear.design(*counted, vocabulary)
    return rows, features, vocabulary, linear.fit(features, rows, SETTINGS)


def test_fit_learns_the_labels_of_each_head(toy):
    rows, features, _, fitted = toy
    logits = features @ fitted.weights + fitted.bias
    start = 0
    for head, labels in enumerate(linear.HEAD_LABELS):
        said = labels[logits[:, start : start + len(labels)].argmax(axis=1)]
        truth = rows.target[:, head].argmax(axis=1)
        has = np.isin(truth, labels)
        np.testing.assert_array_equal(said[has], truth[has])
        start += len(labels)
    np.testing.assert_array_equal(logits[:, start:].argmax(axis=1), rows.origin)


def test_a_broken_off_search_goes_on_to_the_same_weights(toy, tmp_path, monkeypatch):
    rows, features, _, whole = toy
    linear.fit(features, rows, replace(SETTINGS, rounds=1), tmp_path)
    resumed = linear.fit(features, rows, SETTINGS, tmp_path)
    np.testing.assert_array_equal(resumed.weights, whole.weights)
    # All rounds are done: nothing is searched any more.
    monkeypatch.setattr(linear, "minimize", None)
    np.testing.assert_array_equal(linear.fit(features, rows, SETTINGS, tmp_path).weights, whole.weights)


def test_the_device_computes_what_was_fitted(toy):
    rows, features, vocabulary, fitted = toy
    weights = train.quantize(fitted, vocabulary)
    restored = np.concatenate([part.weights * part.scale for part in (weights.word, weights.char)])
    logits = features @ restored + fitted.bias
    model = MessageModel(weights)
    answer = model.outputs(rows.lines)
    start = 0
    for head, labels in enumerate(linear.HEAD_LABELS):
        expected = softmax(logits[:, start : start + len(labels)])
        np.testing.assert_allclose(answer.heads[:, head][:, labels], expected, atol=1e-4)
        start += len(labels)
    np.testing.assert_allclose(answer.gate, softmax(logits[:, start:], train.GATE_TEMPERATURE), atol=1e-4)


def test_int8_changes_little(toy):
    _, features, vocabulary, fitted = toy
    weights = train.quantize(fitted, vocabulary)
    restored = np.concatenate([part.weights * part.scale for part in (weights.word, weights.char)])
    assert np.abs(features @ restored - features @ fitted.weights).max() < 0.05


def test_a_head_without_a_label_never_says_it(toy):
    rows, _, vocabulary, fitted = toy
    answer = MessageModel(train.quantize(fitted, vocabulary)).outputs(rows.lines)
    assert np.all(answer.heads[:, data.DOMAINS.index("brighter"), INDEX["neutral"]] == 0)
    assert np.all(answer.heads[:, data.DOMAINS.index("meacorpus"), INDEX["surprise"]] == 0)
    np.testing.assert_allclose(answer.probabilities.sum(axis=1), 1, atol=1e-5)


def test_transcript_has_words_alone():
    assert as_transcript("¡Qué MIEDO! 😱 @ana #NoMás https://example.org :(") == "que miedo no mas"


@pytest.mark.parametrize(
    ("one", "other"), [("haber", "aver"), ("vaca", "baca"), ("pollo", "poyo"), ("zumo", "sumo")]
)
def test_words_that_sound_alike_share_a_key(one, other):
    assert sound(one) == sound(other)


def test_recognition_errors_stay_near_and_are_repeatable():
    texts = ["la casa de mi hermana", "la caza de mi hermano", "vamos a la casa"] * 3
    recognizer = Recognizer(texts)
    assert "caza" in recognizer.confusions("casa")
    line = "vamos a la casa de mi hermana " * 20
    once = recognizer.garble(line.strip(), np.random.default_rng(3))
    assert once == recognizer.garble(line.strip(), np.random.default_rng(3))
    assert once != line.strip()
    same = len(set(once.split()) & set(line.split()))
    assert same >= 6
    assert recognizer.garble("casa", np.random.default_rng(0), strength=1e9) != ""


def test_made_sentences_have_targets_that_sum_to_one():
    made = templates.sentences(np.random.default_rng(0))
    assert len(made) > 1000
    assert all(item.target.sum() == pytest.approx(1) for item in made)
    denied = [item for item in made if item.text.startswith("no siento alegría")]
    assert denied
    assert all(item.target[INDEX["happiness"]] == 0 for item in denied)


@pytest.fixture(scope="module")
def corpus(shared_dir):
    return data.load(shared_dir / "data")


def test_no_group_is_on_two_sides(corpus):
    groups = {(example.domain, example.group) for example in corpus.train}
    assert groups.isdisjoint((example.domain, example.group) for example in corpus.dev)
    letters = {data.letters_of(example.text) for example in corpus.dev}
    assert letters.isdisjoint(data.letters_of(example.text) for example in corpus.train)
    assert {example.domain for example in corpus.dev} >= set(data.DOMAINS)


def test_labels_are_read_into_their_places(corpus):
    lament = next(example for example in corpus.dev if example.text.startswith("Lástima que este roast"))
    assert EMOTIONS[lament.label] == "sadness"
    assert lament.single


def test_scores():
    truth, said = np.array([0, 0, 1, 1]), np.array([0, 1, 1, -1])
    np.testing.assert_allclose(f1_scores(truth, said, [0, 1]), [2 / 3, 1 / 2])
    sure = Answers(truth, said, np.array([1.0, 1.0, 1.0, 0.0]), (0, 1))
    assert calibration_error(sure) == pytest.approx(1 / 3)
