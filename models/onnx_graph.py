"""Writing an ONNX graph node by node."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET = 20
"""The first with Gelu."""

IR_VERSION = 10
"""Old enough for every onnxruntime we accept."""

RUNTIMES_OWN = "com.microsoft"
"""Domain of the operators that only onnxruntime has."""


class Graph:
    """Nodes and constants of one graph, in the order they are asked for; tensors are names."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}

    def constant(self, name: str, value: NDArray[Any] | np.generic) -> str:
        """A tensor of the file; a name that is there already is the same tensor."""
        if name not in self._constants:
            self._constants[name] = numpy_helper.from_array(np.array(value, order="C"), name)
        return name

    def node(self, operator: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """The output of a new node."""
        name = f"{operator}_{len(self._nodes)}"
        made = helper.make_node(operator, inputs, [name], name=name, domain=domain, **attributes)
        self._nodes.append(made)
        return name

    def integers(self, *values: int) -> str:
        """A constant vector of int64: shapes, axes."""
        return self.constant("i_" + "_".join(map(str, values)), np.array(values, np.int64))

    def model(self, inputs: Sequence[str], result: str, columns: int) -> onnx.ModelProto:
        """The whole, with int64 inputs of shape (rows, tokens) and the output `logits`, of shape
        (rows, `columns`). Equal calls give equal bytes."""
        self._nodes.append(helper.make_node("Identity", [result], ["logits"], name="logits"))
        graph = helper.make_graph(
            self._nodes,
            "classifier",
            [
                helper.make_tensor_value_info(name, TensorProto.INT64, ["rows", "tokens"])
                for name in inputs
            ],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["rows", columns])],
            list(self._constants.values()),
        )
        return helper.make_model(
            graph,
            ir_version=IR_VERSION,
            producer_name="undertone",
            opset_imports=[
                helper.make_opsetid("", OPSET),
                helper.make_opsetid(RUNTIMES_OWN, 1),
            ],
        )
