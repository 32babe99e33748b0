"""The curve of the last minutes."""

from __future__ import annotations

from emoedge.watch.curve import RecentStates

from .test_view import full_state, shown


def test_the_curve_names_what_was_felt(builder):
    curve = RecentStates()
    curve.add(0.0, "sadness", 0.9)
    curve.add(100.0, None, 0.0)
    curve.add(130.0, "happiness", 0.4)
    bars, names = curve.lines(180.0, 90, "es")
    assert bars.cell_len == 90
    assert names.plain.split() == ["tristeza", "alegría"]
    assert "·" in bars.plain
    assert bars.plain[:10] != bars.plain[-10:], "how sure it was is the height"
    assert "últimos minutos" in "".join(shown(full_state(builder), 100, 45))
    assert "últimos minutos" not in "".join(shown(full_state(builder), 80, 24))
