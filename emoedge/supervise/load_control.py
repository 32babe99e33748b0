"""Apply the governor's step to the stages, and report it in `health`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Final

from emoedge.config import Settings
from emoedge.frames import Frame
from emoedge.health import Health
from emoedge.rate_limit import Pacer
from emoedge.supervise.governor import STEPS, Cause, Governor, Reading, Step
from emoedge.translation import Phrase, tr

_WHY: Final[Mapping[Cause, Phrase]] = {
    "budget": tr(
        "the budget of {budget:g} cores is used up: raise performance.cpu_budget or switch a modality off"
    ),
    "hot": tr("the processor is hot: improve the cooling"),
    "throttled": tr("the board is throttled: check power supply and cooling"),
    "late": tr("the machine is too slow: disable a modality or stop another program"),
}


class LoadControl:
    """Holds the step in force. `look` is for one thread, everything else for any.

    Args:
        settings: budget and configured rates.
    """

    def __init__(self, settings: Settings) -> None:
        self.step: Step = STEPS[0]
        self._settings = settings
        self._governor = Governor(settings.performance.cpu_budget)
        self._recorded = Pacer(settings.camera.fps)
        self._looked_at = self._looked_before = 0
        self._before_s = -math.inf

    def look(self, parts: Iterable[Health], time_s: float, *, loading: bool) -> None:
        """Take the machine's figures; `step` is what they ask for.

        Args:
            parts: of `health`.
            time_s: monotonic seconds.
            loading: a stage loads its model, so that sound and pictures have to wait.
        """
        by_name = {part.name: part for part in parts}
        share = self._face_share(by_name, time_s)
        self.step = STEPS[self._governor.decide(reading(by_name, time_s, share, loading=loading))]

    def looked_at(self) -> None:
        """The face stage has taken a picture on; called by its thread."""
        self._looked_at += 1

    def _face_share(self, parts: Mapping[str, Health], time_s: float) -> float:
        """Part of the pictures asked for since the last time that were looked at."""
        seconds, count = time_s - self._before_s, self._looked_at - self._looked_before
        self._before_s, self._looked_before = time_s, self._looked_at
        camera, face = parts.get("camera"), parts.get("face")
        if camera is None or face is None or face.state in ("failed", "off") or camera.state == "off":
            return 1.0
        asked = min(self.face_hz, float(camera.figures.get("fps") or 0)) * seconds
        return min(2.0, count / asked) if 0 < asked < math.inf else 1.0

    @property
    def face_hz(self) -> float:
        """Pictures a second that are looked at now, at most."""
        return self._settings.performance.analysis_fps * self.step.face_rate

    def recorded(self, frame: Frame) -> bool:
        """Return whether this picture is recorded; asked in the order of the times, by one thread."""
        if self.step.recording_rate >= 1.0:
            return True
        self._recorded.rate_hz = self._settings.camera.fps * self.step.recording_rate
        return self._recorded.due(frame.time_s)

    def health(self) -> Health:
        """Return the current amount of work, and why it is reduced."""
        governor, step = self._governor, self.step
        figures: dict[str, float | int | str | None] = {
            "mode": "reduced" if governor.step else "full",
            "step": governor.step,
            "steps": len(STEPS) - 1,
            "cause": governor.cause,
            "cpu_cores": round(governor.cpu_cores, 2),
            "cpu_budget": governor.budget,
            "face_share": round(governor.face_share, 2),
            "face_hz": round(self.face_hz, 2),
            "look_factor": step.look_factor,
            "voice_hop_s": step.voice_hop_s,
            "overlay": "on" if step.overlay else "off",
            "recording_rate": step.recording_rate,
        }
        if not governor.step:
            return Health("governor", "ok", "", figures)
        why = _WHY[governor.cause].filled(budget=governor.budget)
        configured = self._settings.performance.analysis_fps
        reason = tr(
            "faces {face_hz:g} times a second instead of {configured:g}; {why}",
            face_hz=self.face_hz,
            configured=configured,
            why=why,
        )
        return Health("governor", "degraded", reason, figures)


def reading(parts: Mapping[str, Health], time_s: float, face_share: float, *, loading: bool) -> Reading:
    """Return the reading of the machine from the parts of `health`.

    Args:
        parts: by name, with `machine` and, where there is one, `microphone`.
        time_s: monotonic seconds.
        face_share: see Reading.
        loading: what waits meanwhile says nothing.
    """
    machine = parts["machine"].figures
    temperature = machine.get("temperature_c")
    waiting_s = parts["microphone"].figures.get("waiting_s") if "microphone" in parts else None
    return Reading(
        time_s=time_s,
        cpu_cores=float(machine.get("cpu_cores") or 0),
        temperature_c=float(temperature) if temperature is not None else None,
        throttled=bool(machine.get("throttled")),
        sound_waiting_s=0.0 if loading else float(waiting_s or 0),
        face_share=1.0 if loading else face_share,
    )
