"""Names of segments, from outside too."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoedge.errors import RecordingError
from emoedge.record.names import is_segment_id
from emoedge.record.store import Store

from .test_store import NOW, put


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "/etc/passwd", "", ".", "20260101T000000Z-0123abcd/../x", "x" * 5000, "a\x00b", "*"],
)
def test_names_from_outside_cannot_leave_the_store(tmp_path, name):
    put(tmp_path, NOW)
    with pytest.raises(RecordingError, match="no segment"):
        Store(tmp_path).find(name)


@given(st.text())
def test_an_id_is_one_plain_file_name(name):
    if is_segment_id(name):
        assert Path(name).name == name
        assert name.isascii()
