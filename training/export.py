"""PyTorch to int8 TFLite, by replaying the traced graph with TensorFlow operations.

The network is traced with ``torch.fx``, its batch normalisation folded, and every node repeated in TensorFlow
in the NHWC layout; the result is compared with PyTorch before anything is quantized. Post-training
quantization is per channel for convolutions (Jacob et al. 2018, arXiv:1712.05877) with int8 input and output.
Dense layers are quantized per tensor: per-channel ``FULLY_CONNECTED`` is operator version 12, which
tflite-runtime 2.14 refuses to load.

Supported: Conv2d (grouped: depthwise only), BatchNorm2d, Linear, ReLU, ReLU6, Hardswish, Hardsigmoid,
    Sigmoid, MaxPool2d and
AvgPool2d without padding, AdaptiveAvgPool2d(1), Flatten, Dropout, Identity, additions, multiplications,
``torch.cat`` over channels, ``mean`` and ``amax`` over the two spatial axes. Anything else raises
``ExportError`` by name. Logits go out: no softmax.
"""

from __future__ import annotations

import hashlib
import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import fx, nn
from torch.fx.experimental import optimization

PARITY_TOLERANCE = 1e-4
"""Largest difference between PyTorch and the rebuilt graph, relative to the largest output (at least 1)."""

PARITY_SAMPLES = 16


class ExportError(RuntimeError):
    """The network uses an unsupported layer, or the rebuilt graph differs from it."""


@dataclass(frozen=True)
class ExportReport:
    """Result of an export.

    Attributes:
        path: the ``.tflite`` file.
        size_bytes: its size.
        sha256: its digest.
        parity: largest absolute difference of the rebuilt float graph from PyTorch, relative to the largest
            output.
        quantization_difference: mean absolute difference of int8 outputs from float outputs on the
            representative data.
        agreement: share of representative samples whose arg max is the same in int8 and float.
    """

    path: Path
    size_bytes: int
    sha256: str
    parity: float
    quantization_difference: float
    agreement: float


def export_int8(
    module: nn.Module,
    example_shape: tuple[int, ...],
    representative: Iterable[NDArray[np.float32]],
    path: Path,
) -> ExportReport:
    """Export a trained network.

    Args:
        module: takes one float tensor in NCHW (or (N, F) for purely dense nets) and returns one tensor.
        example_shape: shape of one input with batch 1, in PyTorch's order, such as (1, 1, 48, 48).
        representative: inputs of ``example_shape`` (or batches of them) like those met in use, at least 100:
            they set the ranges of all activations. Values as the network takes them, after normalisation.
        path: the ``.tflite`` file to write; its input is NHWC int8, its output int8.

    Raises:
        ExportError: unsupported layer, or the rebuilt graph differs from PyTorch by more than
            ``PARITY_TOLERANCE``.
    """
    import tensorflow as tf

    samples = _split(representative, example_shape)
    graph = _fold(module)
    function = _as_tensorflow(graph, example_shape)
    parity = _parity(module, function, samples[:PARITY_SAMPLES])
    if parity > PARITY_TOLERANCE:
        raise ExportError(f"the rebuilt graph differs from PyTorch by {parity:.2e}")

    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [function.get_concrete_function()], tf.Module()
    )
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([_to_nhwc(sample)] for sample in samples)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True  # noqa: SLF001  no public switch
    content: bytes = converter.convert()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    difference, agreement = _compare(path, module, samples[:500])
    digest = hashlib.sha256(content).hexdigest()
    return ExportReport(path, len(content), digest, parity, difference, agreement)


def _split(
    representative: Iterable[NDArray[np.float32]], shape: tuple[int, ...]
) -> list[NDArray[np.float32]]:
    samples: list[NDArray[np.float32]] = []
    for item in representative:
        batch = np.asarray(item, np.float32).reshape(-1, *shape[1:])
        samples.extend(batch[i : i + 1] for i in range(len(batch)))
    if not samples:
        raise ExportError("no representative data")
    return samples


def _to_nhwc(x: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1)) if x.ndim == 4 else x


def _fold(module: nn.Module) -> fx.GraphModule:
    was_training = module.training
    module.eval()
    folded = optimization.fuse(module)
    module.train(was_training)
    return fx.symbolic_trace(folded)


def _as_tensorflow(graph: fx.GraphModule, shape: tuple[int, ...]) -> Any:
    import tensorflow as tf

    nhwc = (shape[0], shape[2], shape[3], shape[1]) if len(shape) == 4 else shape

    @tf.function(input_signature=[tf.TensorSpec(nhwc, tf.float32, name="input")], autograph=False)  # type: ignore[untyped-decorator]
    def function(x: Any) -> Any:
        return _replay(graph, x)

    return function


def _replay(graph: fx.GraphModule, x: Any) -> Any:
    """Run the traced graph on a TensorFlow tensor."""
    modules = dict(graph.named_modules())
    values: dict[str, Any] = {}

    def value(argument: Any) -> Any:
        if isinstance(argument, fx.Node):
            return values[argument.name]
        if isinstance(argument, (list, tuple)):
            return [value(item) for item in argument]
        return argument

    for node in graph.graph.nodes:
        arguments = [value(argument) for argument in node.args]
        if node.op == "placeholder":
            values[node.name] = x
        elif node.op == "call_module":
            values[node.name] = _module(modules[node.target], arguments[0])
        elif node.op in ("call_function", "call_method"):
            values[node.name] = _function(node, arguments)
        elif node.op == "output":
            return arguments[0]
        else:
            raise ExportError(f"unsupported graph node {node.op} {node.target}")
    raise ExportError("the graph has no output")


def _pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (int(value[0]), int(value[1]))


def _array(parameter: torch.Tensor) -> NDArray[np.float32]:
    return parameter.detach().cpu().numpy().astype(np.float32)


def _pad(x: Any, padding: tuple[int, int]) -> Any:
    import tensorflow as tf

    top, left = padding
    return tf.pad(x, [[0, 0], [top, top], [left, left], [0, 0]]) if top or left else x


def _convolution(layer: nn.Conv2d, x: Any) -> Any:
    import tensorflow as tf

    if not isinstance(layer.padding, tuple) or layer.padding_mode != "zeros":
        raise ExportError("only explicit zero padding is supported")
    stride, dilation = _pair(layer.stride), _pair(layer.dilation)
    kernel, padding = _pair(layer.kernel_size), _pair(layer.padding)
    same = stride == (1, 1) and all(
        2 * p == d * (k - 1) for p, k, d in zip(padding, kernel, dilation, strict=True)
    )
    # "SAME" needs no extra operator, but pads on one side only at stride 2, where PyTorch pads on both.
    x = x if same else _pad(x, padding)
    how = "SAME" if same else "VALID"
    weight = _array(layer.weight)
    if layer.groups == 1:
        out = tf.nn.conv2d(x, weight.transpose(2, 3, 1, 0), stride, how, dilations=dilation)
    elif layer.groups == layer.in_channels:
        multiplier = layer.out_channels // layer.in_channels
        kernels = weight[:, 0].reshape(layer.in_channels, multiplier, *kernel).transpose(2, 3, 0, 1)
        out = tf.nn.depthwise_conv2d(x, kernels, (1, *stride, 1), how, dilations=dilation)
    else:
        raise ExportError("grouped convolutions other than depthwise are not supported")
    return out if layer.bias is None else tf.nn.bias_add(out, _array(layer.bias))


def _batch_norm(layer: nn.BatchNorm2d, x: Any) -> Any:
    assert layer.running_mean is not None
    assert layer.running_var is not None
    scale = 1 / np.sqrt(_array(layer.running_var) + layer.eps)
    if layer.affine:
        scale = scale * _array(layer.weight)
    shift = -_array(layer.running_mean) * scale
    if layer.affine:
        shift = shift + _array(layer.bias)
    return x * scale + shift


def _linear(layer: nn.Linear, x: Any) -> Any:
    import tensorflow as tf

    out = tf.matmul(x, _array(layer.weight).T)
    return out if layer.bias is None else tf.nn.bias_add(out, _array(layer.bias))


def _flatten(x: Any) -> Any:
    import tensorflow as tf

    if len(x.shape) == 4:  # PyTorch flattens channels first
        if x.shape[1] * x.shape[2] != 1:
            x = tf.transpose(x, [0, 3, 1, 2])
        x = tf.reshape(x, [-1, int(np.prod(x.shape[1:]))])
    return x


def _pool(layer: nn.MaxPool2d | nn.AvgPool2d, x: Any) -> Any:
    import tensorflow as tf

    if _pair(layer.padding) != (0, 0) or layer.ceil_mode:
        raise ExportError("pooling with padding or ceil_mode is not supported")
    pool = tf.nn.max_pool2d if isinstance(layer, nn.MaxPool2d) else tf.nn.avg_pool2d
    return pool(x, _pair(layer.kernel_size), _pair(layer.stride), "VALID")


def _activation(kind: str, x: Any) -> Any:
    import tensorflow as tf

    if kind == "relu":
        return tf.nn.relu(x)
    if kind == "relu6":
        return tf.nn.relu6(x)
    if kind == "sigmoid":
        return tf.sigmoid(x)
    gate = tf.nn.relu6(x + 3.0) * (1 / 6)
    return x * gate if kind == "hardswish" else gate


def _module(layer: nn.Module, x: Any) -> Any:
    import tensorflow as tf

    if isinstance(layer, nn.Conv2d):
        return _convolution(layer, x)
    if isinstance(layer, nn.BatchNorm2d):
        return _batch_norm(layer, x)
    if isinstance(layer, nn.Linear):
        return _linear(layer, x)
    if isinstance(layer, (nn.Identity, nn.Dropout, nn.Dropout2d)):
        return x
    if isinstance(layer, nn.Flatten) and layer.start_dim == 1:
        return _flatten(x)
    if isinstance(layer, nn.AdaptiveAvgPool2d) and _pair(layer.output_size) == (1, 1):
        return tf.reduce_mean(x, [1, 2], keepdims=True)
    if isinstance(layer, (nn.MaxPool2d, nn.AvgPool2d)):
        return _pool(layer, x)
    kind = type(layer).__name__.lower()
    if kind in ("relu", "relu6", "hardswish", "hardsigmoid", "sigmoid"):
        return _activation(kind, x)
    raise ExportError(f"unsupported layer {type(layer).__name__}")


def _axes(rank: int, axes: Any) -> list[int]:
    """PyTorch's NCHW axes as NHWC axes."""
    chosen = [axes] if isinstance(axes, int) else list(axes)
    order = {0: 0, 1: 3, 2: 1, 3: 2} if rank == 4 else {i: i for i in range(rank)}
    return [order[axis % rank] for axis in chosen]


def _function(node: fx.Node, arguments: list[Any]) -> Any:
    import tensorflow as tf

    name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", str(node.target))
    binary: dict[str, Callable[[Any, Any], Any]] = {
        "add": operator.add,
        "iadd": operator.add,
        "mul": operator.mul,
    }
    if name in binary:
        return binary[name](arguments[0], arguments[1])
    if name in ("relu", "relu6", "hardswish", "hardsigmoid", "sigmoid"):
        return _activation(name, arguments[0])
    if name == "flatten" and (arguments[1:] or [node.kwargs.get("start_dim")])[0] == 1:
        return _flatten(arguments[0])
    if name in ("mean", "amax"):
        dims = arguments[1] if len(arguments) > 1 else node.kwargs["dim"]
        keep = bool(arguments[2] if len(arguments) > 2 else node.kwargs.get("keepdim", False))
        reduce = tf.reduce_mean if name == "mean" else tf.reduce_max
        return reduce(arguments[0], _axes(len(arguments[0].shape), dims), keepdims=keep)
    if name == "cat":
        parts = arguments[0]
        axis = arguments[1] if len(arguments) > 1 else node.kwargs.get("dim", 0)
        return tf.concat(parts, _axes(len(parts[0].shape), axis)[0])
    if name == "dropout":
        return arguments[0]
    raise ExportError(f"unsupported operation {name}")


def _parity(module: nn.Module, function: Any, samples: list[NDArray[np.float32]]) -> float:
    worst = 0.0
    for sample in samples:
        expected = _forward(module, sample)
        rebuilt = function(_to_nhwc(sample)).numpy()
        if rebuilt.shape != expected.shape:
            raise ExportError(f"the rebuilt graph returns {rebuilt.shape}, PyTorch {expected.shape}")
        worst = max(worst, float(np.abs(rebuilt - expected).max() / max(1.0, np.abs(expected).max())))
    return worst


def _forward(module: nn.Module, sample: NDArray[np.float32]) -> NDArray[np.float32]:
    was_training = module.training
    module.eval()
    with torch.no_grad():
        out: NDArray[np.float32] = module(torch.from_numpy(np.ascontiguousarray(sample))).numpy()
    module.train(was_training)
    return out


def _compare(path: Path, module: nn.Module, samples: list[NDArray[np.float32]]) -> tuple[float, float]:
    from emoedge.inference import Interpreter

    interpreter = Interpreter(path)
    differences, same = [], []
    for sample in samples:
        expected = _forward(module, sample)
        quantized = interpreter.run(_to_nhwc(sample))[0]
        differences.append(float(np.abs(quantized - expected).mean()))
        same.append(bool(quantized.argmax() == expected.argmax()))
    return float(np.mean(differences)), float(np.mean(same))
