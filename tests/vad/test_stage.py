"""Each block is judged once, and all consumers get the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from emoedge.capture.queues import BlockQueue
from emoedge.frames import AudioBlock
from emoedge.observations import ActivityChange, AudioActivity
from emoedge.vad.stage import ActivityStage, SpeechPresence


class Scripted:
    """Detector that counts what it is asked and answers from a script, by block."""

    def __init__(self, answers: dict[int, list[ActivityChange]]) -> None:
        self.answers = answers
        self.asked = 0

    def process(self, block: AudioBlock) -> list[ActivityChange]:
        self.asked += 1
        self.filtered = replace(block, samples=block.samples + np.int16(1))
        return self.answers.get(round(block.time_s * 10), [])


def block(i: int) -> AudioBlock:
    return AudioBlock(i / 10, np.zeros(1600, np.int16))


BEGIN = ActivityChange(speaking=True, time_s=0.2)
PAUSE = ActivityChange(speaking=False, time_s=0.5, pause=True)
END = ActivityChange(speaking=False, time_s=0.5)


def test_each_block_is_judged_once_and_all_consumers_hear_the_same():
    detector = Scripted({3: [BEGIN], 9: [END]})
    first: list[AudioActivity] = []
    second: list[AudioActivity] = []
    stage = ActivityStage(detector, [first.append, second.append])
    for i in range(12):
        stage.process(block(i))
    assert detector.asked == 12
    assert [item.changes for item in first] == [item.changes for item in second]
    assert all((item.filtered.samples == item.block.samples + 1).all() for item in first)
    assert [change for item in first for change in item.changes] == [BEGIN, END]


def test_a_slow_consumer_loses_audio_but_no_beginning_and_no_end():
    queue = BlockQueue[AudioActivity](limit_s=1.0, shed_s=0.9)
    stage = ActivityStage(Scripted({3: [BEGIN], 5: [PAUSE], 6: [END]}), [queue.put])
    for i in range(12):
        stage.process(block(i))
    first = queue.take(0.0)
    assert first is not None
    assert first.block.gap_s == first.filtered.gap_s > 0
    assert first.changes == (BEGIN, END)
    assert queue.lost_s == pytest.approx(first.block.gap_s)  # Python 3.12 adds floats up more precisely


def test_whether_anybody_speaks_is_told_at_each_change_and_once_a_second():
    presence = SpeechPresence()
    changes = {3: [BEGIN], 5: [PAUSE], 19: [END]}
    told = {}
    for i in range(1, 40):
        speech = presence.take(i / 10, changes.get(i, []))
        if speech is not None:
            told[i] = speech.speaking
    assert next(i for i, speaking in told.items() if speaking) == 3
    assert all(speaking == (3 <= i < 19) for i, speaking in told.items()), "a pause in an utterance is speech"
    assert len(told) == 4 + 2
