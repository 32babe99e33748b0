"""The pipeline on media time, with stages that only say what they were given."""

from __future__ import annotations

import json
from fractions import Fraction

import av
import numpy as np
import pytest

from emoedge.config import Settings
from emoedge.emotions import as_probabilities
from emoedge.errors import MediaError
from emoedge.health import Health
from emoedge.observations import Box, FaceObservation, FacesObservation, TextObservation, VoiceObservation
from emoedge.pipeline import Pipeline
from emoedge.pipeline.perception import Perception
from emoedge.publish.messages import MessageBuilder

HAPPY = as_probabilities([0.05, 0.05, 0.05, 0.7, 0.05, 0.05, 0.05])
SECONDS = 4


class Eyes:
    def __init__(self):
        self.times = []

    def process(self, frame):
        self.times.append(frame.time_s)
        # A face wherever the picture is bright.
        if frame.luma.mean() < 100:
            return FacesObservation(frame.time_s, ())
        return FacesObservation(
            frame.time_s, (FaceObservation(1, Box(0, 0, 0.5, 0.5), HAPPY, 0.9, primary=True),)
        )

    def reset(self):
        self.times.clear()


class Ears:
    def __init__(self):
        self.heard_s = 0.0

    def process(self, block, changes):
        self.heard_s += block.duration_s
        if abs(block.end_s - 2.0) < 1e-6:
            return [VoiceObservation(1.0, 2.0, HAPPY, 20.0, -20.0)]
        return []

    def flush(self, time_s):
        return [VoiceObservation(time_s - 1, time_s, HAPPY, 20.0, -20.0, final=True)]

    def reset(self):
        self.heard_s = 0.0


class Understanding(Ears):
    def process(self, block, changes):
        return []

    def flush(self, time_s):
        return [TextObservation(time_s - 1, time_s, "qué alegría", HAPPY)]


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Four seconds at 20 fps: bright for two seconds, then dark; a tone as sound."""
    path = tmp_path_factory.mktemp("media") / "clip.mp4"
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=20)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        audio = container.add_stream("aac", rate=16000, layout="mono")
        for i in range(20 * SECONDS):
            value = 200 if i < 40 else 20
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), value, np.uint8), format="rgb24")
            frame.pts, frame.time_base = i, Fraction(1, 20)
            container.mux(video.encode(frame))
        tone = (np.sin(np.arange(16000 * SECONDS) / 16000 * 2 * np.pi * 440) * 8000).astype(np.int16)
        for start in range(0, len(tone), 1024):
            part = av.AudioFrame.from_ndarray(tone[None, start : start + 1024], format="s16", layout="mono")
            part.sample_rate, part.pts, part.time_base = 16000, start, Fraction(1, 16000)
            container.mux(audio.encode(part))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    return path


def pipeline(**settings):
    parts = tuple(Health(name, "ok") for name in ("face", "voice", "text"))
    eyes, ears = Eyes(), Ears()
    made = Pipeline(
        Settings(device_id="test", **settings), Perception(eyes, None, ears, Understanding(), parts)
    )
    return made, eyes, ears


def messages_of(made, clip):
    """What `emoedge replay` writes."""
    builder = MessageBuilder.for_replay(made.settings, made.clock)
    return [builder.outcome(outcome) for outcome in made.replay(clip)]


def test_says_everything_in_order_at_media_times(clip):
    made, eyes, ears = pipeline()
    messages = messages_of(made, clip)
    assert messages[0].suffix == "health"
    assert {m.suffix for m in messages} == {"health", "emotion", "summary", "event", "face", "voice", "text"}
    assert ears.heard_s == pytest.approx(SECONDS, abs=0.15)
    assert len(eyes.times) == pytest.approx(10 * SECONDS, abs=2)  # analysis_fps
    empty = [m for m in messages if m.suffix == "face" and not m.payload["faces"]]
    assert empty[0].payload["time_s"] == pytest.approx(2.0, abs=0.11)
    voice = next(m for m in messages if m.suffix == "voice")
    assert (voice.payload["start_s"], voice.payload["end_s"]) == (1.0, 2.0)
    begin = next(m for m in messages if m.suffix == "event" and m.payload["type"] == "begin")
    end = next(m for m in messages if m.suffix == "event" and m.payload["type"] == "end")
    assert begin.payload["emotion"] == "happiness"
    assert begin.payload["id"] == end.payload["id"]
    assert begin.payload["started_s"] < end.payload["ended_s"] <= SECONDS + 0.1


def test_two_runs_give_the_same_bytes(clip):
    first, second = (b"".join(m.encode() for m in messages_of(pipeline()[0], clip)) for _ in range(2))
    assert first == second
    made, *_ = pipeline()
    again = [b"".join(m.encode() for m in messages_of(made, clip)) for _ in range(2)]
    assert again[0] == again[1] == first


def test_the_transcript_stays_inside_unless_asked_for(clip):
    assert "qué alegr".encode() not in b"".join(m.encode() for m in messages_of(pipeline()[0], clip))
    made, *_ = pipeline(publish={"transcript": True})
    texts = [json.loads(m.encode()) for m in messages_of(made, clip) if m.suffix == "text"]
    assert [t["transcript"] for t in texts] == ["qué alegría"]


def test_a_sound_without_pictures_and_the_other_way_round(clip):
    made, eyes, _ = pipeline(camera={"source": "none"})
    assert {m.suffix for m in messages_of(made, clip)} >= {"voice", "text"}
    assert eyes.times == []
    made, _, ears = pipeline(microphone={"source": "none"})
    list(made.replay(clip))
    assert ears.heard_s == 0


def test_a_truncated_file_ends_with_an_error(clip, tmp_path):
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    made, *_ = pipeline()
    with pytest.raises(MediaError):
        list(made.replay(cut))


def test_rotation_is_applied_before_anyone_looks(clip):
    seen = []

    class Looking(Eyes):
        def process(self, frame):
            seen.append((frame.width, frame.height))
            return super().process(frame)

    parts = (Health("face", "ok"),)
    made = Pipeline(Settings(camera={"rotate": 90}), Perception(Looking(), None, None, None, parts))
    list(made.replay(clip))
    assert set(seen) == {(48, 64)}
