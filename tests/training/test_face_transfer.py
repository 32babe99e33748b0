"""Training on with strangers' faces: what is drawn, left out and decided."""

import csv
import zipfile

import cv2
import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from emoedge.emotions import EMOTIONS, softmax
from emoedge.face.baseline import BaselineCard
from training.face import corpora, held, occlusion, offsets, strangers, transfer
from training.face.net import FaceNet


def pattern(seed, side=64):
    coarse = np.random.default_rng(seed).integers(0, 256, (8, 8), np.uint8)
    return np.asarray(cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC), np.uint8)


def write_rafdb(folder, rows):
    """Rows of (file, split, label, near_twin, seed of the picture)."""
    folder.mkdir(exist_ok=True)
    with (
        (folder / "rafdb.csv").open("w", newline="") as listing,
        zipfile.ZipFile(folder / "rafdb.zip", "w") as bag,
    ):
        writer = csv.writer(listing)
        writer.writerow(["file", "split", "label", "near_twin"])
        for name, split, label, twin, seed in rows:
            writer.writerow([name, split, label, twin])
            bag.writestr(name, cv2.imencode(".png", pattern(seed))[1].tobytes())


def test_what_is_measured_on_is_not_trained_on(tmp_path):
    names = [f"train_{index:05}.jpg" for index in range(60)]
    held_name = next(name for name in names if corpora._drawn(name))
    free = [name for name in names if not corpora._drawn(name)]
    rows = [
        (held_name, "train", "fear", "", 1),
        (free[0], "train", "fear", "", 1),  # the same photograph as the held-out one
        (free[1], "train", "anger", "rafdb_test", 2),
        (free[2], "train", "anger", "ferplus_eval expw", 3),
        (free[3], "train", "anger", "expw", 4),
        ("test_00001.jpg", "test", "surprise", "", 5),
    ]
    write_rafdb(tmp_path, rows)
    train, out, test = (corpora.load_rafdb(tmp_path, part) for part in ("train", "held_out", "test"))
    assert train.groups.tolist() == [free[3]]
    assert out.groups.tolist() == [held_name]
    assert [EMOTIONS[label] for label in test.labels] == ["surprise"]


def test_rows_of_a_set_left_out_go_to_the_others():
    whole, part = transfer.batch_rows(frozenset()), transfer.batch_rows(frozenset({"ckplus"}))
    assert whole == transfer.SHARES
    assert sum(part.values()) == transfer.BATCH
    assert "ckplus" not in part
    assert all(part[name] >= whole[name] for name in part)


def write_small_held(folder, seed=0):
    """Held features of three sets, as `training.face.held` writes them."""
    folder.mkdir()
    rng = np.random.default_rng(seed)
    for name in ("ferplus", "rafdb", "ckplus"):
        np.save(folder / f"{name}_features.npy", rng.random((14, 2, 144, 6, 6)).astype(np.float16))
        targets = np.eye(7, dtype=np.float32)[np.arange(14) % 7]
        np.savez(folder / f"{name}_labels.npz", targets=targets, opinion=np.full((14, 7), 1 / 7, np.float32))


def test_a_run_goes_on_where_it_was_and_leaves_the_first_blocks_alone(tmp_path, monkeypatch):
    write_small_held(tmp_path / "held")
    monkeypatch.setattr(transfer, "STEPS", 2)
    monkeypatch.setattr(transfer, "SHARES", {"ferplus": 4, "rafdb": 3, "ckplus": 2})
    monkeypatch.setattr(transfer, "BATCH", 9)
    picture = np.zeros((7, 48, 48), np.uint8)
    monkeypatch.setattr(transfer, "load_ferplus_split", lambda *_: (picture, np.arange(7)))
    monkeypatch.setattr(
        transfer,
        "load_rafdb",
        lambda *_: corpora.Corpus(list(picture), np.arange(7), np.arange(7).astype(str)),
    )
    torch.manual_seed(0)
    first = FaceNet()
    torch.save({"net": first.state_dict(), "habits": transfer.Habits().state_dict()}, tmp_path / "first.pt")
    how = {"data": tmp_path, "held": tmp_path / "held", "init": tmp_path / "first.pt", "rounds": 2}
    transfer.train(out=tmp_path / "whole", **how)
    draw = transfer.Batches.draw
    calls = iter(range(10))

    def interrupted(self, rng):
        if next(calls) == 3:  # in the second round
            raise KeyboardInterrupt
        return draw(self, rng)

    with monkeypatch.context() as broken_off:
        broken_off.setattr(transfer.Batches, "draw", interrupted)
        with pytest.raises(KeyboardInterrupt):
            transfer.train(out=tmp_path / "parts", **how)
    transfer.train(out=tmp_path / "parts", **how)
    whole, parts = (transfer.load_weights(tmp_path / name / "ema.pt") for name in ("whole", "parts"))
    for name, value in whole[0].state_dict().items():
        torch.testing.assert_close(parts[0].state_dict()[name], value)
        moved = not torch.equal(first.state_dict()[name], value)
        assert not moved or name.startswith(("blocks.3", "head")), name
    learned = whole[1].offsets.detach().numpy()
    assert np.any(learned[held.SETS.index("ckplus")])
    assert not np.any(learned[held.SETS.index("jaffe")])


def yardstick(name, shift, rows=700, seed=0):
    """Labels and logits of a set whose classes lie `shift` beside where the general ones are."""
    rng = np.random.default_rng(seed)
    labels = np.arange(rows) % 7
    logits = 2.5 * np.eye(7)[labels] + rng.normal(0, 1, (rows, 7)) - shift
    learned = np.zeros((len(held.SETS), 7), np.float32)
    learned[held.SETS.index("rafdb")] = shift
    return offsets.Yardstick(
        name, logits.astype(np.float32), labels, (np.arange(rows) // 14).astype(str), learned
    )


def test_the_mixture_follows_the_sets_that_were_left_out(monkeypatch):
    shift = np.array([1.5, 1, 1, 0, 0, 0, -2], np.float32)
    strangers_alone = [yardstick(name, shift, seed=i) for i, name in enumerate(offsets.YARDSTICKS)]
    monkeypatch.setattr(offsets, "LEAST_ACCURACY", 0.0)
    monkeypatch.setattr(offsets, "POSED", ("rafdb",))
    shares = offsets.choose_shares(strangers_alone)
    assert shares[0] <= 0.2
    bias = offsets.mixed(strangers_alone[0].offsets, shares)
    assert bias.mean() == pytest.approx(0, abs=1e-6)
    temperature = offsets.choose_temperature(strangers_alone, shares)
    assert 0.3 < temperature < 0.6  # 2.5 apart with a deviation of 1
    doubled = [
        offsets.Yardstick(y.name, 2 * y.logits, y.labels, y.groups, 2 * y.offsets) for y in strangers_alone
    ]
    assert offsets.choose_temperature(doubled, shares) == pytest.approx(2 * temperature, rel=0.03)


def test_a_baseline_helps_where_people_differ_at_rest():
    rng = np.random.default_rng(1)
    labels = np.tile(np.arange(7), 60)
    groups = np.repeat(np.arange(30), 14)
    own = rng.normal(0, 1.5, (30, 7))
    logits = 2.5 * np.eye(7)[labels] + own[groups] + rng.normal(0, 0.4, (420, 7))
    learned = np.zeros((len(held.SETS), 7), np.float32)
    y = offsets.Yardstick("jaffe", logits.astype(np.float32), labels, groups.astype(str), learned)
    card = BaselineCard((0.0,) * 6 + (2.5,), 0.7, 1.0)
    bias = np.zeros(7, np.float32)
    before, after = (offsets.session_recalls(y, card, bias, 1.0, seen) for seen in (0, 10))
    assert after > before + 0.05


def test_six_classes_have_no_neutral():
    table = softmax(np.random.default_rng(0).normal(size=(14, 7)).astype(np.float32), 1.0)
    labels = np.arange(14) % 7
    posed, truth = strangers.six(table, labels)
    assert len(posed) == 12
    assert strangers.NEUTRAL not in truth
    np.testing.assert_allclose(posed.sum(axis=1), 1, atol=1e-5)
    assert not posed[:, strangers.NEUTRAL].any()


def test_chance_alone_shows_some_calibration_error():
    rng = np.random.default_rng(0)
    table = softmax(rng.normal(size=(200, 7)).astype(np.float32), 0.7)
    labels = np.array([rng.choice(7, p=row / row.sum()) for row in table.astype(np.float64)])
    error, by_chance = strangers.calibration_above_chance(table, labels)
    assert abs(error - by_chance) < 0.05
    assert by_chance > 0.01


@pytest.fixture(scope="module")
def detector(repository):
    from emoedge.face.detect import FaceDetector

    return FaceDetector(repository / "models" / "face_detector.tflite")


def test_things_are_drawn_where_they_belong(detector):
    data = pytest.importorskip("skimage.data")
    portrait = cv2.cvtColor(data.astronaut()[50:200, 150:300], cv2.COLOR_RGB2GRAY)
    face = occlusion.found_face(portrait, detector)
    mouth, eye = (np.array(face.place(*place)) for place in ((0, 1), (0.5, 0)))
    assert mouth[1] > eye[1] + 20
    for draw, place, other in (
        *((draw, mouth, eye) for draw in occlusion.MOUTH),
        *((draw, eye, mouth) for draw in occlusion.EYES),
    ):
        drawn = occlusion.found_face(portrait, detector)
        draw(drawn, np.random.default_rng(2))
        change = np.abs(drawn.image.astype(int) - face.image) > 8

        def share(at, change=change):
            x, y = np.round(at).astype(int)
            return change[y - 6 : y + 7, x - 6 : x + 7].mean()

        assert share(place) > 0.6, draw.__name__
        assert share(other) < 0.1, draw.__name__


def test_samples_are_reproducible_and_labelled(detector):
    data = pytest.importorskip("skimage.data")
    portrait = cv2.cvtColor(data.astronaut()[50:200, 150:300], cv2.COLOR_RGB2GRAY)
    one, other = (occlusion.sample(portrait, detector, np.random.default_rng(4)) for _ in range(2))
    np.testing.assert_array_equal(one[0], other[0])
    assert one[0].shape == (occlusion.VIEWS, 48, 48)
    assert one[1].tolist() == [[0, 0, 0], [0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, 1]]
    flat = np.full((64, 64), 120, np.uint8)
    assert occlusion.sample(flat, detector, np.random.default_rng(4)) is None


def test_conditions_are_told_by_the_features():
    rng = np.random.default_rng(0)
    truth = (rng.random((900, 3)) < [0.3, 0.3, 0.1]).astype(np.float32)
    features = rng.normal(size=(900, 20))
    features[:, :3] += 3 * truth
    weight, bias = occlusion.fit_conditions(features, truth)
    said = features @ weight.numpy().T + bias.numpy() > 0
    assert (said == truth.astype(bool)).mean() > 0.9
