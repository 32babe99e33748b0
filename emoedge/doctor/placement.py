"""Placement of camera and microphone: pixels of the face, light, signal-to-noise ratio, and advice."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

from emoedge.config import Settings
from emoedge.doctor.result import CheckResult, ok, warning
from emoedge.errors import EmoedgeError
from emoedge.face.quality import SIZE_PIXELS
from emoedge.local_socket.client import connect
from emoedge.local_socket.protocol import DaemonError
from emoedge.translation import tr

DARK: Final = 60.0
BRIGHT: Final = 200.0
"""Mean luma of a face outside of which the quality calls it dark or bright, see `emoedge.face.quality`."""
GOOD_SNR_DB: Final = 15.0
"""A voice from here on is trusted nearly in full, see `emoedge.fusion.fuser.snr_reliability`."""
POOR_SNR_DB: Final = 5.0
"""Half trusted; below it nothing is learned of a voice."""
LOOK_S: Final = 2.0
"""Long enough for a face to be found and judged."""


def placement_of(figures: Mapping[str, Any]) -> list[CheckResult]:
    """Judge what was measured.

    Args:
        figures: as `emoedge.supervise.placement.PlacementWatch.figures` gives them.

    Returns:
        One result each for face, light and voice; never "failed".
    """
    return [
        _face(figures),
        _light(figures.get("light"), figures.get("face_px")),
        _voice(figures.get("snr_db")),
    ]


def check_placement(settings: Settings) -> Iterator[CheckResult]:
    """How well whoever is in view is seen; nothing where no camera can be asked."""
    if settings.camera.source == "none" or not settings.face.enabled:
        return
    figures = _of_daemon(settings) or _of_camera(settings)
    if figures is not None:
        yield from placement_of(figures)[: 3 if figures.get("snr_db") is not None else 2]


def _face(figures: Mapping[str, Any]) -> CheckResult:
    name, width, reasons = "placement face", figures.get("face_px"), figures.get("reasons") or []
    if width is None:
        return ok(name, tr("nobody is in view: stand where you usually are"))
    detail = tr("the face is {width} pixels wide", width=width)
    if width < SIZE_PIXELS[1]:
        return warning(
            name, detail, tr("move the camera closer, or set a larger camera.width and camera.height")
        )
    if "blurred" in reasons:
        return warning(
            name,
            tr("{detail}, and blurred", detail=detail),
            tr("clean the lens, focus it, or add light"),
        )
    if "turned" in reasons:
        return warning(
            name,
            tr("{detail}, and turned away", detail=detail),
            tr("place the camera where you look, at eye level"),
        )
    if "covered" in reasons:
        return warning(name, tr("{detail}, and covered", detail=detail), tr("remove what covers the face"))
    return ok(name, detail)


def _light(light: float | None, face_px: float | None) -> CheckResult:
    name = "placement light"
    if light is None:
        return ok(name, tr("no picture is available yet"))
    percent = max(0, min(100, round((light - 16) / 2.19)))
    detail = (
        tr("light in the picture: {percent} %", percent=percent)
        if face_px is None
        else tr("light on the face: {percent} %", percent=percent)
    )
    if light < DARK:
        return warning(name, detail, tr("put a lamp in front of the person, not behind"))
    if light > BRIGHT:
        return warning(name, detail, tr("keep direct sunlight and lamps off the face"))
    return ok(name, detail)


def _voice(snr_db: float | None) -> CheckResult:
    name = "placement voice"
    if snr_db is None:
        return ok(name, tr("nobody has spoken yet: say a sentence"))
    detail = tr("the voice is {snr:.0f} dB above the noise", snr=snr_db)
    if snr_db < POOR_SNR_DB:
        return warning(
            name, detail, tr("move the microphone closer to the person, and away from fans and loudspeakers")
        )
    if snr_db < GOOD_SNR_DB:
        return warning(
            name, detail, tr("move the microphone a little closer, or switch off sources of noise")
        )
    return ok(name, detail)


def _of_daemon(settings: Settings) -> dict[str, Any] | None:
    try:
        client = connect(settings, "doctor")
        if client is None:
            return None
        with client:
            found = client.ask("doctor").get("placement")
    except DaemonError:
        return None
    return found if isinstance(found, dict) else None


def _of_camera(settings: Settings) -> dict[str, Any] | None:
    """Open the camera and look for a face; None where that does not work, which other checks tell."""
    from emoedge.capture.factory import open_camera
    from emoedge.pipeline.perception import build_face
    from emoedge.supervise.placement import PlacementWatch

    watch, latest = PlacementWatch(), None
    try:
        perceiver = build_face(settings)
        source = open_camera(settings.camera)
        try:
            source.open()
            begun_s = time.monotonic()
            while time.monotonic() - begun_s < LOOK_S:
                frame = source.read()
                if frame is None:
                    break
                watch.offer_frame(frame)
                faces = perceiver.process(frame)
                latest = faces.to_payload() if faces.faces or latest is None else latest
        finally:
            source.close()
    except (EmoedgeError, TimeoutError):
        return None
    return None if latest is None else watch.figures({"face": latest})
