import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emoedge.emotions import EMOTIONS, leader
from emoedge.errors import ModelError
from emoedge.text.features import Hasher
from emoedge.text.model import BATCH, MessageWeights, Table, TextEmotionModel
from emoedge.text.tokens import normalize
from emoedge.text.words import FILLERS, LIGHT

MODEL = Path(__file__).resolve().parents[2] / "models" / "text_emotion.npz"


@pytest.fixture(scope="module")
def model():
    return TextEmotionModel.load(MODEL)


def _tiny(words):
    """A model with one head that knows the given words: word -> emotion."""
    hasher = Hasher(12, 12)
    used = np.zeros(1 << 12, bool)
    buckets = hasher.word_buckets(list(words))
    used[buckets] = True
    weights = np.zeros((int(used.sum()), 8), np.int8)
    for bucket, emotion in zip(buckets, words.values(), strict=True):
        weights[np.count_nonzero(used[:bucket]), EMOTIONS.index(emotion)] = 100
    word = Table(used, weights, np.full(8, 0.05, np.float32), np.ones(len(weights), np.float32))
    none = Table(
        np.zeros(1 << 12, bool), np.zeros((0, 8), np.int8), np.ones(8, np.float32), np.zeros(0, np.float32)
    )
    return MessageWeights(
        word, none, np.zeros(8, np.float32), (tuple(range(7)),), np.ones(1, np.float32), 1.0
    )


def test_every_output_has_its_own_label():
    words = {f"palabra{chr(97 + index)}": emotion for index, emotion in enumerate(EMOTIONS)}
    model = TextEmotionModel(_tiny(words))
    for word, emotion in words.items():
        assert leader(model.classify(word)) == emotion


def test_posterior_follows_the_weights():
    # One word with weight 5 against zeros: e^5 / (e^5 + 6).
    posterior = TextEmotionModel(_tiny({"alegre": "happiness"})).classify("Alegre")
    assert posterior[3] == pytest.approx(np.exp(5) / (np.exp(5) + 6), abs=1e-5)
    assert posterior[0] == pytest.approx(1 / (np.exp(5) + 6), abs=1e-5)


def test_degree_sharpens_and_flattens_but_keeps_the_leader():
    model = TextEmotionModel(_tiny({"alegre": "happiness"}))
    weak, plain, strong = (model.classify(text) for text in ("un poco alegre", "alegre", "muy alegre"))
    assert weak[3] < plain[3] < strong[3]


def test_save_and_load_give_the_same_answers(tmp_path):
    weights = _tiny({"alegre": "happiness", "triste": "sadness"})
    weights.save(tmp_path / "tiny.npz")
    loaded = TextEmotionModel.load(tmp_path / "tiny")
    for text in ("alegre", "triste", "alegre triste"):
        np.testing.assert_allclose(loaded.classify(text), TextEmotionModel(weights).classify(text), atol=1e-3)


def test_missing_model_has_a_remedy(tmp_path):
    with pytest.raises(ModelError, match="missing") as caught:
        TextEmotionModel.load(tmp_path / "text_emotion")
    assert caught.value.remedy


@pytest.mark.parametrize("damage", ["truncate", "garbage", "flip"])
def test_damaged_model_is_refused(tmp_path, damage):
    path = tmp_path / "tiny.npz"
    _tiny({"alegre": "happiness"}).save(path)
    content = path.read_bytes()
    broken = {
        "truncate": content[: len(content) // 2],
        "garbage": b"no model at all",
        "flip": content[:60] + bytes(200) + content[260:],
    }[damage]
    path.write_bytes(broken)
    with pytest.raises(ModelError):
        TextEmotionModel.load(path)


def test_a_few_changed_bytes_are_refused_or_harmless(tmp_path):
    path = tmp_path / "tiny.npz"
    _tiny({"alegre": "happiness"}).save(path)
    content = path.read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(200):
        changed = bytearray(content)
        for _ in range(rng.integers(1, 4)):
            changed[rng.integers(len(changed))] = rng.integers(256)
        path.write_bytes(bytes(changed))
        try:
            TextEmotionModel.load(path).classify("alegre hoy")
        except ModelError:
            refused += 1
    assert refused > 100


def test_model_of_another_label_order_is_refused(tmp_path):
    path = tmp_path / "tiny.npz"
    _tiny({"alegre": "happiness"}).save(path)
    with np.load(path) as file:
        arrays = dict(file)
    settings_ = json.loads(arrays["settings"].tobytes())
    settings_["emotions"].reverse()
    arrays["settings"] = np.frombuffer(json.dumps(settings_).encode(), np.uint8)
    np.savez(path, **arrays)
    with pytest.raises(ModelError, match="version"):
        TextEmotionModel.load(path)


@pytest.mark.parametrize(
    "text",
    ["", "   ", "...", "eh", "pues bueno", "123", "@alguien", "https://example.org", "日本語", "\x00\ud800"],
)
def test_text_with_nothing_to_go_on_has_no_opinion(model, text):
    assert model.classify(text) is None


def test_unknown_words_have_no_opinion():
    assert TextEmotionModel(_tiny({"alegre": "happiness"})).classify("zarrapastroso") is None


def test_a_flat_posterior_is_no_opinion():
    assert TextEmotionModel(_tiny({"alegre": "happiness"})).classify("alegre") is not None
    flat = _tiny({"alegre": "happiness"})
    flat.word.weights[:] = 0
    assert TextEmotionModel(flat).classify("alegre") is None


def test_emoji_alone_have_an_opinion(model):
    assert leader(model.classify("😂😂😂")) == "happiness"


@pytest.mark.parametrize(
    ("text", "emotion"),
    [
        ("estoy muy contenta con la fiesta", "happiness"),
        ("estoy muy triste por la muerte de mi abuelo", "sadness"),
        ("tengo mucho miedo de los fantasmas", "fear"),
        ("qué asco de comida", "disgust"),
        ("qué sorpresa no me lo esperaba", "surprise"),
    ],
)
def test_shipped_model_knows_plain_feelings(model, text, emotion):
    assert leader(model.classify(text)) == emotion


def test_batch_and_single_agree(model):
    texts = ["estoy contenta", "", "qué miedo", "no me gusta nada", "eh", "vaya susto"] * (BATCH // 4)
    for text, together in zip(texts, model.classify_batch(texts), strict=True):
        alone = model.classify(text)
        assert (alone is None) == (together is None)
        if alone is not None:
            np.testing.assert_allclose(alone, together, atol=1e-5)


def test_stream_holds_one_batch_only(model):
    taken = 0

    def texts():
        nonlocal taken
        for _ in range(10 * BATCH):
            taken += 1
            yield "estoy contenta"

    answers = model.classify_stream(texts())
    next(answers)
    assert taken == BATCH
    assert sum(1 for _ in answers) == 10 * BATCH - 1


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(blacklist_categories=()), max_size=300))
def test_any_text_gives_a_posterior_or_nothing(model, text):
    posterior = model.classify(text)
    if posterior is not None:
        assert posterior.shape == (7,)
        assert posterior.dtype == np.float32
        assert posterior.sum() == pytest.approx(1, abs=1e-5)
        assert np.all(posterior >= 0)


@pytest.mark.parametrize("text", ["a" * 1_000_000, "\n" * 1_000_000, "@" * 500_000, "(" * 500_000])
def test_huge_text_with_nothing_to_go_on_has_no_opinion(model, text):
    assert model.classify(text) is None


@pytest.mark.parametrize(
    ("text", "emotion"), [("😂" * 300_000, "happiness"), ("estoy muy contenta " * 60_000, "happiness")]
)
def test_huge_text_is_answered_like_its_beginning(model, text, emotion):
    posterior = model.classify(text)
    assert leader(posterior) == emotion
    assert posterior.sum() == pytest.approx(1, abs=1e-5)


def test_fillers_are_written_as_normalized():
    assert all(normalize(word) == word for word in FILLERS | LIGHT)


def test_shipped_model_is_small():
    assert MODEL.stat().st_size <= 4_000_000
