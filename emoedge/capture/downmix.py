"""Mix channels down to one: the same weights for every layout, and the louder channel where they cancel out.

Weights, before they are divided by their sum (ITU-R BS.775, Table 2, as FFmpeg applies it): centre 1, left
and right 0.707, what is behind, beside or above 0.5, low-frequency effects 0. Channels without a known place
count the same.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from emoedge.capture.notes import Notes
from emoedge.translation import tr

_CENTRE: Final = 1.0
_SIDE: Final = 0.5**0.5
_AROUND: Final = 0.5
_WEIGHTS: Final = {"FC": _CENTRE, "FL": _SIDE, "FR": _SIDE, "DL": _SIDE, "DR": _SIDE, "LFE": 0.0, "LFE2": 0.0}
_KNOWN_AROUND: Final = frozenset(
    ("BL", "BR", "BC", "SL", "SR", "FLC", "FRC", "TC", "TFL", "TFC", "TFR", "TBL")
)
_ENTER_SHARE: Final = 0.03
"""The mix is taken to cancel itself below this share of the power of the loudest channel: equal channels give
1, independent ones 0.5, one channel of two 0.25."""
_LEAVE_SHARE: Final = 0.1
_EFFECTS_SHARE: Final = 1e-4
"""A channel of weight 0 takes the place of the mix only where that has next to nothing beside it."""
_MEMORY: Final = 0.8
"""Smoothing of the powers from one 0.2 s piece to the next: about a second."""
_SILENT: Final = 1e-9
"""Mean square of a channel, full scale 1, below which there is nothing to decide: -90 dB."""
_KINDS: Final = {
    "u8": (np.uint8, 128.0),
    "s16": (np.int16, 2.0**15),
    "s32": (np.int32, 2.0**31),
    "s64": (np.int64, 2.0**63),
    "flt": (np.float32, 1.0),
    "dbl": (np.float64, 1.0),
}
"""FFmpeg's sample formats, and what is full scale in them."""


class Downmix:
    """Mixes the channels of one stream down to one.

    Args:
        layout: PyAV's layout of the channels.
        notes: receives remarks about channels left out or used in place of the mix.
    """

    def __init__(self, layout: Any, notes: Notes) -> None:
        names = [channel.name for channel in layout.channels]
        known = all(name in _WEIGHTS or name in _KNOWN_AROUND for name in names)
        weights = np.array([_WEIGHTS.get(name, _AROUND) if known else 1.0 for name in names], np.float32)
        if not weights.any():
            weights[:] = 1.0
        self._weights = weights / weights.sum()
        self._names = names
        self._notes = notes
        self._powers = np.zeros(len(names))
        self._mix_power = 0.0
        self._only: int | None = None
        effects = [name for name, weight in zip(names, weights, strict=True) if not weight]
        if effects:
            notes.add(
                tr(
                    "{count} channels: {effects} not included in the mix",
                    count=len(names),
                    effects=" and ".join(effects),
                )
            )

    def mixed(self, channels: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return one channel, float32 (n,), of audio (channels, n), full scale 1."""
        mix = self._weights @ channels
        self._powers = _MEMORY * self._powers + np.square(channels).mean(axis=1)
        self._mix_power = _MEMORY * self._mix_power + float(np.square(mix).mean())
        self._decide()
        return mix if self._only is None else channels[self._only]

    def _decide(self) -> None:
        shares = np.where(self._weights > 0, 1.0, _EFFECTS_SHARE / _ENTER_SHARE)
        loudest = int(np.argmax(self._powers * shares))
        power = float(self._powers[loudest] * shares[loudest])
        if self._only is None and power > _SILENT and self._mix_power < _ENTER_SHARE * power:
            self._only = loudest
            name = self._names[loudest]
            self._notes.add(
                tr(
                    "the channels cancel each other: the loudest one, {name}, is used instead of the mix",
                    name=name,
                )
            )
        elif self._only is not None and self._mix_power > _LEAVE_SHARE * power:
            self._only = None


def as_channels(frame: Any) -> NDArray[np.float32]:
    """Return the samples of a PyAV frame of any format, float32 (channels, n), full scale 1."""
    packed = frame.format.name.removesuffix("p")
    kind, scale = _KINDS[packed]
    planes = [np.frombuffer(plane, kind) for plane in frame.planes]
    count = frame.layout.nb_channels
    if frame.format.is_planar:
        samples = np.stack([plane[: frame.samples] for plane in planes])
    else:
        samples = planes[0][: frame.samples * count].reshape(-1, count).T
    if packed == "u8":
        return samples.astype(np.float32) / np.float32(scale) - 1
    return samples.astype(np.float32) / np.float32(scale)
