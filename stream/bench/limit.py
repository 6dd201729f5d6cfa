"""How near the fp32 engine is to what this machine's matrix product can do."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter
from typing import Any

import torch
from transformers import AutoConfig

from models import Passage, load_classifier
from stream.bench.figures import Bar, Part, ratio
from stream.bench.plan import Bench
from stream.service import SHIPPED_MODEL

POSTS = 500
TOKENS = 2048
"""Rows of the model's own products, as many as a batch of the engine has tokens."""

_SECONDS = 0.3  # each shape is repeated for at least so long

Shape = tuple[int, int, int]


def measure(bench: Bench) -> Part:
    """GFLOP/s of the classifier in fp32 on the CPU, tokenising included, and of plain sgemm.

    The classifier's are those that its real tokens need: what padding costs counts against it.
    """
    settings = bench.settings.model
    path = settings.path or SHIPPED_MODEL
    engine = load_classifier(
        path,
        device="cpu",
        backend="torch",
        threads=settings.threads,
        labels=settings.labels,
    )
    config: Any = AutoConfig.from_pretrained(path)
    sizes = config.hidden_size, config.intermediate_size, config.num_hidden_layers
    shapes = products(*sizes[:2])
    count = bench.count(POSTS)

    def by_engine(repeat: int) -> float:
        passages = [Passage(text) for text in bench.corpus.texts(count, f"l{repeat}")]
        lengths = [len(row.ids) for row in engine.encoder.encode(passages)]
        began = perf_counter()
        engine.score(passages)
        return flops(lengths, *sizes) / (perf_counter() - began) / 1e9

    def by_sgemm(_repeat: int) -> float:
        return max(_rate(shape) for shape in shapes) / 1e9

    engine.score([Passage(text) for text in bench.corpus.texts(bench.count(64), "w")])
    runs = {"fp32 engine": by_engine, "sgemm": by_sgemm}
    found = bench.alternate("limit", runs, "GFLOP/s")
    return Part(
        "limit",
        tuple(found.values()),
        (Bar("fp32 engine / sgemm", ratio(found["fp32 engine"], found["sgemm"]), 0.75),),
        (
            f"posts: {bench.corpus.name}; {count}, one mention each, none twice",
            f"{engine.backend.name}; {torch.get_num_threads()} threads; sgemm: the best of "
            + ", ".join("×".join(map(str, shape)) for shape in shapes),
        ),
    )


def products(hidden: int, inner: int) -> list[Shape]:
    """Two cubes, and the four products of a layer: query, key and value; output; up; down."""
    own = ((hidden, 3 * hidden), (hidden, hidden), (hidden, inner), (inner, hidden))
    return [(1024,) * 3, (2048,) * 3, *((TOKENS, within, out) for within, out in own)]


def flops(lengths: Sequence[int], hidden: int, inner: int, layers: int) -> float:
    """What the layers of an encoder do for texts of so many tokens; a multiply-add is two.

    For each token four products with hidden × hidden weights and two with hidden × inner ones,
    and with each token of its own text the product of query and key and the weighted value.
    """
    weights = 2 * (4 * hidden * hidden + 2 * hidden * inner)
    return float(layers * sum(n * weights + 4 * n * n * hidden for n in lengths))


def _rate(shape: Shape) -> float:
    rows, within, out = shape
    a, b = torch.rand(rows, within), torch.rand(within, out)
    result: Any = torch.empty(rows, out)
    with torch.inference_mode():
        torch.mm(a, b, out=result)  # threads and pages are there before the clock runs
        times, began = 0, perf_counter()
        while (spent := perf_counter() - began) < _SECONDS:
            torch.mm(a, b, out=result)
            times += 1
    return 2.0 * rows * within * out * times / spent
