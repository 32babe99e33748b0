"""Words that make others stronger or weaker."""

import pytest
from hypothesis import given

from emoedge.text.tokens import normalize
from emoedge.text.words import degree

from .test_tokens import ANY_TEXT


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("estoy contento", ("estoy contento", 0)),
        ("estoy muy contento", ("estoy contento", 1)),
        ("un poco triste", ("triste", -1)),
        ("da algo de asco", ("da asco", -1)),
        ("un miedo terrible", ("un miedo terrible", 1)),
        ("alegre a mas no poder", ("alegre", 1)),
        ("algo muy feo", ("feo", 0)),
        ("mucho", ("mucho", 1)),
        ("", ("", 0)),
    ],
)
def test_degree(line, expected):
    assert degree(line) == expected


@given(ANY_TEXT)
def test_degree_never_empties_a_line(text):
    line = normalize(text)
    assert bool(degree(line)[0]) == bool(line)
