"""The clip that goes round."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import av
import pytest

from emoedge.bench.clips import looped
from emoedge.capture.media import MediaReader
from emoedge.demo.clip import ensure_demo_clip
from emoedge.errors import MediaError


def _times(path: Path, kind: str) -> list[float]:
    with av.open(str(path)) as container:
        stream = container.streams.get({kind: 0})[0]
        return sorted(float(p.pts * p.time_base) for p in container.demux(stream) if p.pts is not None)


def test_a_short_clip_goes_round_until_it_is_long_enough(tmp_path: Path) -> None:
    longer = looped(ensure_demo_clip(), tmp_path / "long.mp4", 50.0)  # the clip has 20 s
    times = _times(longer, "video")
    assert len(times) == pytest.approx(50 * 15, abs=3)
    # The last ones lack those that would be decoded after them.
    assert all(0.05 < later - earlier < 0.08 for earlier, later in pairwise(times[:-3]))


def test_picture_and_sound_stay_together(tmp_path: Path) -> None:
    # Each round's sound is longer than its picture by the encoder's padding, which must not add up.
    longer = looped(ensure_demo_clip(), tmp_path / "long.mp4", 110.0)
    assert _times(longer, "video")[-1] == pytest.approx(_times(longer, "audio")[-1], abs=0.35)


def test_it_can_begin_later_at_a_key_frame(short_clip: Path, tmp_path: Path) -> None:
    later = looped(short_clip, tmp_path / "later.mp4", 1.5, begin_s=1.0)
    first = next(iter(MediaReader(later, audio=False).frames()))
    expected = next(frame for frame in MediaReader(short_clip, audio=False).frames() if frame.time_s >= 0.99)
    assert first.time_s == pytest.approx(0.0, abs=0.01)
    assert (first.data == expected.data).all()


def test_nothing_to_repeat(tmp_path: Path) -> None:
    empty = tmp_path / "empty.mp4"
    with av.open(str(empty), "w") as container:
        container.add_stream("aac", rate=16_000)
    with pytest.raises((MediaError, av.error.FFmpegError)):
        looped(empty, tmp_path / "out.mp4", 1.0)
