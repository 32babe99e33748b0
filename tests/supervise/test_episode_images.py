"""Which pictures leave the device where that was asked for, and that none does otherwise."""

from __future__ import annotations

import numpy as np
import pytest

from emoedge.clock import MediaClock
from emoedge.emotions import as_probabilities
from emoedge.frames import Frame
from emoedge.outcomes import EmotionEvent, FusedState, ModalityOpinion, Snapshot
from emoedge.publish.messages import Message, MessageBuilder
from emoedge.supervise.episode_images import MAX_BYTES, SPACING_S, EpisodeImages

cv2 = pytest.importorskip("cv2")

FLAT = as_probabilities([1 / 7] * 7)


class Bench:
    """The pictures with a clock by hand; the brightness of a frame tells which one was sent."""

    def __init__(self, *, enabled: bool = True) -> None:
        self.now_s = 100.0
        self.sent: list[Message] = []
        builder = MessageBuilder("living-room", MediaClock())
        self.images = EpisodeImages(builder, self.sent.append, lambda: self.now_s, enabled=enabled)

    def frame(self, brightness: int) -> None:
        picture = np.full((480, 640, 3), brightness, np.uint8)
        self.images.offer_frame(Frame(self.now_s, picture, "bgr", 640, 480, 0, "test"))

    def state(self, emotion, confidence: float, *, face: bool = True) -> None:
        opinions = (ModalityOpinion("face", self.now_s, FLAT),) if face else ()
        self.images.offer_state(FusedState(self.now_s, FLAT, emotion, confidence, "face", opinions=opinions))

    def event(self, kind, emotion="happiness") -> None:
        end_s = None if kind == "begin" else self.now_s
        self.images.on_event(EmotionEvent(kind, "1", emotion, self.now_s, end_s, 0.9))

    def snapshot(self, tmp_path) -> None:
        self.images.on_snapshot(Snapshot("20261122T091000-1", self.now_s, tmp_path / "a.jpg"))

    def episode(self) -> None:
        """One whose strongest moment is the frame of brightness 120."""
        for brightness, confidence in ((40, 0.5), (80, 0.6)):
            self.frame(brightness)
            self.state("happiness", confidence)
        self.event("begin")
        for brightness, confidence in ((120, 0.9), (160, 0.7)):
            self.frame(brightness)
            self.state("happiness", confidence)
        self.frame(200)
        self.state("neutral", 0.99)
        self.event("end")

    @property
    def pictures(self) -> list[int]:
        return [
            round(float(cv2.imdecode(np.frombuffer(one.encode(), np.uint8), cv2.IMREAD_COLOR).mean()))
            for one in self.sent
            if one.suffix == "image"
        ]


def test_the_strongest_moment_of_an_episode_is_sent_at_its_end():
    bench = Bench()
    bench.episode()
    assert bench.pictures == [pytest.approx(120, abs=2)]
    (message,) = bench.sent
    assert not message.retain
    assert not message.spool


def test_the_strongest_moment_may_come_before_the_episode_is_known():
    bench = Bench()
    bench.frame(70)
    bench.state("happiness", 0.95)
    bench.event("begin")
    bench.frame(150)
    bench.state("happiness", 0.6)
    bench.event("end")
    assert bench.pictures == [pytest.approx(70, abs=2)]


def test_an_episode_that_was_only_heard_has_no_picture():
    bench = Bench()
    bench.frame(70)
    bench.state("happiness", 0.95, face=False)
    bench.event("begin")
    bench.event("end")
    assert bench.sent == []


def test_a_snapshot_is_told_and_sent(tmp_path):
    bench = Bench()
    bench.frame(90)
    bench.snapshot(tmp_path)
    assert [one.suffix for one in bench.sent] == ["snapshot", "image"]
    assert bench.pictures == [pytest.approx(90, abs=2)]


def test_at_most_one_in_ten_seconds(tmp_path):
    bench = Bench()
    bench.episode()
    bench.now_s += SPACING_S - 0.1
    bench.frame(50)
    bench.snapshot(tmp_path)
    assert len(bench.pictures) == 1
    bench.now_s += 0.2
    bench.snapshot(tmp_path)
    assert len(bench.pictures) == 2


def test_nothing_is_sent_where_it_was_not_asked_for(tmp_path):
    bench = Bench(enabled=False)
    bench.episode()
    bench.snapshot(tmp_path)
    assert [one.suffix for one in bench.sent] == ["snapshot"]


def test_under_privacy_nothing_is_sent_and_nothing_is_left_for_later(tmp_path):
    bench = Bench()
    bench.frame(80)
    bench.state("happiness", 0.9)
    bench.event("begin")
    bench.images.set_private(True)
    bench.event("end")
    bench.frame(90)
    bench.episode()
    bench.snapshot(tmp_path)
    assert bench.pictures == []
    bench.images.set_private(False)
    bench.event("end")
    bench.snapshot(tmp_path)
    assert bench.pictures == [], "no frame since then"
    bench.episode()
    assert len(bench.pictures) == 1


def test_a_picture_full_of_detail_is_small_enough():
    bench = Bench()
    noise = np.random.default_rng(1).integers(0, 256, (1080, 1920, 3), np.uint8)
    bench.images.offer_frame(Frame(1.0, noise, "bgr", 1920, 1080, 0, "test"))
    bench.state("happiness", 0.9)
    bench.event("begin")
    bench.event("end")
    (message,) = bench.sent
    assert 0 < len(message.encode()) <= MAX_BYTES


def test_a_state_of_another_emotion_does_not_count():
    bench = Bench()
    bench.frame(60)
    bench.state("happiness", 0.5)
    bench.event("begin")
    bench.frame(160)
    bench.state("sadness", 0.99)
    bench.event("end")
    assert bench.pictures == [pytest.approx(60, abs=2)]
