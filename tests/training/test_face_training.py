"""The training's own logic: which rows count, what labels become, how views and scores are made."""

import csv
import zipfile

import cv2
import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from emoedge.emotions import EMOTIONS
from training.face import metrics
from training.face.augment import augment
from training.face.data import (
    EXPW_NAMES,
    load_ferplus_split,
    load_ferplus_train,
    majority_rows,
    relabel,
    row_sampling,
)
from training.face.net import FaceNet, multiply_adds
from training.face.rescale import fit_map, fold
from training.face.train import Schedule, train

VOTE_CLASSES = [
    "neutral",
    "happiness",
    "surprise",
    "sadness",
    "anger",
    "disgust",
    "fear",
    "contempt",
    "unknown",
    "NF",
]


def votes(**given):
    return [given.get(name, 0) for name in VOTE_CLASSES]


def test_majority_rows_follow_ferplus():
    table = np.array(
        [
            votes(anger=9, fear=1),  # the single vote does not count
            votes(fear=5, surprise=5),  # half is no majority
            votes(contempt=8, neutral=2),  # not one of the seven
            votes(disgust=4, anger=1, neutral=1, sadness=1, fear=1, surprise=1, happiness=1),
        ],
        np.uint8,
    )
    mask, labels = majority_rows(table, VOTE_CLASSES)
    assert mask.tolist() == [True, False, False, True]
    assert [EMOTIONS[label] for label in labels[mask]] == ["anger", "disgust"]


def test_expw_names_are_in_the_order_of_emotions():
    assert [name[:3] for name in EXPW_NAMES] == [
        {"anger": "ang", "happiness": "hap", "sadness": "sad"}.get(name, name[:3]) for name in EMOTIONS
    ]


def test_relabel_keeps_confirmed_labels_and_doubts_refuted_ones():
    teacher = np.full((2, 7), 0.02, np.float32)
    teacher[0, 1] = teacher[1, 4] = 0.88
    targets, weights = relabel(np.array([1, 1]), teacher)
    np.testing.assert_allclose(targets.sum(axis=1), 1, atol=1e-6)
    assert targets[0, 1] > 0.95
    assert targets[1].argmax() == 4
    assert np.all((weights > 0.2) & (weights <= 1))
    unsure = np.full((1, 7), 1 / 7, np.float32)
    assert relabel(np.array([1]), unsure)[1][0] < weights.min()


def test_rare_classes_are_drawn_more_often():
    targets = np.zeros((100, 7), np.float32)
    targets[:96, 6] = targets[96:, 1] = 1
    chance = row_sampling(targets)
    assert chance.sum() == pytest.approx(1)
    assert chance[-1] / chance[0] == pytest.approx(np.sqrt(96 / 4), rel=1e-3)


def test_augmentation_is_reproducible_and_keeps_the_face_in_place():
    image = np.zeros((64, 64), np.uint8)
    image[28:36, 28:36] = 255
    first, again = (augment(image, 48, np.random.default_rng(5), sharp=True) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    rng = np.random.default_rng(0)
    mean = np.mean([augment(image, 48, rng, sharp=False) for _ in range(400)], axis=0)
    mean = np.maximum(mean - np.median(mean), 0)
    yy, xx = np.mgrid[:48, :48]
    assert (mean * xx).sum() / mean.sum() == pytest.approx(23.5, abs=0.5)
    assert (mean * yy).sum() / mean.sum() == pytest.approx(23.5, abs=0.5)


def test_scores_against_hand_counts():
    labels = np.array([0, 0, 0, 0, 1, 1])
    predicted = np.array([0, 0, 0, 1, 1, 0])
    assert metrics.accuracy(predicted, labels) == pytest.approx(4 / 6)
    assert metrics.macro_recall(predicted, labels) == pytest.approx((0.75 + 0.5) / 2)
    assert metrics.macro_f1(predicted, labels) == pytest.approx((0.75 + 0.5) / 2)
    table = metrics.confusion(predicted, labels)
    assert table[0, 1] == 1
    assert table[1, 0] == 1
    low, high = metrics.interval(metrics.accuracy, predicted, labels)
    assert low <= 4 / 6 <= high


@pytest.mark.numerical
def test_temperature_undoes_overconfidence(record_property):
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (4000, 7)).astype(np.float32)
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = np.array(
        [
            rng.choice(7, p=row)
            for row in chances.astype(np.float64) / chances.sum(1, dtype=np.float64)[:, None]
        ]
    )
    found = metrics.fit_temperature(3 * logits, labels)
    record_property("temperature", [found])
    # 4000 rows tell the temperature to 1 % (its deviation over 12 draws), the search finds it to 0.001 %.
    assert found == pytest.approx(3, rel=0.1)
    assert metrics.calibration_error(chances, labels) < 0.03


@pytest.mark.numerical
def test_bias_lifts_a_rare_class_that_loses_narrowly(record_property):
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(7), [300, 20, 30, 300, 300, 300, 300])
    logits = rng.normal(0, 1, (len(labels), 7)).astype(np.float32)
    logits[np.arange(len(labels)), labels] += 4
    logits[:, 1] -= 3  # the net is shy of disgust
    bias = metrics.fit_bias(logits, labels)
    record_property("bias", bias.tolist())
    assert bias.sum() == pytest.approx(0, abs=1e-5)
    before, after = logits.argmax(axis=1), (logits + bias).argmax(axis=1)
    assert metrics.recalls(after, labels)[1] > metrics.recalls(before, labels)[1]
    assert metrics.macro_recall(after, labels) > metrics.macro_recall(before, labels)


def test_headroom_is_that_of_the_tighter_aim():
    labels = np.repeat(np.arange(7), 100)
    predicted = labels.copy()
    predicted[:100] = 6  # anger is never seen: both scores are 6/7
    rows = np.bincount(labels)
    all_seen = np.ones(7)
    tight = metrics.headroom(np.array(metrics.recalls(predicted, labels)), rows)
    assert tight == pytest.approx((6 / 7 - metrics.AIMS[0]) / np.sqrt(0.87 * 0.13 / 700), abs=1e-6)
    assert metrics.headroom(all_seen, rows) > 0 > tight
    few = np.array([1000, 4, 1000, 1000, 1000, 1000, 1000])
    half = np.array([1, 0.5, 1, 1, 1, 1, 1])  # half of four rows: little is known
    assert 0 < metrics.headroom(half, few) < metrics.headroom(all_seen, few)
    assert metrics.headroom(np.stack([half, all_seen]), few).shape == (2,)


@pytest.mark.numerical
def test_the_map_undoes_what_training_did_to_the_logits(record_property):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 7, 3000)
    logits = rng.normal(0, 1, (3000, 7)).astype(np.float32)
    logits[np.arange(3000), labels] += 3
    offsets = np.linspace(-1, 1, 7, dtype=np.float32)
    mixing = np.eye(7, dtype=np.float32)
    mixing[4, 6] = 0.3
    distorted = logits @ mixing.T + offsets
    matrix, back = fit_map(distorted, labels, ridge=(1e-3, 1e-4))
    record_property("map", [*matrix.ravel().tolist(), *back.tolist()])
    mended = distorted @ matrix.T + back
    before, after = (metrics.accuracy(values.argmax(axis=1), labels) for values in (distorted, mended))
    assert after > before + 0.02
    # Over six draws the two differ by 0.004 at most, for the map is fitted to the draw; what was distorted
    # costs 0.1.
    assert after == pytest.approx(metrics.accuracy(logits.argmax(axis=1), labels), abs=0.01)
    held, _ = fit_map(distorted, labels, ridge=(1e3, 1e-4))
    np.testing.assert_allclose(held, np.eye(7), atol=1e-3)


def test_a_folded_map_is_the_map_of_the_logits():
    torch.manual_seed(0)
    net, mapped = FaceNet().eval(), FaceNet().eval()
    rng = np.random.default_rng(0)
    matrix, offsets = rng.normal(0, 1, (7, 7)).astype(np.float32), rng.normal(0, 1, 7).astype(np.float32)
    mapped.load_state_dict(fold(net.state_dict(), matrix, offsets))
    x = torch.randn(3, 1, 48, 48)
    expected = net(x).detach().numpy() @ matrix.T + offsets
    np.testing.assert_allclose(mapped(x).detach().numpy(), expected, atol=1e-4)


def test_the_net_is_within_its_budget():
    net = FaceNet()
    assert multiply_adds(net) <= 40e6
    assert sum(parameter.numel() for parameter in net.parameters()) < 1.4e6


def write_small_sets(folder, count=40):
    """The two sets as the training reads them, of noise: rows of FER+ for Train and Valid, and ExpW."""
    rng = np.random.default_rng(0)
    folder.mkdir()
    chosen = np.resize([VOTE_CLASSES.index(name) for name in EMOTIONS], count)
    np.savez(
        folder / "ferplus.npz",
        images=rng.integers(0, 256, (count, 48, 48), np.uint8),
        votes=(10 * np.eye(10)[chosen]).astype(np.uint8),
        vote_classes=VOTE_CLASSES,
        split=np.where(np.arange(count) % 4, "Train", "Valid"),
        drop_from_train=np.zeros(count, bool),
        near_twin_in_eval_r=np.zeros(count),
    )
    with (
        (folder / "expw.csv").open("w", newline="") as listing,
        zipfile.ZipFile(folder / "expw.zip", "w") as bag,
    ):
        rows = csv.writer(listing)
        rows.writerow(["path", "label"])
        for index in range(count):
            rows.writerow([f"{index}.jpg", EXPW_NAMES[index % 7]])
            picture = cv2.imencode(".jpg", rng.integers(0, 256, (80, 80), np.uint8))[1]
            bag.writestr(f"{index}.jpg", picture.tobytes())


def test_a_training_goes_on_where_it_was(tmp_path, monkeypatch):
    write_small_sets(tmp_path / "faces")
    monkeypatch.setattr("training.face.train.STEPS", 2)
    monkeypatch.setattr("training.face.train.BATCH", 8)
    monkeypatch.setattr("training.face.train.FER_ROWS", 5)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        train(tmp_path, tmp_path / "whole", Schedule(2, None), seed=1)
        calls = iter(range(10))

        def interrupted(targets, power):
            if next(calls) == 2:  # two sets an epoch: in the second epoch
                raise KeyboardInterrupt
            return row_sampling(targets, power)

        with monkeypatch.context() as broken_off:
            broken_off.setattr("training.face.train.row_sampling", interrupted)
            with pytest.raises(KeyboardInterrupt):
                train(tmp_path, tmp_path / "parts", Schedule(2, None), seed=1)
        train(tmp_path, tmp_path / "parts", Schedule(2, None), seed=1)
    finally:
        torch.set_num_threads(threads)
    whole, parts = (torch.load(tmp_path / name / "ema.pt", weights_only=True) for name in ("whole", "parts"))
    assert whole.keys() == FaceNet().state_dict().keys()
    assert len((tmp_path / "parts" / "log.jsonl").read_text().splitlines()) == 2
    for name, value in whole.items():
        assert value.device.type == "cpu"
        assert torch.isfinite(value.float()).all()
        torch.testing.assert_close(parts[name], value)


@pytest.mark.slow
def test_rows_of_the_real_set(shared_dir):
    folder = shared_dir / "data" / "faces"
    images, labels = load_ferplus_split(folder, "Test")
    assert images.shape == (3137, 48, 48)
    assert np.bincount(labels).tolist() == [273, 18, 83, 893, 384, 396, 1090]
    train = load_ferplus_train(folder)
    np.testing.assert_allclose(train.targets.sum(axis=1), 1, atol=1e-5)
    evaluated = {
        image.tobytes() for split in ("Valid", "Test") for image in load_ferplus_split(folder, split)[0]
    }
    assert not any(image.tobytes() in evaluated for image in train.images)
