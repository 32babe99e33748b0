"""What waits for the recorder's thread: bounded, counted, in the order of time."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoedge.frames import AudioBlock, Frame
from emoedge.observations import FacesObservation
from emoedge.record.input_queue import MAX_ENTRIES, SAMPLE_S, SOUND_S, InputQueue
from emoedge.record.timeline import TimelineEntry

FPS = 10


def frame(time_s):
    return Frame(time_s, np.zeros((2, 2, 3), np.uint8), "bgr", 2, 2)


def block(time_s, seconds=1.0):
    return AudioBlock(time_s, np.zeros(round(seconds * 16000), np.int16))


def faces(time_s):
    return TimelineEntry("faces", FacesObservation(time_s, ()))


@given(st.lists(st.tuples(st.sampled_from([frame, block, faces]), st.floats(0, 100)), max_size=25))
def test_everything_comes_out_once_in_the_order_of_time(items):
    queue = InputQueue(FPS)
    put = {frame: queue.put_frame, block: queue.put_sound, faces: queue.put_entry}
    for kind, time_s in items:
        put[kind](kind(time_s))
    assert len(queue) == len(items)
    taken = [item.time_s for item in queue.take(0)]
    assert taken == sorted(time_s for _, time_s in items)
    assert (len(queue), queue.take(0)) == (0, [])


def test_beyond_the_bounds_the_oldest_goes_and_is_counted():
    queue = InputQueue(FPS)
    for number in range(40):
        queue.put_frame(frame(number))
    for number in range(int(SOUND_S) + 5):
        queue.put_sound(block(1000 + number))
    for number in range(MAX_ENTRIES + 7):
        queue.put_entry(faces(2000 + number))
    assert queue.figures() == {
        "queue": 30 + int(SOUND_S) + MAX_ENTRIES,
        "frames_dropped": 10,
        "sound_dropped_s": 5.0,
        "timeline_dropped": 7,
    }
    times = [item.time_s for item in queue.take(0)]
    assert (times[0], times[30], times[30 + int(SOUND_S)]) == (10, 1005, 2007), "the newest are kept"


def test_states_are_thinned_by_their_own_time_which_may_start_again():
    queue = InputQueue(FPS)
    for time_s in (5.0, 5.0 + SAMPLE_S / 2, 5.0 + SAMPLE_S, 0.0, SAMPLE_S / 2):
        queue.put_sampled(faces(time_s))
    assert [item.time_s for item in queue.take(0)] == [0.0, 5.0, 5.0 + SAMPLE_S]


def test_picture_and_sound_have_both_passed_a_moment():
    queue = InputQueue(FPS)
    queue.put_frame(frame(9.0))
    queue.take(0)
    assert not queue.has_passed(5.0), "no sound yet"
    queue.put_sound(block(5.0))
    assert not queue.has_passed(5.0), "still waiting in the queue"
    queue.take(0)
    assert queue.has_passed(5.0)
    assert not queue.has_passed(5.1)


@pytest.mark.parametrize("first", [True, False])
def test_waking_ends_the_wait(first):
    queue = InputQueue(FPS)
    done = threading.Event()
    taker = threading.Thread(target=lambda: (queue.take(600), done.set()), daemon=True)
    if first:
        queue.wake()
    taker.start()
    if not first:
        queue.wake()
    assert done.wait(60)
