import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoedge.text.features import CONCEDED, DENIED, Hasher, frequency

WORDS = st.lists(st.text("abceñno", min_size=1, max_size=8), min_size=1, max_size=12)


@pytest.fixture(scope="module")
def hasher():
    return Hasher(20, 20)


def _features(hasher, lines, index):
    batch = hasher(lines)
    word, char = batch.word_line == index, batch.char_line == index
    return (
        sorted(zip(batch.word[word].tolist(), batch.word_value[word].tolist(), strict=True)),
        sorted(zip(batch.char[char].tolist(), batch.char_value[char].tolist(), strict=True)),
    )


@given(WORDS, st.lists(WORDS, max_size=4), st.integers(0, 4))
def test_features_do_not_depend_on_the_batch(hasher, words, others, place):
    line = " ".join(words)
    lines = [" ".join(other) for other in others]
    place = min(place, len(lines))
    lines.insert(place, line)
    assert _features(hasher, lines, place) == _features(hasher, [line], 0)


def test_features_stay_the_same_when_the_tables_grow():
    small, large = Hasher(20, 20), Hasher(20, 20)
    large(["palabra " * 20_000])
    assert _features(small, ["hola mundo"], 0) == _features(large, ["hola mundo"], 0)


def test_features_of_known_values(hasher):
    # Frozen: the hashes are part of the model format. If this fails, the shipped model must be trained again.
    assert hasher.word_buckets(["contento", "tristeza", "ñandu", "😂"]).tolist() == [
        68880,
        560364,
        437150,
        310770,
    ]
    batch = hasher(["no estoy contento"])
    assert batch.word.tolist() == [562769, 750632, 151748, 861656, 125708, 68880]
    assert zlib.crc32(batch.char.astype("<u4").tobytes()) == 2684761579


def test_counts_of_features(hasher):
    batch = hasher(["ab cd"])
    # Two words and one pair; of each word: 3 + 2 + 1 stretches of " ab " of sizes 2, 3 and 4 less the ones of
    # two blanks.
    assert len(batch.word) == 3
    assert len(batch.char) == 2 * (3 + 2)


def test_a_negated_word_is_a_feature_of_its_own_and_counts_against_itself(hasher):
    plain, denied = hasher(["felices"]), hasher(["no felices"])
    word = hasher.word_buckets(["felices"])[0]
    assert dict(zip(plain.word, plain.word_value, strict=True))[word] == 1
    values = dict(zip(denied.word, denied.word_value, strict=True))
    assert values[word] == DENIED
    assert sum(value == 1 for value in values.values()) == 3  # "no", the denied word, the pair
    own = dict(zip(denied.char, denied.char_value, strict=True))
    assert all(own[bucket] == DENIED for bucket in plain.char.tolist())


def test_words_before_pero_count_less(hasher):
    batch = hasher(["triste pero feliz", "feliz"])
    triste, feliz = hasher.word_buckets(["triste", "feliz"])
    first = batch.word_line == 0
    values = dict(zip(batch.word[first], batch.word_value[first], strict=True))
    assert values[triste] == np.float32(CONCEDED)
    assert values[feliz] == 1
    far = hasher(["lejos a b c d e f g h pero ya"])
    assert far.word_value[far.word == hasher.word_buckets(["lejos"])[0]] == 1


def test_a_pero_turns_nothing_in_the_line_before(hasher):
    assert _features(hasher, ["triste", "pero feliz"], 0) == _features(hasher, ["triste"], 0)


def test_frequency_is_odd_and_grows_slowly():
    np.testing.assert_allclose(
        frequency(np.array([-0.5, 0, 0.3, 1, np.e, -np.e], np.float32)), [-0.5, 0, 0.3, 1, 2, -2], rtol=1e-6
    )


@pytest.mark.parametrize(
    ("line", "negated"),
    [
        ("estoy contento", []),
        ("no estoy contento", ["contento"]),
        ("no estoy contento hoy", ["contento"]),
        ("no estoy nada contento", ["contento"]),
        ("no me ha gustado nada el regalo", ["gustado", "regalo"]),
        ("no vino pero estoy contento", ["vino"]),
        ("no pero contento", []),
        ("no es que a mi me guste", []),
        ("contento sin miedo", ["miedo"]),
        ("no", []),
    ],
)
def test_scope_of_a_negation(hasher, line, negated):
    words = line.split()
    flags = hasher.negated(hasher.word_hashes(words), np.zeros(len(words), np.intp))
    assert [word for word, flag in zip(words, flags, strict=True) if flag] == negated


def test_a_negation_ends_with_its_line(hasher):
    assert _features(hasher, ["no", "estoy contento"], 1) == _features(hasher, ["estoy contento"], 0)


def test_lines_without_words_have_no_features(hasher):
    batch = hasher(["", "", ""])
    assert len(batch.word) == len(batch.char) == 0
