"""Keys that send commands."""

from __future__ import annotations

from emoedge.watch.keys import control_of
from emoedge.watch.subscription import Received

from .test_view import full_state, shown


def test_keys_change_weights_and_help_is_there(builder):
    state = full_state(builder)
    assert control_of("f", state) is None, "not known yet"
    state.apply(Received("sala", "control/face_weight", "0.98"))
    state.apply(Received("sala", "control/margin", "0.2"))
    assert control_of("F", state) == ("face_weight", "1.00")
    assert control_of("m", state) == ("margin", "0.15")
    assert control_of("r", state) == ("record", "OFF")
    assert control_of("x", state) is None
    state.shows_help = True
    assert "menos o más peso de la cara" in "".join(shown(state, 80, 40))
