"""Expected errors: what is wrong, what to do, and the exit code."""

from __future__ import annotations

import pickle

import pytest

from emoedge import errors
from emoedge.errors import ConfigError, EmoedgeError

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, EmoedgeError)]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_the_remedy_follows_in_brackets(kind):
    assert str(kind("a is not b", "write c")) == "a is not b (write c)"
    assert str(kind("a is not b")) == "a is not b"
    assert kind.exit_code == (2 if kind is ConfigError else 1)


def test_an_error_of_a_worker_process_arrives_with_its_remedy():
    back = pickle.loads(pickle.dumps(EmoedgeError("a", "b")))
    assert (back.message, back.remedy) == ("a", "b") or str(back) == "a (b)"
