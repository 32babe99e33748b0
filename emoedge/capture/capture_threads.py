"""The two capture threads of the daemon: a camera and a microphone that are kept running."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from emoedge.backoff import Backoff
from emoedge.capture.device_thread import STALL_S, CaptureWorker
from emoedge.capture.factory import open_camera, open_microphone
from emoedge.capture.liveness import (
    PictureWatch,
    SoundWatch,
    Verdict,
    summarize_picture,
    summarize_sound,
)
from emoedge.capture.queues import BlockQueue, FrameSlot
from emoedge.capture.source import MAX_PER_S, FrameSource, SoundSource
from emoedge.config.capture_settings import CameraSettings, MicrophoneSettings
from emoedge.frames import AudioBlock, Frame
from emoedge.high_pass import HighPass
from emoedge.observations import AudioActivity
from emoedge.translation import tr

logger = logging.getLogger(__name__)

LOSS_REMEMBERED_S: Final = 60.0
"""Seconds for which the microphone is degraded after a loss: longer than the interval of `health`
messages."""
BEHIND_S: Final = 4.0
"""With more sound waiting, what is found in it comes too late to be fused with the face (voice: 6 s with its
length)."""
_LOG_LOSS_EVERY_S: Final = 1.0


class CameraWorker(CaptureWorker[Frame]):
    """Keeps a camera running; each consumer gets its own slot, which holds the newest frame."""

    def __init__(
        self,
        make_source: Callable[[], FrameSource],
        *,
        stall_s: float = STALL_S,
        backoff: Backoff = Backoff(),  # noqa: B008 - frozen
    ) -> None:
        super().__init__("camera", make_source, stall_s=stall_s, backoff=backoff)
        self._watcher = PictureWatch()
        self._slots: list[FrameSlot] = []

    def subscribe(self) -> FrameSlot:
        """A slot for one more consumer."""
        slot = FrameSlot()
        self._slots.append(slot)
        self._outlets.append(slot)
        return slot

    def _observe(self, now_s: float, item: Frame) -> None:
        summary = summarize_picture(item)
        with self._changed:
            self._watcher.observe(now_s, summary)

    def _content_verdict(self) -> Verdict:
        return self._watcher.verdict()

    def _figures(self, now_s: float) -> dict[str, float | int | str | None]:
        return {
            "fps": round(self._watcher.arrivals.rate_hz(now_s), 1),
            "frames": self._watcher.arrivals.count,
            "dropped": sum(slot.dropped for slot in self._slots),
        }

    def _restarted(self) -> None:
        count = self._watcher.arrivals.count
        self._watcher = PictureWatch()
        self._watcher.arrivals.count = count


class MicrophoneWorker(CaptureWorker[AudioBlock]):
    """Keeps a microphone running; each consumer gets its own bounded queue."""

    def __init__(
        self,
        make_source: Callable[[], SoundSource],
        *,
        stall_s: float = STALL_S,
        backoff: Backoff = Backoff(),  # noqa: B008 - frozen
    ) -> None:
        super().__init__("microphone", make_source, stall_s=stall_s, backoff=backoff)
        self._watcher = SoundWatch()
        self._high_pass = HighPass()
        self._queues: list[BlockQueue[AudioBlock] | BlockQueue[AudioActivity]] = []
        self._relays: list[BlockQueue[AudioActivity]] = []
        self._gaps_s = 0.0
        self._noticed_loss_s = 0.0
        self._logged_loss_s = 0.0
        self._loss_at_s = -math.inf
        self._end_s: float | None = None

    def subscribe(self) -> BlockQueue[AudioBlock]:
        """Return a queue for one more consumer."""
        queue = BlockQueue[AudioBlock]()
        self._queues.append(queue)
        self._outlets.append(queue)
        return queue

    def relay(self) -> BlockQueue[AudioActivity]:
        """Return a queue for audio handed on by a consumer; its losses and delays count as ours."""
        queue = BlockQueue[AudioActivity]()
        self._queues.append(queue)
        self._relays.append(queue)
        return queue

    def pause(self) -> bool:
        """Release the device (privacy) and discard queued audio; return whether that took less than 1 s."""
        released = super().pause()
        for queue in self._relays:
            queue.clear()
        return released

    def _completed(self, item: AudioBlock, *, first: bool) -> AudioBlock:
        self._gaps_s += item.gap_s
        if first and self._end_s is not None:
            # Audio is missing while the device is released. It is not counted as lost, but consumers need the
            # gap.
            item = replace(item, gap_s=max(item.gap_s, item.time_s - self._end_s))
        self._end_s = item.end_s
        return item

    def _observe(self, now_s: float, item: AudioBlock) -> None:
        summary = summarize_sound(item, self._high_pass)
        with self._changed:
            self._watcher.observe(now_s, summary)
        lost_s = self._lost_s
        if lost_s > self._noticed_loss_s:
            self._loss_at_s = now_s
            if lost_s > self._logged_loss_s + _LOG_LOSS_EVERY_S:
                self._logged_loss_s = lost_s
                logger.warning("%s: %.1f s of sound lost so far", self.name, lost_s)
        self._noticed_loss_s = lost_s

    @property
    def _lost_s(self) -> float:
        return self._gaps_s + sum(queue.lost_s for queue in self._queues)

    def _content_verdict(self) -> Verdict:
        verdict = self._watcher.verdict()
        if verdict.state == "ok" and self._watcher.arrivals.last_s is not None:
            since_s = self._watcher.arrivals.last_s - self._loss_at_s
            if since_s < LOSS_REMEMBERED_S:
                return Verdict("degraded", tr("audio was lost: the machine is too slow; disable a modality"))
            if self._waiting_s > BEHIND_S:
                reason = tr(
                    "audio is delayed by several seconds: the machine is too slow or still loading; "
                    "disable a modality"
                )
                return Verdict("degraded", reason)
        return verdict

    @property
    def _waiting_s(self) -> float:
        return max((queue.waiting_s for queue in self._queues), default=0.0)

    def _figures(self, now_s: float) -> dict[str, float | int | str | None]:
        level = self._watcher.level_dbfs
        return {
            "blocks": self._watcher.arrivals.count,
            "level_dbfs": round(level, 1) if math.isfinite(level) else None,
            "lost_s": round(self._lost_s, 2),
            "waiting_s": round(self._waiting_s, 1),
        }

    def _restarted(self) -> None:
        count = self._watcher.arrivals.count
        self._watcher = SoundWatch()
        self._high_pass.reset()
        self._watcher.arrivals.count = count


def make_camera_worker(settings: CameraSettings, analysis_fps: float = MAX_PER_S) -> CameraWorker | None:
    """The worker for the configured camera, not started; None for "none"."""
    if settings.source == "none":
        return None
    # A camera of one picture in ten seconds has not stalled after five.
    slowest_hz = min(settings.fps, analysis_fps)
    return CameraWorker(lambda: open_camera(settings, analysis_fps), stall_s=max(STALL_S, 3.0 / slowest_hz))


def make_microphone_worker(settings: MicrophoneSettings) -> MicrophoneWorker | None:
    """The worker for the configured microphone, not started; None for "none"."""
    if settings.source == "none":
        return None
    return MicrophoneWorker(lambda: open_microphone(settings))
