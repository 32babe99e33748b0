"""One segment in the index."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from emoedge.record.index_entry import families, name_of
from emoedge.record.names import ALL_SUFFIXES, new_segment_id

from .test_store import NOW


@given(
    st.lists(st.sampled_from([*ALL_SUFFIXES, ".html", ".report.json", "/.mp4.Ab12", ".keep"]), unique=True)
)
def test_names_and_suffixes_go_both_ways(suffixes):
    segment_id = new_segment_id(NOW)
    names = [name_of(segment_id, suffix) for suffix in suffixes]
    assert families(["notes.txt", *names]) == ({segment_id: tuple(sorted(suffixes))} if names else {})
