"""Fed sound back to the source's clock; the vocabulary that the engines share."""

from __future__ import annotations

import mmap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoedge.process import resident_mb
from emoedge.speech.recogniser import SEAM_S, SampleClock, Utterance, words_from

RATE = 16000


def test_stretches_with_silence_left_out_map_back() -> None:
    clock = SampleClock()
    clock.feed(10.0, RATE)
    clock.feed(20.0, RATE)
    assert clock.at(0.25) == pytest.approx(10.25)
    assert clock.at(1.0) == pytest.approx(20.0)
    assert clock.at(1.0, end=True) == pytest.approx(11.0)
    assert clock.at(1.25) == pytest.approx(20.25)
    clock.forget_before(1.5)
    assert clock.at(1.75) == pytest.approx(20.75)


@given(
    stretches=st.lists(st.tuples(st.floats(0, 5), st.integers(160, 40_000)), min_size=1, max_size=8),
    block=st.integers(100, 5000),
)
def test_any_cut_into_blocks_maps_every_sample_the_same(
    stretches: list[tuple[float, int]], block: int
) -> None:
    clock, expected, time_s, fed = SampleClock(), [], 0.0, 0
    for pause_s, count in stretches:
        time_s += pause_s
        for start in range(0, count, block):
            clock.feed(time_s + start / RATE, min(block, count - start))
        expected.append(((fed + count / 2) / RATE, time_s + count / 2 / RATE))
        fed += count
        time_s += count / RATE
    for fed_s, source_s in expected:
        assert clock.at(fed_s) == pytest.approx(source_s, abs=SEAM_S + 1e-6)


def test_seamless_feeding_for_hours_keeps_one_anchor() -> None:
    clock = SampleClock()
    for index in range(36_000):
        clock.feed(5.0 + index * 0.1, 1600)
    assert clock.at(3000.0) == pytest.approx(3005.0, abs=1e-3)
    assert len(clock._anchors) == 1


def test_utterance_takes_its_times_from_its_words() -> None:
    words = words_from([("hola", 0.1, 0.4, 1.2), (" ", 0.4, 0.5, 1.0), ("buenas", 0.5, 0.9, -0.1)])
    utterance = Utterance(words)
    assert (utterance.text, utterance.start_s, utterance.end_s) == ("hola buenas", 0.1, 0.9)
    assert [word.confidence for word in words] == [1.0, 0.0]


def test_resident_memory_grows_with_what_is_held() -> None:
    before = resident_mb()
    # From the kernel, not from the allocator, which may have memory of earlier tests to give again.
    with mmap.mmap(-1, 64 << 20) as held:
        for page in range(0, len(held), mmap.PAGESIZE):
            held[page] = 1
        after = resident_mb()
    assert before is not None
    assert after is not None
    assert 50 < after - before < 100
