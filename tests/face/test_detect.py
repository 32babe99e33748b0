import cv2
import numpy as np
import pytest

from emoedge.errors import ModelError
from emoedge.face.detect import MOST_CANDIDATES, FaceDetector, anchors, decode, overlap, suppress
from emoedge.face.sample import letterbox_rgb
from emoedge.frames import Frame
from emoedge.observations import Box

# Where a person sees the astronaut's eyes and mouth, in pixels of the 512 x 512 picture.
EYES, MOUTH = np.array([[202, 102], [247, 104]]), np.array([221, 145])


def _frame(image, layout="bgr"):
    height, width = image.shape[:2]
    data = image if layout == "bgr" else cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420)
    return Frame(0.0, np.ascontiguousarray(data), layout, width, height)


def test_anchors_are_mediapipes():
    points = anchors()
    assert points.shape == (896, 2)
    np.testing.assert_allclose(points[:3], [[1 / 32, 1 / 32], [1 / 32, 1 / 32], [3 / 32, 1 / 32]])
    np.testing.assert_allclose(points[511], [31 / 32, 31 / 32])
    np.testing.assert_allclose(points[512:518], np.full((6, 2), 1 / 16))


def test_decode_places_box_and_landmarks_relative_to_their_anchor():
    regressors, logits = np.zeros((896, 16), np.float32), np.full(896, -50.0, np.float32)
    logits[700] = 500.0  # far beyond the range of exp()
    regressors[700, :6] = (12.8, 0, 25.6, 51.2, -12.8, 6.4)
    ((score, points),) = decode(regressors, logits)
    x, y = anchors()[700]
    assert points[:2] == pytest.approx([x + 0.1 - 0.1, y - 0.2], abs=1e-6)
    assert points[2:4] == pytest.approx([x + 0.1 + 0.1, y + 0.2], abs=1e-6)
    assert points[4:6] == pytest.approx([x - 0.1, y + 0.05], abs=1e-6)
    assert len(points) == 16
    assert score == 1.0


def test_decode_leaves_out_what_is_no_box_and_gives_the_best_first():
    regressors, logits = np.ones((896, 16), np.float32), np.full(896, -50.0, np.float32)
    logits[[3, 5, 8]] = 1.0, 2.0, 3.0
    regressors[8, 2] = 0.0
    assert [round(score, 3) for score, _ in decode(regressors, logits)] == [0.881, 0.731]


def test_decode_is_bounded_and_keeps_the_best():
    regressors, logits = np.ones((896, 16), np.float32), np.linspace(1, 9, 896).astype(np.float32)
    scores = [score for score, _ in decode(regressors, logits)]
    assert len(scores) == MOST_CANDIDATES
    assert scores[0] == pytest.approx(1 / (1 + np.exp(-9)))
    assert scores == sorted(scores, reverse=True)


def test_suppress_blends_one_face_and_keeps_two():
    box = [0.0, 0.0, 0.2, 0.2] + [0.1] * 12
    shifted, far = [value + 0.02 for value in box], [value + 0.6 for value in box]
    faces = suppress([(0.9, box), (0.8, far), (0.6, shifted)])
    assert [score for score, _ in faces] == [0.9, 0.8]
    assert faces[0][1] == pytest.approx([value + 0.02 * 0.6 / 1.5 for value in box])
    assert faces[1][1] == pytest.approx(far)
    assert overlap(box, far) == 0
    assert overlap(box, box) == pytest.approx(1)


@pytest.mark.parametrize("layout", ["bgr", "i420"])
def test_finds_the_astronaut(detector, portrait, layout):
    (face,) = detector.detect(_frame(portrait, layout))
    assert face.score > 0.8
    landmarks = face.landmarks * 512
    assert np.abs(landmarks[:2] - EYES).max() < 8
    assert np.abs(landmarks[3] - MOUTH).max() < 9


def test_a_region_is_mapped_back_to_the_frame(detector, portrait):
    wide = np.zeros((512, 960, 3), np.uint8)
    wide[:, 300:812] = portrait
    (part,) = detector.detect(_frame(wide), Box(0.4, 0.0, 0.4, 0.6))
    assert np.abs(part.landmarks[:2] * (960, 512) - EYES - (300, 0)).max() < 6
    assert np.abs(part.landmarks[3] * (960, 512) - MOUTH - (300, 0)).max() < 6


def test_refined_landmarks_are_exact(detector, portrait):
    frame = _frame(portrait)
    (rough,) = detector.detect(frame)
    fine = detector.refine(frame, rough)
    assert np.abs(fine.landmarks[:2] * 512 - EYES).max() < 4
    assert np.abs(fine.landmarks[3] * 512 - MOUTH).max() < 4


def test_colour_order_matters_to_the_detector(detector, portrait):
    """The model sees RGB: a pure blue BGR picture is blue in the sample's last channel."""
    blue = np.zeros((64, 64, 3), np.uint8)
    blue[:, :, 0] = 255
    for layout in ("bgr", "i420"):
        square, *_ = letterbox_rgb(_frame(blue, layout), 32)
        red, green, last = square[16, 16].astype(int)
        assert last > 230, layout
        assert max(red, green) < 40, layout


def test_nobody(detector):
    noise = np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8)
    assert detector.detect(_frame(noise)) == []
    assert detector.detect(_frame(np.zeros((240, 320, 3), np.uint8))) == []
    assert detector.detect(_frame(noise), Box(1.2, 0.0, 0.5, 0.5)) == []


def test_two_people(detector, portrait):
    head = portrait[0:300, 80:380]
    pair = np.hstack([head, head[:, ::-1]])
    faces = detector.detect(_frame(np.ascontiguousarray(pair)))
    assert len(faces) == 2
    centres = sorted(face.box.center[0] for face in faces)
    assert centres[0] == pytest.approx(1 - centres[1], abs=0.02)


def test_refuses_another_model(repository, tmp_path):
    with pytest.raises(ModelError, match="missing"):
        FaceDetector(tmp_path / "none.tflite")
    other = repository / "models" / "face_emotion.tflite"
    if other.exists():
        with pytest.raises(ModelError, match="BlazeFace"):
            FaceDetector(other)
