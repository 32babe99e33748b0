"""The Python interface: every public name, its home, its documentation."""

from __future__ import annotations

import inspect
import subprocess
import sys
from typing import get_args

import emoedge
from emoedge.errors import EmoedgeError


def test_every_public_name_is_there_and_documented():
    assert dir(emoedge) == sorted(emoedge.__all__)
    for name in emoedge.__all__:
        value = getattr(emoedge, name)
        if name != "__version__":
            assert name in emoedge.__doc__
        if inspect.isclass(value) or inspect.isfunction(value):
            assert inspect.getdoc(value)


def test_the_tree_of_errors_is_the_one_printed():
    def tree(error: type[Exception], depth: int) -> list[str]:
        below = sorted(error.__subclasses__(), key=lambda one: one.__name__)
        inside = [one for one in below if one.__module__ == EmoedgeError.__module__]
        return ["    " * depth + error.__name__, *(line for one in inside for line in tree(one, depth + 1))]

    assert "\n".join(tree(EmoedgeError, 1)) in emoedge.__doc__


def test_every_outcome_is_public_and_has_a_time_and_a_payload():
    for outcome in get_args(emoedge.Outcome):
        assert getattr(emoedge, outcome.__name__) is outcome
        assert hasattr(outcome, "time_s")
        assert callable(outcome.to_payload)


def test_the_package_itself_imports_its_version_only():
    code = "import sys, emoedge; print([m for m in sys.modules if m.startswith('emoedge.')])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert loaded.strip() == "['emoedge.version']"
