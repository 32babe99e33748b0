"""What the live view remembers, for a while and bounded."""

from __future__ import annotations

from datetime import datetime, timezone

from emoedge.emotions import EMOTIONS
from emoedge.web.live_memory import LiveMemory

SEVEN = dict.fromkeys(EMOTIONS, 0.1) | {"happiness": 0.4}


def test_memory_holds_a_state_for_a_while():
    memory = LiveMemory()
    wall = datetime(2026, 11, 30, 20, 0, 20, tzinfo=timezone.utc)
    modalities = {"face": {"probabilities": SEVEN}}
    state = {"emotion": "happiness", "probabilities": SEVEN, "modalities": modalities, "reason": ""}
    memory.take("emotion", state, 100.2)
    memory.take("level", {"rms_dbfs": [], "speech": True}, 101.0)
    memory.take("level", {"rms_dbfs": [], "speech": False}, 102.0)
    found = memory.read(30, 120.5, wall)
    assert found["from"] == "2026-11-30T19:59:50.000Z"
    known = [row is not None for row in found["fused"]]
    assert known == [False] * 9 + [True] * 16 + [False] * 5
    assert found["face"][9] == found["fused"][9] == [SEVEN[name] for name in EMOTIONS]
    assert found["voice"][9] is None
    assert found["emotion"][9:25] == ["happiness"] * 16
    assert [n for n, speech in enumerate(found["speech"]) if speech] == [10]


def test_memory_forgets_under_privacy():
    memory = LiveMemory()
    memory.take("emotion", {"emotion": "fear", "probabilities": SEVEN, "modalities": {}, "reason": ""}, 10)
    memory.take(
        "emotion", {"emotion": None, "probabilities": None, "modalities": {}, "reason": "privacy"}, 11
    )
    assert memory.read(20, 12)["fused"] == [None] * 20


def test_memory_is_bounded():
    memory = LiveMemory()
    for second in range(2000):
        memory.take("state", {"probabilities": SEVEN, "modalities": {}, "reason": ""}, second)
    assert len(memory._seconds) == 300
    assert memory.read(5, 1e7)["fused"] == [None] * 5
