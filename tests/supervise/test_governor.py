"""The governor: readings and times in, a step out."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoedge.supervise.governor import (
    AVERAGE_S,
    COOL_C,
    COOL_EVERY_S,
    FEW_FACES,
    HOT_C,
    LATE_SOUND_S,
    RELAX_AFTER_S,
    RELAX_AT_MOST_S,
    RESTRICT_EVERY_S,
    STEPS,
    SURE_S,
    Governor,
    Reading,
)

LAST = len(STEPS) - 1


class Machine:
    """A machine whose load follows from the step: what the whole work would take, less what is given up."""

    def __init__(self, governor: Governor, cores: float, **state: float | bool | None) -> None:
        self.governor, self.cores, self.state = governor, cores, state
        self.now_s = 0.0
        self.steps: list[int] = []

    def run(self, seconds: float) -> list[int]:
        """One reading a second; the steps."""
        begin = len(self.steps)
        for _ in range(round(seconds)):
            self.now_s += 1.0
            load = self.cores * (0.3 + 0.7 * STEPS[self.governor.step].face_rate)
            self.steps.append(self.governor.decide(Reading(self.now_s, load, **self.state)))  # type: ignore[arg-type]
        return self.steps[begin:]


def changes(steps: list[int]) -> int:
    return sum(one != other for one, other in pairwise(steps))


def test_each_step_gives_up_more_and_the_face_goes_first():
    for one, other in pairwise(STEPS):
        assert other != one
        assert other.face_rate <= one.face_rate
        assert other.look_factor >= one.look_factor
        assert other.voice_hop_s >= one.voice_hop_s
        assert other.overlay <= one.overlay
        assert other.recording_rate <= one.recording_rate
    order = [
        next(index for index, step in enumerate(STEPS) if changed(step))
        for changed in (
            lambda step: step.face_rate < 1,
            lambda step: step.look_factor > 1,
            lambda step: step.voice_hop_s > 1,
            lambda step: not step.overlay,
            lambda step: step.recording_rate < 1,
        )
    ]
    assert order == sorted(order)
    assert min(step.face_rate for step in STEPS) > 0


def test_no_step_leaves_speech_unheard_between_two_opinions():
    from emoedge.voice.stage import HOP_S, STRETCH_S

    assert STEPS[0].voice_hop_s == HOP_S
    assert max(step.voice_hop_s for step in STEPS) <= STRETCH_S


def test_within_the_budget_nothing_is_given_up():
    assert set(Machine(Governor(2.0), 1.9).run(600)) == {0}


def test_a_moment_above_the_budget_is_no_reason():
    governor = Governor(1.0)
    machine = Machine(governor, 0.5)
    machine.run(60)
    machine.cores = 1.5
    machine.run(AVERAGE_S / 3)
    machine.cores = 0.5
    assert set(machine.run(120)) == {0}


def test_above_the_budget_it_comes_down_to_it_and_stays_there():
    governor = Governor(1.0)
    machine = Machine(governor, 1.6)
    machine.run(120)
    settled = machine.run(3600)
    assert governor.cpu_cores <= 1.0
    assert governor.cause == "budget"
    assert max(settled) < LAST, "no more is given up than is needed"
    assert changes(settled) <= 12, "it does not swing"


def test_when_the_load_goes_everything_comes_back():
    governor = Governor(1.0)
    machine = Machine(governor, 2.0)
    machine.run(120)
    assert governor.step > 0
    machine.cores = 0.5
    machine.run(LAST * (RELAX_AFTER_S + 1) + 10 * AVERAGE_S)
    assert governor.step == 0
    assert governor.cause == ""


def test_restricting_is_quicker_than_letting_go():
    governor = Governor(0.1)
    machine = Machine(governor, 5.0)
    machine.run(SURE_S + LAST * (RESTRICT_EVERY_S + 1) + 2)
    assert governor.step == LAST
    machine.cores = 0.01
    assert machine.run(5 * AVERAGE_S + RELAX_AFTER_S / 2)[-1] >= LAST - 2


@pytest.mark.parametrize(
    ("state", "cause"),
    [
        ({"temperature_c": HOT_C}, "hot"),
        ({"throttled": True}, "throttled"),
        ({"sound_waiting_s": LATE_SOUND_S + 0.1}, "late"),
        ({"face_share": FEW_FACES / 2}, "late"),
    ],
)
def test_each_cause_alone_leads_to_the_last_step_and_is_named(state, cause):
    governor = Governor(2.0)
    machine = Machine(governor, 0.1, **state)
    assert set(machine.run(SURE_S)) == {0}, "not at once"
    machine.run(2 * AVERAGE_S + LAST * (COOL_EVERY_S + 1))
    assert governor.step == LAST
    assert governor.cause == cause


def test_between_hot_and_cool_it_stays_where_it_is():
    governor = Governor(2.0)
    machine = Machine(governor, 0.1, temperature_c=HOT_C + 1)
    machine.run(COOL_EVERY_S * 2.5)
    step = governor.step
    assert step > 0
    machine.state["temperature_c"] = (HOT_C + COOL_C) / 2
    assert set(machine.run(1000)) == {step}
    machine.state["temperature_c"] = COOL_C - 1
    machine.run(LAST * (RELAX_AFTER_S + 1))
    assert governor.step == 0


def test_a_relaxation_that_was_too_early_is_tried_more_and_more_rarely():
    governor = Governor(2.0)
    machine = Machine(governor, 0.1)
    for _ in range(4 * 3600):
        # Full work heats it up; anything less lets it cool down.
        machine.state["temperature_c"] = HOT_C + 1 if governor.step == 0 else COOL_C - 5
        machine.run(1)
    assert governor.relax_after_s > RELAX_AFTER_S
    assert governor.relax_after_s <= RELAX_AT_MOST_S
    assert changes(machine.steps[-3600:]) <= 2 * 3600 / RELAX_AT_MOST_S + 2
    assert changes(machine.steps[-3600:]) < changes(machine.steps[:3600])


readings = st.lists(
    st.tuples(
        st.floats(0.1, 30),
        st.floats(0, 16),
        st.none() | st.floats(-40, 120),
        st.booleans(),
        st.floats(0, 60),
        st.floats(0, 2),
    ),
    max_size=200,
)


@given(readings=readings, budget=st.floats(0.05, 64))
def test_whatever_is_read_it_goes_one_step_at_a_time_and_not_too_often(readings, budget):
    governor, now_s, before = Governor(budget), 0.0, 0
    changed_s = float("-inf")
    for pause_s, cores, temperature, throttled, waiting_s, share in readings:
        now_s += pause_s
        step = governor.decide(Reading(now_s, cores, temperature, throttled, waiting_s, share))
        assert 0 <= step <= LAST
        assert abs(step - before) <= 1
        if step != before:
            assert now_s - changed_s >= (RESTRICT_EVERY_S if step > before else RELAX_AFTER_S)
            changed_s = now_s
        assert bool(step) <= bool(governor.cause)
        before = step


@given(readings=readings)
def test_the_same_readings_give_the_same_steps(readings):
    def steps(make: Callable[[], Governor]) -> list[int]:
        governor, now_s, found = make(), 0.0, []
        for pause_s, *rest in readings:
            now_s += pause_s
            found.append(governor.decide(Reading(now_s, *rest)))
        return found

    assert steps(lambda: Governor(1.0)) == steps(lambda: Governor(1.0))
