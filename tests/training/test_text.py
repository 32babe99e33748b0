"""The training of the text model: what it fits is what the device computes, and no group is on two sides."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("scipy")

from emoedge.emotions import EMOTION_COUNT, EMOTIONS, INDEX, softmax
from emoedge.evaluation.measures import NO_OPINION
from emoedge.text.features import Hasher
from emoedge.text.model import Outputs, TextEmotionModel
from emoedge.text.tokens import normalize
from training.text import crossval, data, evaluate, linear, talk, teacher, templates, train
from training.text.augment import Recognizer, as_spoken, as_transcript, sound
from training.text.calibration import Asked, offsets, sharpen, shifted, temperatures
from training.text.measures import Answers, calibration_error, f1_scores
from training.text.names import NAMES, swap

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
    rows, lines = linear.Rows(origin, target, weight), [normalize(line) for line in LINES]
    hasher = Hasher(SETTINGS.word_bits, SETTINGS.char_bits)
    counted = linear.counts(lines, hasher)
    vocabulary = linear.Vocabulary(*(linear.inverse_frequencies(part, 1) for part in counted))
    features = linear.design(*counted, vocabulary)
    return rows, features, vocabulary, linear.fit(features, rows, SETTINGS)


@pytest.mark.numerical
def test_fit_learns_the_labels_of_each_head(toy, record_property):
    rows, features, _, fitted = toy
    logits = features @ fitted.weights + fitted.bias
    posteriors = []
    start = 0
    for head, labels in enumerate(linear.HEAD_LABELS):
        posteriors.append(softmax(logits[:, start : start + len(labels)]))
        said = labels[posteriors[-1].argmax(axis=1)]
        truth = rows.target[:, head].argmax(axis=1)
        has = np.isin(truth, labels)
        np.testing.assert_array_equal(said[has], truth[has])
        start += len(labels)
    np.testing.assert_array_equal(logits[:, start:].argmax(axis=1), rows.origin)
    record_property("posteriors", np.concatenate(posteriors, axis=1).ravel().tolist())


def test_a_broken_off_search_goes_on_to_the_same_weights(toy, tmp_path, monkeypatch):
    rows, features, _, whole = toy
    linear.fit(features, rows, replace(SETTINGS, rounds=1), tmp_path)
    resumed = linear.fit(features, rows, SETTINGS, tmp_path)
    np.testing.assert_array_equal(resumed.weights, whole.weights)
    # All rounds are done: nothing is searched any more.
    monkeypatch.setattr(linear, "minimize", None)
    np.testing.assert_array_equal(linear.fit(features, rows, SETTINGS, tmp_path).weights, whole.weights)


def test_the_device_computes_what_was_fitted(toy):
    _, features, vocabulary, fitted = toy
    weights = train.quantize(fitted, vocabulary)
    restored = np.concatenate([part.weights * part.scale for part in (weights.word, weights.char)])
    logits = features @ restored + fitted.bias
    model = TextEmotionModel(weights)
    answer = model.outputs([normalize(line) for line in LINES])
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
    _, _, vocabulary, fitted = toy
    answer = TextEmotionModel(train.quantize(fitted, vocabulary)).outputs([normalize(line) for line in LINES])
    assert np.all(answer.heads[:, data.DOMAINS.index("brighter"), INDEX["neutral"]] == 0)
    assert np.all(answer.heads[:, data.DOMAINS.index("meacorpus"), INDEX["surprise"]] == 0)
    np.testing.assert_allclose(answer.probabilities.sum(axis=1), 1, atol=1e-5)


def test_transcript_has_words_alone():
    assert as_transcript("¡Qué MIEDO! 😱 @ana #NoMás https://example.org :(") == "que miedo no mas"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("¡Qué MIEDO! @ana_23 #NoMás #miedo2019 https://example.org", "que miedo"),
        ("#DíaDelLibro @<username> leemos juntos", "leemos juntos"),
        ("#Feliz #Viernes", "feliz viernes"),
    ],
)
def test_nobody_says_a_hashtag_or_a_mention(written, said):
    # Unless there is nothing else.
    assert as_spoken(written) == said


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


def test_given_names_are_exchanged_and_nothing_else():
    rng = np.random.default_rng(0)
    text = "Hola, Lucía: la rosa de Pedro está en el sol"
    swapped = {swap(text, rng) for _ in range(20)}
    assert len(swapped) > 10
    for line in swapped:
        hello, first, *middle, second, stands, within, article, sun = (
            line.replace(",", "").replace(":", "").split()
        )
        assert {first, second} <= set(NAMES)
        assert [hello, *middle, stands, within, article, sun] == [
            "Hola",
            "la",
            "rosa",
            "de",
            "está",
            "en",
            "el",
            "sol",
        ]


@pytest.mark.numerical
def test_temperatures_make_confidence_true(record_property):
    # Heads that are sure and right half of the time have to be flattened, by themselves, whatever the gate
    # says.
    rng = np.random.default_rng(1)
    count = 3000
    origin = rng.integers(len(data.DOMAINS), size=count)
    truth = np.array([rng.choice(linear.HEAD_LABELS[head]) for head in origin])
    heads = np.full((count, linear.HEADS, EMOTION_COUNT), 1e-3, np.float32)
    for row, head in enumerate(origin):
        said = truth[row] if rng.random() < 0.5 else rng.choice(linear.HEAD_LABELS[head])
        heads[row, :, said] = 0.994
    gate = np.eye(linear.HEADS, dtype=np.float32)[origin]
    asked = Asked(
        Outputs(heads, gate, np.ones((linear.HEADS, EMOTION_COUNT), np.float32)), truth, origin, origin
    )

    def error(posterior):
        return calibration_error(Answers(truth, posterior.argmax(axis=1), posterior.max(axis=1), ()))

    found = temperatures(asked)
    record_property("temperatures", found.tolist())
    chosen = sharpen(asked.outputs, np.log(found))
    assert error(sharpen(asked.outputs, np.zeros(linear.HEADS))) > 0.3
    # Ten bins of 300 rows that are right half of the time differ from a true confidence by 0.023 on average,
    # by chance.
    assert error(chosen) < 0.05
    for head in range(len(data.DOMAINS)):
        own = origin == head
        # The log loss has one minimum, where they are equal: 0.001 is a thousand times what the search leaves
        # over.
        share_right = np.mean(chosen[own].argmax(axis=1) == truth[own])
        assert chosen[own].max(axis=1).mean() == pytest.approx(share_right, abs=1e-3)
    assert asked.without(1).truth.shape == (np.sum(origin != 1),)


@pytest.mark.numerical
@pytest.mark.parametrize("head", range(len(data.DOMAINS)))
def test_offsets_help_the_class_that_is_always_second(head, record_property):
    labels = linear.HEAD_LABELS[head]
    truth = np.tile(labels, 100)
    count = len(truth)
    heads = np.zeros((count, linear.HEADS, EMOTION_COUNT), np.float32)
    heads[:, :, labels] = 0.05
    heads[np.arange(count), :, truth] = 0.7
    late = truth == INDEX["disgust"]
    heads[late, :, INDEX["disgust"]], heads[late, :, INDEX["anger"]] = 0.35, 0.4
    gate = np.zeros((count, linear.HEADS), np.float32)
    gate[:, head] = 1
    outputs = Outputs(heads, gate, np.ones((linear.HEADS, EMOTION_COUNT), np.float32))
    origin = np.full(count, head)
    asked = Asked(outputs, truth, origin, origin)
    assert np.all(asked.outputs.probabilities.argmax(axis=1)[late] == INDEX["anger"])
    chosen = offsets(asked)
    record_property("offsets", chosen.ravel().tolist())
    better = shifted(asked, chosen).outputs
    np.testing.assert_array_equal(better.probabilities.argmax(axis=1), truth)
    others = np.arange(len(data.DOMAINS)) != head
    assert not chosen[others].any()
    assert not chosen[head, ~np.isin(np.arange(EMOTION_COUNT), labels)].any()


def test_made_sentences_have_targets_that_sum_to_one():
    made = templates.sentences(np.random.default_rng(0))
    assert len(made) > 1000
    assert all(item.target.sum() == pytest.approx(1) for item in made)
    denied = [item for item in made if item.text.startswith("no siento alegría")]
    assert denied
    assert all(item.target[INDEX["happiness"]] == 0 for item in denied)


def test_a_pattern_is_one_of_its_parts():
    rng = np.random.default_rng(0)
    lists = {"who": ["ana", "leo"]}
    made = {talk.expand("(hoy |)viene (<who>|mi (tía|tío))", lists, rng) for _ in range(200)}
    assert made == {
        f"{when}viene {who}" for when in ("", "hoy ") for who in ("ana", "leo", "mi tía", "mi tío")
    }


def test_everyday_talk_is_made_whole_and_not_of_what_is_tested():
    made = list(talk.sentences(np.random.default_rng(4)))
    assert {name for _, name in made} == set(EMOTIONS)
    assert not [line for line, _ in made if set(line) & set("()|<>")]
    asked = talk.tested()
    assert len(asked) > 150
    assert talk.is_near("una sopa fría", [frozenset(("una", "sopa", "fria", "hoy"))])
    assert not any(talk.is_near(line, asked) for line, _ in made)


def test_a_set_left_out_has_no_teacher_and_no_say(monkeypatch, tmp_path):
    pytest.importorskip("sklearn")
    made = templates.sentences(np.random.default_rng(0))[:60]
    monkeypatch.setattr(templates, "sentences", lambda _: made)
    rng = np.random.default_rng(0)
    words = {
        "anger": "rabia furia coraje",
        "sadness": "pena llanto tristeza",
        "happiness": "gozo risa fiesta",
    }
    examples = []
    for index in range(120):
        name = list(words)[index % 3]
        target = np.zeros(EMOTION_COUNT, np.float32)
        target[INDEX[name]] = 1
        text = f"tengo {rng.choice(words[name].split())} hoy"
        examples += [data.Example(text, domain, target, -1, str(index)) for domain in data.DOMAINS]
    vectors = np.array(
        [[example.label == label for label in range(EMOTION_COUNT)] for example in examples], np.float32
    )
    norms = {"rabia": dict.fromkeys(templates.NORM_EMOTIONS, 3.0)}
    material = train.assemble(examples, vectors, norms, SETTINGS, 1)
    weights = train.leave_out(material, "emoevent", tmp_path, SETTINGS)
    assert (tmp_path / crossval.LEFT_OUT.format("emoevent")).exists()
    answer = TextEmotionModel(weights).outputs([normalize(example.text) for example in examples[:40]])
    left_out = data.DOMAINS.index("emoevent")
    assert answer.gate[:, left_out].max() < 0.05
    judged = crossval.answers_left_out(examples, "emoevent", tmp_path, as_spoken)
    assert len(judged) == 120
    right = [
        posterior is not None and int(posterior.argmax()) == example.label for example, posterior in judged
    ]
    assert np.mean(right) > 0.9


def test_what_is_said_is_looked_for_among_the_labels_of_the_set():
    posterior = np.array([0.2, 0.0, 0.0, 0.1, 0.1, 0.0, 0.6], np.float32)
    given = evaluate._answers([posterior, None], [INDEX["anger"], INDEX["fear"]], "brighter")
    assert list(given.said) == [INDEX["anger"], NO_OPINION]
    assert given.confidence == pytest.approx([0.5, 0.0])


@pytest.fixture(scope="module")
def corpus(shared_dir):
    return data.load(shared_dir / "data")


def test_no_group_is_on_two_sides(corpus):
    groups = {(example.domain, example.group) for example in corpus.train}
    assert groups.isdisjoint((example.domain, example.group) for example in corpus.dev)
    letters = {data.letters_of(example.text) for example in corpus.dev}
    assert letters.isdisjoint(data.letters_of(example.text) for example in corpus.train)
    assert {example.domain for example in corpus.dev} == {"brighter", "emoevent", "semeval", "tass"}


def test_folds_share_no_group_and_spread_the_rare_classes(corpus):
    pytest.importorskip("sklearn")
    of_fold = crossval.folds(corpus.train)
    labelled = np.array([example.domain in data.DOMAINS for example in corpus.train])
    np.testing.assert_array_equal(of_fold >= 0, labelled)
    seen: dict[tuple[str, str], int] = {}
    for example, number in zip(corpus.train, of_fold, strict=True):
        assert seen.setdefault((example.domain, example.group), int(number)) == number
    afraid = [
        int(number)
        for example, number in zip(corpus.train, of_fold, strict=True)
        if example.domain == "meacorpus" and example.label == INDEX["fear"]
    ]
    assert set(afraid) == set(range(crossval.FOLDS))


@pytest.mark.numerical
def test_the_baseline_is_fitted_on_the_other_folds(record_property):
    pytest.importorskip("sklearn")
    # Each text has a label of its own that no other text hints at: whoever was fitted on it would know it.
    rng = np.random.default_rng(0)
    examples = []
    for index in range(200):
        word = "".join(chr(ord("a") + letter) for letter in rng.integers(26, size=9))
        target = np.zeros(EMOTION_COUNT, np.float32)
        target[rng.integers(6)] = 1
        examples += [
            data.Example(f"hola {word} que tal", name, target, -1, str(index)) for name in data.DOMAINS
        ]
    of_fold = crossval.folds(examples)
    said = crossval.baseline(examples, of_fold, "brighter")
    record_property("folds", of_fold.tolist())
    truth = [example.label for example in examples if example.domain == "brighter"]
    # One in six is right by chance, with a standard deviation of 0.026; a baseline that has seen the row
    # knows them all.
    assert np.mean(said == truth) < 0.35


@pytest.mark.numerical
def test_no_row_is_judged_by_what_was_fitted_on_it(tmp_path, record_property):
    pytest.importorskip("sklearn")
    rng = np.random.default_rng(0)
    examples = []
    for index in range(90):
        target = np.zeros(EMOTION_COUNT, np.float32)
        target[(INDEX["anger"], INDEX["sadness"])[index % 2]] = 1
        examples += [data.Example("si", name, target, -1, str(index)) for name in data.DOMAINS]
    examples += [data.Example("no", "xed", np.zeros(EMOTION_COUNT, np.float32), -1, str(i)) for i in range(9)]
    labels = np.array([example.label for example in examples])
    own = np.array([data.DOMAINS.index(example.domain) for example in examples[:-9]])
    kept = np.arange(len(examples)) >= 8
    # Vectors that say nothing but which row it is: who was fitted on a row would know its label.
    apart = 5 * np.eye(len(examples), dtype=np.float32)
    said = teacher.opinions(examples, kept, apart, tmp_path)
    of_own = said[:-9][np.arange(len(own)), own]
    assert of_own[8:].max() < 0.6
    # Vectors that say the label: it is known, also of rows of other sets.
    telling = rng.normal(size=(len(examples), 4)).astype(np.float32) / 10
    telling[:, 0] = np.where(labels == INDEX["anger"], 1, -1)
    said = teacher.opinions(examples, kept, telling, tmp_path)
    record_property("opinions", said.ravel().tolist())
    np.testing.assert_array_equal(
        said[8:-9].argmax(axis=2), np.tile(labels[8:-9, None], (1, len(data.DOMAINS)))
    )
    np.testing.assert_allclose(said[8:].sum(axis=2), 1, atol=1e-5)
    assert not said[:8].any()


def test_semeval_teaches_several_emotions_as_shares_and_is_scored_on_rows_with_one(tmp_path):
    labels = [*data.SEMEVAL_LABELS, "anticipation", "love", "optimism", "pessimism", "trust"]
    rated = [f"{name}_intensity" for name in ("anger", "fear", "happiness", "sadness")]

    def row(text, marked, **values):
        cells = {"text": text} | {name: str(int(name in marked)) for name in labels} | {"valence": ""}
        return cells | dict.fromkeys(rated, "") | values

    made = [
        row("una", ["anger"], valence="0.25"),
        row("dos", ["anger", "sadness"], anger_intensity="0.2", sadness_intensity="0.6"),
        row("tres", []),
        row("cuatro", ["love"]),
    ]
    lines = ["\t".join(made[0]), *("\t".join(cells.values()) for cells in made)]
    path = tmp_path / "semeval.tsv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    one, two, none, loving = data._semeval(path)
    assert (one.label, one.is_scored, one.valence) == (INDEX["anger"], True, 0.25)
    assert two.target[INDEX["sadness"]] == pytest.approx(0.75)
    assert not two.is_scored
    assert none.target[INDEX["neutral"]] == 1
    assert none.single
    assert not none.is_scored
    assert loving.target[INDEX["happiness"]] == 1
    assert not loving.single


def test_labels_are_read_into_their_places(corpus):
    lament = next(example for example in corpus.dev if example.text.startswith("Lástima que este roast"))
    assert EMOTIONS[lament.label] == "sadness"
    assert lament.single


def test_scores():
    truth, said = np.array([0, 0, 1, 1]), np.array([0, 1, 1, -1])
    np.testing.assert_allclose(f1_scores(truth, said, [0, 1]), [2 / 3, 1 / 2])
    sure = Answers(truth, said, np.array([1.0, 1.0, 1.0, 0.0]), (0, 1))
    assert calibration_error(sure) == pytest.approx(1 / 3)
