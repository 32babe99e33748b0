"""Channels mixed down to one: the same loudness, and nothing lost where they cancel."""

from __future__ import annotations

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoedge.capture.downmix import Downmix, as_channels
from emoedge.capture.notes import Notes

TONE = (0.4 * np.sin(np.arange(3200) * 0.1)).astype(np.float32)


def downmix(layout):
    notes = Notes("clip")
    return Downmix(av.AudioLayout(layout), notes), notes


@pytest.mark.parametrize("layout", ["stereo", "5.1", "7.1", "quad", "downmix", "2.1"])
def test_the_same_in_every_channel_is_itself(layout):
    mix, _ = downmix(layout)
    channels = np.tile(TONE, (av.AudioLayout(layout).nb_channels, 1))
    assert mix.mixed(channels) == pytest.approx(TONE, abs=1e-6)


def test_effects_are_left_out_and_said_to_be():
    mix, notes = downmix("5.1")
    names = [channel.name for channel in av.AudioLayout("5.1").channels]
    channels = np.zeros((6, 3200), np.float32)
    channels[names.index("FC")] = TONE
    alone = mix.mixed(channels)
    channels[names.index("LFE")] = 1.0
    assert np.array_equal(mix.mixed(channels), alone)
    assert len(notes.texts) == 1
    assert "LFE not included" in notes.texts[0]


def test_channels_that_cancel_each_other_are_heard_once_again_and_noted_once():
    mix, notes = downmix("stereo")
    opposite = np.stack([TONE, -TONE])
    assert mix.mixed(opposite) == pytest.approx(TONE)
    for _ in range(20):
        mix.mixed(opposite)
    assert len(notes.texts) == 1
    equal = np.stack([TONE, TONE])
    for _ in range(40):
        last = mix.mixed(equal)
    assert last == pytest.approx(TONE), "the mix is back"


def test_silence_decides_nothing():
    mix, notes = downmix("stereo")
    assert not mix.mixed(np.zeros((2, 3200), np.float32)).any()
    assert notes.texts == []


@given(
    st.sampled_from(["u8", "s16", "s32", "flt", "dbl", "u8p", "s16p", "s32p", "fltp", "dblp"]),
    st.sampled_from(["mono", "stereo", "5.1"]),
)
def test_every_format_is_read_at_full_scale(name, layout):
    count = av.AudioLayout(layout).nb_channels
    rows = np.stack([np.linspace(-0.9, 0.9, 64) * (one + 1) / count for one in range(count)])
    kind = {"u8": np.uint8, "s16": np.int16, "s32": np.int32, "flt": np.float32, "dbl": np.float64}[
        name.removesuffix("p")
    ]
    if np.issubdtype(kind, np.floating):
        data = rows.astype(kind)
    else:
        half = 2.0 ** (8 * np.dtype(kind).itemsize - 1)
        data = np.round(rows * half + (half if kind is np.uint8 else 0)).astype(kind)
    if not name.endswith("p"):
        data = data.T.reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(data), format=name, layout=layout)
    assert as_channels(frame) == pytest.approx(rows, abs=0.01 if kind is np.uint8 else 1e-4)
