"""Between the governor and the parts: what it reads, what the stages get, what `health` says."""

from __future__ import annotations

import numpy as np
import pytest

from emoedge.config import Settings
from emoedge.frames import Frame
from emoedge.health import Health
from emoedge.observations import FacesObservation
from emoedge.supervise.governor import STEPS, Reading
from emoedge.supervise.load_control import LoadControl, reading
from emoedge.supervise.stages import face_work

LUMA = np.zeros((24, 16), np.uint8)


def frame(time_s: float) -> Frame:
    return Frame(time_s, LUMA, "i420", 16, 16, 0)


def machine(cpu_cores: float = 0.1, waiting_s: float = 0.0, **figures: float) -> list[Health]:
    return [
        Health("camera", "ok", "", {"fps": 15.0}),
        Health("face", "ok"),
        Health("microphone", "ok", "", {"waiting_s": waiting_s}),
        Health("machine", "ok", "", {"cpu_cores": cpu_cores, **figures}),
    ]


def restricted(settings: Settings, seconds: int = 120) -> LoadControl:
    governing = LoadControl(settings)
    for second in range(seconds):
        governing.look(machine(throttled=4), float(second), loading=False)
    return governing


class Faces:
    def __init__(self) -> None:
        self.look_factor = 1.0
        self.times: list[float] = []

    def process(self, frame: Frame) -> FacesObservation:
        self.times.append(frame.time_s)
        return FacesObservation(frame.time_s, ())

    def reset(self) -> None:
        pass


def test_a_full_step_is_ok_and_names_the_rates():
    health = LoadControl(Settings()).health()
    assert (health.name, health.state, health.reason) == ("governor", "ok", "")
    assert health.figures["mode"] == "full"
    assert health.figures["face_hz"] == Settings().performance.analysis_fps
    assert health.figures["cpu_budget"] == Settings().performance.cpu_budget


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"throttled": 4}, "power supply"),
        ({"temperature_c": 90.0}, "cooling"),
        ({"waiting_s": 9.0}, "too slow"),
        ({"cpu_cores": 3.0}, "performance.cpu_budget"),
    ],
)
def test_less_is_degraded_with_the_cause_and_the_remedy(state, words):
    governing = LoadControl(Settings())
    for second in range(60):
        for _ in range(10):
            governing.looked_at()
        governing.look(machine(**state), float(second), loading=False)
    health = governing.health()
    assert health.state == "degraded"
    assert words in health.reason
    assert "instead of 10" in health.reason
    assert health.figures["mode"] == "reduced"
    assert float(health.figures["step"] or 0) >= 1


def test_the_face_stage_follows_the_step_at_once():
    governing, faces, seen = LoadControl(Settings()), Faces(), []
    work = face_work(lambda: faces, governing, seen.append)()
    for index in range(150):
        work(frame(index / 15))
    full = len(seen)
    assert full == pytest.approx(100, abs=3)
    governing.step = STEPS[-1]
    for index in range(150, 300):
        work(frame(index / 15))
    assert len(seen) - full == pytest.approx(10 * 10 * STEPS[-1].face_rate, abs=2)
    assert faces.look_factor == STEPS[-1].look_factor


def test_recording_gives_up_pictures_last_and_evenly():
    governing = LoadControl(Settings())
    times = [index / 15 for index in range(150)]
    assert all(governing.recorded(frame(time_s)) for time_s in times)
    governing.step = STEPS[-1]
    kept = [time_s for time_s in times if governing.recorded(frame(time_s + 10))]
    assert len(kept) == pytest.approx(150 * STEPS[-1].recording_rate, rel=0.1)
    assert max(np.diff(kept)) < 0.3


def run(
    governing: LoadControl, seconds: int, looked_at: int, parts: list[Health] | None = None, **flags: bool
) -> str:
    for second in range(seconds):
        for _ in range(looked_at):
            governing.looked_at()
        governing.look(parts or machine(), float(second), loading=flags.get("loading", False))
    return str(governing.health().figures["cause"])


def test_pictures_that_are_not_looked_at_in_time_are_a_reason():
    assert run(LoadControl(Settings()), 60, 10) == ""
    assert run(LoadControl(Settings()), 60, 8) == "", "a few are left out by any machine"
    slow = LoadControl(Settings())
    assert run(slow, 120, 4) == "late"
    assert slow.face_hz == pytest.approx(5), "no more is asked for than is done"


def test_no_more_is_asked_for_than_the_camera_gives():
    slow_camera = [Health("camera", "ok", "", {"fps": 2.0}), *machine()[1:]]
    assert run(LoadControl(Settings()), 60, 2, slow_camera) == ""


@pytest.mark.parametrize(
    "parts",
    [
        [Health("camera", "off"), *machine()[1:]],
        [Health("camera", "failed", "gone", {"fps": 0.0}), *machine()[1:]],
        [machine()[0], Health("face", "failed", "model missing"), *machine()[2:]],
        [machine()[0], Health("face", "off"), *machine()[2:]],
        machine()[2:],
    ],
)
def test_where_nothing_is_to_be_looked_at_nothing_is_late(parts):
    assert run(LoadControl(Settings()), 60, 0, parts) == ""


def test_what_loads_is_not_late():
    assert run(LoadControl(Settings()), 60, 0, machine(waiting_s=9.0), loading=True) == ""


def test_the_reading_comes_from_health():
    parts = {part.name: part for part in machine(1.25, 3.5, temperature_c=71.5, throttled=4)}
    assert reading(parts, 7.0, 0.5, loading=False) == Reading(7.0, 1.25, 71.5, True, 3.5, 0.5)
    assert reading(parts, 7.0, 0.5, loading=True) == Reading(7.0, 1.25, 71.5, True, 0.0, 1.0)
    bare = {"machine": Health("machine", "ok"), "microphone": Health("microphone", "off")}
    assert reading(bare, 7.0, 1.0, loading=False) == Reading(7.0, 0.0)


def test_a_long_trouble_ends_at_the_last_step():
    assert restricted(Settings(), 400).step == STEPS[-1]
