"""Camera and microphone: opened as the daemon opens them, and listened to for a moment."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from emoedge.config import Settings
from emoedge.doctor.daemon import from_daemon
from emoedge.doctor.result import CheckResult, failed, ok, warning
from emoedge.errors import EmoedgeError
from emoedge.translation import joined, tr

if TYPE_CHECKING:
    from emoedge.capture.liveness import SoundSummary
    from emoedge.capture.source import FrameSource, SoundSource
    from emoedge.frames import Frame

# A network camera may take some seconds to its first key frame; USB cameras need about one.
FIRST_PICTURE_S: Final = 10.0
# Long enough to measure a rate and to let the exposure settle.
LOOK_S: Final = 1.5
LISTEN_S: Final = 1.0
# Far fewer pictures than asked for: the light, the cable or another program.
SLOW_SHARE: Final = 0.5
# A frame that is darker than this on average (of 255) and has no contrast is black; video black is 16.
DARK_MEAN: Final = 24.0
DARK_SPREAD: Final = 4.0


def check_camera(settings: Settings) -> Iterator[CheckResult]:
    """Check whether pictures arrive, how many, and whether they show anything."""
    if settings.camera.source == "none":
        yield ok("camera", tr("off (camera.source = none)"))
        return
    if (found := from_daemon(settings, "camera")) is not None:
        yield found
        return
    from emoedge.capture.factory import open_camera

    try:
        source = open_camera(settings.camera)
        try:
            source.open()
            yield _look(source, settings)
        finally:
            source.close()
    except (EmoedgeError, TimeoutError) as error:
        yield _refused(
            "camera",
            error,
            tr("plug a camera in, choose one from: emoedge devices, or set camera.source to none"),
        )


def check_microphone(settings: Settings) -> Iterator[CheckResult]:
    """Check whether audio arrives, and whether it is more than zeros."""
    if settings.microphone.source == "none":
        yield ok("microphone", tr("off (microphone.source = none)"))
        return
    if (found := from_daemon(settings, "microphone")) is not None:
        yield found
        return
    from emoedge.capture.factory import open_microphone

    try:
        source = open_microphone(settings.microphone)
        try:
            source.open()
            yield _listen(source)
        finally:
            source.close()
    except (EmoedgeError, TimeoutError) as error:
        remedy = tr(
            "plug a microphone in, choose one from: emoedge devices, or set microphone.source to none"
        )
        yield _refused("microphone", error, remedy)


def _look(source: FrameSource, settings: Settings) -> CheckResult:
    from emoedge.capture.liveness import summarize_picture

    last = _next_picture(source, time.monotonic() + FIRST_PICTURE_S)
    begun_s, count = time.monotonic(), 0
    while time.monotonic() - begun_s < LOOK_S:
        last = _next_picture(source, time.monotonic() + FIRST_PICTURE_S)
        count += 1
    rate = count / (time.monotonic() - begun_s)
    detail = tr("{source}: {rate:.1f} frames a second", source=source.describe(), rate=rate)
    summary = summarize_picture(last)
    if summary.mean <= DARK_MEAN and summary.spread <= DARK_SPREAD:
        return warning(
            "camera",
            tr("{detail}, all black", detail=detail),
            tr("take the lens cap off, or switch a light on"),
        )
    if rate < settings.camera.fps * SLOW_SHARE:
        remedy = tr("add light, or set camera.fps to the actual rate ({rate:.0f})", rate=rate)
        return warning(
            "camera", tr("{detail} instead of {fps:g}", detail=detail, fps=settings.camera.fps), remedy
        )
    return ok("camera", detail)


def _next_picture(source: FrameSource, deadline_s: float) -> Frame:
    while True:
        try:
            frame = source.read()
        except TimeoutError:
            if time.monotonic() > deadline_s:
                raise TimeoutError(tr("no frame within {wait_s:.0f} s", wait_s=FIRST_PICTURE_S)) from None
            continue
        if frame is None:
            raise TimeoutError(tr("it contains no frames"))
        return frame


def _listen(source: SoundSource) -> CheckResult:
    from emoedge.capture.liveness import LOW_SOUND_REMEDY, LowSound

    heard = list(_summaries(source))
    heard_s = sum(summary.duration_s for summary in heard)
    detail = tr("{source}: heard {heard_s:.1f} s", source=source.describe(), heard_s=heard_s)
    if heard_s == 0.0:
        return failed(
            "microphone",
            tr("{describe}: no audio arrives", describe=source.describe()),
            tr("plug it in again, or choose another"),
        )
    if all(summary.silent for summary in heard):
        return warning(
            "microphone",
            tr("{detail}, digital silence", detail=detail),
            tr("check that it is not muted: alsamixer"),
        )
    if any(summary.clipping for summary in heard):
        return warning(
            "microphone", tr("{detail}, too loud", detail=detail), tr("turn its gain down: alsamixer")
        )
    low_sound = LowSound()
    for summary in heard:
        low_sound.observe(summary)
    if low_sound.fault:
        return warning("microphone", joined((detail, low_sound.fault)), LOW_SOUND_REMEDY)
    loudest = max(summary.level_dbfs for summary in heard)
    return ok("microphone", tr("{detail}, up to {loudest:.0f} dBFS", detail=detail, loudest=loudest))


def _summaries(source: SoundSource) -> Iterator[SoundSummary]:
    """Listen for LISTEN_S."""
    from emoedge.capture.liveness import summarize_sound
    from emoedge.high_pass import HighPass

    heard_s, high_pass = 0.0, HighPass()
    deadline_s = time.monotonic() + LISTEN_S + FIRST_PICTURE_S
    while heard_s < LISTEN_S and time.monotonic() < deadline_s:
        try:
            block = source.read()
        except TimeoutError:
            continue
        if block is None:
            return
        heard_s += block.duration_s
        yield summarize_sound(block, high_pass)


def _refused(name: str, error: Exception, remedy: str) -> CheckResult:
    if _service_runs():
        return warning(
            name,
            tr(
                "{value}; the service is running and may hold it",
                value=error.message if isinstance(error, EmoedgeError) else error,
            ),
            tr("check its health instead, or stop it for this check, run: sudo systemctl stop emoedge"),
        )
    if isinstance(error, EmoedgeError):
        return failed(name, error.message, error.remedy or remedy)
    return failed(name, str(error), remedy)


def _service_runs() -> bool:
    from emoedge.service.systemd import ServiceError, service_status

    if not Path("/run/systemd/system").is_dir():
        return False
    try:
        return service_status().active == "active"
    except ServiceError:
        return False
