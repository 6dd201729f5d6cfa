"""Linear layers in 8 bits, so that no row depends on another and outliers spoil little.

Each row of the input (one token) has a scale of its own, from its own largest value. One scale for
a whole batch, as usual tools have it, would let a row's answer move with its neighbours, and the
first token's largest values, twenty times those of others, would leave the others five bits.

The largest values stand in a few columns. Before attention and before the feed-forward part each
column is divided by a number from calibration, and the weights that meet it are multiplied by it,
so that the difficulty is shared (SmoothQuant, Xiao et al. 2022). Texts for calibration shape these
numbers only; no range of values is cut off by what they happened to hold.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import numpy_helper

from models.activations import Largest, meeting
from models.onnx_graph import RUNTIMES_OWN, Graph
from models.onnx_network import Given

SHARE = 0.65
"""How much of a column's size moves into the weights; chosen among 0.5, 0.65 and 0.8."""

GELU_LOWEST = 0.17
"""GELU never answers less than minus this."""

GELU_ZERO = 24
"""What stands for 0 after GELU: 24 steps below it and 231 above."""


class EightBit:
    """Linear layers with int8 weights, a scale a column, and uint8 inputs, a scale a row."""

    def __init__(self, smoothing: Mapping[str, NDArray[np.float32]]) -> None:
        self._smoothing = smoothing

    def give(self, graph: Graph, x: str, name: str, *, gelu: bool = False) -> Given:
        smoothing = self._smoothing.get(name)
        if smoothing is not None:
            x = graph.node("Mul", x, graph.constant(f"{name}.smoothing", 1 / smoothing))
        if gelu:
            zero, steps, least, sizes = GELU_ZERO, 255 - GELU_ZERO, GELU_LOWEST / GELU_ZERO, x
        else:
            zero, steps, least, sizes = 128, 127, 1e-9, graph.node("Abs", x)
        largest = graph.node("ReduceMax", sizes, graph.integers(-1), keepdims=1)
        step = graph.constant(f"step_{zero}", np.float32(1 / steps))
        least_scale = graph.constant(f"least_{zero}", np.float32(least))
        scale = graph.node("Max", graph.node("Mul", largest, step), least_scale)
        scales = graph.node("Reshape", scale, graph.integers(-1))
        value = numpy_helper.from_array(np.array([zero], np.uint8))
        zeros = graph.node("ConstantOfShape", graph.node("Shape", scales), value=value)
        small = graph.node("QuantizeLinear", x, scales, zeros, axis=0)
        return Given(small, scale, graph.constant(f"zero_{zero}", np.uint8(zero)), smoothing)

    def apply(
        self,
        graph: Graph,
        given: Given,
        name: str,
        weight: NDArray[np.float32],
        bias: NDArray[np.float32] | None,
    ) -> str:
        if given.smoothing is not None:
            weight = weight * given.smoothing[:, None]
        small, scale = to_bytes(weight)
        x = graph.node(
            "MatMulIntegerToFloat",
            given.tensor,
            graph.constant(f"{name}.weight", small),
            graph.constant("one", np.float32(1)),
            graph.constant(f"{name}.scale", scale),
            given.zero,
            domain=RUNTIMES_OWN,
        )
        x = graph.node("Mul", x, given.row_scale)
        return x if bias is None else graph.node("Add", x, graph.constant(f"{name}.bias", bias))


def to_bytes(weight: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Weights (in, out) as int8 and what each output column is to be multiplied by."""
    scale = np.maximum(np.abs(weight).max(axis=0) / 127, 1e-12).astype(np.float32)
    return np.rint(weight / scale).astype(np.int8), scale


def smoothing(network: Any, largest: Largest) -> dict[str, NDArray[np.float32]]:
    """What each column before attention and before the feed-forward part is divided by, from the
    largest values that come there and the weights that meet them."""
    prefix = f"{network.base_model_prefix}.encoder."
    found = {}
    for name, layers in meeting(network):
        values = largest[name].astype(np.float64)
        weights = np.max(
            [layer.weight.detach().abs().amax(dim=0).numpy() for layer in layers], axis=0
        )
        # a column that was hardly touched may be touched yet
        values = np.maximum(values, np.median(values) / 4)
        weights = np.maximum(weights, 1e-6)
        found[prefix + name] = (values**SHARE / weights ** (1 - SHARE)).astype(np.float32)
    return found
