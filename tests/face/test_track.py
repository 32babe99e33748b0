import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoedge.face.detect import Detection
from emoedge.face.track import COAST_S, FORGET_AFTER_S, FaceTracker, flow_landmarks
from emoedge.observations import Box


def face(x, y, size=0.2, score=0.9):
    box = Box(x - size / 2, y - size / 2, size, size)
    local = np.array([[-0.2, -0.2], [0.2, -0.2], [0, 0], [0, 0.25], [-0.45, -0.1], [0.45, -0.1]])
    return Detection(box, (local * size + (x, y)).astype(np.float32), score)


def ids(tracks):
    return {track.track_id for track in tracks}


def test_ids_survive_motion_and_a_short_gap():
    tracker = FaceTracker()
    first = tracker.update([face(0.2, 0.5)], 0.0)[0].track_id
    for step in range(1, 10):
        (track,) = tracker.update([face(0.2 + 0.03 * step, 0.5)], 0.1 * step)
        assert track.track_id == first
    (coasting,) = tracker.update([], 1.1)
    assert coasting.track_id == first
    assert coasting.expected(1.1).box.center[0] > 0.5  # goes on where it was heading
    assert tracker.update([], 0.9 + COAST_S + 0.1) == ()
    (back,) = tracker.update([face(0.6, 0.5)], 0.9 + FORGET_AFTER_S - 0.1)
    assert back.track_id == first


def test_a_long_absence_gives_a_new_id():
    tracker = FaceTracker()
    first = ids(tracker.update([face(0.5, 0.5)], 0.0))
    assert tracker.update([], FORGET_AFTER_S + 0.1) == ()
    assert ids(tracker.update([face(0.5, 0.5)], FORGET_AFTER_S + 0.2)).isdisjoint(first)


def test_two_people_who_pass_each_other_at_different_heights_keep_their_ids():
    tracker = FaceTracker()
    left, right = (track.track_id for track in tracker.update([face(0.2, 0.3), face(0.8, 0.7)], 0.0))
    for step in range(1, 13):
        tracks = tracker.update([face(0.8 - 0.05 * step, 0.7), face(0.2 + 0.05 * step, 0.3)], 0.1 * step)
        by_id = {track.track_id: track.detection.box.center[1] for track in tracks}
        assert by_id == {left: pytest.approx(0.3), right: pytest.approx(0.7)}


def test_a_doubtful_face_must_be_seen_twice():
    tracker = FaceTracker()
    assert tracker.update([face(0.5, 0.5, score=0.55)], 0.0) == ()
    assert len(tracker.update([face(0.5, 0.5, score=0.55)], 0.1)) == 1
    assert len(tracker.update([face(0.5, 0.5), face(0.9, 0.9, score=0.55)], 0.2)) == 1
    assert len(tracker.update([face(0.5, 0.5)], 0.3)) == 1
    assert len(tracker.tracks) == 1  # the doubtful one is not kept


def test_the_primary_face_does_not_flicker():
    tracker = FaceTracker()
    primary = None
    for step in range(20):
        wobble = 0.01 * (-1) ** step
        tracks = tracker.update([face(0.3, 0.5, 0.2 + wobble), face(0.7, 0.5, 0.2 - wobble)], 0.1 * step)
        (current,) = [track.track_id for track in tracks if track.primary]
        primary = primary or current
        assert current == primary
    tracks = tracker.update([face(0.3, 0.5, 0.15), face(0.7, 0.5, 0.3)], 2.0)
    (larger,) = [track for track in tracks if track.primary]
    assert larger.detection.box.center[0] == pytest.approx(0.7)


coordinates = st.floats(0.0, 1.0)
looks = st.lists(
    st.tuples(
        st.floats(0.0, 2.0),
        st.lists(st.tuples(coordinates, coordinates, st.floats(0.03, 0.6), st.floats(0.5, 1.0)), max_size=6),
    ),
    max_size=25,
)


@given(looks, st.integers(1, 5))
def test_invariants(steps, max_faces):
    tracker = FaceTracker(max_faces)
    now, retired, before = 0.0, set(), set()
    for pause, faces in steps:
        now += pause
        tracks = tracker.update([face(*values) for values in faces], now)
        current = [track.track_id for track in tracks]
        assert len(current) == len(set(current)) <= max_faces
        assert sum(track.primary for track in tracks) == (1 if tracks else 0)
        assert all(0 <= now - track.seen_s <= COAST_S for track in tracks)
        alive = ids(tracker.tracks)
        retired |= before - alive
        assert not alive & retired  # an id is never used again
        before = alive


@given(st.floats(0.2, 0.8), st.floats(0.2, 0.8), st.integers(1, 5))
def test_detecting_the_same_again_changes_nothing(x, y, count):
    tracker = FaceTracker()
    first = tracker.update([face(x, y)], 0.0)[0]
    for step in range(1, count + 1):
        (track,) = tracker.update([face(x, y)], 0.2 * step)
    assert track.track_id == first.track_id
    assert track.detection.box == first.detection.box
    assert track.velocity == pytest.approx((0.0, 0.0))


def test_flow_carries_landmarks_with_shift_and_scale():
    rng = np.random.default_rng(0)
    texture = cv2.GaussianBlur(rng.integers(0, 256, (180, 240), dtype=np.uint8), (0, 0), 2)
    before = cv2.normalize(texture, None, 0, 255, cv2.NORM_MINMAX)
    scale, shift = 1.05, (6.0, -4.0)
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    after = cv2.warpAffine(before, matrix, (240, 180), borderMode=cv2.BORDER_REFLECT)
    start = face(0.5, 0.5, 0.4)
    end = flow_landmarks(before, after, start)
    expected = (start.landmarks * (240, 180) * scale + shift) / (240, 180)
    assert np.abs((end.landmarks - expected) * (240, 180)).max() < 1.0
    assert end.box.width == pytest.approx(0.4 * scale, rel=0.03)


def test_flow_across_a_cut_is_refused():
    rng = np.random.default_rng(0)
    before, after = (
        cv2.GaussianBlur(rng.integers(0, 256, (180, 240), dtype=np.uint8), (0, 0), 2) for _ in range(2)
    )
    assert flow_landmarks(before, after, face(0.5, 0.5, 0.4)) is None
    assert flow_landmarks(before, before, face(-0.4, 0.5, 0.4)) is None
