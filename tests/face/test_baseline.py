import numpy as np
import pytest

from emoedge.emotions import EMOTIONS, softmax
from emoedge.face.baseline import MEMORY, BaselineCard, PersonBaseline

NEUTRAL = EMOTIONS.index("neutral")
GENERAL = np.array([0, -1, -1, 0, 0.5, 0, 2.5], np.float32)


@pytest.fixture
def person():
    return PersonBaseline(BaselineCard(tuple(map(float, GENERAL)), 0.5, 3.0))


def learn(person, logits, count=1):
    for _ in range(count):
        person.update(logits, float(softmax(logits[None], 1.0)[0, NEUTRAL]))


def test_a_stranger_gets_the_answer_of_the_model(person):
    logits = np.random.default_rng(0).normal(size=(4, 7)).astype(np.float32)
    np.testing.assert_array_equal(person.adjusted(logits), logits)
    assert person.looks == 0


def test_a_stern_face_at_rest_is_taken_for_neutral_in_the_end(person):
    stern = GENERAL.copy()
    stern[EMOTIONS.index("anger")] = 2.7
    assert person.adjusted(stern[None])[0].argmax() == EMOTIONS.index("anger")
    learn(person, stern, 10)
    assert person.adjusted(stern[None])[0].argmax() == NEUTRAL
    assert person.looks == 10


def test_smiles_and_nothing_else_change_next_to_nothing(person):
    smile = np.array([-2, -3, -3, 6, -2, -1, -1], np.float32)
    learn(person, smile, 10)
    np.testing.assert_allclose(person.adjusted(GENERAL[None])[0], GENERAL, atol=0.05)


def test_a_face_like_the_general_one_changes_nothing(person):
    learn(person, GENERAL, 30)
    np.testing.assert_allclose(person.adjusted(GENERAL[None])[0], GENERAL, atol=1e-6)


def test_the_past_fades(person):
    one, other = GENERAL + 1, GENERAL - 1
    learn(person, one, 500)
    learn(person, other, 500)
    shift = GENERAL - person.adjusted(GENERAL[None])[0]
    np.testing.assert_allclose(shift, -0.5 * MEMORY / (MEMORY + 3), atol=0.01)


@pytest.mark.parametrize(
    "content",
    [
        {"neutral": [0.0] * 6, "strength": 0.5, "pseudo_count": 1.0},
        {"neutral": [0.0] * 7, "strength": 0.5, "pseudo_count": 0.0},
    ],
)
def test_a_card_that_does_not_fit(content):
    with pytest.raises(ValueError, match="does not fit"):
        BaselineCard.from_dict(content)
