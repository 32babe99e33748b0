"""The camera's picture on demand: for local clients, for a time, never written, never under privacy."""

from __future__ import annotations

import base64
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from emoedge.clock import Clock, rfc3339
from emoedge.emotions import Language
from emoedge.frames import Frame
from emoedge.local_socket.protocol import DaemonError
from emoedge.observations import Box, FacesObservation
from emoedge.publish.messages import Message, MessageBuilder
from emoedge.supervise.feed import Teller
from emoedge.supervise.picture_drawing import JpegPicture, draw
from emoedge.translation import tr
from emoedge.worker_thread import WorkerThread

logger = logging.getLogger(__name__)

EVENT: Final = "picture"
MAX_SECONDS: Final = 300.0
MAX_HZ: Final = 15.0
DEFAULT_HZ: Final = 8.0
MAX_VIEWERS: Final = 4
FRAMES_KEPT: Final = 12
"""A second at most: the faces of a frame are known some frames later."""
FACES_AGE_S: Final = 0.5
"""Older faces are no longer where they were: the newest frame is sent as it is."""
UNWATCHED_S: Final = 3.0
"""Without a subscriber for as long the picture ends."""


class PictureFeed:
    """Sends pictures as the event `picture` while somebody has asked for them; callable from any thread.

    While nobody has, a frame costs a comparison.

    Args:
        builder: makes the message `picture`.
        clock: the pipeline's clock.
        publish: sends that message.
        camera_fault: why there is no picture; empty where there is one.
        language: of the labels.
        ignored: parts of the picture in which faces do not count, drawn too.
    """

    def __init__(
        self,
        builder: MessageBuilder,
        clock: Clock,
        publish: Callable[[Message], None],
        camera_fault: Callable[[], str],
        language: Language,
        ignored: Sequence[Box] = (),
    ) -> None:
        self._builder = builder
        self._clock = clock
        self._publish = publish
        self._camera_fault = camera_fault
        self._language = language
        self._ignored = ignored
        self._teller: Teller | None = None
        self._changed = threading.Condition()
        self._private = False
        self._session: _Showing | None = None
        self._is_running = False

    def attach(self, teller: Teller) -> None:
        """Begin to tell; before anything is asked for."""
        self._teller = teller

    def state(self) -> dict[str, Any]:
        """Return whether pictures are sent, until when, and to how many viewers."""
        session = self._session
        if session is None:
            return {"on": False}
        return {"on": True, "until": rfc3339(session.until), "viewers": session.viewers}

    def announce(self) -> Message:
        """The state as a message."""
        session = self._session
        return (
            self._builder.picture(None)
            if session is None
            else self._builder.picture(session.until, session.viewers)
        )

    # ---- from clients ----

    def start(self, seconds: float, hz: float, viewers: int) -> dict[str, Any]:
        """Send pictures for some seconds from now on; raises DaemonError."""
        if fault := self._camera_fault():
            raise DaemonError(fault, tr("check the health of the camera"), "camera")
        now_s = self._clock.now_s()
        until = self._clock.wall(now_s) + timedelta(seconds=seconds)
        with self._changed:
            if self._private:
                raise DaemonError(tr("privacy is on"), tr("switch it off first"), "privacy")
            self._session = _Showing(now_s + seconds, until, 1.0 / hz, viewers)
            if not self._is_running:
                WorkerThread("picture", self._run).start()
                self._is_running = True
        self._publish(self.announce())
        self._send(self.state())
        return {"until": rfc3339(until)}

    def stop(self, reason: str = "stopped") -> None:
        """Send no more pictures; returns at once."""
        with self._changed:
            was_on, self._session = self._session is not None, None
            self._changed.notify_all()
        if was_on:
            self._publish(self.announce())
            self._send({"on": False, "reason": reason})

    def set_private(self, on: bool) -> None:
        """Privacy ON ends the picture, ahead of everything."""
        with self._changed:
            self._private = on
        if on:
            self.stop("privacy")

    # ---- from the capture and decision threads ----

    def offer_frame(self, frame: Frame) -> None:
        """Take a captured frame."""
        if (session := self._session) is not None:
            session.frames.append(frame)

    def offer_faces(self, faces: FacesObservation) -> None:
        """Take the faces of a frame."""
        if (session := self._session) is not None:
            session.faces = faces

    # ---- the thread, which is there while somebody watches ----

    def _run(self) -> None:
        watched_s = sent_s = time.monotonic()
        while True:
            with self._changed:
                session = self._session
                if session is None:
                    self._is_running = False
                    return
                self._changed.wait(max(0.0, sent_s - time.monotonic()))
            now_s = time.monotonic()
            sent_s = max(sent_s, now_s - session.spacing_s) + session.spacing_s
            if self._teller is not None and EVENT in self._teller.wanted:
                watched_s = now_s
            if self._clock.now_s() >= session.until_s or now_s - watched_s >= UNWATCHED_S:
                self.stop("time")
                continue
            try:
                if picture := self._next(session):
                    self._tell(picture)
            except Exception:
                # If a picture cannot be drawn, the stream must end instead of showing an old one.
                logger.exception("unexpected error in a picture")
                self.stop("failed")

    def _next(self, session: _Showing) -> JpegPicture | None:
        """Draw the frame of the newest faces, or the newest frame where these are too old."""
        frames, faces = list(session.frames), session.faces
        if not frames:
            return None
        newest = frames[-1]
        if faces is not None and newest.time_s - faces.time_s > FACES_AGE_S:
            faces = None
        seen = next((one for one in frames if faces is not None and one.time_s == faces.time_s), None)
        frame = seen or newest
        if frame.time_s <= session.sent_s:
            return None
        session.sent_s = frame.time_s
        return draw(frame, faces if seen is not None else None, self._language, self._ignored)

    def _tell(self, picture: JpegPicture) -> None:
        data = {
            **self.state(),
            "time": rfc3339(self._clock.wall(picture.time_s)),
            "width": picture.width,
            "height": picture.height,
            "jpeg": base64.b64encode(picture.jpeg).decode("ascii"),
            "crop": None if picture.crop is None else base64.b64encode(picture.crop).decode("ascii"),
        }
        with self._changed:  # no more events once it has ended
            if self._session is not None:
                self._send(data)

    def _send(self, data: dict[str, Any]) -> None:
        if self._teller is not None:
            self._teller.tell(EVENT, data)


class _Showing:
    """One time for which somebody has asked.

    Attributes:
        until_s: its end on the pipeline's clock.
        until: the same on the wall clock.
        spacing_s: between two pictures.
        viewers: how many watch.
    """

    def __init__(self, until_s: float, until: datetime, spacing_s: float, viewers: int) -> None:
        self.until_s = until_s
        self.until = until
        self.spacing_s = spacing_s
        self.viewers = viewers
        self.frames: deque[Frame] = deque(maxlen=FRAMES_KEPT)
        self.faces: FacesObservation | None = None
        self.sent_s = float("-inf")
