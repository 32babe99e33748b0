"""The long training: goes on where it was, and its branches know only the sets that they may."""

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from emoedge.emotions import EMOTION_COUNT
from training.__main__ import face_long
from training.face import scratch, transfer, workers
from training.face.augment import cover
from training.face.data import FaceSet
from training.face.held import SETS
from training.face.net import FaceNet, network_of

SIDE = 16


def small_set(data, name, detector):
    rng = np.random.default_rng(SETS.index(name))
    images = rng.integers(0, 256, (21, SIDE, SIDE), np.uint8)
    targets = np.eye(EMOTION_COUNT, dtype=np.float32)[np.arange(21) % EMOTION_COUNT]
    return FaceSet(images, targets, np.ones(21, np.float32))


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(scratch, "load_set", small_set)
    # Multiples of 8: in single precision oneDNN's kernels for AVX2 write past odd widths (PyTorch 2.13).
    monkeypatch.setattr(scratch, "SCRATCH_WIDTHS", (8, 16, 24, 32))
    monkeypatch.setattr(scratch, "SIZES", ())
    monkeypatch.setattr(scratch, "FULL_SIZE", SIDE)
    monkeypatch.setattr(scratch, "held_out", lambda *_: {})
    flat = np.full((21, EMOTION_COUNT), 1 / EMOTION_COUNT, np.float32)
    monkeypatch.setattr(scratch, "form_opinions", lambda *_: {"ferplus": flat, "expw": flat})
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def weights(path):
    return torch.load(path, weights_only=True)


def test_a_trunk_goes_on_where_it_was(tmp_path, small, monkeypatch):
    how = {"detector": None, "views": 3 * 2 * scratch.BATCH, "steps": 2}
    scratch.train(tmp_path, tmp_path / "whole", **how)
    step = workers.Workers.step
    calls = iter(range(10))

    def interrupted(self, *arguments):
        if next(calls) == 3:  # in the second round
            raise KeyboardInterrupt
        return step(self, *arguments)

    with monkeypatch.context() as broken_off:
        broken_off.setattr(workers.Workers, "step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            scratch.train(tmp_path, tmp_path / "parts", **how)
    scratch.train(tmp_path, tmp_path / "parts", **how)
    whole, parts = (weights(tmp_path / name / "last.pt") for name in ("whole", "parts"))
    assert parts["state"]["round"] == whole["state"]["round"] == 3
    for name, value in whole["ema"].items():
        torch.testing.assert_close(parts["ema"][name], value)


def test_a_branch_brings_in_the_posed_sets_but_the_one_left_out(tmp_path, small):
    scratch.train(tmp_path, tmp_path / "trunk", None, views=2 * scratch.BATCH, steps=2)
    kept = tmp_path / "trunk" / "kept.pt"
    assert weights(kept)["state"]["views"] == 2 * scratch.BATCH
    learned = weights(kept)["habits"]["offsets"]
    assert np.any(learned[SETS.index("rafdb")].numpy())
    assert not np.any(learned[SETS.index("ckplus")].numpy())
    how = {"init": kept, "finish": True, "left_out": frozenset({"jaffe"}), "steps": 2, "rounds": 2}
    scratch.train(tmp_path, tmp_path / "branch", None, **how)
    net, habits = transfer.load_weights(tmp_path / "branch" / "ema.pt")
    assert net.widths == (8, 16, 24, 32)
    offsets = habits.offsets.detach().numpy()
    assert np.any(offsets[SETS.index("ckplus")])
    assert not np.any(offsets[SETS.index("jaffe")])


def test_the_rate_stays_in_the_trunk_and_falls_to_nothing_in_a_branch():
    assert scratch.learning_rate(0, None) < 0.01 * scratch.RATE
    assert scratch.learning_rate(10**6, None) == scratch.learning_rate(10**7, None) == scratch.RATE
    assert scratch.learning_rate(10**7, 0.0) == scratch.RATE
    assert scratch.learning_rate(10**7, 1.0) == pytest.approx(0.0, abs=1e-9)


def test_a_network_of_any_width_is_read_back():
    net = FaceNet((8, 16, 24, 32))
    again = network_of({name: value.half() for name, value in net.state_dict().items()})
    assert again.widths == net.widths
    assert again.head.weight.dtype == torch.float32


def test_a_cover_lies_on_the_face_alone():
    plain = np.full((48, 48), 128, np.uint8)
    changed = np.mean([cover(plain, np.random.default_rng(seed)) != 128 for seed in range(200)], axis=0)
    assert changed[14:24, 8:40].mean() > 0.1
    assert changed[32:44, 12:36].mean() > 0.2
    assert changed[:8].max() == 0


def test_every_branch_begins_at_the_trunk(tmp_path):
    steps = face_long(["--data", "d"], tmp_path, "models")
    assert [module for module, _ in steps].count("training.face.scratch") == 4
    branches = [arguments for module, arguments in steps if "--finish" in arguments]
    assert all(str(tmp_path / "trunk" / "kept.pt") in arguments for arguments in branches)
    assert [a[a.index("--leave-out") + 1] for a in branches if "--leave-out" in a] == ["ckplus", "jaffe"]
