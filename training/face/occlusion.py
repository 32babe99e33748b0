"""Covered and tilted faces, drawn onto training pictures, and the outputs that recognise them.

A mask, dark glasses or a hand leave a network as sure as before, and a face that lies on its side or upside
down looks like some emotion too. Three more outputs beside the seven, linear in the same pooled features,
tell the classifier: is the lower half of the face covered, are the eyes covered, is the face askew. The
features are not trained for it.

`python -m training.face.occlusion --data DIR --out FILE` writes the samples; `training.face.export` fits to
them.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from emoedge.face.align import crop_geometry, cut
from emoedge.face.classify import CONDITION_UNIT, CONDITIONS, standardise
from emoedge.face.detect import MIN_SCORE, Detection, FaceDetector
from emoedge.face.still import as_frame, detect_with_border
from training.face.augment import degrade, relight
from training.face.corpora import load_ckplus, load_rafdb
from training.face.data import load_ferplus_train
from training.face.net import INPUT_SIZE, FaceNet

Image = NDArray[np.uint8]

SIDE = 192
"""Side in pixels at which occluders are drawn, so that their edges are smooth after cropping."""
ROWS = {"rafdb": 2400, "ferplus": 1200, "ckplus": 400}
"""Number of random images of each set."""
VIEWS = 6
"""Views of an image: plain, with clear glasses, mouth, eyes or both covered, askew."""
TIGHTER = 0.9
"""Sizes of crops as shares of the usual one; an occluder fills more of a smaller crop."""
RIDGE = 1e-4
"""Weight of the squared coefficients (features in standard deviations) relative to the mean log-loss."""
UPRIGHT_DEG, ASKEW_DEG = 25.0, 55.0
"""Angles in degrees: up to the first a face is upright, from the second on askew; none are drawn between."""


class Face:
    """Image with the positions of its face.

    Args:
        image: uint8 (SIDE, SIDE).
        detection: detection of the face.
    """

    def __init__(self, image: Image, detection: Detection) -> None:
        self.image = image.copy()
        self.detection = detection
        right, left, _, mouth = SIDE * detection.landmarks[:4].astype(np.float64)
        self._middle = (right + left) / 2
        self._down = mouth - self._middle
        height = float(np.hypot(*self._down))
        self._across = np.array([self._down[1], -self._down[0]]) / max(height, 1e-6)
        self.unit = max(height, float(np.hypot(*(left - right))), 8.0)
        self._down = self._down / max(height, 1e-6)

    def place(self, across: float, down: float) -> tuple[float, float]:
        """Return the pixel of a position in face units: (0, 1) is the mouth, (±0.5, 0) are the eyes."""
        x, y = self._middle + self.unit * (across * self._across + down * self._down)
        return float(x), float(y)

    def fill(self, outline: list[tuple[float, float]], paint: Image) -> None:
        """Fill an outline given by positions, with a slightly soft edge."""
        points = np.array([self.place(*point) for point in outline])
        mask = np.zeros(self.image.shape, np.uint8)
        cv2.fillPoly(mask, [np.round(points).astype(np.int32)], 255)
        share = cv2.GaussianBlur(mask, (0, 0), 1.5).astype(np.float32) / 255
        self.image = np.asarray(share * paint + (1 - share) * self.image, np.uint8)


def _ellipse(
    centre: tuple[float, float], half: tuple[float, float], angle: float = 0.0, power: float = 2.0
) -> list[tuple[float, float]]:
    """Return the outline of an ellipse, or of a rounded rectangle for a higher power."""
    cos, sin = math.cos(angle), math.sin(angle)
    outline = []
    for t in np.linspace(0, 2 * math.pi, 40, endpoint=False):
        c, s = math.cos(t), math.sin(t)
        x = half[0] * math.copysign(abs(c) ** (2 / power), c)
        y = half[1] * math.copysign(abs(s) ** (2 / power), s)
        outline.append((centre[0] + cos * x - sin * y, centre[1] + sin * x + cos * y))
    return outline


def _paint(shape: tuple[int, ...], level: float, rng: np.random.Generator) -> Image:
    """Return a surface: one gray level, shaded, with folds, a pattern or grain."""
    yy, xx = np.mgrid[: shape[0], : shape[1]] / shape[0]
    angle = rng.uniform(0, 2 * math.pi)
    way = math.cos(angle) * xx + math.sin(angle) * yy
    surface = level * (1 + rng.uniform(0, 0.35) * (way - way.mean()))
    if rng.random() < 0.4:
        surface = surface + rng.uniform(3, 25) * np.sin(way * rng.uniform(20, 90) + angle)
    surface = surface + rng.uniform(0, 5) * rng.standard_normal(shape)
    return np.clip(surface, 0, 255).astype(np.uint8)


def draw_mask(face: Face, rng: np.random.Generator) -> None:
    """Draw a mask or a scarf from the nose to the chin."""
    top, side = rng.uniform(0.3, 0.72), rng.uniform(0.75, 1.0)
    chin, corner = rng.uniform(1.4, 1.75), rng.uniform(0.9, 1.3)
    outline = [
        (-side, top),
        (-0.35, top - 0.08),
        (0, top - rng.uniform(0, 0.15)),
        (0.35, top - 0.08),
        (side, top),
    ]
    outline += [(0.85 * side, corner), (0.4, chin), (-0.4, chin), (-0.85 * side, corner)]
    face.fill(
        outline, _paint(face.image.shape, rng.choice([rng.uniform(10, 250), rng.uniform(150, 250)]), rng)
    )


def draw_hand(face: Face, rng: np.random.Generator) -> None:
    """Draw fingers or a fist over the mouth, about as bright as the face."""
    skin = float(np.median(face.image)) * rng.uniform(0.7, 1.35)
    centre = (rng.uniform(-0.15, 0.15), rng.uniform(0.9, 1.1))
    face.fill(
        _ellipse(centre, (rng.uniform(0.5, 0.8), rng.uniform(0.3, 0.5)), rng.uniform(-0.5, 0.5), 3),
        _paint(face.image.shape, skin, rng),
    )
    angle = rng.uniform(-0.6, 0.6) + (math.pi / 2 if rng.random() < 0.4 else 0.0)
    for finger in np.linspace(-0.3, 0.3, int(rng.integers(2, 5))):
        middle = (centre[0] - math.sin(angle) * finger, centre[1] + math.cos(angle) * finger)
        size = (rng.uniform(0.5, 0.8), 0.11)
        face.fill(
            _ellipse(middle, (size[0] + 0.03, size[1] + 0.03), angle),
            _paint(face.image.shape, 0.6 * skin, rng),
        )
        face.fill(_ellipse(middle, size, angle), _paint(face.image.shape, skin * rng.uniform(0.9, 1.1), rng))


def draw_thing(face: Face, rng: np.random.Generator) -> None:
    """Draw a cup, a microphone, a telephone or a bar over the mouth."""
    half = (rng.uniform(0.4, 0.9), rng.uniform(0.28, 0.6))
    outline = _ellipse(
        (rng.uniform(-0.12, 0.12), rng.uniform(0.95, 1.15)),
        half,
        rng.uniform(-0.3, 0.3),
        rng.choice([2.0, 8.0]),
    )
    face.fill(outline, _paint(face.image.shape, rng.uniform(0, 255), rng))


def draw_dark_glasses(face: Face, rng: np.random.Generator) -> None:
    """Draw dark glasses with their bridge."""
    half = (rng.uniform(0.28, 0.46), rng.uniform(0.2, 0.36))
    power, level = rng.choice([2.0, 3.0, 6.0]), rng.uniform(0, 65)
    for side in (-0.5, 0.5):
        outline = _ellipse((side * rng.uniform(0.95, 1.1), rng.uniform(0, 0.08)), half, 0.0, power)
        face.fill(outline, _paint(face.image.shape, level, rng))
    bar = [(-0.2, -0.08), (0.2, -0.08), (0.2, 0.02), (-0.2, 0.02)]
    face.fill(bar, _paint(face.image.shape, level, rng))


def draw_bar(face: Face, rng: np.random.Generator) -> None:
    """Draw a hand, a brim or a visor over both eyes."""
    half = (rng.uniform(0.85, 1.1), rng.uniform(0.22, 0.4))
    outline = _ellipse((0, rng.uniform(-0.1, 0.06)), half, rng.uniform(-0.15, 0.15), rng.choice([2.5, 8.0]))
    face.fill(outline, _paint(face.image.shape, rng.uniform(0, 255), rng))


def draw_clear_glasses(face: Face, rng: np.random.Generator) -> None:
    """Draw clear glasses, which cover nothing."""
    thickness, level = int(rng.integers(2, 6)), int(rng.integers(0, 120))
    half, power = (rng.uniform(0.3, 0.44), rng.uniform(0.22, 0.34)), rng.choice([2.0, 4.0])
    for side in (-0.5, 0.5):
        points = np.array([face.place(*p) for p in _ellipse((side, 0.03), half, 0.0, power)])
        cv2.polylines(face.image, [np.round(points).astype(np.int32)], True, level, thickness, cv2.LINE_AA)


MOUTH: tuple[Callable[[Face, np.random.Generator], None], ...] = (draw_mask, draw_hand, draw_thing)
EYES: tuple[Callable[[Face, np.random.Generator], None], ...] = (
    draw_dark_glasses,
    draw_dark_glasses,
    draw_bar,
)


def found_face(image: Image, detector: FaceDetector) -> Face | None:
    """Return a crop resized to SIDE with its landmarks, or None where the detector finds no face."""
    image = np.asarray(cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC), np.uint8)
    found = detect_with_border(detector, as_frame(image), MIN_SCORE)
    if not found:
        return None
    return Face(image, max(found, key=lambda face: face.box.area))


def sample(
    image: Image, detector: FaceDetector, rng: np.random.Generator
) -> tuple[Image, NDArray[np.float32]] | None:
    """Return views of one image, (VIEWS, S, S), and the conditions of each, (VIEWS, 3)."""
    found = found_face(image, detector)
    if found is None:
        return None
    geometry = crop_geometry(found.detection.box, found.detection.landmarks, SIDE, SIDE)
    mouth, eyes = MOUTH[int(rng.integers(len(MOUTH)))], EYES[int(rng.integers(len(EYES)))]
    kinds = ((), (draw_clear_glasses,), (mouth,), (eyes,), (mouth, eyes), ())
    crops, truth = [], []
    for view, kind in enumerate(kinds):
        drawn = Face(found.image, found.detection)
        for draw in kind:
            draw(drawn, rng)
        askew = view == VIEWS - 1
        tilt = (
            rng.uniform(ASKEW_DEG, 360 - ASKEW_DEG)
            if askew
            else np.clip(rng.normal(0, 8), -UPRIGHT_DEG, UPRIGHT_DEG)
        )
        shift = 0.05 * geometry.side * np.clip(rng.standard_normal(2), -2, 2)
        place = replace(
            geometry,
            side=TIGHTER * geometry.side * math.exp(np.clip(rng.normal(0, 0.08), -0.2, 0.2)),
            angle=geometry.angle + math.radians(tilt),
            centre_x=geometry.centre_x + shift[0],
            centre_y=geometry.centre_y + shift[1],
        )
        crop = cut(as_frame(drawn.image), place, INPUT_SIZE)
        crop = relight(degrade(crop, rng, 0.3), rng) if rng.random() < 0.6 else crop
        crops.append(crop[:, ::-1] if rng.random() < 0.5 else crop)
        truth.append([mouth in kind, eyes in kind, askew])
    return np.stack(crops), np.array(truth, np.float32)


def samples(data: Path, detector: FaceDetector, seed: int = 5) -> tuple[Image, NDArray[np.float32]]:
    """Return views (N, S, S) and conditions (N, 3) of training images of three sets."""
    rng = np.random.default_rng(seed)
    faces = data / "faces"
    pictures: dict[str, Sequence[Image] | Image] = {
        "rafdb": load_rafdb(faces, "train").images,
        "ferplus": load_ferplus_train(faces).images,
        "ckplus": load_ckplus(faces).images,
    }
    parts = []
    for name, rows in ROWS.items():
        for row in rng.choice(len(pictures[name]), rows, replace=False):
            views = sample(pictures[name][row], detector, rng)
            if views is not None:
                parts.append(views)
    return np.concatenate([views for views, _ in parts]), np.concatenate([truth for _, truth in parts])


@torch.no_grad()
def pooled(net: FaceNet, crops: Image) -> NDArray[np.float64]:
    """Return the features before the last layer, (N, F)."""
    net.eval()
    parts = []
    for start in range(0, len(crops), 256):
        x = torch.from_numpy(standardise(crops[start : start + 256]))[:, None]
        parts.append(net.flatten(net.pool(net.blocks(net.stem(x)))).numpy())
    return np.concatenate(parts).astype(np.float64)


def fit_conditions(features: NDArray[np.float64], truth: NDArray[np.float32]) -> tuple[Tensor, Tensor]:
    """Fit one logistic regression for each condition; return weights (3, F) and biases (3,).

    Positives and negatives have equal weight. The problem is convex and solved to convergence in float64, so
    that the result does not depend on the processor.
    """
    mean, deviation = features.mean(axis=0), np.maximum(features.std(axis=0), 1e-6)
    x, y = torch.from_numpy((features - mean) / deviation), torch.from_numpy(truth.astype(np.float64))
    share = y.mean(0)
    balance = y / (2 * share) + (1 - y) / (2 * (1 - share))
    weight = torch.zeros(y.shape[1], x.shape[1], dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(y.shape[1], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [weight, bias], max_iter=500, tolerance_grad=1e-7, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        optimizer.zero_grad()
        losses = torch.nn.functional.binary_cross_entropy_with_logits(
            x @ weight.T + bias, y, balance, reduction="none"
        )
        value = losses.mean(0).sum() + RIDGE * weight.square().sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    by = weight.detach() / torch.from_numpy(deviation)
    return by.float(), (bias.detach() - by @ torch.from_numpy(mean)).float()


def with_conditions(net: FaceNet, samples_file: Path | None) -> FaceNet:
    """Return a network whose last layer also outputs the conditions, fitted to samples; zero without them."""
    wider = FaceNet(net.widths, conditions=len(CONDITIONS))
    features = net.head.in_features
    weight, bias = torch.zeros(len(CONDITIONS), features), torch.zeros(len(CONDITIONS))
    if samples_file is not None:
        with np.load(samples_file) as file:
            weight, bias = fit_conditions(pooled(net, file["views"]), file["truth"])
        weight, bias = weight / CONDITION_UNIT, bias / CONDITION_UNIT
    state = dict(net.state_dict())
    state["head.weight"] = torch.cat([state["head.weight"], weight])
    state["head.bias"] = torch.cat([state["head.bias"], bias])
    wider.load_state_dict(state)
    return wider.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with faces/")
    parser.add_argument("--models", type=Path, default=Path("models"), help="folder with the face detector")
    parser.add_argument("--out", type=Path, required=True, help="the .npz file to write")
    args = parser.parse_args()
    views, truth = samples(args.data, FaceDetector(args.models / "face_detector.tflite"))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(args.out, views=views, truth=truth)


if __name__ == "__main__":
    main()
