"""A trained BERT or RoBERTa classifier as an ONNX graph, written by hand.

A tracing exporter follows every rewrite of transformers and of torch, and what the runtime then
fuses follows the exporter. The architecture itself has not moved in years, and by hand it can be
cheaper than what is traced:

- the last layer is asked for the first token only, the one the answer is read from;
- the keys' bias is left out: it adds one number to all scores of a query, which softmax takes away;
- the values' bias, which passes attention unchanged, is added to the bias of the layer behind it.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import onnx
from numpy.typing import NDArray

from models.onnx_graph import Graph

KINDS = ("bert", "roberta", "xlm-roberta")
"""`model_type` of the configurations whose graph this file can write."""

_HIDDEN = -1e9  # added to the score of a padding token


@dataclass(frozen=True, slots=True)
class Given:
    """The input of one or more linear layers, as they take it."""

    tensor: str
    row_scale: str = ""
    zero: str = ""
    smoothing: NDArray[np.float32] | None = None


class Linear(Protocol):
    """How linear layers are written: exactly, or in 8 bits."""

    def give(self, graph: Graph, x: str, name: str, *, gelu: bool = False) -> Given:
        """Prepares `x` (rows, in); `gelu`: it is the output of GELU, never below -0.17."""
        ...

    def apply(
        self,
        graph: Graph,
        given: Given,
        name: str,
        weight: NDArray[np.float32],
        bias: NDArray[np.float32] | None,
    ) -> str:
        """Input times `weight` (in, out) plus `bias`."""
        ...


class Exact:
    """Linear layers in fp32."""

    def give(self, graph: Graph, x: str, name: str, *, gelu: bool = False) -> Given:
        return Given(x)

    def apply(
        self,
        graph: Graph,
        given: Given,
        name: str,
        weight: NDArray[np.float32],
        bias: NDArray[np.float32] | None,
    ) -> str:
        inputs = [given.tensor, graph.constant(f"{name}.weight", weight)]
        if bias is not None:
            inputs.append(graph.constant(f"{name}.bias", bias))
        return graph.node("Gemm", *inputs)


def network_graph(network: Any, linear: Linear) -> onnx.ModelProto:
    """The graph of a torch network of one of `KINDS`, exact but for what `linear` does.

    Inputs `input_ids`, `attention_mask` and, where the network knows token types,
    `token_type_ids`, each int64 (rows, tokens), padded on the right; output `logits`.
    """
    return _Writer(network, linear).write()


class _Writer:
    def __init__(self, network: Any, linear: Linear) -> None:
        self._config = network.config
        self._state = network.state_dict()
        self._linear = linear
        self._graph = Graph()
        self._base = next(iter(self._state)).partition(".")[0] + "."  # bert. or roberta.
        self._heads: int = self._config.num_attention_heads
        self._hidden: int = self._config.hidden_size
        self._typed = self._config.type_vocab_size > 1
        self._shape = self._graph.node("Shape", "input_ids")

    def write(self) -> onnx.ModelProto:
        graph = self._graph
        x = self._embeddings()
        mask = self._mask()
        last = self._config.num_hidden_layers - 1
        for number in range(last + 1):
            x = self._layer(number, x, mask, first_only=number == last)
        inner, outer = self._head()
        x = graph.node("Tanh", Exact().apply(graph, Given(x), inner, *self._dense(inner)))
        x = Exact().apply(graph, Given(x), outer, *self._dense(outer))
        inputs = ["input_ids", "attention_mask", *(["token_type_ids"] if self._typed else [])]
        return graph.model(inputs, x, self._config.num_labels)

    def _weight(self, name: str) -> NDArray[np.float32]:
        found: NDArray[np.float32] = self._state[name].float().numpy()
        return found

    def _dense(self, name: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return self._weight(f"{name}.weight").T, self._weight(f"{name}.bias")

    def _head(self) -> tuple[str, str]:
        if self._base == "bert.":
            return "bert.pooler.dense", "classifier"
        return "classifier.dense", "classifier.out_proj"

    def _norm(self, x: str, name: str) -> str:
        parts = [
            self._graph.constant(f"{name}.{part}", self._weight(f"{name}.{part}"))
            for part in ("weight", "bias")
        ]
        epsilon = self._config.layer_norm_eps
        return self._graph.node("LayerNormalization", x, *parts, axis=-1, epsilon=epsilon)

    def _embeddings(self) -> str:
        """(rows x tokens, hidden)"""
        graph, name = self._graph, f"{self._base}embeddings."
        words = self._weight(f"{name}word_embeddings.weight")
        halves = words.astype(np.float16)
        if (halves == words).all():  # as shipped: half the file and half the memory, exactly
            x = graph.node("Gather", graph.constant("words", halves), "input_ids")
            x = graph.node("Cast", x, to=onnx.TensorProto.FLOAT)
        else:
            x = graph.node("Gather", graph.constant("words", words), "input_ids")
        types = self._weight(f"{name}token_type_embeddings.weight")
        places = self._weight(f"{name}position_embeddings.weight")
        if self._base == "roberta.":
            places = places[self._config.pad_token_id + 1 :]  # it counts from there
        if self._typed:
            own = graph.node("Gather", graph.constant("types", types), "token_type_ids")
            x = graph.node("Add", x, own)
        else:
            places = places + types[0]
        tokens = graph.node("Shape", "input_ids", start=1, end=2)
        near = graph.node(
            "Slice", graph.constant("places", places), graph.integers(0), tokens, graph.integers(0)
        )
        x = self._norm(graph.node("Add", x, near), f"{name}LayerNorm")
        return graph.node("Reshape", x, graph.integers(-1, self._hidden))

    def _mask(self) -> str:
        """(rows, 1, 1, tokens), to be added to the scores."""
        graph = self._graph
        shown = graph.node("Cast", "attention_mask", to=onnx.TensorProto.BOOL)
        added = graph.node(
            "Where",
            shown,
            graph.constant("shown", np.float32(0)),
            graph.constant("hidden", np.float32(_HIDDEN)),
        )
        return graph.node("Unsqueeze", added, graph.integers(1, 2))

    def _layer(self, number: int, x: str, mask: str, *, first_only: bool) -> str:
        """One layer over `x` (rows x tokens, hidden); with `first_only` its answer for each row's
        first token alone, (rows, hidden)."""
        graph, linear = self._graph, self._linear
        name = f"{self._base}encoder.layer.{number}."
        own = f"{name}attention.self"
        given = asked = linear.give(graph, x, own)
        if first_only:
            x = self._first_tokens(x)
            asked = linear.give(graph, x, own)

        size = self._hidden // self._heads
        weight, bias = self._dense(f"{own}.query")
        root = np.float32(size**-0.5)
        query = linear.apply(graph, asked, f"{own}.query", weight * root, bias * root)
        key = linear.apply(graph, given, f"{own}.key", self._dense(f"{own}.key")[0], None)
        weight, value_bias = self._dense(f"{own}.value")
        value = linear.apply(graph, given, f"{own}.value", weight, None)
        scores = graph.node(
            "MatMul",
            self._by_head(query, [0, 2, 1, 3], one=first_only),
            self._by_head(key, [0, 2, 3, 1]),
        )
        shares = graph.node("Softmax", graph.node("Add", scores, mask), axis=-1)
        context = graph.node("MatMul", shares, self._by_head(value, [0, 2, 1, 3]))
        context = graph.node("Transpose", context, perm=[0, 2, 1, 3])
        context = graph.node("Reshape", context, graph.integers(-1, self._hidden))

        behind = f"{name}attention.output"
        weight, bias = self._dense(f"{behind}.dense")
        given = linear.give(graph, context, behind)
        out = linear.apply(graph, given, f"{behind}.dense", weight, bias + value_bias @ weight)
        x = self._norm(graph.node("Add", out, x), f"{behind}.LayerNorm")

        wide = f"{name}intermediate"
        given = linear.give(graph, x, wide)
        out = linear.apply(graph, given, f"{wide}.dense", *self._dense(f"{wide}.dense"))
        given = linear.give(graph, graph.node("Gelu", out), f"{name}output", gelu=True)
        out = linear.apply(graph, given, f"{name}output.dense", *self._dense(f"{name}output.dense"))
        return self._norm(graph.node("Add", out, x), f"{name}output.LayerNorm")

    def _by_head(self, x: str, order: list[int], *, one: bool = False) -> str:
        """(rows x tokens, hidden) as (rows, tokens, heads, size), the axes then in `order`; with
        `one` there is one token a row."""
        graph, size = self._graph, self._hidden // self._heads
        shape = (
            graph.integers(-1, 1, self._heads, size)
            if one
            else graph.node("Concat", self._shape, graph.integers(self._heads, size), axis=0)
        )
        return graph.node("Transpose", graph.node("Reshape", x, shape), perm=order)

    def _first_tokens(self, x: str) -> str:
        """(rows x tokens, hidden) to (rows, hidden)"""
        graph = self._graph
        shape = graph.node("Concat", self._shape, graph.integers(self._hidden), axis=0)
        first = graph.constant("first", np.array(0, np.int64))
        return graph.node("Gather", graph.node("Reshape", x, shape), first, axis=1)
