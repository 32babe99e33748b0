"""Frames in, observed faces out: detect rarely, follow in between, classify what changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emoedge.emotions import EMOTIONS, Probabilities, as_probabilities
from emoedge.face.align import CropGeometry, change, crop_geometry, cut, peek
from emoedge.face.baseline import PersonBaseline
from emoedge.face.classify import FaceClassifier, FaceOutputs
from emoedge.face.detect import (
    INPUT_SIDE,
    LANDMARKS,
    REFINE_BELOW,
    REGION_GROWTH,
    Detection,
    FaceDetector,
    best_match,
    grown,
)
from emoedge.face.mouth import Mouths
from emoedge.face.places import Places
from emoedge.face.pyramid import Pyramid
from emoedge.face.quality import Quality, assess
from emoedge.face.scene import Scene
from emoedge.face.still import still_tiles
from emoedge.face.track import FLOW_FACE, FaceTracker, Track, flow_landmarks
from emoedge.frames import Frame
from emoedge.observations import STILL, Box, FaceObservation, FacesObservation

LOOK_EVERY_S: Final = 0.5
"""Between two looks with the detector while all faces are followed by flow; its drift stays under 2 % of the
face."""
SEARCH_EVERY_S: Final = 0.2
"""Seconds between two searches while nobody is there: the longest time a newcomer may go unseen."""
STILL_EVERY_S: Final = 1.0
"""Between two looks at a scene in which nothing has changed since all of it was looked at; a change ends it
at once."""
OTHERS_EVERY_S: Final = 2.0
"""While the faces known are found where they are expected and nothing changes beside them, the rest of the
scene is looked at this often all the same."""
CLASSIFY_EVERY_S: Final = 1.0
"""Seconds after which an unchanged face is classified again."""
CHANGED: Final = 0.12
"""Mean absolute change of the standardised small crop that calls for a new classification; sensor noise alone
gives less."""

HIDES_MOUTH: Final = frozenset({"covered", "turned", "small", "outside"})
"""Reasons of the quality for which a mouth is not seen well enough to tell whether it speaks."""
MOUTH: Final = LANDMARKS.index("mouth")
FOUND_FROM: Final = 18
"""Width of a face's box in the detector's input, pixels, from which nearly every face is found: of 60 heads
set into pictures 0.98 at 17.8 pixels, 0.03 at 14, none at 11."""
FINEST: Final = 0.25
"""Side of the finest parts, in shares of the picture's shorter side: 54 in a picture of 640 x 480."""

LEARN_EVERY_S: Final = 1.0
"""Between two looks that a person's baseline learns from: what lies closer together is one look at one
expression."""


@dataclass(frozen=True, slots=True, eq=False)
class _Opinion:
    """The last classification of a track, and what the face looked like."""

    time_s: float
    glimpse: NDArray[np.float32]
    quality: Quality
    probabilities: Probabilities | None


@dataclass(slots=True, eq=False)
class _Person:
    """The baseline of a track, and when it last learned."""

    baseline: PersonBaseline
    learned_s: float = -np.inf


class FaceStage:
    """Perceives the faces of one camera. Not for concurrent use.

    Args:
        detector: finds faces.
        classifier: judges crops.
        max_faces: the most faces followed at a time.
        min_size: smallest face, as a fraction of the shorter side of the frame.
        min_quality: below it a face gets no probabilities.
        adapt: take each person's own neutral face into account, see `PersonBaseline`; forgotten with the
            track.
        still_s: seconds without movement after which a face is a photograph, from its first appearance; see
            `Stillness`; 0 takes everything for a person.
        ignore: parts of the picture in which faces do not count: those whose centre lies in one.
    """

    def __init__(
        self,
        detector: FaceDetector,
        classifier: FaceClassifier,
        *,
        max_faces: int = 4,
        min_size: float = 0.06,
        min_quality: float = 0.15,
        adapt: bool = True,
        still_s: float = 0.0,
        ignore: tuple[Box, ...] = (),
    ) -> None:
        self._detector = detector
        self._classifier = classifier
        self._min_size = min_size
        self._min_quality = min_quality
        self._adapt = adapt
        self._still_s = still_s
        self._ignore = ignore
        self._places = Places(still_s) if still_s else None
        self._mouths = Mouths()
        self._max_faces = max_faces
        self._tracker = FaceTracker(max_faces)
        self._opinions: dict[int, _Opinion] = {}
        self._people: dict[int, _Person] = {}
        self._before: Pyramid | None = None
        self._scene = Scene()
        self._looked_s = self._others_s = -np.inf
        self._next_look = self._next_tile = 0
        self.look_factor = 1.0
        """Factor by which the detector runs less often than usual."""
        self.looks = 0
        """Number of runs of the detector, for the health figures."""
        self.classifications = 0
        """Number of runs of the classifier, for the health figures."""

    def process(self, frame: Frame) -> FacesObservation:
        """Observe one frame. Frames must come in the order of their times.

        Args:
            frame: any size and layout.

        Returns:
            All visible faces, the most prominent first; empty when nobody is there.
        """
        now = frame.time_s
        pyramid = Pyramid(frame)
        tracks = self._tracker.visible(now)
        moves = self._follow(pyramid, tracks)
        self._before = pyramid
        lost = any(track.track_id not in moves for track in tracks)
        if lost or now - self._looked_s >= self._pause_s(frame, pyramid, tracks):
            tracks = self._look(frame, pyramid, moves, lost=lost)
        elif moves:
            tracks = self._tracker.follow(moves, now)
        self._forget({track.track_id for track in self._tracker.tracks})
        seen = {
            track.track_id: crop_geometry(
                track.detection.box, track.detection.landmarks, frame.width, frame.height
            )
            for track in tracks
            if track.seen_s == now
        }
        if self._places is not None:
            self._places.look(frame, pyramid, seen)
            self._tracker.still, self._tracker.moving = self._places.still, self._places.moving
        return FacesObservation(
            now, tuple(self._observe(frame, pyramid, track, seen.get(track.track_id)) for track in tracks)
        )

    def reset(self) -> None:
        """Forget all faces, as after a gap in the source; ids are not used again."""
        self._tracker.clear()
        self._opinions.clear()
        self._mouths.clear()
        if self._places is not None:
            self._places.clear()
        self.forget_people()
        self._before = None
        self._scene.reset()
        self._looked_s = self._others_s = -np.inf

    def forget_people(self) -> None:
        """Drop every person's baseline; safe to call from another thread."""
        self._people = {}

    def renewed(self) -> FaceStage:
        """Return a fresh stage that reuses the models of this one."""
        return FaceStage(
            self._detector,
            self._classifier,
            max_faces=self._max_faces,
            min_size=self._min_size,
            min_quality=self._min_quality,
            adapt=self._adapt,
            still_s=self._still_s,
            ignore=self._ignore,
        )

    def _pause_s(self, frame: Frame, pyramid: Pyramid, tracks: tuple[Track, ...]) -> float:
        """Seconds to wait after the last search."""
        if tracks:
            return self.look_factor * LOOK_EVERY_S
        self._scene.notice(pyramid)
        still = self._scene.exhausted(len(_tiles(frame, self._min_size, known=False)) + 1)
        return self.look_factor * (STILL_EVERY_S if still else SEARCH_EVERY_S)

    def _follow(self, pyramid: Pyramid, tracks: tuple[Track, ...]) -> dict[int, Detection]:
        before = self._before
        if before is None or before.shape != pyramid.shape:
            return {}
        moves = {}
        for track in tracks:
            level = pyramid.level_for(track.detection.box.width * pyramid.shape[1], FLOW_FACE)
            carried = flow_landmarks(before.level(level), pyramid.level(level), track.detection)
            if carried is not None:
                moves[track.track_id] = carried
        return moves

    def _look(
        self, frame: Frame, pyramid: Pyramid, moves: dict[int, Detection], *, lost: bool
    ) -> tuple[Track, ...]:
        """Detect all faces: known ones where they are expected, others in the whole frame."""
        now = frame.time_s
        self._looked_s = now
        self.looks += 1
        known = self._tracker.visible(now)
        expected = [moves.get(track.track_id) or track.expected(now) for track in known]
        self._scene.notice(pyramid, tuple(grown(face.box, REGION_GROWTH) for face in expected))
        tiles = _tiles(frame, self._min_size, known=bool(known))
        exact = None if lost or not known else self._again(frame, expected)
        if exact is None:
            exact = self._everywhere(frame, expected, tiles)
        elif self._scene.exhausted(len(tiles) + 1) and now - self._others_s < self._others_pause_s:
            return self._tracker.update(exact, now)
        else:
            # The whole frame and its parts take turns: a part is three quarters of an ordinary frame.
            turn, self._next_look = self._next_look, self._next_look + 1
            self._add_others(frame, exact, None if turn % 2 == 0 else self._turn(tiles))
        self._others_s = now
        self._scene.looked()
        return self._tracker.update(exact, now)

    @property
    def _others_pause_s(self) -> float:
        return self.look_factor * OTHERS_EVERY_S

    def _again(self, frame: Frame, expected: list[Detection]) -> list[Detection] | None:
        """The known faces, each looked for where it is expected; None when one is not found there."""
        exact: list[Detection] = []
        for face in expected:
            if face.box.width * frame.width >= REFINE_BELOW * max(frame.width, frame.height):
                return None  # a near face is found best in the whole frame
            there = best_match(face, self._detect(frame, grown(face.box, REGION_GROWTH)))
            if there is None:
                return None
            _add_new(exact, [there])
        return exact if len(exact) == len(expected) else None

    def _add_others(self, frame: Frame, exact: list[Detection], region: Box | None) -> None:
        for face in self._detect(frame, region):
            if best_match(face, exact) is None:
                _add_new(exact, self._confirmed(frame, face))

    def _turn(self, tiles: tuple[Box, ...]) -> Box | None:
        """The part whose turn it is; None, for the whole picture, where there are no parts."""
        if not tiles:
            return None
        self._next_tile += 1
        return tiles[(self._next_tile - 1) % len(tiles)]

    def _everywhere(self, frame: Frame, expected: list[Detection], tiles: tuple[Box, ...]) -> list[Detection]:
        """Run the detector over the whole picture, over one part of it, and around faces not found again.

        Far faces are too small for the detector on the whole picture; the parts take turns, the finer ones
        only while nobody is there.
        """
        found = self._detect(frame)
        if tiles:
            _add_new(found, self._detect(frame, self._turn(tiles)))
        for face in expected:
            if best_match(face, found) is None:
                _add_new(found, self._detect(frame, grown(face.box, REGION_GROWTH)))
        exact: list[Detection] = []
        for face in found:  # two approximate positions may be the same face
            known = best_match(face, expected) is not None
            _add_new(exact, [self._detector.refine(frame, face)] if known else self._confirmed(frame, face))
        return exact

    def _confirmed(self, frame: Frame, newcomer: Detection) -> list[Detection]:
        """The exact place of a face not known yet, if it is one."""
        exact = self._detector.confirm(frame, newcomer)
        return [exact] if exact else []

    def _detect(self, frame: Frame, region: Box | None = None) -> list[Detection]:
        smallest = self._min_size * min(frame.width, frame.height)
        found = self._detector.detect(frame, region)
        return [
            face
            for face in found
            if face.box.width * frame.width >= smallest
            and not any(part.contains(*face.box.center) for part in self._ignore)
        ]

    def _observe(
        self, frame: Frame, pyramid: Pyramid, track: Track, geometry: CropGeometry | None
    ) -> FaceObservation:
        if track.track_id in self._tracker.still:
            box = _clipped(track.expected(frame.time_s).box)
            return FaceObservation(track.track_id, box, None, 0.0, quality_reasons=(STILL,), moved=False)
        if geometry is None:  # hidden for a moment: keep its expected position
            box = _clipped(track.expected(frame.time_s).box)
            return FaceObservation(track.track_id, box, None, 0.0, track.primary, None, ("hidden",))
        face = track.detection
        quality, probabilities = self._judge(frame, pyramid, track, geometry)
        movement = self._mouths.movement(frame, track.track_id, geometry, face.landmarks[MOUTH])
        return FaceObservation(
            track_id=track.track_id,
            box=_clipped(face.box),
            probabilities=probabilities,
            quality=quality.value,
            primary=track.primary,
            landmarks=face.landmarks,
            quality_reasons=quality.reasons,
            adapted=person.baseline.looks if (person := self._people.get(track.track_id)) else 0,
            moved=self._places is None or track.track_id in self._tracker.moving,
            mouth_movement=movement if HIDES_MOUTH.isdisjoint(quality.reasons) else None,
        )

    def _judge(
        self, frame: Frame, pyramid: Pyramid, track: Track, geometry: CropGeometry
    ) -> tuple[Quality, Probabilities | None]:
        """Quality and posterior of a face, reused where it has hardly changed."""
        glimpse = peek(pyramid, geometry, frame.width)
        last = self._opinions.get(track.track_id)
        recent = last is not None and frame.time_s - last.time_s < CLASSIFY_EVERY_S
        if last is not None and recent and change(glimpse, last.glimpse) < CHANGED:
            return last.quality, last.probabilities
        try:
            crop = cut(frame, geometry, self._classifier.size, quick=True)
        except ValueError:
            return Quality(0.0, ("outside",)), None
        landmarks, aspect = track.detection.landmarks, frame.width / frame.height
        quality = assess(crop, geometry.side, landmarks, aspect, geometry.angle)
        if quality.value < self._min_quality:
            return quality, None
        self.classifications += 1
        outputs = self._classifier.outputs(crop[None])
        quality = quality.under(outputs.conditions[0])
        clear = quality.value >= self._min_quality and not quality.hopeless
        probabilities = self._posterior(frame.time_s, track.track_id, outputs) if clear else None
        self._opinions[track.track_id] = _Opinion(frame.time_s, glimpse, quality, probabilities)
        return quality, probabilities

    def _posterior(self, time_s: float, track_id: int, outputs: FaceOutputs) -> Probabilities:
        """The posterior of a face by its own baseline, which learns from it."""
        logits = outputs.logits
        if self._adapt:
            person = self._people.setdefault(
                track_id, _Person(PersonBaseline(self._classifier.card.baseline))
            )
            logits = person.baseline.adjusted(logits)
            if time_s - person.learned_s >= LEARN_EVERY_S:
                neutral = self._classifier.calibrated(outputs.logits)[0, EMOTIONS.index("neutral")]
                person.baseline.update(outputs.logits[0], float(neutral))
                person.learned_s = time_s
        return as_probabilities(self._classifier.calibrated(logits)[0])

    def _forget(self, known: set[int]) -> None:
        for track_id in self._opinions.keys() - known:
            del self._opinions[track_id]
        self._mouths.forget(known)
        if self._places is not None:
            self._places.forget(known)
        people = self._people
        for track_id in people.keys() - known:
            del people[track_id]


def _add_new(found: list[Detection], more: list[Detection]) -> None:
    """Append those of `more` that are not in `found` yet."""
    found.extend(face for face in more if best_match(face, found) is None)


def _tiles(frame: Frame, min_size: float, *, known: bool) -> tuple[Box, ...]:
    """The parts that take turns; finer ones, which show faces of `min_size`, only while nobody is known."""
    fine = max(FINEST, min_size * INPUT_SIDE / FOUND_FROM)
    return still_tiles(frame.width, frame.height, (1.0,) if known or fine >= 1.0 else (1.0, fine))


def _clipped(box: Box) -> Box:
    """The part of the box inside the frame: what is published is always within 0 to 1."""
    left, top = min(max(box.x, 0.0), 1.0), min(max(box.y, 0.0), 1.0)
    right = min(max(box.x + box.width, 0.0), 1.0)
    bottom = min(max(box.y + box.height, 0.0), 1.0)
    return Box(left, top, right - left, bottom - top)
