"""The picture on demand: what it shows, when it ends, and that it costs nothing while nobody looks."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from emoedge.clock import SystemClock
from emoedge.config import Settings
from emoedge.frames import Frame
from emoedge.local_socket.client import DaemonClient
from emoedge.local_socket.protocol import DaemonError
from emoedge.observations import Box, FaceObservation, FacesObservation
from emoedge.publish.messages import Message, MessageBuilder
from emoedge.supervise.picture import PictureFeed
from emoedge.supervise.picture_drawing import MAX_WIDTH
from tests.publish.conftest import until
from tests.supervise.running import PATIENCE_S, connected, running_daemon

LANDMARKS = np.array([[0.4, 0.4], [0.6, 0.4], [0.5, 0.5], [0.5, 0.6], [0.3, 0.45], [0.7, 0.45]], np.float32)


def frame(time_s: float, width: int = 1280, height: int = 720) -> Frame:
    data = np.random.default_rng(1).integers(60, 120, (height, width, 3), np.uint8)
    return Frame(time_s, data, "bgr", width, height)


def faces(time_s: float) -> FacesObservation:
    face = FaceObservation(1, Box(0.25, 0.2, 0.5, 0.6), None, 0.9, primary=True, landmarks=LANDMARKS)
    return FacesObservation(time_s, (face,))


def opened(jpeg: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)


class Subscribers:
    """Keeps what is told."""

    def __init__(self) -> None:
        self.wanted = frozenset({"picture"})
        self.told: list[dict[str, Any]] = []

    def tell(self, name: str, data: dict[str, Any]) -> None:
        assert name == "picture"
        self.told.append(data)

    @property
    def pictures(self) -> list[dict[str, Any]]:
        return [data for data in self.told if "jpeg" in data]


def made(fault: str = "") -> tuple[PictureFeed, Subscribers, list[Message]]:
    clock, published = SystemClock(), list[Message]()
    feed = PictureFeed(MessageBuilder("d", clock), clock, published.append, lambda: fault, "es")
    subscribers = Subscribers()
    feed.attach(subscribers)
    return feed, subscribers, published


def test_pictures_come_while_somebody_has_asked_for_them() -> None:
    feed, subscribers, published = made()
    feed.offer_frame(frame(1.0))
    assert feed.state() == {"on": False}
    answer = feed.start(60, 15, 2)
    now_s = SystemClock().now_s()
    feed.offer_frame(frame(now_s))
    feed.offer_faces(faces(now_s))
    until(lambda: subscribers.pictures, "a picture comes")
    first = subscribers.pictures[0]
    assert (first["on"], first["until"], first["viewers"]) == (True, answer["until"], 2)
    assert opened(base64.b64decode(first["jpeg"])).shape == (360, 640, 3)
    feed.stop()
    assert subscribers.told[-1] == {"on": False, "reason": "stopped"}
    assert [message.payload["on"] for message in published] == [True, False]
    assert published[0].retain
    until(lambda: "picture" not in [thread.name for thread in threading.enumerate()], "its thread has ended")


def test_privacy_ends_it_and_it_cannot_begin() -> None:
    feed, subscribers, published = made()
    feed.start(60, 15, 1)
    feed.set_private(True)
    assert subscribers.told[-1] == {"on": False, "reason": "privacy"}
    assert published[-1].payload["on"] is False
    count = len(subscribers.told)
    feed.offer_frame(frame(SystemClock().now_s()))
    with pytest.raises(DaemonError) as caught:
        feed.start(60, 15, 1)
    assert caught.value.code == "privacy"
    until(lambda: "picture" not in [thread.name for thread in threading.enumerate()], "its thread has ended")
    assert len(subscribers.told) == count
    feed.set_private(False)
    feed.start(60, 15, 1)
    feed.stop()


def test_it_ends_after_its_time_and_where_nobody_looks() -> None:
    feed, subscribers, _ = made()
    feed.start(1, 15, 1)
    until(lambda: subscribers.told[-1] == {"on": False, "reason": "time"}, "its time is over")
    subscribers.wanted = frozenset()
    feed.start(300, 15, 1)
    until(lambda: subscribers.told[-1]["on"] is False, "nobody looks")


def test_without_a_camera_it_says_so() -> None:
    feed, _, _ = made("there is no camera")
    with pytest.raises(DaemonError) as caught:
        feed.start(60, 8, 1)
    assert (caught.value.code, caught.value.message) == ("camera", "there is no camera")


def test_a_running_daemon_shows_its_camera(make_clip: Callable[[], Path], tmp_path: Path) -> None:
    settings = Settings.model_validate(
        {
            "camera": {"source": f"file:{make_clip()}"},
            "microphone": {"source": "none"},
            "mqtt": {"enabled": False},
            "recording": {"dir": str(tmp_path / "recordings"), "min_free_bytes": 0},
            "paths": {"state": str(tmp_path / "state"), "socket": str(tmp_path / "daemon.sock")},
        }
    )
    with running_daemon(settings), connected(settings) as client:
        client.subscribe("picture")
        client.ask("picture", seconds=120)
        with_face = next_picture(client, lambda data: data["crop"] is not None)
        assert with_face["width"] <= MAX_WIDTH
        assert client.ask("state")["picture"]["on"] is True
        client.ask("control", name="privacy", value="ON")
        end = next_event(client, lambda data: not data["on"])
        assert end["reason"] == "privacy"
        with pytest.raises(DaemonError) as caught:
            client.ask("picture", seconds=60)
        assert caught.value.code == "privacy"
        assert client.ask("state")["picture"] == {"on": False}
    kept = [path for path in tmp_path.rglob("*") if path.suffix in (".jpg", ".jpeg")]
    assert kept == []


def next_event(client: DaemonClient, is_meant: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    deadline_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline_s:
        found = client.take(1.0)
        if found is not None and is_meant(found[1]):
            return found[1]
    pytest.fail("it did not come")


def next_picture(client: DaemonClient, is_meant: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    return next_event(client, lambda data: "jpeg" in data and is_meant(data))


@pytest.fixture
def make_clip() -> Callable[[], Path]:
    """The demonstration clip, in which there is a face."""
    from emoedge.demo.clip import ensure_demo_clip

    return ensure_demo_clip
