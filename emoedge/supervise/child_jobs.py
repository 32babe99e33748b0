"""Child processes that the daemon runs for local clients: trying settings, fetching models.

A child runs as the daemon's user in its sandbox. A driver or a model that hangs or crashes takes the child
with it and nothing else.
"""

from __future__ import annotations

import contextlib
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr

from emoedge.config import Settings, with_changes
from emoedge.emotions import Language
from emoedge.errors import EmoedgeError, ModelError
from emoedge.files import parse_json
from emoedge.local_socket.protocol import DaemonError, Request
from emoedge.model_store import load_manifest
from emoedge.translation import localized, tr
from emoedge.worker_thread import WorkerThread

logger = logging.getLogger(__name__)

TEST_S: Final = 10.0
"""Time for a test, the start of the child included."""
EVENT: Final = "model"
MAX_VALUES: Final = 32
SECTIONS: Final[Mapping[str, str]] = {
    "camera": "camera",
    "microphone": "microphone",
    "broker": "mqtt",
    "speech": "speech",
}
"""Subjects of a test, and the section whose values may be changed for each."""
DEVICES: Final = frozenset({"camera", "microphone"})
"""Subjects that privacy keeps closed."""


class ChildJobs:
    """Starts the children and ends them.

    Args:
        settings: as configured.
        tell: sends an event to the clients.
    """

    def __init__(self, settings: Settings, tell: Callable[[str, dict[str, Any]], None]) -> None:
        self._settings = settings
        self._tell = tell
        self._lock = threading.Lock()
        self._private = False
        self._test: subprocess.Popen[bytes] | None = None
        self._opens_device = False
        self._fetch: subprocess.Popen[bytes] | None = None
        self._fetching = ""

    def set_private(self, on: bool) -> None:
        """Privacy ON ends a test that has a device open, at once."""
        with self._lock:
            self._private = on
            if on and self._opens_device:
                _end(self._test)

    def stop(self) -> None:
        """End all children."""
        with self._lock:
            _end(self._test)
            _end(self._fetch)

    def test(self, request: Request) -> dict[str, Any]:
        """Try settings without saving them; waits up to `TEST_S`. Raises DaemonError."""
        what = request.text("what")
        if what not in SECTIONS:
            raise DaemonError(tr("what is not one of {names}", names=", ".join(SECTIONS)), code="value")
        settings = self._changed(SECTIONS[what], request.values.get("values", {}))
        language: Language = "es" if request.values.get("language") == "es" else "en"
        given = json.dumps(_plain(_needed(settings, what))).encode() + b"\n"
        with self._lock:
            if self._private and what in DEVICES:
                raise DaemonError(tr("privacy is on"), tr("switch it off first"), "privacy")
            self._opens_device = what in DEVICES
            child = self._test = _start("emoedge.doctor", what, language)
        try:
            output, _ = child.communicate(given, TEST_S)
        except subprocess.TimeoutExpired:
            _end(child)
            child.communicate()
            return _answer(
                tr("no answer within {seconds:.0f} s", seconds=TEST_S),
                tr("choose another one, or restart the device"),
                language,
            )
        finally:
            self._opens_device = False
        if self._private and what in DEVICES:
            raise DaemonError(tr("privacy is on"), tr("switch it off first"), "privacy")
        return _result(output, child.returncode, language)

    def devices(self, _request: Request) -> dict[str, Any]:
        """Cameras and microphones, as this user and this sandbox see them. Raises DaemonError."""
        child = _start("emoedge", "devices", "--json")
        try:
            output, _ = child.communicate(timeout=TEST_S)
            found = parse_json(output)
        except (subprocess.TimeoutExpired, ValueError) as error:
            _end(child)
            child.communicate()
            raise DaemonError(
                tr("the devices cannot be listed"), tr("run: emoedge devices"), "failed"
            ) from error
        return found if isinstance(found, dict) else {}

    def fetch(self, request: Request) -> dict[str, Any]:
        """Begin to fetch a model; progress comes as events. Raises DaemonError."""
        name = request.text("name")
        try:
            entry = load_manifest().get(name)
        except ModelError as error:
            raise DaemonError(error.message, error.remedy, "value") from error
        if entry.shipped:
            raise DaemonError(tr("{name} comes with emoedge", name=name), code="value")
        with self._lock:
            if self._fetching:
                raise DaemonError(
                    tr("{name} is being fetched", name=self._fetching),
                    tr("wait until it is finished"),
                    "busy",
                )
            self._fetch = _start("emoedge.model_store", name, str(self._settings.paths.models))
            self._fetching = name
        child = self._fetch
        WorkerThread("model-fetch", lambda: self._follow(name, child)).start()
        return {"name": name}

    def _follow(self, name: str, child: subprocess.Popen[bytes]) -> None:
        """Hand on what the child says until it has ended."""
        end: dict[str, Any] = {}
        assert child.stdout is not None
        with child:
            for line in child.stdout:
                with contextlib.suppress(ValueError):
                    value = parse_json(line)
                    if isinstance(value, dict) and "error" in value:
                        end = {
                            "reason": str(value["error"]),
                            "remedy": str(value.get("remedy") or "") or None,
                        }
                    elif isinstance(value, dict):
                        self._tell(EVENT, {"name": name, "state": "fetching", **_progress(value)})
        with self._lock:
            self._fetching = ""
        if child.returncode == 0:
            self._tell(EVENT, {"name": name, "state": "installed"})
        else:
            logger.warning(
                "cannot fetch the model %s: %s", name, end.get("reason", f"code {child.returncode}")
            )
            failed = {"reason": "the download has ended", "remedy": "try again"}
            self._tell(EVENT, {"name": name, "state": "failed", **(end or failed)})

    def _changed(self, section: str, values: object) -> Settings:
        """The settings with values such as {"camera.source": "none"}."""
        if not isinstance(values, dict) or len(values) > MAX_VALUES:
            raise DaemonError(tr("values is not an object with keys of the configuration"), code="value")
        changes = {}
        for key, value in values.items():
            place, _, name = str(key).partition(".")
            if place != section or not name:
                raise DaemonError(
                    tr("{key!r} is not a key of [{section}]", key=str(key)[:64], section=section),
                    code="value",
                )
            changes[name] = value
        try:
            return with_changes(self._settings, section, changes)
        except EmoedgeError as error:
            raise DaemonError(error.message, error.remedy, "value") from error


def _needed(settings: Settings, what: str) -> Settings:
    """Leave out what a test of speech does not need."""
    if what != "speech":
        return settings
    for name in ("face", "voice"):
        settings = with_changes(settings, name, {"enabled": False})
    return with_changes(settings, "speech", {"enabled": True})


def _start(module: str, *arguments: str) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except OSError as error:
        raise DaemonError(
            tr("cannot start a process: {strerror}", strerror=error.strerror),
            tr("free memory, and try again"),
        ) from error


def _end(child: subprocess.Popen[bytes] | None) -> None:
    if child is not None and child.poll() is None:
        child.kill()


def _result(output: bytes, code: int, language: Language) -> dict[str, Any]:
    try:
        results = parse_json(output)
        bad = [one for one in results if one["state"] != "ok"] or results
        worst = next((one for one in bad if one["state"] == "failed"), bad[0])
        return {
            "ok": worst["state"] != "failed",
            "detail": worst["detail"],
            "remedy": worst["remedy"] or None,
        }
    except (ValueError, TypeError, KeyError, IndexError):
        return _answer(tr("the test has ended with code {code}", code=code), tr("check its log"), language)


def _answer(detail: str, remedy: str, language: Language) -> dict[str, Any]:
    return {"ok": False, "detail": localized(detail, language), "remedy": localized(remedy, language)}


def _progress(value: dict[str, Any]) -> dict[str, Any]:
    return {name: value.get(name) for name in ("done", "total")}


def _plain(value: Any) -> Any:
    """Settings as JSON has them, secrets included: for the child alone."""
    if isinstance(value, Settings):
        return _plain(value.model_dump())
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return str(value) if isinstance(value, Path) else value
