from types import SimpleNamespace

import numpy as np
import pytest

from emoedge.emotions import EMOTIONS, softmax
from emoedge.face.baseline import BaselineCard
from emoedge.face.classify import CONDITIONS, FaceOutputs
from emoedge.face.stage import CLASSIFY_EVERY_S, FaceStage
from emoedge.face.track import moved
from emoedge.frames import Frame


class Counting:
    """Stands in for the classifier: says "surprise" of everything and remembers the crops."""

    size = 48
    card = SimpleNamespace(baseline=BaselineCard((0.0,) * 6 + (2.0,), 0.5, 1.0))
    logit_row = np.array([0, 0, 0, 0, 0, 3, 1], np.float32)
    condition_row = np.full(len(CONDITIONS), -9, np.float32)

    def __init__(self):
        self.crops = []

    def outputs(self, crops):
        self.crops.extend(crops)
        shape = (len(crops), 1)
        return FaceOutputs(np.tile(self.logit_row, shape), np.tile(self.condition_row, shape))

    def calibrated(self, logits):
        return softmax(logits, 1.0)


def frame(image, time_s):
    return Frame(time_s, np.ascontiguousarray(image), "bgr", image.shape[1], image.shape[0])


def scene(portrait, *places, size=(480, 640)):
    """The portrait's head at places (x, y) of an even picture."""
    picture = np.full((*size, 3), 100, np.uint8)
    head = portrait[0:240, 110:350]
    for x, y in places:
        picture[y : y + 240, x : x + 240] = head
    return picture


@pytest.fixture
def stage(detector):
    return FaceStage(detector, Counting())


def test_follows_a_moving_face_with_few_looks(stage, portrait):
    seen = []
    for step in range(30):
        x = 40 + 8 * step
        observation = stage.process(frame(scene(portrait, (x, 100)), step / 15))
        (face,) = observation.faces
        assert face.primary
        assert face.emotion == "surprise"
        seen.append(face.track_id)
        assert face.box.center[0] * 640 == pytest.approx(x + 110, abs=14)
    assert set(seen) == {1}
    assert stage.looks <= 6  # 2 s, a look every half second


def test_an_unchanged_face_is_not_classified_again(stage, portrait):
    picture = scene(portrait, (200, 100))
    for step in range(16):
        stage.process(frame(picture, step / 15))
    assert stage.classifications <= 1 + 1.1 / CLASSIFY_EVERY_S
    assert len(stage._classifier.crops) == stage.classifications


def test_nobody_then_somebody_then_nobody(stage, portrait):
    empty = np.full((480, 640, 3), 100, np.uint8)
    assert stage.process(frame(empty, 0.0)).faces == ()
    assert stage.process(frame(empty, 0.1)).primary is None
    picture = scene(portrait, (200, 100))
    first = stage.process(frame(picture, 0.5)).primary
    assert first.track_id == 1
    hidden = stage.process(frame(empty, 0.7)).primary
    assert hidden.track_id == 1
    assert hidden.probabilities is None  # where it should be, but nothing to judge
    assert hidden.quality_reasons == ("hidden",)
    assert stage.process(frame(empty, 3.0)).faces == ()
    assert stage.process(frame(picture, 3.5)).primary.track_id == 2
    stage.reset()
    assert stage.process(frame(picture, 0.0)).primary.track_id == 3


def test_an_empty_scene_is_left_alone_until_something_changes(stage, portrait):
    rng = np.random.default_rng(0)

    def noisy(picture, step):
        noise = rng.normal(0, 5, picture.shape)
        return frame(np.clip(picture + noise, 0, 255).astype(np.uint8), step / 10)

    empty = np.full((480, 640, 3), 100, np.uint8)
    looks = []
    for step in range(100):
        stage.process(noisy(empty, step))
        looks.append(stage.looks)
    assert looks[39] >= 14  # everything has been looked at, the parts too
    assert looks[99] - looks[49] <= 6  # then once a second
    someone = scene(portrait, (200, 100))
    assert any(stage.process(noisy(someone, 100 + step)).faces for step in range(2))


def test_a_second_person_is_noticed_beside_a_known_one(stage, portrait):
    first = scene(portrait, (20, 100))
    both = scene(portrait, (20, 100), (380, 100))
    for step in range(60):
        assert len(stage.process(frame(first, step / 10)).faces) == 1
    seen = [len(stage.process(frame(both, 6 + step / 10)).faces) for step in range(11)]
    assert 2 in seen
    assert seen[-1] == 2


def test_a_known_face_in_a_still_scene_costs_one_run_a_look(stage, portrait):
    runs = []
    detect = stage._detector.detect
    stage._detector.detect = lambda *args, **more: runs.append(args) or detect(*args, **more)
    picture = scene(portrait, (200, 100))
    for step in range(60):
        stage.process(frame(picture, step / 10))
    before = len(runs), stage.looks
    for step in range(60, 100):
        stage.process(frame(picture, step / 10))
    looks = stage.looks - before[1]
    assert looks >= 7
    assert len(runs) - before[0] <= looks + 3  # the rest of the scene every two seconds


def test_several_people_one_primary(detector, portrait):
    picture = scene(portrait, (20, 40), (340, 200))
    stage = FaceStage(detector, Counting())
    faces = stage.process(frame(picture, 0.0)).faces
    assert len(faces) == 2
    assert sum(face.primary for face in faces) == 1
    assert len({face.track_id for face in faces}) == 2
    one = FaceStage(detector, Counting(), max_faces=1)
    assert len(one.process(frame(picture, 0.0)).faces) == 1


def test_two_rough_places_of_one_face_are_one_face(detector, portrait):
    """A face may be placed so differently in frame and part that only the second look joins them."""
    picture = scene(portrait, (200, 100))
    (true,) = detector.detect(frame(picture, 0.0))

    class Doubling:
        def detect(self, shown, region=None, min_score=0.5):
            return (
                [moved(true, -0.6 * true.box.width, 0), moved(true, 0.6 * true.box.width, 0)]
                if region is None
                else []
            )

        def confirm(self, shown, face):
            return true

    assert len(FaceStage(Doubling(), Counting()).process(frame(picture, 0.0)).faces) == 1


def test_small_and_poor_faces(detector, portrait):
    picture = scene(portrait, (200, 100))
    large_only = FaceStage(detector, Counting(), min_size=0.6)
    assert large_only.process(frame(picture, 0.0)).faces == ()
    strict = FaceStage(detector, Counting(), min_quality=1.0)
    (face,) = strict.process(frame(picture, 0.0)).faces
    assert face.probabilities is None
    assert 0 < face.quality < 1
    assert strict.classifications == 0


def test_a_far_face_is_found_in_a_part_of_the_picture(stage, portrait):
    import cv2

    wide = np.full((720, 1280, 3), 100, np.uint8)
    head = cv2.resize(portrait[0:240, 110:350], (160, 160), interpolation=cv2.INTER_AREA)
    wide[300:460, 900:1060] = head
    assert stage._detector.detect(frame(wide, 0.0)) == []  # too small for the whole picture at 128 pixels
    observations = [stage.process(frame(wide, step / 5)) for step in range(25)]
    found = [observation.primary for observation in observations if observation.faces]
    assert found
    assert {face.track_id for face in found} == {1}


@pytest.mark.parametrize("min_size", [0.06, 0.045])
def test_the_parts_are_fine_enough_for_the_smallest_face(detector, portrait, min_size):
    import cv2

    (near,) = detector.detect(frame(scene(portrait, (200, 100)), 0.0))
    side = round(240 * 1.1 * min_size * 480 / (near.box.width * 640))
    picture = np.full((480, 640, 3), 100, np.uint8)
    head = cv2.resize(portrait[0:240, 110:350], (side, side), interpolation=cv2.INTER_AREA)
    picture[290 : 290 + side, 333 : 333 + side] = head
    stage = FaceStage(detector, Counting(), min_size=min_size)
    observations = [stage.process(frame(picture, step / 5)) for step in range(60)]
    widths = [face.box.width * 640 for observation in observations for face in observation.faces]
    assert widths
    assert max(widths) == pytest.approx(1.1 * min_size * 480, abs=5)


def test_same_frames_same_observations(detector, portrait):
    def run():
        stage = FaceStage(detector, Counting())
        lines = []
        for step in range(12):
            observation = stage.process(frame(scene(portrait, (40 + 12 * step, 100)), step / 12))
            lines += [(f.track_id, f.box, f.quality, f.landmarks.tobytes()) for f in observation.faces]
        return lines

    assert run() == run()


def test_a_person_is_learned_while_followed_and_forgotten_with_the_track(stage, portrait):
    picture = scene(portrait, (200, 100))
    classifier = stage._classifier
    classifier.logit_row = np.array([0, 0, 0, 0, 1.5, 0, 2], np.float32)  # neutral, and a little sad
    seen = [stage.process(frame(picture, step * 1.1)).primary for step in range(6)]
    assert [face.adapted for face in seen] == [1, 2, 3, 4, 5, 6]
    sadness, neutral = EMOTIONS.index("sadness"), EMOTIONS.index("neutral")
    sad = [face.probabilities[sadness] / face.probabilities[neutral] for face in seen]
    assert sad == sorted(sad, reverse=True)
    assert seen[-1].emotion == "neutral"
    empty = np.full((480, 640, 3), 100, np.uint8)
    stage.process(frame(empty, 9.0))
    again = stage.process(frame(picture, 9.5)).primary
    assert again.track_id == 2
    assert again.adapted == 1
    np.testing.assert_allclose(again.probabilities, seen[0].probabilities)
    stage.reset()
    assert stage.process(frame(picture, 0.0)).primary.adapted == 1


def test_nothing_is_learned_where_it_is_not_wanted(detector, portrait):
    stage = FaceStage(detector, Counting(), adapt=False)
    for step in range(3):
        face = stage.process(frame(scene(portrait, (200, 100)), step * 1.1)).primary
    assert face.adapted == 0
    assert stage._people == {}


def test_a_covered_face_gets_no_emotion(stage, portrait):
    stage._classifier.condition_row = np.array([9, -9, -9], np.float32)
    face = stage.process(frame(scene(portrait, (200, 100)), 0.0)).primary
    assert face.probabilities is None
    assert face.quality_reasons == ("covered",)
    assert face.adapted == 0


@pytest.mark.parametrize("size", [(1, 65_000), (65_000, 1), (2, 30_000), (1, 1), (3, 500)])
def test_strips_have_no_face(stage, size):
    """OpenCV cannot halve a single row."""
    noise = np.random.default_rng(0)
    for number in range(3):
        picture = noise.integers(0, 255, (*size, 3), dtype=np.uint8)
        assert stage.process(frame(picture, 0.5 * number)).faces == ()
