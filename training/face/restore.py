"""Restore the float network from its int8 file, to continue training from the shipped model.

Weights come back to half a quantization step, with batch normalisation folded into them: each normalisation
layer is left with mean zero, deviation one and the folded bias, so it must not be trained on statistics of
its own until `revive` has given them some.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from emoedge.face.classify import CONDITIONS
from emoedge.inference import load_runtime
from training.face.net import CLASSES, WIDTHS, ConvBnRelu, FaceNet

LAYERS = ("CONV_2D", "FULLY_CONNECTED")


@dataclass(frozen=True)
class Layer:
    """Return the weights of a layer in PyTorch's order: kernel (outputs, inputs[, H, W]), bias (outputs,)."""

    kernel: NDArray[np.float32]
    bias: NDArray[np.float32]


def read_layers(path: Path) -> list[Layer]:
    """Return kernels and biases of all layers of a quantized model, in execution order."""
    interpreter = load_runtime()[1](model_path=str(path))
    interpreter.allocate_tensors()
    details = {tensor["index"]: tensor for tensor in interpreter.get_tensor_details()}

    def real(index: int) -> NDArray[np.float32]:
        return _dequantize(interpreter.get_tensor(index), details[index]["quantization_parameters"])

    layers = []
    for operation in interpreter._get_ops_details():  # noqa: SLF001  the runtimes have no public way to the graph
        if operation["op_name"] in LAYERS:
            _, kernel, bias = (int(index) for index in operation["inputs"])
            weights = real(kernel)
            if weights.ndim == 4:
                weights = weights.transpose(0, 3, 1, 2)
            layers.append(Layer(np.ascontiguousarray(weights), real(bias)))
    return layers


def _dequantize(raw: NDArray[Any], how: dict[str, Any]) -> NDArray[np.float32]:
    scales = np.asarray(how["scales"], np.float64)
    zeros = np.asarray(how["zero_points"], np.float64)
    if len(scales) > 1:
        shape = [1] * raw.ndim
        shape[int(how["quantized_dimension"])] = -1
        scales, zeros = scales.reshape(shape), zeros.reshape(shape)
    return np.asarray((raw.astype(np.float64) - zeros) * scales, np.float32)


def restore(path: Path) -> FaceNet:
    """Return the network of an int8 `.tflite` file with only its seven emotions.

    The additional outputs are fitted to the features at every export.

    Raises:
        ValueError: the file's layers are not those of `FaceNet`.
    """
    left = read_layers(path)
    # Every block is wider than the one before it, and its 3 x 3 kernels have its width.
    widths = {len(layer.kernel) for layer in left if layer.kernel.shape[2:] == (3, 3)}
    net = FaceNet(tuple(sorted(widths)) or WIDTHS)

    def take(shape: tuple[int, ...]) -> Layer:
        # The converter runs a block's projection before its other layers, so the order alone does not #
        # identify them.
        for index, layer in enumerate(left):
            if layer.kernel.shape == shape:
                return left.pop(index)
        raise ValueError(f"{path} has no layer of shape {shape} left")

    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, ConvBnRelu):
                convolution, norm = module[0], module[1]
                assert isinstance(convolution, nn.Conv2d)
                assert isinstance(norm, nn.BatchNorm2d)
                layer = take(tuple(convolution.weight.shape))
                convolution.weight.copy_(torch.from_numpy(layer.kernel))
                norm.bias.copy_(torch.from_numpy(layer.bias))
                norm.weight.fill_(1.0)
                assert norm.running_mean is not None
                assert norm.running_var is not None
                norm.running_mean.zero_()
                norm.running_var.fill_(1.0 - norm.eps)
        layer = left.pop(next(index for index, layer in enumerate(left) if layer.kernel.ndim == 2))
        if layer.kernel.shape not in {
            (CLASSES + more, net.head.in_features) for more in (0, len(CONDITIONS))
        }:
            raise ValueError(f"{path} has another last layer: {layer.kernel.shape}")
        net.head.weight.copy_(torch.from_numpy(layer.kernel[:CLASSES]))
        net.head.bias.copy_(torch.from_numpy(layer.bias[:CLASSES]))
    if left:
        raise ValueError(f"{path} has {len(left)} layers too many")
    return net.eval()


@torch.no_grad()
def revive(net: nn.Module, views: torch.Tensor) -> None:
    """Reactivate the normalisation of a restored network without changing its logits.

    Every layer gets the mean and variance that its input has over the views, and a scale and bias that undo
    them.

    Args:
        net: network from `restore`, or a part of it.
        views: (N, …), inputs similar to those of the training.
    """
    moments: dict[nn.BatchNorm2d, list[torch.Tensor]] = {}

    def measure(norm: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        assert isinstance(norm, nn.BatchNorm2d)
        x = inputs[0]
        moments.setdefault(norm, []).append(torch.stack([x.mean((0, 2, 3)), x.square().mean((0, 2, 3))]))

    norms = [module for module in net.modules() if isinstance(module, nn.BatchNorm2d)]
    hooks = [norm.register_forward_pre_hook(measure) for norm in norms]
    net.eval()
    for batch in views.split(128):
        net(batch)
    for hook in hooks:
        hook.remove()
    for norm, parts in moments.items():
        mean, square = torch.stack(parts).mean(0)
        variance = square - mean.square()
        assert norm.running_mean is not None
        assert norm.running_var is not None
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
        norm.weight.copy_((variance + norm.eps).sqrt())
        norm.bias.add_(mean)
