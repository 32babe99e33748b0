"""The exporter: parity with PyTorch, layouts, and refusal of what it cannot do."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("tensorflow")

from torch import nn  # noqa: E402

from emoedge.inference import Interpreter  # noqa: E402
from training.export import ExportError, export_int8  # noqa: E402


class Mixed(nn.Module):
    """Every asymmetry between the layouts: stride 2, depthwise, flattened maps, concatenation."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(2, 8, 5, 2, 2, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.depth = nn.Sequential(nn.Conv2d(8, 8, 3, 2, 1, groups=8), nn.BatchNorm2d(8), nn.Hardswish())
        self.point = nn.Conv2d(8, 8, 1)
        self.pool = nn.MaxPool2d(2)
        self.flatten = nn.Flatten()
        self.head = nn.Linear(16 * 2 * 3 + 16, 5)

    def forward(self, x):
        x = self.depth(self.stem(x))
        x = torch.cat([x, torch.relu(self.point(x)) + x], dim=1)
        return self.head(torch.cat([self.flatten(self.pool(x)), x.mean((2, 3))], 1))


def _randomise(net):
    torch.manual_seed(3)
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.uniform_(-0.5, 0.5)
            layer.running_var.uniform_(0.5, 2)
            layer.weight.data.uniform_(0.5, 1.5)
            layer.bias.data.uniform_(-0.3, 0.3)
    return net


def test_int8_model_follows_the_pytorch_net(tmp_path):
    net = _randomise(Mixed())
    samples = np.random.default_rng(0).standard_normal((120, 2, 16, 24)).astype(np.float32)
    report = export_int8(net, (1, 2, 16, 24), [samples], tmp_path / "net.tflite")
    assert report.parity < 1e-4
    assert report.agreement > 0.9
    assert report.size_bytes == (tmp_path / "net.tflite").stat().st_size

    interpreter = Interpreter(tmp_path / "net.tflite")
    assert interpreter.input_dtype == np.int8
    assert interpreter.input_shape == (1, 16, 24, 2)
    with torch.no_grad():
        expected = net.eval()(torch.from_numpy(samples[:1])).numpy()
    got = interpreter.run(samples[:1].transpose(0, 2, 3, 1))[0]
    assert np.abs(got - expected).max() < 0.1 * np.abs(expected).max() + 0.05


def test_unsupported_layers_are_named(tmp_path):
    net = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.GELU())
    with pytest.raises(ExportError, match="GELU"):
        export_int8(net, (1, 1, 8, 8), [np.zeros((1, 1, 8, 8), np.float32)], tmp_path / "x.tflite")
    assert not (tmp_path / "x.tflite").exists()
