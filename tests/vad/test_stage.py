"""Two listeners, one detector."""

from __future__ import annotations

import numpy as np

from emoedge.frames import AudioBlock
from emoedge.vad.stage import KEPT, SharedActivity


class Counting:
    def __init__(self):
        self.seen = []

    def process(self, block):
        self.seen.append(block.time_s)
        return [block.time_s]

    def reset(self):
        self.seen.clear()


def block(i):
    return AudioBlock(i / 10, np.zeros(1600, np.int16))


def test_each_block_is_judged_once_and_both_hear_the_same():
    detector = Counting()
    shared = SharedActivity(lambda: detector)
    first = [shared.process(block(i)) for i in range(50)]
    second = [shared.process(block(i)) for i in range(50)]
    assert first == second
    assert len(detector.seen) == 50


def test_memory_is_bounded():
    shared = SharedActivity(Counting)
    for i in range(KEPT + 500):
        shared.process(block(i))
    assert len(shared._answers) == KEPT


def test_reset_forgets():
    detector = Counting()
    shared = SharedActivity(lambda: detector)
    shared.process(block(0))
    shared.reset()
    shared.process(block(0))
    assert detector.seen == [0.0]
