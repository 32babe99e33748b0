"""The shipped network as floats again, and held where it must be."""

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from emoedge.face.classify import FaceClassifier, standardise
from training.face.restore import restore
from training.face.train import THIRD, freeze_statistics, hold, make_optimizer, predict, start_from, zoomed


@pytest.fixture(scope="module")
def shipped(repository):
    return repository / "models" / "face_emotion.tflite"


def smooth_noise(count):
    """Patches whose logits spread: (count, 48, 48) uint8."""
    rng = np.random.default_rng(3)
    coarse = torch.from_numpy(rng.uniform(0, 255, (count, 1, 6, 6)).astype(np.float32))
    fine = torch.nn.functional.interpolate(coarse, (48, 48), mode="bicubic").clamp(0, 255)
    return fine[:, 0].numpy().astype(np.uint8)


def test_the_restored_network_answers_like_the_shipped_one(shipped):
    patches = smooth_noise(40)
    expected = FaceClassifier(shipped).logits(patches)
    restored = predict(restore(shipped), patches, mirror=True, bf16=False)
    assert np.abs(restored - expected).mean() < 0.1 * expected.std()
    assert np.corrcoef(restored.ravel(), expected.ravel())[0, 1] > 0.99


def test_a_file_of_another_network_is_refused(repository):
    with pytest.raises(ValueError, match="no layer of shape"):
        restore(repository / "models" / "voice_emotion.tflite")


def test_what_is_held_stays(shipped):
    recipe, net = start_from(shipped)
    assert recipe is THIRD
    before = {name: value.clone() for name, value in net.state_dict().items()}
    hold(net)
    optimizer = make_optimizer(net, 0.1)
    net.train()
    freeze_statistics(net)
    net(torch.from_numpy(standardise(smooth_noise(4)))[:, None]).square().sum().backward()
    optimizer.step()
    for name, value in net.state_dict().items():
        held = "running" in name or "tracked" in name or name.startswith(("stem", "blocks.0"))
        assert torch.equal(before[name], value) == held, name


def test_a_closer_view_keeps_the_middle():
    images = np.zeros((1, 48, 48), np.uint8)
    images[0, 23:25, 23:25] = 200
    images[0, :2] = 100
    closer = zoomed(images, 0.8)
    assert closer.shape == images.shape
    assert closer[0, 24, 24] > 150
    assert closer[0, 0].max() == 0
    assert zoomed(images, 1.0) is images
