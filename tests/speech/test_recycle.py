"""When a recogniser is built again."""

from __future__ import annotations

from emoedge.speech.recycle import RecyclePolicy


def test_recycling_follows_use_and_memory() -> None:
    policy = RecyclePolicy(max_sound_h=2.0, max_growth_mb=100.0)
    assert policy.reason(1.99, 99.9) is None
    assert policy.reason(0.0, None) is None
    assert policy.reason(2.0, None) == "2.0 h of audio recognised"
    assert policy.reason(0.0, 100.0) == "memory grown by 100 MB"
