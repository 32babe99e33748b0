"""What travels between the stages: small frozen values with units in their names.

All `time_s` values are seconds on the monotonic clock of the source (`time.monotonic()` for
devices, media time for files in `replay`); only what leaves the process gets a wall-clock stamp.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from emoedge.emotions import Emotion, Probabilities

SAMPLE_RATE_HZ: Final = 16_000
"""The one sample rate inside the process; sources resample to it."""

Rectangle = tuple[int, int, int, int]
"""Left, top, right, bottom: whole pixels, right and bottom outside."""

PixelLayout = Literal["i420", "bgr"]
Modality = Literal["face", "voice", "text"]
SourceName = Literal["camera", "microphone"]


def shrunk(picture: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """A picture, (h, w) or (h, w, 3), in a smaller size (width, height).

    Halved by area average as long as it goes, for which OpenCV has fast code, and brought to its size by linear
    interpolation: a tenth of the time of an area average of any other ratio.
    """
    import cv2

    width, height = size
    while picture.shape[1] >= 2 * width and picture.shape[0] >= 2 * height:
        half = picture.shape[1] // 2, picture.shape[0] // 2
        even = picture[: 2 * half[1], : 2 * half[0]]
        picture = np.asarray(cv2.resize(even, half, interpolation=cv2.INTER_AREA), np.uint8)
    if picture.shape[1::-1] != size:
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR), np.uint8)
    return picture


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture as the source delivered it; never modified.

    Attributes:
        time_s: when it was captured (not when it was read), seconds.
        data: uint8; layout "i420": (height * 3 / 2, width) planar YUV 4:2:0, video range (16 to 235); layout "bgr": (height, width, 3).
        layout: how `data` is to be read.
        width, height: size of the picture in pixels (both even for "i420").
        sequence: counts the frames of a source from 0; a gap means dropped frames.
        source_id: which camera, for more than one.
    """

    time_s: float
    data: NDArray[np.uint8]
    layout: PixelLayout
    width: int
    height: int
    sequence: int = 0
    source_id: str = "camera"

    @property
    def luma(self) -> NDArray[np.uint8]:
        """uint8 (height, width): a view for "i420", a conversion for "bgr"."""
        if self.layout == "i420":
            return self.data[: self.height, : self.width]
        import cv2

        return np.asarray(cv2.cvtColor(self.data, cv2.COLOR_BGR2GRAY), dtype=np.uint8)

    @property
    def chroma(self) -> Sequence[NDArray[np.uint8]]:
        """The two chroma planes of "i420", each uint8 (height / 2, width / 2): views."""
        blue, red = self.data[self.height :].reshape(2, self.height // 2, self.width // 2)
        return blue, red

    @property
    def bgr(self) -> NDArray[np.uint8]:
        """uint8 (height, width, 3) in OpenCV's channel order; a conversion for "i420"."""
        if self.layout == "bgr":
            return self.data
        import cv2

        return np.asarray(cv2.cvtColor(self.data, cv2.COLOR_YUV2BGR_I420), dtype=np.uint8)

    def small_rgb(self, width: int, height: int, part: Rectangle | None = None) -> NDArray[np.uint8]:
        """The picture, or a part of it, shrunk before the colour conversion.

        Args:
            width: of the result, pixels, even.
            height: likewise.
            part: its coordinates must be even for "i420", which has one chroma sample for two by two pixels.

        Returns:
            uint8 (height, width, 3) RGB.
        """
        import cv2

        left, top, right, bottom = part or (0, 0, self.width, self.height)
        size = (width, height)
        if self.layout == "bgr":
            small = shrunk(self.data[top:bottom, left:right], size)
            return np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2RGB), dtype=np.uint8)
        half_size = (width // 2, height // 2)
        half_rows, half_columns = slice(top // 2, bottom // 2), slice(left // 2, right // 2)
        i420 = np.empty((height * 3 // 2, width), np.uint8)
        i420[:height] = shrunk(self.luma[top:bottom, left:right], size)
        small_chroma = i420[height:].reshape(2, height // 2, width // 2)
        for plane, target in zip(self.chroma, small_chroma, strict=True):
            target[:] = shrunk(plane[half_rows, half_columns], half_size)
        return np.asarray(cv2.cvtColor(i420, cv2.COLOR_YUV2RGB_I420), dtype=np.uint8)


class PlanarFrame(Frame):
    """A picture of the layout "i420" whose planes lie apart, as decoders leave them: they are read where they are.

    `data` puts them together when it is first asked for.

    Args:
        time_s: as in `Frame`, like `width`, `height` and `sequence`.
        planes: luma uint8 (height, width) and the two of chroma (height / 2, width / 2); kept, not copied, and must not
            change as long as the frame lives.
        width: pixels, even.
        height: pixels, even.
        sequence: of the source.
    """

    __slots__ = ("_planes",)
    _planes: tuple[NDArray[np.uint8], ...]

    def __init__(
        self, time_s: float, planes: tuple[NDArray[np.uint8], ...], width: int, height: int, sequence: int = 0
    ) -> None:
        # `data` is left out: it is made by __getattr__, which Python calls for what is not there yet.
        values = {"time_s": time_s, "layout": "i420", "width": width, "height": height, "sequence": sequence}
        for name, value in {**values, "source_id": "camera", "_planes": planes}.items():
            object.__setattr__(self, name, value)

    def __getattr__(self, name: str) -> Any:
        if name != "data":
            raise AttributeError(name)
        data = joined_planes(self._planes)
        object.__setattr__(self, "data", data)
        return data

    @property
    def luma(self) -> NDArray[np.uint8]:
        """As `Frame.luma`: the decoder's own plane."""
        return self._planes[0]

    @property
    def chroma(self) -> Sequence[NDArray[np.uint8]]:
        """As `Frame.chroma`: the decoder's own planes."""
        return self._planes[1:]


def joined_planes(planes: tuple[NDArray[np.uint8], ...]) -> NDArray[np.uint8]:
    """Luma (height, width) and two of chroma, half as high and wide, as one array uint8 (height * 3 / 2, width)."""
    height, width = planes[0].shape
    data = np.empty((height * 3 // 2, width), np.uint8)
    chroma = data[height:].reshape(2, height // 2, width // 2)
    for plane, target in zip(planes, (data[:height], *chroma), strict=True):
        target[:] = plane
    return data


@dataclass(frozen=True, slots=True, eq=False)
class SoundBlock:
    """A stretch of mono sound.

    Attributes:
        time_s: when its first sample was captured, seconds.
        samples: int16 (n,) at SAMPLE_RATE_HZ.
        gap_s: sound known to be lost right before this block, seconds (0 when none).
    """

    time_s: float
    samples: NDArray[np.int16]
    gap_s: float = 0.0

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / SAMPLE_RATE_HZ

    @property
    def end_s(self) -> float:
        """Time of the first sample after this block, seconds."""
        return self.time_s + self.duration_s


@dataclass(frozen=True, slots=True)
class Box:
    """An axis-aligned rectangle in fractions of the frame; x, y is the upper left corner."""

    x: float
    y: float
    width: float
    height: float

    @property
    def area(self) -> float:
        """Fraction of the frame covered."""
        return self.width * self.height

    @property
    def center(self) -> tuple[float, float]:
        """Middle (x, y), fractions of the frame."""
        return self.x + self.width / 2, self.y + self.height / 2


@dataclass(frozen=True, slots=True, eq=False)
class FaceObservation:
    """One tracked face in one frame.

    Attributes:
        track_id: stable while the face is followed; says nothing about who it is.
        box: where it is.
        landmarks: float32 (n, 2), fractions of the frame, or None.
        probabilities: calibrated posterior, or None where the quality is too poor for an opinion.
        quality: 0 (useless) to 1 (large, sharp, frontal, well lit).
        primary: the one face that the fusion listens to.
        quality_reasons: what lowers the quality, such as ("small", "blurred").
    """

    track_id: int
    box: Box
    probabilities: Probabilities | None
    quality: float
    primary: bool = False
    landmarks: NDArray[np.float32] | None = None
    quality_reasons: tuple[str, ...] = ()

    @property
    def emotion(self) -> Emotion | None:
        """The most probable emotion, or None without an opinion."""
        from emoedge.emotions import leader

        return None if self.probabilities is None else leader(self.probabilities)


@dataclass(frozen=True, slots=True, eq=False)
class FacesObservation:
    """All faces in one frame; an empty tuple says that nobody is there."""

    time_s: float
    faces: tuple[FaceObservation, ...]

    @property
    def primary(self) -> FaceObservation | None:
        """The primary face, if there is one."""
        return next((face for face in self.faces if face.primary), None)


@dataclass(frozen=True, slots=True, eq=False)
class VoiceObservation:
    """How one stretch of speech was said.

    Attributes:
        start_s, end_s: the stretch, seconds.
        probabilities: calibrated posterior, or None where there is too little to go by.
        snr_db: estimated signal-to-noise ratio of the speech, dB.
        level_dbfs: mean level of the speech, dB relative to full scale (<= 0).
        final: True for the last stretch of an utterance.
        adapted_count: utterances behind the running statistics used (0: none).
    """

    start_s: float
    end_s: float
    probabilities: Probabilities | None
    snr_db: float
    level_dbfs: float
    final: bool = False
    adapted_count: int = 0


@dataclass(frozen=True, slots=True)
class Word:
    """A recognised word: start and end in seconds, confidence 0..1."""

    text: str
    start_s: float
    end_s: float
    confidence: float


@dataclass(frozen=True, slots=True, eq=False)
class TextObservation:
    """What was said in one utterance, and which emotion the words carry.

    Attributes:
        start_s, end_s: first to last word, seconds.
        transcript: lower case, no punctuation; stays inside the process unless publishing it was asked for.
        probabilities: calibrated posterior, or None for text without an opinion.
        words: with times, for subtitles and the report.
        available_s: time on the source's clock when the result was ready.
    """

    start_s: float
    end_s: float
    transcript: str
    probabilities: Probabilities | None
    words: tuple[Word, ...] = ()
    available_s: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class ModalityOpinion:
    """One modality's part in a fused state: its posterior, its age and how far it may be trusted."""

    modality: Modality
    time_s: float
    probabilities: Probabilities
    reliability: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class FusedState:
    """What the fusion says at one moment.

    Attributes:
        time_s: the moment.
        probabilities: fused posterior, or None when no modality has an opinion.
        emotion: the decision (the text may have chosen it among the candidates), or None.
        confidence: probability of `emotion`, 0..1 (0 without one).
        decided_by: "face", "voice", "text" (text alone, or text chose), "fusion" (face and voice together), or None.
        candidates: emotions in doubt, the leader first.
        opinions: what took part; empty when nothing did.
        observed_s: when the newest input behind this state was captured, for the latency.
        reason: why there is no emotion ("nobody", "silent", "quality", …), else "".
    """

    time_s: float
    probabilities: Probabilities | None
    emotion: Emotion | None
    confidence: float
    decided_by: Literal["face", "voice", "text", "fusion"] | None
    candidates: tuple[Emotion, ...] = ()
    opinions: tuple[ModalityOpinion, ...] = ()
    observed_s: float = 0.0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class EmotionEvent:
    """An episode of one emotion after smoothing and hysteresis; `kind` "begin" has no end yet."""

    kind: Literal["begin", "end"]
    event_id: str
    emotion: Emotion
    started_s: float
    ended_s: float | None
    peak_confidence: float


@dataclass(frozen=True, slots=True)
class Health:
    """State of one source, model or service.

    `reason` is empty when ok, else a sentence with what to do.
    """

    name: str
    state: Literal["ok", "degraded", "failed", "off"]
    reason: str = ""
    figures: dict[str, float | int | str | None] = field(default_factory=dict)
