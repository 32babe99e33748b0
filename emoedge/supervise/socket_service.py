"""Requests of the socket's clients to the running daemon."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any, Final

from emoedge.config import Settings
from emoedge.errors import EmoedgeError
from emoedge.health import Health
from emoedge.local_socket.places import listening_places
from emoedge.local_socket.protocol import DaemonError, Request
from emoedge.local_socket.server import Reply, SocketServer
from emoedge.logs import recent_lines
from emoedge.publish.control import Rejection, parse_command
from emoedge.redact import redact
from emoedge.supervise.child_jobs import ChildJobs
from emoedge.supervise.controls import Controls
from emoedge.supervise.feed import Feed
from emoedge.supervise.forget import Forgetter
from emoedge.supervise.lane import Lane, LaneJob
from emoedge.supervise.overrides import LASTING
from emoedge.supervise.picture import DEFAULT_HZ, MAX_HZ, MAX_SECONDS, MAX_VIEWERS, PictureFeed
from emoedge.supervise.placement import PlacementWatch
from emoedge.supervise.recording_requests import RecordingRequests
from emoedge.translation import joined, localized, tr
from emoedge.version import __version__
from emoedge.worker_thread import WorkerThread

MAX_COMMANDS: Final = 32
MAX_JOBS: Final = 8
MAX_LOG_CHARACTERS: Final = 400_000
"""Maximum characters of log lines in an answer; the oldest are left out."""

MAX_LAST_S: Final = 36_500 * 86_400.0
"""As for `emoedge recordings purge --last`."""

Act = Callable[[Request], dict[str, Any]]


class SocketService:
    """The socket of a daemon, with the threads in which requests are carried out.

    Args:
        settings: in force.
        controls: what `control` changes.
        feed: events for subscribers.
        recording: the segment being recorded: `on`, `id`, `seconds`.
        forgetter: carries out `purge`.
        recordings: keeps, deletes and restores segments.
        picture: the camera's picture on demand.
        children: try settings and fetch models.
        placement: measures how well the person in view is seen.
    """

    def __init__(
        self,
        settings: Settings,
        controls: Controls,
        feed: Feed,
        recording: Callable[[], dict[str, Any]],
        forgetter: Forgetter,
        recordings: RecordingRequests,
        picture: PictureFeed,
        children: ChildJobs,
        placement: PlacementWatch,
    ) -> None:
        self._settings = settings
        self._controls = controls
        self._feed = feed
        self._recording = recording
        self.restart: Callable[[], None] = lambda: None
        """Ends the daemon in order, so that it is started again."""
        self.parts: Callable[[], tuple[Health, ...]] = tuple
        """The parts of `health` at present."""
        about = {"device": settings.device_id, "state": str(settings.paths.state.absolute())}
        self.server = SocketServer(listening_places(settings), about, self._handle)
        feed.attach(self.server)
        picture.attach(self.server)
        self._picture = picture
        self._children = children
        self._placement = placement
        # Privacy does not wait; the other controls only wait for each other.
        self._privacy = Lane("socket-privacy", 1, newest_counts=True)
        self._commands = Lane("socket-commands", MAX_COMMANDS)
        self._jobs = Lane("socket-jobs", MAX_JOBS)
        self._at_once: dict[str, Act] = {
            "state": lambda _request: self.state(),
            "log": lambda _request: {"lines": _log()},
            "doctor": lambda _request: self._devices(),
            "restart": self._restart,
            "picture": self._start_picture,
            "picture_stop": self._stop_picture,
        }
        self._forgetter = forgetter
        self._later: dict[str, Act] = {
            "purge": self._purge,
            "test": children.test,
            "devices": children.devices,
            "models_fetch": children.fetch,
            **recordings.acts,
        }

    @property
    def threads(self) -> tuple[WorkerThread, ...]:
        """All threads."""
        return (self.server.thread, *(lane.thread for lane in (self._privacy, self._commands, self._jobs)))

    def start(self) -> None:
        """Start to listen; an unavailable socket is reported in `health` and has no other effect."""
        for lane in (self._privacy, self._commands, self._jobs):
            lane.thread.start()
        self.server.start()

    def stop(self, timeout_s: float) -> None:
        """Disconnect everybody."""
        self._picture.stop("offline")
        self._children.stop()
        for lane in (self._privacy, self._commands, self._jobs):
            lane.thread.request_stop()
        self.server.stop(timeout_s)

    def health(self) -> Health:
        """The socket and its threads."""
        health = self.server.health()
        fault = next((thread.fault for thread in self.threads if thread.fault), "")
        return Health("socket", "degraded", fault, health.figures) if fault else health

    def state(self) -> dict[str, Any]:
        """Everything that a client needs to begin with."""
        latest, settings = self._feed.latest(), self._settings
        return {
            "schema": 1,
            "device": settings.device_id,
            "version": __version__,
            "time": self._feed.now(),
            "language": settings.language,
            "privacy": self._controls.overrides.privacy,
            **{topic: latest.get(topic) for topic in ("emotion", "face", "voice", "text", "health")},
            "controls": self._feed.controls(),
            "set_by_command": list(self._controls.overrides.set_by_command),
            "recording": self._recording(),
            "picture": self._picture.state(),
        }

    # ---- from the server's thread ----

    def _handle(self, request: Request, reply: Reply) -> None:
        if request.act in ("control", "control_clear"):
            self._control(request, reply)
        elif act := self._at_once.get(request.act):
            reply(act(request))
        elif act := self._later.get(request.act):
            self._jobs.put(_job(act, request, reply))
        else:
            raise DaemonError(tr("this daemon does not support {act!r}", act=request.act), code="unknown")

    def _control(self, request: Request, reply: Reply) -> None:
        name, value = request.text("name"), request.text("value")
        command = parse_command(name, value.encode("utf-8", "replace"))
        if command is None:
            raise DaemonError(tr("value is empty"), code="value")
        if isinstance(command, Rejection):
            raise DaemonError(joined((command.name, command.reason), ": "), code="value")
        text, carry_out = command.text, self._controls.handle
        if request.act == "control_clear":
            if name not in LASTING:
                raise DaemonError(tr("{name} has no value in the configuration", name=name), code="value")
            carry_out = self._controls.clear

        def answer(refusal: str) -> None:
            reply(DaemonError(refusal, code="refused") if refusal else {"value": text})

        lane = self._privacy if name == "privacy" else self._commands
        lane.put(LaneJob(lambda: carry_out(command, answer), answer))

    def _purge(self, request: Request) -> dict[str, Any]:
        if request.flag("all", False):
            return self._forgetter.forget(None)
        last_s = request.number("last_s", 0, MAX_LAST_S)
        return self._forgetter.forget(datetime.now(timezone.utc) - timedelta(seconds=last_s))

    def _start_picture(self, request: Request) -> dict[str, Any]:
        if not self._settings.web.picture:
            raise DaemonError(
                tr("the live picture is switched off"), tr("set web.picture to true"), "picture"
            )
        seconds = request.number("seconds", 1, MAX_SECONDS)
        hz = request.number("hz", 1, MAX_HZ) if "hz" in request.values else DEFAULT_HZ
        viewers = request.number("viewers", 1, MAX_VIEWERS) if "viewers" in request.values else 1
        return self._picture.start(seconds, hz, round(viewers))

    def _stop_picture(self, _request: Request) -> dict[str, Any]:
        self._picture.stop()
        return {}

    def _restart(self, _request: Request) -> dict[str, Any]:
        self.restart()
        return {}

    def _devices(self) -> dict[str, Any]:
        """Return the states of the devices that `emoedge doctor` cannot try while the daemon uses them."""
        settings = self._settings
        return {
            "pid": os.getpid(),
            "camera": redact(settings.camera.source),
            "microphone": redact(settings.microphone.source),
            "privacy": self._controls.overrides.privacy,
            "placement": self._placement.figures(self._feed.latest()),
            "parts": {
                part.name: {
                    "state": part.state,
                    "reason": part.reason,
                    "reason_text": localized(part.reason, settings.language),
                    "figures": dict(part.figures),
                }
                for part in self.parts()
            },
        }


def _job(act: Act, request: Request, reply: Reply) -> LaneJob:
    def run() -> None:
        try:
            reply(act(request))
        except DaemonError as error:
            reply(error)
        except EmoedgeError as error:
            reply(DaemonError(error.message, error.remedy))

    return LaneJob(run, lambda reason: reply(DaemonError(reason, code="busy")))


def _log() -> list[str]:
    """The last lines of the log, as many as an answer holds, the newest last."""
    lines: list[str] = []
    size = 0
    for line in reversed(recent_lines()):
        size += len(line.encode("utf-8", "replace")) + 8
        if size > MAX_LOG_CHARACTERS:
            break
        lines.append(line)
    return lines[::-1]
