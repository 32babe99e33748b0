"""The shipped network as floats again, ready to go on."""

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from emoedge.face.classify import FaceClassifier, standardise
from training.face.opinions import predict
from training.face.restore import restore, revive


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


def test_live_normalisation_moves_no_logit(shipped):
    views = torch.from_numpy(standardise(smooth_noise(40)))[:, None]
    net = restore(shipped)
    with torch.no_grad():
        before = net(views)
        revive(net, views)
        after = net(views)
        net.train()
        net.dropout.p = 0.0
        live = net(views)
    assert torch.allclose(before, after, atol=1e-3)
    # The batch is what the statistics were measured on: its own come to the same, but for the divisor.
    assert (live - before).abs().max() < 0.2 * before.std()
