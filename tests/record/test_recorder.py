"""The recorder end to end: threads, encoder and disk are real, picture and sound are synthetic."""

from __future__ import annotations

import hashlib
import json
import stat
import subprocess
import threading
import time
import weakref
from functools import partial

import numpy as np
import pytest

from emoedge.backoff import Backoff
from emoedge.clock import MediaClock
from emoedge.emotions import EMOTIONS, as_probabilities
from emoedge.errors import RecordingError
from emoedge.frames import AudioBlock, PlanarFrame
from emoedge.observations import Box, FaceObservation, FacesObservation, TextObservation, Word
from emoedge.outcomes import EmotionEvent, FusedState
from emoedge.record.recorder import Recorder
from emoedge.record.store import Store

from .helpers import FPS, HEIGHT, WIDTH, clip, make_block, make_frame, media_facts, wait_for

HAPPY = as_probabilities([0.02, 0.02, 0.02, 0.82, 0.04, 0.04, 0.04])


class Rig:
    """A recorder with a hand-turned clock."""

    def __init__(self, settings, notices, **kwargs):
        self.clock = MediaClock()
        self.notices = notices
        self.recorder = Recorder(settings, clock=self.clock, fps=FPS, on_change=notices, **kwargs)
        self.recorder.start()

    def play(self, until_s: float, picture: bool = True, sound: bool = True) -> None:
        """Offer picture and sound from the present to `until_s`, no faster than the queue may hold."""
        for item in clip(self.clock.time_s, until_s - self.clock.time_s):
            is_sound = isinstance(item, AudioBlock)
            if is_sound and sound:
                self.recorder.offer_sound(item)
            elif not is_sound and picture:
                self.recorder.offer_frame(item)
            self.clock.advance(item.time_s)
            if len(self.recorder._input_queue) > 20:
                self.recorder._input_queue.wake()
                wait_for(lambda: len(self.recorder._input_queue) == 0)
        self.clock.advance(until_s)
        self.settle()

    def settle(self) -> None:
        """Let the thread see everything there is."""
        for _ in range(2):
            beat = self.recorder.thread.beats
            self.recorder._input_queue.wake()
            wait_for(partial(self._beats_past, beat))

    def _beats_past(self, beat: int) -> bool:
        return self.recorder.thread.beats > beat


@pytest.fixture
def rig(settings, notices):
    made = []

    def make(**kwargs):
        options = {
            key: kwargs.pop(key)
            for key in list(kwargs)
            if key in ("expects_video", "expects_sound", "describe", "language")
        }
        made.append(Rig(settings.model_copy(update=kwargs), notices, **options))
        return made[-1]

    yield make
    for one in made:
        assert one.recorder.stop()


def test_manual_segment_has_all_files_and_plays(rig, settings, notices):
    one = rig(describe=lambda: {"models": {"face": {"sha256": "ab"}}, "configuration": {"language": "es"}})
    one.play(3.0)
    segment_id = one.recorder.record(True)
    assert segment_id is not None
    assert one.recorder.manual
    one.recorder.offer_published(EmotionEvent("begin", "e1", "happiness", 3.2, None, 0.8))
    wait_for(lambda: len(list(settings.dir.glob("*/*.partial"))) == 3)
    for path in settings.dir.glob("*/*.partial"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o640, "also while it is being written"
    one.recorder.offer_state(FusedState(3.2, HAPPY, "happiness", 0.82, "face"))
    one.play(5.0)
    one.recorder.offer_text(TextObservation(4.0, 4.8, "hola mundo", None, (Word("hola", 4.0, 4.3, 0.9),)))
    one.recorder.record(False)
    one.play(6.0)
    done = notices.wait("finished")[0]

    assert notices.of("started")[0].segment_id == segment_id == done.segment_id
    assert done.path.read_bytes()
    assert done.sha256 == hashlib.sha256(done.path.read_bytes()).hexdigest()
    assert done.bytes == done.path.stat().st_size
    assert done.path.parent.parent == settings.dir
    files = {path.name for path in done.path.parent.iterdir()}
    assert files == {segment_id + suffix for suffix in (".mp4", ".jsonl", ".json", ".vtt", ".jpg")}
    for path in done.path.parent.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert stat.S_IMODE(done.path.parent.stat().st_mode) == 0o750

    facts = media_facts(done.path)
    assert facts["streams"] == ["video", "audio", "subtitle"]
    # From one second before ON (at 3 s) until OFF (at 5 s).
    assert done.duration_s == pytest.approx(3.0, abs=0.1)
    assert len(facts["video"]) == pytest.approx(45, abs=1)

    details = json.loads(done.path.with_suffix(".json").read_text())
    assert details["models"] == {"face": {"sha256": "ab"}}
    assert details["started"] == "1970-01-01T00:00:02.000Z"
    assert details["clock_synced"] is False
    assert details["sha256"] == done.sha256
    rows = [json.loads(line) for line in done.path.with_suffix(".jsonl").read_text().splitlines()]
    assert [(row["topic"], row["t"]) for row in rows] == [("event", 1.2), ("state", 1.2), ("transcript", 2.8)]
    assert "alegría 82 %" in done.path.with_suffix(".vtt").read_text()


def test_ffprobe_agrees_on_duration_and_streams(rig, notices, tmp_path):
    one = rig()
    one.play(1.0)
    one.recorder.record(True, 2.0)
    one.play(4.0)
    done = notices.wait("finished")[0]
    assert not one.recorder.manual
    try:
        out = subprocess.run(
            ["ffprobe", "-v", "error", "-show_entries", "format=duration:stream=codec_name", "-of", "json", done.path],  # noqa: E501
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    except FileNotFoundError:
        pytest.skip("ffprobe is not installed")
    assert out.stderr == ""
    probe = json.loads(out.stdout)
    assert [stream["codec_name"] for stream in probe["streams"]] == ["h264", "aac", "mov_text"]
    assert float(probe["format"]["duration"]) == pytest.approx(3.0, abs=0.1)


def test_event_brings_pre_roll_and_post_roll_and_the_id(rig, notices):
    one = rig(mode="events")
    one.play(4.0)
    begin = EmotionEvent("begin", "e1", "happiness", 3.0, None, 0.8)
    segment_id = one.recorder.on_event(begin)
    assert segment_id is not None
    one.play(6.0)
    end = EmotionEvent("end", "e1", "happiness", 3.0, 5.5, 0.8)
    assert one.recorder.on_event(end) == segment_id
    one.play(8.0)
    done = notices.wait("finished")[0]
    # 1 s before the event's own start at 3 s, half a second after its end at 5.5 s (told at 6 s).
    assert done.duration_s == pytest.approx(4.0, abs=0.1)
    assert one.recorder.segment_id is None


def test_long_recording_is_split_without_losing_a_frame(rig, notices):
    one = rig(mode="continuous", max_segment_s=5.0)
    one.play(12.0)
    one.recorder.set_mode("off")
    one.play(13.0)
    segments = notices.wait("finished", 3)
    frames = [len(media_facts(notice.path)["video"]) for notice in segments]
    assert len({notice.segment_id for notice in segments}) == 3
    assert sum(frames) == 12 * FPS
    # The clock of the test runs far ahead of the thread, so the cuts lie a little late.
    assert all(4.9 <= notice.duration_s <= 6.5 for notice in segments[:2])
    assert sum(notice.duration_s for notice in segments) == pytest.approx(12.0, abs=0.3)


def test_only_picture_and_only_sound(rig, notices):
    one = rig(expects_sound=False)
    one.recorder.record(True)
    one.play(1.5, sound=False)
    one.recorder.record(False)
    one.play(2.5, sound=False)
    assert media_facts(notices.wait("finished")[0].path)["streams"] == ["video", "subtitle"]
    two = rig(expects_video=False)
    two.recorder.record(True)
    two.play(1.5, picture=False)
    two.recorder.record(False)
    two.play(2.5, picture=False)
    done = notices.wait("finished", 2)[1]
    assert media_facts(done.path)["streams"] == ["audio", "subtitle"]
    assert done.duration_s == pytest.approx(1.5, abs=0.1)


def test_a_source_that_appears_later_gets_its_own_segment(rig, notices):
    one = rig()
    one.recorder.record(True)
    one.play(4.0, sound=False)
    one.play(6.0)
    one.recorder.record(False)
    one.play(7.0)
    first, second = notices.wait("finished", 2)
    assert media_facts(first.path)["streams"] == ["video", "subtitle"]
    assert media_facts(second.path)["streams"] == ["video", "audio", "subtitle"]
    assert first.duration_s + second.duration_s == pytest.approx(6.0, abs=0.15)


def test_camera_lost_and_back_within_a_segment_keeps_time(rig, notices):
    one = rig()
    one.recorder.record(True)
    one.play(2.0)
    one.play(5.0, picture=False)
    one.play(7.0)
    one.recorder.record(False)
    one.play(8.0)
    facts = media_facts(notices.wait("finished")[0].path)
    times = [frame.time for frame in facts["video"]]
    assert max(np.diff(times)) == pytest.approx(3.0 + 1 / FPS, abs=0.02)
    assert times[-1] == pytest.approx(7.0 - 1 / FPS, abs=0.02)


def test_off_records_nothing_and_says_so(rig, notices):
    one = rig(mode="off")
    with pytest.raises(RecordingError, match="recording is off"):
        one.recorder.record(True)
    assert one.recorder.on_event(EmotionEvent("begin", "e1", "fear", 0.0, None, 0.8)) is None
    one.play(1.0)
    assert one.recorder.health().state == "off"
    assert notices.seen == []
    assert one.recorder.health().figures["pre_roll_bytes"] == 0


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), float("inf")])
def test_bad_seconds_change_nothing(rig, notices, seconds):
    one = rig()
    with pytest.raises(RecordingError):
        one.recorder.record(True, seconds)
    assert one.recorder.segment_id is None


@pytest.mark.parametrize("how", ["off", "privacy"])
def test_what_cannot_be_recorded_is_not_kept(rig, how):
    one = rig(mode="off" if how == "off" else "continuous")
    if how == "privacy":
        one.recorder.set_privacy(True)
    one.settle()
    for item in clip(0.0, 1.0):
        if isinstance(item, AudioBlock):
            one.recorder.offer_sound(item)
        else:
            one.recorder.offer_frame(item)
    assert one.recorder.health().figures["queue"] == 0
    one.recorder.set_mode("manual")
    one.recorder.set_privacy(False)
    one.recorder.offer_frame(make_frame(1.0))
    one.settle()
    assert one.recorder.health().figures["pre_roll_bytes"] == make_frame(1.0).data.nbytes


def test_a_frame_that_waits_does_not_hold_the_memory_of_the_decoder(rig):
    one = rig()
    planes = [np.zeros(shape, np.uint8) for shape in ((HEIGHT, WIDTH), *[(HEIGHT // 2, WIDTH // 2)] * 2)]
    held = [weakref.ref(plane) for plane in planes]
    frame = PlanarFrame(0.0, tuple(planes), WIDTH, HEIGHT)
    del planes
    one.recorder.offer_frame(frame)
    assert [plane() for plane in held] == [None] * 3


def test_privacy_ends_the_segment_and_forgets_what_was_before(rig, notices):
    one = rig()
    one.play(2.0)
    one.recorder.record(True)
    one.play(3.0)
    one.recorder.set_privacy(True)
    one.play(5.0)
    notices.wait("finished")
    assert one.recorder.health().figures["pre_roll_bytes"] == 0
    with pytest.raises(RecordingError, match="privacy"):
        one.recorder.record(True)
    one.recorder.set_privacy(False)
    one.recorder.record(True)
    one.play(6.0)
    one.recorder.record(False)
    one.play(7.0)
    second = notices.wait("finished", 2)[1]
    assert second.duration_s == pytest.approx(1.0, abs=0.1)


def test_stop_closes_the_segment(rig, notices):
    one = rig(mode="continuous")
    one.play(3.0)
    assert one.recorder.stop(60.0)
    done = notices.of("finished")[0]
    assert done.reason == "shutdown"
    assert done.duration_s == pytest.approx(3.0, abs=0.1)
    assert len(media_facts(done.path)["video"]) == 3 * FPS


def test_overlay_draws_box_and_bars(rig, notices):
    one = rig(overlay=True)
    one.recorder.record(True)
    for step in range(3):
        face = FaceObservation(1, Box(0.4, 0.4, 0.3, 0.4), HAPPY, 0.9, primary=True)
        one.recorder.offer_faces(FacesObservation(step / 2, (face,)))
        one.recorder.offer_state(FusedState(step / 2, HAPPY, "happiness", 0.82, "face"))
        for index in range(7):
            one.recorder.offer_frame(make_frame(step / 2 + index / 14, index, luma=128, size=(320, 240)))
        for index in range(10):
            one.recorder.offer_sound(make_block(step / 2 + index / 20))
        one.clock.advance(step / 2 + 0.5)
        one.settle()
    one.recorder.record(False)
    one.clock.advance(3.0)
    facts = media_facts(notices.wait("finished")[0].path)
    picture = facts["video"][-1].to_ndarray(format="rgb24").astype(int)
    yellow = (picture[..., 0] - picture[..., 2] > 80) & (picture[..., 0] > 140)
    # The left edge of the box lies at 0.4 of the width and has happiness's yellow (#F0C419).
    assert yellow[150, 126:131].any()
    # The longest bar is happiness's, the fourth from above.
    lines = [int(yellow[5 + 12 * row : 17 + 12 * row, :118].sum()) for row in range(7)]
    assert lines.index(max(lines)) == 3
    assert lines[3] > 100
    # Far from box and bars the picture is as it was.
    assert np.ptp(picture[210:230, 260:310]) < 20


def test_wall_clock_jump_does_not_repeat_ids(settings, notices):
    from emoedge.record.names import new_segment_id

    clock = MediaClock()
    ids = {new_segment_id(clock.wall(0.0)) for _ in range(1000)}
    assert len(ids) == 1000


def test_frames_that_wait_too_long_are_replaced_and_counted(settings, notices):
    recorder = Recorder(settings, clock=MediaClock(), fps=FPS, on_change=notices)
    for index in range(100):
        recorder.offer_frame(make_frame(index / FPS, index))
    figures = recorder.health().figures
    assert figures["frames_dropped"] == 100 - 45
    assert recorder._input_queue.take(0)[-1].sequence == 99


def test_all_emotions_have_a_subtitle(rig, notices):
    one = rig(language="en")
    one.recorder.record(True)
    for index, emotion in enumerate(EMOTIONS):
        one.recorder.offer_state(FusedState(index * 1.0, HAPPY, emotion, 0.5, "face"))
        one.play(index + 1.0)
    one.recorder.record(False)
    one.play(8.0)
    done = notices.wait("finished")[0]
    import av

    with av.open(str(done.path)) as container:
        texts = [
            bytes(packet)[2:].decode()
            for packet in container.demux(next(s for s in container.streams if s.type == "subtitle"))
            if packet.size > 2
        ]
    assert texts == [f"{emotion} 50 %" for emotion in EMOTIONS]
    assert Store(one.recorder.settings.dir).find(done.segment_id).details()["id"] == done.segment_id


def test_a_short_recording_does_not_wait_for_a_camera_that_is_gone(rig, notices):
    one = rig()
    one.recorder.record(True, 1.0)
    one.play(4.0, picture=False)
    done = notices.wait("finished")[0]
    assert done.duration_s == pytest.approx(1.0, abs=0.1)
    assert media_facts(done.path)["streams"] == ["audio", "subtitle"]


def test_nothing_to_record_is_told(rig, notices):
    one = rig()
    one.recorder.record(True, 1.0)
    one.clock.advance(5.0)
    assert notices.wait("failed")[0].reason == "there was neither video nor audio"
    assert one.recorder.segment_id is None


def test_an_unforeseen_error_costs_one_segment_not_the_recorder(rig, notices, monkeypatch):
    from emoedge.record.segment import OpenSegment

    one = rig()
    monkeypatch.setattr("emoedge.record.disk_fault.RETRY", Backoff(first_s=0.05))
    one.recorder.record(True)
    one.play(3.0)
    with monkeypatch.context() as patched:
        patched.setattr(OpenSegment, "write", lambda *_: {}["nobody thought of this"])
        one.play(4.0)
    assert notices.wait("failed")
    time.sleep(0.1)
    one.play(8.0)
    one.recorder.record(False)
    one.play(9.0)
    first, second = notices.wait("finished", 2)
    assert 1.9 <= first.duration_s <= 3.1, "all but what was not yet on the disk"
    assert second.duration_s > 2.0
    assert one.recorder.health().state == "ok"


def test_descriptors_and_threads_do_not_grow(rig, notices):
    psutil = pytest.importorskip("psutil")
    one = rig()

    def round_trip(count: int) -> int:
        for _ in range(count):
            at = one.clock.time_s
            one.recorder.record(True)
            one.play(at + 0.5)
            one.recorder.record(False)
            one.play(at + 1.5)
        notices.wait("finished", len(notices.of("started")))  # until then files are open
        return psutil.Process().num_fds()

    before = round_trip(2)
    assert round_trip(4) <= before + 1


@pytest.mark.parametrize("kept", [True, False])
def test_words_are_kept_only_where_that_was_asked_for(rig, notices, kept):
    one = rig(transcript=kept)
    one.recorder.record(True)
    said = TextObservation(0.5, 1.0, "palabra privada", HAPPY, (Word("privada", 0.5, 1.0, 1.0),))
    one.recorder.offer_published(said)
    one.recorder.offer_text(said)
    one.play(2.0)
    one.recorder.record(False)
    one.play(3.0)
    done = notices.wait("finished")[0]
    files = b"".join(path.read_bytes() for path in done.path.parent.iterdir())
    assert (b"privada" in files) == kept
    assert b'"emotion":"happiness"' in files


def test_forgetting_deletes_the_open_segment_and_its_past_and_goes_on(rig, settings, notices):
    one = rig(mode="continuous", pre_roll_s=2)
    one.play(3.0)
    wait_for(lambda: notices.of("started"))
    first = one.recorder.segment_id
    assert one.recorder.recorded_s > 0
    forgotten = threading.Event()
    one.recorder.forget(forgotten.set)
    one.play(6.0)
    wait_for(forgotten.is_set)
    second = one.recorder.segment_id
    assert second not in (None, first)
    assert [change.segment_id for change in notices.of("deleted")] == [first]
    assert not [path for path in settings.dir.rglob("*") if first in path.name]
    one.recorder.set_mode("off")
    one.play(7.0)
    wait_for(lambda: notices.of("finished"))
    (finished,) = notices.of("finished")
    assert finished.segment_id == second
    assert finished.duration_s < 4.0, "nothing from before is in it"


def test_forgetting_drops_the_pre_roll(rig, notices):
    one = rig(mode="manual", pre_roll_s=5)
    one.play(4.0)
    forgotten = threading.Event()
    one.recorder.forget(forgotten.set)
    one.play(5.0)
    wait_for(forgotten.is_set)
    one.recorder.record(True)
    one.play(6.5)
    one.recorder.record(False)
    one.play(7.5)
    wait_for(lambda: notices.of("finished"))
    assert notices.of("finished")[0].duration_s < 3.0
