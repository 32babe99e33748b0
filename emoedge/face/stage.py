"""Frames in, observed faces out: detect rarely, follow in between, classify what changed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emoedge.emotions import Probabilities, as_probabilities
from emoedge.face.align import crop_geometry, cut
from emoedge.face.classify import FaceClassifier, standardise
from emoedge.face.detect import REGION_GROWTH, Detection, FaceDetector, best_match, grown
from emoedge.face.quality import Quality, assess
from emoedge.face.still import still_tiles
from emoedge.face.track import FaceTracker, Track, flow_landmarks
from emoedge.types import Box, FaceObservation, FacesObservation, Frame

DETECTOR_NAME: Final = "face_detector.tflite"
CLASSIFIER_NAME: Final = "face_emotion.tflite"

LOOK_EVERY_S: Final = 0.5
"""Between two looks with the detector while all faces are followed by flow; its drift stays under 2 % of the face."""
SEARCH_EVERY_S: Final = 0.2
"""Between two looks while nobody is there: how long a newcomer may go unseen."""
FLOW_WIDTH: Final = 200
"""Least width of the small luma for optical flow, and less than twice of it: a face of 6 % is still 12 pixels."""
CLASSIFY_EVERY_S: Final = 1.0
"""An unchanged face is classified anew after this time all the same."""
CHANGED: Final = 0.12
"""Mean absolute change of the standardised crop that calls for a new classification; sensor noise alone gives less."""


@dataclass(frozen=True, slots=True, eq=False)
class _Opinion:
    """The last classification of a track."""

    time_s: float
    crop: NDArray[np.float32]
    probabilities: Probabilities


class FaceStage:
    """Perceives the faces of one camera. Not for concurrent use.

    Args:
        detector: finds faces.
        classifier: judges crops.
        max_faces: the most faces followed at a time.
        min_size: smallest face, as a fraction of the shorter side of the frame.
        min_quality: below it a face gets no probabilities.
    """

    def __init__(
        self,
        detector: FaceDetector,
        classifier: FaceClassifier,
        *,
        max_faces: int = 4,
        min_size: float = 0.06,
        min_quality: float = 0.15,
    ) -> None:
        self._detector = detector
        self._classifier = classifier
        self._min_size = min_size
        self._min_quality = min_quality
        self._tracker = FaceTracker(max_faces)
        self._opinions: dict[int, _Opinion] = {}
        self._small: NDArray[np.uint8] | None = None
        self._looked_s = -np.inf
        self._next_tile = 0
        self.look_factor = 1.0
        """How many times rarer than usual the detector is called in."""
        self.looks = 0
        """How often the detector was called in, for the health figures."""
        self.classifications = 0
        """How often the classifier ran, for the health figures."""

    @classmethod
    def from_models(
        cls,
        models: Path,
        *,
        max_faces: int = 4,
        min_size: float = 0.06,
        min_quality: float = 0.15,
        threads: int = 1,
    ) -> FaceStage:
        """Build from a folder of models; raises ModelError when one is missing or broken."""
        detector = FaceDetector(models / DETECTOR_NAME, threads)
        classifier = FaceClassifier(models / CLASSIFIER_NAME, threads)
        return cls(detector, classifier, max_faces=max_faces, min_size=min_size, min_quality=min_quality)

    def process(self, frame: Frame) -> FacesObservation:
        """Observe one frame. Frames must come in the order of their times.

        Args:
            frame: any size and layout.

        Returns:
            All visible faces, the most prominent first; empty when nobody is there.
        """
        now = frame.time_s
        small = self._small_luma(frame)
        tracks = self._tracker.visible(now)
        moves = self._follow(small, tracks)
        self._small = small
        lost = any(track.track_id not in moves for track in tracks)
        pause = self.look_factor * (LOOK_EVERY_S if tracks else SEARCH_EVERY_S)
        if lost or now - self._looked_s >= pause:
            tracks = self._look(frame, moves)
        elif moves:
            tracks = self._tracker.follow(moves, now)
        self._forget({track.track_id for track in self._tracker.tracks})
        return FacesObservation(now, tuple(self._observe(frame, track) for track in tracks))

    def reset(self) -> None:
        """Forget all faces, as after a gap in the source; ids are not used again."""
        self._tracker.clear()
        self._opinions.clear()
        self._small = None
        self._looked_s = -np.inf

    def _small_luma(self, frame: Frame) -> NDArray[np.uint8]:
        """The luma halved until it is about FLOW_WIDTH wide: halving costs a fortieth of any other ratio."""
        import cv2

        small = frame.luma if frame.layout == "i420" else frame.data
        while small.shape[1] >= 2 * FLOW_WIDTH:
            height, width = small.shape[0] // 2, small.shape[1] // 2
            even = small[: 2 * height, : 2 * width]
            small = np.asarray(cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        if small.ndim == 3:
            return np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.uint8)
        # What is kept until the next frame must not be a view of this one: some sources use their buffers again.
        return small.copy() if small.base is not None else small

    def _follow(self, small: NDArray[np.uint8], tracks: tuple[Track, ...]) -> dict[int, Detection]:
        before = self._small
        if before is None or before.shape != small.shape:
            return {}
        moves = {}
        for track in tracks:
            carried = flow_landmarks(before, small, track.detection)
            if carried is not None:
                moves[track.track_id] = carried
        return moves

    def _look(self, frame: Frame, moves: dict[int, Detection]) -> tuple[Track, ...]:
        """Run the detector over the whole picture, over one part of it, and around faces not found again.

        Far faces are too small for the detector on the whole picture; the parts take turns, the finer ones only
        while nobody is there.
        """
        now = frame.time_s
        self._looked_s = now
        self.looks += 1
        known = self._tracker.visible(now)
        found = self._detect(frame)
        tiles = still_tiles(frame.width, frame.height, (1.0,) if known else (1.0, 0.6))
        if tiles:
            _add_new(found, self._detect(frame, tiles[self._next_tile % len(tiles)]))
            self._next_tile += 1
        for track in known:
            expected = moves.get(track.track_id, track.expected(now))
            if best_match(expected, found) is None:
                _add_new(found, self._detect(frame, grown(expected.box, REGION_GROWTH)))
        exact: list[Detection] = []
        for face in found:  # two rough places may turn out to be one face
            _add_new(exact, [self._detector.refine(frame, face)])
        return self._tracker.update(exact, now)

    def _detect(self, frame: Frame, region: Box | None = None) -> list[Detection]:
        smallest = self._min_size * min(frame.width, frame.height)
        found = self._detector.detect(frame, region)
        return [face for face in found if face.box.width * frame.width >= smallest]

    def _observe(self, frame: Frame, track: Track) -> FaceObservation:
        if track.seen_s != frame.time_s:  # hidden for a moment: where it should be, and nothing to judge
            box = _clipped(track.expected(frame.time_s).box)
            return FaceObservation(track.track_id, box, None, 0.0, track.primary, None, ("hidden",))
        face = track.detection
        geometry = crop_geometry(face.box, face.landmarks, frame.width, frame.height)
        try:
            crop = cut(frame, geometry, self._classifier.size, quick=True)
        except ValueError:
            quality, probabilities = Quality(0.0, ("outside",)), None
        else:
            quality = assess(crop, geometry.side, face.landmarks, frame.width / frame.height)
            good = quality.value >= self._min_quality
            probabilities = self._judge(track.track_id, crop, frame.time_s) if good else None
        return FaceObservation(
            track_id=track.track_id,
            box=_clipped(face.box),
            probabilities=probabilities,
            quality=quality.value,
            primary=track.primary,
            landmarks=face.landmarks,
            quality_reasons=quality.reasons,
        )

    def _judge(self, track_id: int, crop: NDArray[np.uint8], time_s: float) -> Probabilities:
        standard = standardise(crop[None])[0]
        last = self._opinions.get(track_id)
        if last is not None and time_s - last.time_s < CLASSIFY_EVERY_S:
            change = float(np.abs(standard - last.crop).mean())
            if change < CHANGED:
                return last.probabilities
        self.classifications += 1
        probabilities = as_probabilities(self._classifier.probabilities(crop[None])[0])
        self._opinions[track_id] = _Opinion(time_s, standard, probabilities)
        return probabilities

    def _forget(self, known: set[int]) -> None:
        for track_id in self._opinions.keys() - known:
            del self._opinions[track_id]


def _add_new(found: list[Detection], more: list[Detection]) -> None:
    """Append those of ``more`` that are not in ``found`` yet."""
    found.extend(face for face in more if best_match(face, found) is None)


def _clipped(box: Box) -> Box:
    """The part of the box inside the frame: what is published is always within 0 to 1."""
    left, top = min(max(box.x, 0.0), 1.0), min(max(box.y, 0.0), 1.0)
    right = min(max(box.x + box.width, 0.0), 1.0)
    bottom = min(max(box.y + box.height, 0.0), 1.0)
    return Box(left, top, right - left, bottom - top)
